"""How a CSV file is written, found by looking: encoding, separator, quote and decimal sign.

`csv.Sniffer` guesses by letter frequencies and is wrong on short files.  Here each sign is one of a
few, and decided by a rule that can be told to a person:

* Encoding: what a byte order mark says, else UTF-8; bytes that are not UTF-8 in a file without any
  other character beyond ASCII are Windows-1252 (or Latin-1, where that has no such character).
* Separator: the one that cuts the header into the most cells, among those that cut most rows of the
  sample into as many.
* Quote: the double quote, unless there is none and every cell that begins with a single one ends so.
* Decimal sign of a column: a comma when its numbers can be read in no other way.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import IO, Final, Literal

__all__ = [
    "Dialect",
    "NumberEvidence",
    "NumberStyle",
    "dialect_of",
    "encoding_of",
    "plain_number",
]

_SEPARATORS: Final = (",", ";", "\t", "|")
_SAMPLE_ROWS: Final = 200
_CHUNK: Final = 1 << 20
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UNDEFINED_IN_1252: Final = frozenset(b"\x81\x8d\x8f\x90\x9d")
# Spaces (plain, no-break, narrow) and the Swiss apostrophe group thousands wherever the sign is.
_GROUPING: Final = re.compile("[\\s\u00a0\u202f'\u2019]")
_COMMA: Final = re.compile(r"[^\d.,]*(\d+,(\d{1,2}|\d{4,})|0,\d+|\d{1,3}(\.\d{3})+,\d+)\D*")
_ENGLISH: Final = re.compile(r"[^\d.,]*\d{1,3}(,\d{3})+(\.\d+)?[^\d.,]*")
_GERMAN: Final = re.compile(r"(\D*)(\d{1,3}(?:\.\d{3})+|\d+)(?:,(\d+))?(\D*)")
_POINT: Final = re.compile(r"[^\d.,]*(\d{1,3}(,\d{3})+\.\d+|\d+\.(\d{1,2}|\d{4,})|0\.\d+)\D*")

NumberStyle = Literal["comma", "grouped"]
"""A decimal comma, perhaps with points between thousands; or commas between thousands."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What `csv.reader` needs to know."""

    separator: str
    quote: str


def encoding_of(file: IO[bytes]) -> str:
    """Return the name of the encoding of all of ``file``, a Python codec."""
    chunk = file.read(_CHUNK)
    for mark, name in _BOMS:
        if chunk.startswith(mark):
            return name
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    has_other = has_valid = False
    strange: set[int] = set()
    while True:
        text = decoder.decode(chunk, not chunk)
        if not text.isascii():
            invalid = {ord(c) & 0xFF for c in text if "\udc80" <= c <= "\udcff"}
            strange |= invalid
            has_other = has_other or bool(invalid)
            has_valid = has_valid or any(c > "\x7f" and not "\udc80" <= c <= "\udcff" for c in text)
        if not chunk:
            break
        chunk = file.read(_CHUNK)
    if not has_other or has_valid:
        return "utf-8"
    return "latin-1" if strange & _UNDEFINED_IN_1252 else "cp1252"


def dialect_of(sample: str) -> Dialect:
    """Return how the text at the beginning of a file is written.

    >>> dialect_of("a;b;c\\n1;2,5;x\\n")
    Dialect(separator=';', quote='"')
    >>> dialect_of("'step','kind'\\n0,'es_food'\\n")
    Dialect(separator=',', quote="'")
    """
    best, best_key = Dialect(",", _quote(sample, ",")), (False, 1, 0.0)
    for separator in _SEPARATORS:
        dialect = Dialect(separator, _quote(sample, separator))
        widths = _widths(sample, dialect)
        if not widths or widths[0] < 2:
            continue
        share = sum(width == widths[0] for width in widths) / len(widths)
        key = (share > 0.5, widths[0], share)
        if key > best_key:
            best, best_key = dialect, key
    return best


def _widths(sample: str, dialect: Dialect) -> list[int]:
    reader = csv.reader(
        sample.splitlines(keepends=True), delimiter=dialect.separator, quotechar=dialect.quote
    )
    try:
        return [len(row) for row in islice(reader, _SAMPLE_ROWS) if row]
    except csv.Error:
        return []


def _quote(sample: str, separator: str) -> str:
    edge = re.escape(separator)
    sample = "\n".join(sample.splitlines())
    if re.search(rf'(?:^|{edge})"', sample, re.MULTILINE):
        return '"'
    opened = len(re.findall(rf"(?:^|{edge})'", sample, re.MULTILINE))
    whole = len(re.findall(rf"(?:^|{edge})'[^']*'(?={edge}|$)", sample, re.MULTILINE))
    return "'" if opened and opened == whole else '"'


@dataclass
class NumberEvidence:
    """What the numbers of a column tell of how they are written."""

    has_comma: bool = False
    has_grouped_point: bool = False
    has_point: bool = False

    def add(self, cells: Iterable[str]) -> None:
        """Look at some cells; only those with a comma or a point in them say anything."""
        for cell in cells:
            if "," in cell or "." in cell:
                text = _GROUPING.sub("", cell)
                self.has_comma = self.has_comma or _COMMA.fullmatch(text) is not None
                if _POINT.fullmatch(text) is not None:
                    self.has_point = True
                    self.has_grouped_point = self.has_grouped_point or "," in text

    @property
    def style(self) -> NumberStyle | None:
        """How to read them: None where they can be read as they are, or nobody knows.

        >>> evidence = NumberEvidence()
        >>> evidence.add(["1,234"])
        >>> evidence.style
        >>> evidence.add(["12", "1.234,50"])
        >>> evidence.style
        'comma'
        """
        if self.has_comma and not self.has_point:
            return "comma"
        return "grouped" if self.has_grouped_point and not self.has_comma else None


def plain_number(cell: str, style: NumberStyle) -> str:
    """Return a number as a program would write it; another text stays.

    >>> [plain_number(cell, "comma") for cell in ("12,50", "1.234,5", "-3", "much, indeed")]
    ['12.50', '1234.5', '-3', 'much, indeed']
    >>> plain_number("1,234.50", "grouped")
    '1234.50'
    """
    if "," not in cell and "." not in cell:
        return cell
    text = _GROUPING.sub("", cell)
    if style == "grouped":
        return text.replace(",", "") if _ENGLISH.fullmatch(text) else cell
    match = _GERMAN.fullmatch(text)
    if match is None:
        return cell
    before, whole, fraction, after = match.groups()
    return f"{before}{whole.replace('.', '')}{'.' + fraction if fraction else ''}{after}"
