"""Which files cannot be read as they are, by how they begin, and what lays down each as one that can.

Whatever becomes JSON Lines here is read from then on as these are: intake, labels, dead letters, all of
it.  So a format of one's own is a function and a row (docs/extend-file-format.md).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from streamer.datafiles.unpacking import unpack_avro, unpack_bzip2, unpack_zstd

__all__ = ["HEAD_BYTES", "LayDown", "laying_down"]

LayDown = Callable[[str, Path, Path], str | None]
"""Writes what a file, by its name in messages and its path, holds to another path.

Returns what a person should know of how it was read, and raises `ConfigurationError` on a file that is
broken as a whole.
"""

HEAD_BYTES: Final = 16
"""How many bytes tell."""


def _is_bzip2(head: bytes) -> bool:
    # Behind a digit, its first block.
    return head.startswith(b"BZh") and head[4:10] == b"1AY&SY"


_LAID_DOWN: Final[tuple[tuple[bytes | Callable[[bytes], bool], LayDown], ...]] = (
    (b"\x28\xb5\x2f\xfd", unpack_zstd),
    (_is_bzip2, unpack_bzip2),
    (b"Obj\x01", unpack_avro),
)


def laying_down(head: bytes) -> LayDown | None:
    """Return what lays down a file that begins with ``head``, None for one that is read as it is.

    >>> laying_down(b"Obj\\x01") is unpack_avro, laying_down(b'{"amount": 1}')
    (True, None)
    """
    for begins, lay_down in _LAID_DOWN:
        if begins(head) if callable(begins) else head.startswith(begins):
            return lay_down
    return None
