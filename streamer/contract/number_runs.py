"""Where in bytes the digits of cards' numbers stand, and the bytes without them.

This is the one place that finds a number within more: dead letters, log lines, comments, audit entries
and pages all come here, texts by `streamer.contract.card_numbers`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import accumulate
from typing import Final

from streamer.contract.network_numbers import (
    FEWEST,
    LENGTHS,
    MOST,
    PREFIX,
    card_number,
    is_card_number,
)

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
# Groups as nobody prints them, all that follow one another: a number may begin at any of them.
_GROUPED: Final = re.compile(rb"(?<![0-9])[0-9]++(?:[ ./'_-]{1,3}+[0-9]++)++")
# As programs write a number that they took for a fraction.
_POWER: Final = re.compile(
    rb"(?<![0-9A-Za-z.])[0-9]{1,19}(?:[.,][0-9]{0,18})?[eE]\+?[0-9]{1,2}(?![0-9A-Za-z])"
)
# Of what is no text, as fields without anything between them are written.
_LONG: Final = re.compile(rb"[0-9]{22,}")
# With one point alone it is a fraction, or a degree of latitude, whose digits are a number by chance.
_FRACTION: Final = re.compile(rb"[0-9]+\.[0-9]+")
# Groups, and digits of long runs, that are looked at in one text: what follows is masked unseen.
_MOST_GROUPS: Final = 4_000
_MOST_LONG: Final = 4_000
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
    """Mask numbers in groups of any sizes, wherever among others they stand."""
    n_looked_at = found = 0

    def masked(run: re.Match[bytes]) -> bytes:
        nonlocal n_looked_at, found
        groups = _DIGITS.findall(run[0])
        if sum(map(len, groups)) < FEWEST or _FRACTION.fullmatch(run[0]):
            return run[0]
        n_looked_at += len(groups)
        if n_looked_at > _MOST_GROUPS:
            found += 1
            return _stars(run[0])
        digits = b"".join(groups).decode()
        if stand_in is not None and is_card_number(digits.lstrip("0")):
            found += 1
            return stand_in(run, digits.lstrip("0"))
        numbers = _numbers_of(digits, groups)
        found += len(numbers)
        return _starred_at(run[0], numbers) if numbers else run[0]

    return _GROUPED.sub(masked, text), found


def _numbers_of(digits: str, groups: list[bytes]) -> list[tuple[int, int]]:
    """Return where in ``digits`` whole groups that follow one another are a number, none in another."""
    ends = list(accumulate(map(len, groups)))
    places: list[tuple[int, int]] = []
    n_groups, first = len(groups), 0
    for at, end in enumerate(ends):
        # Zeros in front do not count, and groups of them alone are in front of the next.
        start = end - len(groups[at].lstrip(b"0"))
        if start == end:
            continue
        lengths = LENGTHS[int(digits[start : start + PREFIX])]
        first = max(first, at)
        while first < n_groups and ends[first] - start < FEWEST:
            first += 1
        behind = first
        while lengths and behind < n_groups and (n := ends[behind] - start) <= MOST:
            if lengths >> n & 1 and is_card_number(digits[start : ends[behind]]):
                begin = end - len(groups[at])
                if places and begin < places[-1][1]:
                    begin, last = places[-1][0], max(places[-1][1], ends[behind])
                    places[-1] = begin, last
                else:
                    places.append((begin, ends[behind]))
            behind += 1
    return places


def _starred_at(text: bytes, places: list[tuple[int, int]]) -> bytes:
    """Return ``text`` with stars for those of its digits that ``places`` count, in their order."""
    parts, n_before, end = [], 0, 0
    waiting = iter(places)
    first, last = next(waiting)
    for group in _DIGITS.finditer(text):
        if n_before >= last:
            first, last = next(waiting, (len(text), len(text)))
        if n_before >= first:
            parts += [text[end : group.start()], b"*" * len(group[0])]
            end = group.end()
        n_before += len(group[0])
    return b"".join([*parts, text[end:]])


def _without_long(text: bytes) -> tuple[bytes, int]:
    """Star digits in which a number stands anywhere; of very many it is not looked for."""
    n_looked_at = found = 0

    def masked(run: re.Match[bytes]) -> bytes:
        nonlocal n_looked_at, found
        n_looked_at += len(run[0])
        if n_looked_at <= _MOST_LONG and not _has_number(run[0].decode()):
            return run[0]
        found += 1
        return _stars(run[0])

    return _LONG.sub(masked, text), found


def _has_number(digits: str) -> bool:
    """Whether a number stands anywhere within a run of digits."""
    for first in range(len(digits) - FEWEST + 1):
        lengths = LENGTHS[int(digits[first : first + PREFIX])]
        if lengths and any(
            lengths >> n & 1 and is_card_number(digits[first : first + n])
            for n in range(FEWEST, min(MOST, len(digits) - first) + 1)
        ):
            return True
    return False


def _stars(digits: bytes) -> bytes:
    return _DIGIT.sub(b"*", digits)


def _digits_of(text: bytes) -> str:
    return b"".join(_DIGITS.findall(text)).decode()


def _runs(digits: str, *, is_text: bool) -> list[str]:
    """Return what the digits of a match may be; in what is no text a length may stand beside them."""
    runs = [digits] if is_text else [digits, digits[1:], digits[:-1], digits[1:-1]]
    return [run.lstrip("0") for run in runs]
