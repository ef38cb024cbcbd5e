"""How a CSV file is written, found by looking: separator, quote, header and decimal sign.

`csv.Sniffer` guesses by letter frequencies and is wrong on short files.  Here each sign is one of a
few, and decided by a rule that can be told to a person:

* Separator: the one that cuts the header into the most cells, among those that cut most rows of the
  sample into as many.
* Header: the first row, but for narrower ones before it: titles and comments.
* Quote: the double quote, unless there is none and every cell that begins with a single one ends so.
* Decimal sign of a column: a comma when its numbers can be read in no other way.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Final, Literal

__all__ = [
    "Dialect",
    "NumberEvidence",
    "NumberStyle",
    "dialect_of",
    "is_table",
    "plain_number",
]

_SEPARATORS: Final = (",", ";", "\t", "|")
_SAMPLE_ROWS: Final = 200
_MOST_BEFORE: Final = 20
# Spaces (plain, no-break, narrow) and the Swiss apostrophe group thousands wherever the sign is.
_GROUPING: Final = re.compile("[\\s\u00a0\u202f'\u2019]")
_COMMA: Final = re.compile(r"[^\d.,]*(\d+,(\d{1,2}|\d{4,})|0,\d+|\d{1,3}(\.\d{3})+,\d+)\D*")
_ENGLISH: Final = re.compile(r"[^\d.,]*\d{1,3}(,\d{3})+(\.\d+)?[^\d.,]*")
_GERMAN: Final = re.compile(r"(\D*)(\d{1,3}(?:\.\d{3})+|\d+)(?:,(\d+))?(\D*)")
# Between thousands or a decimal sign: nobody can tell from one of them.
_EITHER: Final = re.compile(r"[^\d.,]*[1-9]\d{0,2}\.\d{3}\D*")
_GROUPS: Final = re.compile(r"[^\d.,]*\d{1,3}(\.\d{3}){2,}\D*")
_POINT: Final = re.compile(r"[^\d.,]*(\d{1,3}(,\d{3})+\.\d+|\d+\.(\d{1,2}|\d{4,})|0\.\d+)\D*")

NumberStyle = Literal["comma", "grouped"]
"""A decimal comma, perhaps with points between thousands; or commas between thousands."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What `csv.reader` needs to know, and how many rows stand before the header."""

    separator: str
    quote: str
    n_before: int = 0


def dialect_of(sample: str) -> Dialect:
    """Return how the text at the beginning of a file is written.

    >>> dialect_of("a;b;c\\n1;2,5;x\\n")
    Dialect(separator=';', quote='"', n_before=0)
    >>> dialect_of("'step','kind'\\n0,'es_food'\\n")
    Dialect(separator=',', quote="'", n_before=0)
    """
    return _best(sample)[0]


def is_table(sample: str, *, min_rows: int = 1) -> bool:
    """Whether a text is cut into as many cells, two at least, in most of its rows."""
    _, (is_even, width, _), n_rows = _best(sample)
    return is_even and width > 1 and n_rows >= min_rows


def _best(sample: str) -> tuple[Dialect, tuple[bool, int, float], int]:
    best, best_key, n_rows = Dialect(",", _quote(sample, ",")), (False, 1, 0.0), 0
    for separator in _SEPARATORS:
        dialect = Dialect(separator, _quote(sample, separator))
        widths = _widths(sample, dialect)
        n_before = _lines_before([width for width, _ in widths])
        widths = widths[n_before:]
        if not widths or widths[0][0] < 2:
            continue
        header = widths[0][0]
        share = sum(filled <= header <= width for width, filled in widths) / len(widths)
        key = (share > 0.5, header, share)
        if key > best_key:
            best, best_key = Dialect(separator, dialect.quote, n_before), key
            n_rows = len(widths)
    return best, best_key, n_rows


def _lines_before(widths: list[int]) -> int:
    """Return how many rows stand before the header: titles and comments, of half its cells at most."""
    if len(widths) < 2:
        return 0
    usual, n = Counter(widths).most_common(1)[0]
    first = widths.index(usual)
    is_before = 0 < first <= _MOST_BEFORE and n > 1
    return first if is_before and all(2 * width <= usual for width in widths[:first]) else 0


def _widths(sample: str, dialect: Dialect) -> list[tuple[int, int]]:
    """Return how many cells each row has, and how many without the empty ones at its end."""
    reader = csv.reader(
        sample.splitlines(keepends=True), delimiter=dialect.separator, quotechar=dialect.quote
    )
    try:
        rows = [row for row in islice(reader, _SAMPLE_ROWS) if row]
    except csv.Error:
        return []
    return [
        (len(row), max((i for i, c in enumerate(row, 1) if c.strip()), default=0)) for row in rows
    ]


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
    has_either: bool = False

    def add(self, cells: Iterable[str]) -> None:
        """Look at some cells; only those with a comma or a point in them say anything."""
        for cell in cells:
            # Once there is a decimal point, only a comma can say more.
            if "," in cell or ("." in cell and not self.has_point):
                text = _GROUPING.sub("", cell)
                self.has_comma = self.has_comma or _COMMA.fullmatch(text) is not None
                if _POINT.fullmatch(text) is not None:
                    self.has_point = True
                    self.has_grouped_point = self.has_grouped_point or "," in text
                elif _EITHER.fullmatch(text) is not None:
                    self.has_either = True
                elif _GROUPS.fullmatch(text) is not None:
                    self.has_comma = True

    @property
    def is_open(self) -> bool:
        """Whether ``1.250`` is there, and nothing that tells what it means.

        >>> evidence = NumberEvidence()
        >>> evidence.add(["1.250", "950"])
        >>> evidence.is_open
        True
        """
        return self.has_either and not (self.has_comma or self.has_point)

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
