"""Tells a text file's encoding, and turns every other one into UTF-8.

What a byte order mark says, else the pattern of zero bytes that UTF-16 and UTF-32 have, else UTF-8;
bytes that are not UTF-8 in a file without any other character beyond ASCII are Windows-1252 (or
Latin-1, where that has no such character).
"""

from __future__ import annotations

import codecs
import re
from typing import IO, Final

__all__ = ["UTF8", "called", "encoding_of", "is_written", "marked_encoding", "transcode"]

UTF8: Final = "utf-8"
_CHUNK: Final = 1 << 20
# The longer marks first: that of UTF-32 begins with that of UTF-16.
_BOMS: Final = (
    (codecs.BOM_UTF8, UTF8),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_PATTERN_BYTES: Final = 4_096
_FEW: Final = 0.3
_MOST: Final = 0.7
_UNDEFINED_IN_1252: Final = frozenset(b"\x81\x8d\x8f\x90\x9d")
# Bytes that are not UTF-8 are decoded to these, and no text has them.
_INVALID: Final = re.compile("[\udc80-\udcff]")
_VALID: Final = re.compile("[\x80-\ud7ff\ue000-\U0010ffff]")
_LETTER_IN_WORD: Final = re.compile(rb"(?<=[A-Za-z])[\xc0-\xff]+|[\xc0-\xff]+(?=[A-Za-z])")
_CALLED: Final = {"cp1252": "Windows-1252", "latin-1": "Latin-1"}


def called(encoding: str) -> str:
    """Return a codec's name as people know it.

    >>> called("utf-16-le"), called("cp1252")
    ('UTF-16', 'Windows-1252')
    """
    return _CALLED.get(encoding) or encoding.upper().removesuffix("-LE").removesuffix("-BE")


def marked_encoding(start: bytes) -> str | None:
    """Return the codec that a mark or a pattern of zero bytes tells, None without either."""
    for mark, name in _BOMS:
        if start.startswith(mark):
            return name
    sample = start[: min(_PATTERN_BYTES, len(start) // 4 * 4)]
    if b"\x00" not in sample or len(sample) < 8:
        return None
    zeros = [sample[i::4].count(0) * 4 / len(sample) for i in range(4)]
    is_zero = tuple(share > _MOST for share in zeros)
    is_text = tuple(share < _FEW for share in zeros)
    for name, pattern in (
        ("utf-32-le", (0, 1, 1, 1)),
        ("utf-32-be", (1, 1, 1, 0)),
        ("utf-16-le", (0, 1, 0, 1)),
        ("utf-16-be", (1, 0, 1, 0)),
    ):
        if all(is_zero[i] if zero else is_text[i] for i, zero in enumerate(pattern)):
            return name
    return None


def encoding_of(file: IO[bytes]) -> str:
    """Return the codec of all of ``file``, which has neither a mark nor such a pattern."""
    decoder = codecs.getincrementaldecoder(UTF8)("surrogateescape")
    has_other = has_valid = False
    strange: set[int] = set()
    while True:
        chunk = file.read(_CHUNK)
        text = decoder.decode(chunk, not chunk)
        if not text.isascii():
            invalid = {ord(c) & 0xFF for c in _INVALID.findall(text)}
            strange |= invalid
            has_other = has_other or bool(invalid)
            has_valid = has_valid or _VALID.search(text) is not None
        if not chunk:
            break
    if not has_other or has_valid:
        return UTF8
    return "latin-1" if strange & _UNDEFINED_IN_1252 else "cp1252"


def is_written(start: bytes) -> bool:
    """Whether the bytes beyond ASCII are letters within words: an encoding, and no damage.

    JSON is UTF-8, and a byte that is not may as well have been broken on its way.

    >>> is_written("Caf\u00e9".encode("cp1252")), is_written(b'{"card_id": "\\xff"}')
    (True, False)
    """
    return _LETTER_IN_WORD.sub(b"", start).isascii()


def transcode(file: IO[bytes], out: IO[bytes], encoding: str) -> None:
    """Write ``file`` as UTF-8; what is not of its encoding stays visible as ``\\xNN``."""
    decoder = codecs.getincrementaldecoder(encoding)("backslashreplace")
    while True:
        chunk = file.read(_CHUNK)
        out.write(decoder.decode(chunk, not chunk).encode(UTF8, "backslashreplace"))
        if not chunk:
            break
