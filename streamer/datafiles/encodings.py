"""Tells a text file's encoding, and turns every other one into UTF-8.

What a byte order mark says, else the zero bytes that UTF-16 and UTF-32 have, else UTF-8; bytes that are
not UTF-8 are in the encoding in which their lines read best (`streamer.datafiles.likelihood`).  Where
lines that are UTF-8 prevail, the others are damaged, unless they are clearly in another script.

Invariant: whatever is guessed, digits and letters of ASCII stay what they are.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from typing import IO, Final

from streamer.datafiles.likelihood import Guess, guess_of
from streamer.errors import ConfigurationError

__all__ = [
    "UTF8",
    "encoding_of",
    "is_written",
    "known_encoding",
    "marked_encoding",
    "note_of",
    "transcode",
]

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
# Bytes that are not UTF-8 are decoded to these, and no text has them.
_INVALID: Final = re.compile("[\udc80-\udcff]")
_VALID: Final = re.compile("[\x80-\ud7ff\ue000-\U0010ffff]")
_LETTER_IN_WORD: Final = re.compile(rb"(?<=[A-Za-z])[\xc0-\xff]+|[\xc0-\xff]+(?=[A-Za-z])")
# As many bytes of lines that are not UTF-8 tell the encoding, or nothing does.
_SAMPLE_BYTES: Final = 8_192
_MARKED: Final = ("utf-16", "utf-32")
_LEAST_ASCII: Final = 0.2
_NO_TEXT: Final = frozenset(("Cc", "Cn", "Co", "Cs"))
_CALLED: Final = {
    "cp932": "Shift-JIS",
    "cp949": "EUC-KR",
    "cp950": "Big5",
    "euc_jp": "EUC-JP",
    "gb18030": "GB 18030",
    "iso8859-2": "ISO 8859-2",
    "latin-1": "Latin-1",
    "cp866": "DOS 866",
}


def known_encoding(name: str) -> str:
    """Return the name of a codec for text; raise a `ConfigurationError` where Python has none.

    >>> known_encoding("Windows-1251"), known_encoding("UTF8")
    ('cp1251', 'utf-8')
    """
    try:
        "a".encode(name)
        codecs.getincrementaldecoder(name)
        return codecs.lookup(name).name
    except (LookupError, ValueError):
        raise ConfigurationError(
            f"encoding must be one that Python knows, such as cp1251, shift_jis or utf-16, got {name}"
        ) from None


def note_of(name: str, guess: Guess) -> str:
    """Return the sentence that says what a file was taken for.

    >>> note_of("a.csv", Guess("cp1250", ("cp1252",)))
    'a.csv is not UTF-8 and was read as Windows-1250; it could be Windows-1252 (--encoding cp1252)'
    """
    if guess.encoding == UTF8:
        return f"{name} has bytes that are not UTF-8, read as \\xNN; --encoding says what it is in"
    note = f"{name} is not UTF-8 and was read as {_called(guess.encoding)}"
    if not guess.fits:
        return f"{note}, for want of an encoding that fits; --encoding says which it is"
    if guess.others:
        others = " or ".join(f"{_called(c)} (--encoding {c})" for c in guess.others)
        return f"{note}; it could be {others}"
    return note


def _called(encoding: str) -> str:
    return _CALLED.get(encoding) or encoding.replace("cp", "Windows-")


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
    # Of another script than ours, few bytes of UTF-16 are zero.
    return next((name for name in ("utf-16-le", "utf-16-be") if _is_text(sample, name)), None)


def _is_text(sample: bytes, encoding: str) -> bool:
    """Whether bytes read as text with no control character, and with some of ASCII, as a table has."""
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(sample)
    except UnicodeDecodeError:
        return False
    n_ascii = sum(map(str.isascii, text))
    return n_ascii >= _LEAST_ASCII * len(text) and not any(
        unicodedata.category(sign) in _NO_TEXT and sign not in "\t\r\n" for sign in set(text)
    )


def encoding_of(file: IO[bytes]) -> Guess:
    """Return the codec of all of ``file``, which has neither a mark nor such zero bytes.

    UTF-8 that does not fit is UTF-8 with damage.
    """
    decoder = codecs.getincrementaldecoder(UTF8)("surrogateescape")
    has_valid, is_first = False, True
    sample, prevails = b"", False
    while True:
        chunk = file.read(_CHUNK)
        text = decoder.decode(chunk, not chunk)
        if not text.isascii():
            has_valid = has_valid or _VALID.search(text) is not None
            if not sample and _INVALID.search(text):
                sample, prevails = _lines_of_another(chunk, is_first=is_first)
        is_first = False
        if not chunk:
            break
    if not sample:
        return Guess(UTF8)
    guess = guess_of(sample)
    if has_valid and not (prevails and guess.is_clear):
        return Guess(UTF8, fits=False)
    return guess


def _lines_of_another(chunk: bytes, *, is_first: bool) -> tuple[bytes, bool]:
    """Return the lines that are not UTF-8, some of them, and whether they are most beyond ASCII."""
    lines = chunk.split(b"\n")
    # What a chunk begins or ends with may be part of a line, and of a character.
    whole = lines[0 if is_first else 1 : None if len(chunk) < _CHUNK else -1]
    found: list[bytes] = []
    n_bytes = n_others = n_valid = 0
    for line in whole:
        if line.isascii():
            continue
        try:
            line.decode()
        except UnicodeDecodeError:
            n_others += 1
            if n_bytes < _SAMPLE_BYTES:
                found.append(line[:_SAMPLE_BYTES])
                n_bytes += len(line)
        else:
            n_valid += 1
    return b"\n".join(found) or chunk[:_SAMPLE_BYTES], n_others > n_valid


def is_written(start: bytes) -> bool:
    """Whether the bytes beyond ASCII are letters within words: an encoding, and no damage.

    JSON is UTF-8, and a byte that is not may as well have been broken on its way.

    >>> is_written("Caf\u00e9".encode("cp1252")), is_written(b'{"card_id": "\\xff"}')
    (True, False)
    """
    return _LETTER_IN_WORD.sub(b"", start).isascii()


def transcode(file: IO[bytes], out: IO[bytes], encoding: str) -> bool:
    """Write ``file`` as UTF-8, and return whether all of it is of its encoding.

    What is not stays visible as ``\\xNN``.  Raises a `ConfigurationError` where the codec gives up.
    """
    chunk = file.read(_CHUNK)
    if encoding in _MARKED and marked_encoding(chunk[:4]) != encoding:
        # Without a mark nobody else can say the order of bytes; nearly all write the lesser first.
        encoding = f"{encoding}-le"
    strict = codecs.getincrementaldecoder(encoding)()
    decoder = codecs.getincrementaldecoder(encoding)("backslashreplace")
    is_whole = True
    try:
        while True:
            if is_whole:
                try:
                    strict.decode(chunk, not chunk)
                except UnicodeDecodeError:
                    is_whole = False
            out.write(decoder.decode(chunk, not chunk).encode(UTF8, "backslashreplace"))
            if not chunk:
                return is_whole
            chunk = file.read(_CHUNK)
    except UnicodeError as error:
        raise ConfigurationError(f"file must be in its encoding, {encoding}, got {error}") from None
