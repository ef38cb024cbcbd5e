"""The text of a file, read again when it has changed: also where a link was set to another file.

Kubernetes and Vault Agent write a secret beside the old one and move a link; what that points to may
be as old and as long as the one before, but it is another file.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

__all__ = ["ChangedFile"]

T = TypeVar("T")


class ChangedFile(Generic[T]):
    """What ``made`` makes of a file's text, as it was when `get` last found another one."""

    def __init__(self, path: Path, made: Callable[[str], T]) -> None:
        self.path = path
        self._made = made
        self._seen: tuple[int, int, int, int] | None = None
        self._value: T

    def get(self) -> T:
        """Return it; raises `OSError`, `UnicodeDecodeError` and whatever ``made`` does."""
        told = self.path.stat()
        seen = told.st_dev, told.st_ino, told.st_mtime_ns, told.st_size
        if seen != self._seen:
            self._value = self._made(self.path.read_text(encoding="utf-8"))
            self._seen = seen
        return self._value
