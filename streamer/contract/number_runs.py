"""Where in bytes the digits of cards' numbers stand, and the bytes without them.

This is the one place that finds a number within more: dead letters, log lines, comments, audit entries
and pages all come here, texts by `streamer.contract.card_numbers`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import accumulate
from typing import Final

from streamer.contract.network_numbers import FEWEST, MOST, card_number, is_card_number

__all__ = ["StandIn", "starred"]

StandIn = Callable[[re.Match[bytes], str], bytes]
"""Returns what stands for a match, and for the number that its digits are, in their place."""

# Digits in one piece, or in the groups of 16 to 19 and of 14 or 15 digits that cards show.  Within a
# long hexadecimal word they are none: one digest in twenty has such a run.
_NUMBER: Final = re.compile(
    rb"(?P<digest>(?<![0-9A-Za-z])(?=[0-9]*[a-f])[0-9a-f]{32,}(?![0-9A-Za-z]))"
    rb"|(?<![0-9])(?:0*+[0-9]{12,21}|[0-9]{4}([ -])[0-9]{4}\2[0-9]{4}\2[0-9]{1,7}"
    rb"|[0-9]{4}([ -])[0-9]{6}\3[0-9]{4,5})(?![0-9])"
)
# Groups as nobody prints them.  Of so many in one text, whatever follows is masked unseen.
_GROUPED: Final = re.compile(rb"(?<![0-9])[0-9]+(?:[ ./'_-]{1,3}[0-9]+){1,18}(?![0-9])")
# As programs write a number that they took for a fraction.
_POWER: Final = re.compile(
    rb"(?<![0-9A-Za-z.])[0-9]{1,19}(?:[.,][0-9]{0,18})?[eE]\+?[0-9]{1,2}(?![0-9A-Za-z])"
)
# Of what is no text, as fields without anything between them are written.
_LONG: Final = re.compile(rb"[0-9]{22,}")
# With one point alone it is a fraction, or a degree of latitude, whose digits are a number by chance.
_FRACTION: Final = re.compile(rb"[0-9]+\.[0-9]+")
_MOST_LOOKED_AT: Final = 1_000
_DIGITS: Final = re.compile(rb"[0-9]+")
_DIGIT: Final = re.compile(rb"[0-9]")
_OTHERS: Final = bytes(each for each in range(256) if not ord("0") <= each <= ord("9"))
_NOT_TEXT: Final = re.compile(rb"[\x00-\x08\x0e-\x1f]")


def starred(text: bytes, stand_in: StandIn | None = None) -> tuple[bytes, int]:
    """Return ``text`` without cards' numbers, and how many they were.

    ``stand_in`` makes what stands for a whole number; without it, and where a run has more than the
    number, each digit is a star: as many bytes as before.

    >>> starred(b"of 4111 1111 1111 1111, 4.111111111111111E15")
    (b'of **** **** **** ****, *.***************E**', 2)
    """
    if len(text.translate(None, _OTHERS)) < FEWEST:
        return text, 0
    is_text = _NOT_TEXT.search(text) is None
    text, n = _without_powers(text, stand_in)
    text, n_printed = _without_printed(text, stand_in if is_text else None, is_text=is_text)
    text, n_odd = _without_odd(text, stand_in)
    if not is_text:
        text, n_long = _without_long(text)
        n += n_long
    return text, n + n_printed + n_odd


def _without_powers(text: bytes, stand_in: StandIn | None) -> tuple[bytes, int]:
    found = 0

    def masked(power: re.Match[bytes]) -> bytes:
        nonlocal found
        digits = card_number(power[0].decode())
        if digits is None:
            return power[0]
        found += 1
        return _stars(power[0]) if stand_in is None else stand_in(power, digits)

    return _POWER.sub(masked, text), found


def _without_printed(text: bytes, stand_in: StandIn | None, *, is_text: bool) -> tuple[bytes, int]:
    found = 0

    def masked(number: re.Match[bytes]) -> bytes:
        nonlocal found
        if number["digest"] is not None:
            return number[0]
        digits = _digits_of(number[0])
        if not any(is_card_number(run) for run in _runs(digits, is_text=is_text)):
            return number[0]
        found += 1
        return _stars(number[0]) if stand_in is None else stand_in(number, digits.lstrip("0"))

    return _NUMBER.sub(masked, text), found


def _without_odd(text: bytes, stand_in: StandIn | None) -> tuple[bytes, int]:
    """Mask numbers in groups of any sizes: all digits of what follows one another so."""
    n_looked_at = found = 0

    def masked(run: re.Match[bytes]) -> bytes:
        nonlocal n_looked_at, found
        groups = [each.decode() for each in _DIGITS.findall(run[0])]
        if sum(map(len, groups)) < FEWEST or _FRACTION.fullmatch(run[0]):
            return run[0]
        n_looked_at += 1
        if n_looked_at <= _MOST_LOOKED_AT and not _has_number(groups):
            return run[0]
        found += 1
        digits = "".join(groups).lstrip("0")
        if stand_in is not None and is_card_number(digits):
            return stand_in(run, digits)
        return _stars(run[0])

    return _GROUPED.sub(masked, text), found


def _without_long(text: bytes) -> tuple[bytes, int]:
    """Star digits in which a number stands anywhere; of very many it is not looked for."""
    found = 0

    def masked(run: re.Match[bytes]) -> bytes:
        nonlocal found
        digits = run[0].decode()
        has_number = len(digits) > _MOST_LOOKED_AT or any(
            is_card_number(digits[first : first + n])
            for n in range(FEWEST, MOST + 1)
            for first in range(len(digits) - n + 1)
        )
        found += has_number
        return _stars(run[0]) if has_number else run[0]

    return _LONG.sub(masked, text), found


def _stars(digits: bytes) -> bytes:
    return _DIGIT.sub(b"*", digits)


def _digits_of(text: bytes) -> str:
    return b"".join(_DIGITS.findall(text)).decode()


def _has_number(groups: list[str]) -> bool:
    """Whether whole groups that follow one another are a number."""
    return any(
        is_card_number(digits.lstrip("0"))
        for first in range(len(groups))
        for digits in accumulate(groups[first:])
    )


def _runs(digits: str, *, is_text: bool) -> list[str]:
    """Return what the digits of a match may be; in what is no text a length may stand beside them."""
    runs = [digits] if is_text else [digits, digits[1:], digits[:-1], digits[1:-1]]
    return [run.lstrip("0") for run in runs]
