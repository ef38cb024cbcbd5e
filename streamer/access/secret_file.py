"""A secret in a file that is followed while a process runs: what the file said when it was last good.

One that is gone, empty or at fault changes nothing: that is said once in the log, and for as long as it
lasts in the metrics.  No text of a fault has anything of the file.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, TypeVar

import structlog

from streamer.access.changed_file import ChangedFile

__all__ = ["SecretFile"]

_log: Final = structlog.get_logger(__name__)
_T = TypeVar("_T")


class SecretFile(Generic[_T]):
    """The secret of one setting."""

    def __init__(
        self,
        name: str,
        path: Path,
        made: Callable[[str], _T],
        first: _T | None = None,
        *,
        is_tried: bool = False,
        may_come: bool = False,
    ) -> None:
        """``made`` makes it of a text without blanks around it, or raises ValueError.

        ``first`` is what it was at the start, where that was read before.  One that ``is_tried`` is
        taken up by who tries it, and says so with `tried`.  One that ``may_come`` is at no fault
        before it is there, and is taken up then.
        """
        self.name = name
        self.fault = ""
        """Why the file is of no use at present, empty where it is."""
        self.n_taken_up = 0
        self._file = ChangedFile(path, lambda text: _made(text, made))
        self._value = self._in_force = first
        self._is_tried = is_tried
        self._may_come = may_come
        self._refusal = ""

    @property
    def known(self) -> _T | None:
        """What it was when the file was last looked at, whoever did; None where there never was one."""
        return self._value

    def get(self) -> _T:
        """Return the secret; a stat of the file where nothing has changed.

        Raises OSError or ValueError where there never was a good one.
        """
        try:
            value = self._file.get()
        except (OSError, ValueError) as error:
            is_to_come = self._may_come and isinstance(error, FileNotFoundError)
            if self._value is None and is_to_come:
                self.fault = ""
                raise
            self._note(_told(error))
            if self._value is None:
                raise
            return self._value
        if value != self._value:
            self._value, self._refusal = value, ""
        if not self._is_tried:
            self._take_up(value)
        self._note(self._refusal)
        return value

    def tried(self, value: _T, refusal: str) -> None:
        """Note that somebody has tried what `get` returned; ``refusal`` is empty where it is good."""
        if value == self._value:
            # Where the file itself is at fault that is told, and this once it is well again.
            if self.fault == self._refusal:
                self._note(refusal)
            self._refusal = refusal
        if not refusal:
            self._take_up(value)

    def _take_up(self, value: _T) -> None:
        before, self._in_force = self._in_force, value
        if value != before and (before is not None or self._may_come):
            self.n_taken_up += 1
            _log.info("secret taken up", setting=self.name)

    def _note(self, fault: str) -> None:
        if fault and fault != self.fault:
            _log.warning("secret not taken up", setting=self.name, fault=fault)
        self.fault = fault


def _told(error: OSError | ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "must be text"
    if isinstance(error, OSError):
        # Its own text has the path.
        return error.strerror or "must be a file that can be read"
    return str(error)


def _made(text: str, made: Callable[[str], _T]) -> _T:
    stripped = text.strip()
    if not stripped:
        raise ValueError("must not be empty")
    return made(stripped)
