"""Reads what files call a fraud and what they call none; a third word is refused by its name.

A word that says that nothing is known makes a row unlabelled: it counts on no side.  Minus one is the
other side of one, unless there is a zero too, and then nobody knows what it is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from streamer.errors import ConfigurationError
from streamer.intake.nothing import NO_NAMES

__all__ = ["FRAUD", "UNLABELLED", "LabelTally", "labels_of"]

FRAUD: Final = "fraud"
UNLABELLED: Final = "unlabelled"
_THIRD: Final = "third"

_WORDS: Final[dict[str, str | None]] = {
    **dict.fromkeys(
        "no n false f legit legitimate genuine normal good nonfraud non-fraud not-fraud "
        "not-fraudulent non-fraudulent nofraud no-fraud notfraud ok okay clean benign negative neg "
        "licit regular honest valid".split()
    ),
    **dict.fromkeys(
        "yes y true t fraud fraudulent fraudster bad chargeback charge-back charged-back positive "
        "pos anomaly anomalous outlier malicious illicit abnormal confirmed-fraud is-fraud".split(),
        FRAUD,
    ),
    # In other languages; none of these words means the other side in another one.
    **dict.fromkeys(
        "nein non nee nej nei nie nem ei não nao нет ні いいえ 否 아니오 hayır hayir".split()
    ),
    **dict.fromkeys(
        "ja oui si sí sì sim да tak evet igen ano kyllä áno はい 是 예 betrug fraude frode".split(),
        FRAUD,
    ),
    **dict.fromkeys(["", ".", *(word.casefold() for word in NO_NAMES)], UNLABELLED),
    **dict.fromkeys(
        "unknown unk undetermined missing pending unlabelled unlabeled not-available tbd open".split(),
        UNLABELLED,
    ),
}
# A label that is no row's, and no text of one either.
_UNREAD: Final = ("unread",)
_SIDES: Final = {0.0: None, -1.0: None, 1.0: FRAUD}
_NUMBER: Final = re.compile(r"[+-]?\d+(\.\d*)?")
_BETWEEN: Final = re.compile(r"(?<=\w)[\s_-]+(?=\w)")
_NO_PATTERN: Final = frozenset({"", "0", "false", "none", "normal", "legitimate", "nan"})
# From here on a number may be a card's.
_CARD_DIGITS: Final = 12
_SHOWN: Final = 40


@dataclass
class LabelTally:
    """The label words of a file, row by row; ``unlabelled`` counts the words that say nothing."""

    unlabelled: Counter[str] = field(default_factory=Counter)
    _known: dict[Any, str | None] = field(default_factory=dict)
    _minus_one: str | None = None
    _has_zero: bool = False

    def add(
        self, flags: Sequence[Any] | None, items: Sequence[Any], first_row: int, file_name: str
    ) -> None:
        """Look at labels; raise a `ConfigurationError` at one that is on no side.

        ``items`` are the rows that they belong to, None being one that cannot be read: it has no label.
        ``first_row`` is the number of the first of them in ``file_name``, from 1.
        """
        rows = zip(flags or (), items, strict=False)
        labels = [_hashable(value) if item is not None else _UNREAD for value, item in rows]
        counted = Counter(labels)
        counted.pop(_UNREAD, None)
        if not counted.keys() <= self._known.keys():
            for row, value in enumerate(labels, first_row):
                if value not in self._known and value != _UNREAD:
                    self._look(value, f"row {row:,} of {file_name}")
        for value, n in counted.items():
            if self._known[value] == UNLABELLED:
                self.unlabelled[_said(value)] += n

    def _look(self, value: Any, where: str) -> None:
        side = self._known[value] = _side(value)
        if side == _THIRD:
            raise ConfigurationError(
                f"label must say fraud or not (1 and 0, yes and no, fraud and legit, ...), got "
                f"{_shown(value)} in {where}; where the column names kinds of fraud, use "
                "--map fraud_pattern=COLUMN"
            )
        number = _number(_word(value))
        self._has_zero = self._has_zero or number == 0
        if number == -1 and self._minus_one is None:
            self._minus_one = where
        if self._has_zero and self._minus_one is not None:
            raise ConfigurationError(
                f"label must have two sides, got -1 beside 0 (-1 first in {self._minus_one}); "
                "leave empty what is not known"
            )

    @property
    def notes(self) -> list[str]:
        """Say which words were taken for no label, and how often."""
        if not self.unlabelled:
            return []
        words = ", ".join(f"{word} ({n:,})" for word, n in self.unlabelled.most_common(5))
        return [
            f"{self.unlabelled.total():,} rows are unlabelled and count neither as frauds nor as "
            f"legitimate: their label is {words}"
        ]


def labels_of(
    flags: Sequence[Any] | None, patterns: Sequence[Any] | None
) -> list[str | None] | None:
    """Return per row None, `UNLABELLED` or the fraud's name; a ``label`` decides, a pattern names.

    >>> labels_of([0, 1, 1, "NA"], [0, 2, None, 3])
    [None, '2', 'fraud', 'unlabelled']
    """
    if patterns is None and flags is None:
        return None
    names = _each_once(_pattern, patterns) if patterns is not None else None
    if flags is None:
        return names
    sides = _each_once(_side, flags)
    if names is None:
        return sides
    return [
        (name or FRAUD) if side == FRAUD else side for side, name in zip(sides, names, strict=True)
    ]


def _each_once(read: Callable[[Any], str | None], column: Sequence[Any]) -> list[str | None]:
    # The same few objects fill a label column.
    hashable = [_hashable(value) for value in column]
    known = {value: read(value) for value in set(hashable)}
    return [known[value] for value in hashable]


def _side(value: Any) -> str | None:
    word = _word(value)
    number = _number(word)
    if number is not None:
        return _SIDES.get(number, _THIRD)
    return _WORDS.get(word, _THIRD)


def _word(value: Any) -> str:
    """Return a label as a word: lower case, without quotes, its parts joined by a hyphen.

    >>> _word(" 'Non Fraud' "), _word(True), _word(None)
    ('non-fraud', 'true', '')
    """
    if value is None:
        return ""
    if isinstance(value, bytes):
        value = value.decode(errors="backslashreplace")
    return _BETWEEN.sub("-", str(value).strip().strip("'\"").strip().casefold())


def _number(word: str) -> float | None:
    return float(word) if _NUMBER.fullmatch(word) else None


def _pattern(value: Any) -> str | None:
    """Return the name of a kind of fraud, None where there is none."""
    if value is None or value != value:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)
    return None if text.strip().lower() in _NO_PATTERN else text


def _hashable(value: Any) -> Any:
    # A JSON line may hold anything, lists and objects among it; and True == 1 == 1.0, which is right.
    return str(value) if isinstance(value, list | dict) else value


def _shown(value: Any) -> str:
    text = str(value)
    n_digits = sum(c.isdigit() for c in text)
    if n_digits >= _CARD_DIGITS:
        return f"a text with {n_digits} digits"
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")


def _said(value: Any) -> str:
    text = "" if value is None else str(value).strip()
    return text or "empty"
