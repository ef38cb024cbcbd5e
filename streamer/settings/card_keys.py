"""The keys of pseudonyms in a file: a line ``ID:KEY`` each, the current one first.

``#`` begins a line that is a comment.  The file is read again when it has changed, as Kubernetes and
Vault Agent change it; one that is at fault then leaves the keys as they are.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

import structlog

from streamer.access.changed_file import ChangedFile

__all__ = ["CardKeysFile", "check_card_keys", "parsed_card_keys"]

_log = structlog.get_logger(__name__)

_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,32}")
_SHORTEST: Final = 16
_MOST: Final = 16

_NamedKeys = tuple[tuple[str, bytes], ...]


def parsed_card_keys(text: str) -> _NamedKeys:
    """Return ids and keys in the order of their lines; ValueError says which line is at fault.

    >>> parsed_card_keys("# of November\\n2026-11:0123456789abcdef\\n2026-05:fedcba9876543210")[1]
    ('2026-05', b'fedcba9876543210')
    """
    found: dict[str, bytes] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        name, colon, key = stripped.partition(":")
        name, key = name.strip(), key.strip()
        if not colon or _ID.fullmatch(name) is None:
            raise ValueError(f"must have lines ID:KEY, got line {number} of another form")
        if len(key) < _SHORTEST:
            raise ValueError(f"must have keys of {_SHORTEST} characters or more, got line {number}")
        if name in found:
            raise ValueError(f"must name each id once, got {name} again in line {number}")
        if key.encode() in found.values():
            raise ValueError(f"must have each key once, got that of line {number} again")
        found[name] = key.encode()
    if not 1 <= len(found) <= _MOST:
        raise ValueError(f"must have 1 to {_MOST} keys, got {len(found)}")
    return tuple(found.items())


def check_card_keys(path: Path) -> Path:
    """Return ``path``; ValueError where it is no file of keys."""
    if not path.is_file() or not os.access(path, os.R_OK):
        raise ValueError("must be a file that can be read")
    try:
        parsed_card_keys(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        raise ValueError("must be a file of text that can be read") from None
    return path


class CardKeysFile:
    """Reads the keys of a running process again when their file has changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = ChangedFile(path, parsed_card_keys)
        self._named: _NamedKeys = ()
        self.fault = ""
        """Why the file is of no use at present, empty where it is."""
        self.n_taken_up = 0

    def changed(self) -> _NamedKeys | None:
        """Return the keys where they are others than before, None where not or at fault."""
        try:
            named = self._file.get()
        except (OSError, ValueError) as error:
            # Of an OSError the number: its text has the path, which is no secret, but long.
            fault = error.strerror if isinstance(error, OSError) else str(error)
            if fault != self.fault:
                _log.warning("card keys not taken up", path=str(self.path), fault=fault)
            self.fault = str(fault)
            return None
        self.fault = ""
        if named == self._named:
            return None
        is_change, self._named = bool(self._named), named
        if is_change:
            self.n_taken_up += 1
            ids = [name for name, _ in named]
            _log.info("card keys taken up", current=ids[0], former=ids[1:])
        return named
