"""What is done about a card's number (PAN) where a card's id is expected, and in what goes out.

A payment whose card is a number is refused, or counted under what stands for the number: the HMAC of
all its digits under a key, so that two cards never become one, as they do when digits are cut off.

Invariant: what is made of bytes has no card's number that stands there in ASCII digits, in one piece or
in groups.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, Literal

from streamer.contract.network_numbers import FEWEST, card_number, is_card_number

__all__ = ["ALLOWED", "MASK_PREFIX", "REFUSED", "CardRule", "Handling"]

Handling = Literal["refuse", "mask", "allow"]

MASK_PREFIX: Final = "masked-"
# 128 bits of the HMAC: two of a billion cards are one with a chance below 10^-20.
_MASK_DIGITS: Final = 32
# Digits in one piece, or in the groups of 16 to 19 and of 14 or 15 digits that cards show.  Within a
# long hexadecimal word they are none: one digest in twenty has such a run.
_NUMBER: Final = re.compile(
    rb"(?P<digest>(?<![0-9A-Za-z])(?=[0-9]*[a-f])[0-9a-f]{32,}(?![0-9A-Za-z]))"
    rb"|(?<![0-9])(?:0*+[0-9]{12,21}|[0-9]{4}([ -])[0-9]{4}\2[0-9]{4}\2[0-9]{1,7}"
    rb"|[0-9]{4}([ -])[0-9]{6}\3[0-9]{4,5})(?![0-9])"
)
# Groups as nobody prints them.  Of so many in one text, whatever follows is masked unseen.
_GROUPED: Final = re.compile(rb"(?<![0-9])[0-9]+(?:[ ./'_-]{1,3}[0-9]+){1,18}(?![0-9])")
# With one point alone it is a fraction, or a degree of latitude, whose digits are a number by chance.
_FRACTION: Final = re.compile(rb"[0-9]+\.[0-9]+")
_MOST_LOOKED_AT: Final = 1_000
_DIGITS: Final = re.compile(rb"[0-9]+")
_DIGIT: Final = re.compile(r"[0-9]")
# As far as the sign beside a number in JSON is looked for.
_BLANKS: Final = 16
_NOT_TEXT: Final = re.compile(rb"[\x00-\x08\x0e-\x1f]")


@dataclass(frozen=True, slots=True)
class CardRule:
    """``key`` is what numbers are masked under, which only "mask" needs."""

    handling: Handling = "refuse"
    key: bytes | None = None

    @property
    def is_checked(self) -> bool:
        """Whether a number is anything but an id like others."""
        return self.handling != "allow"

    @property
    def told(self) -> str:
        """The rule in words, with what tells one key from another and not which it is."""
        if self.key is None:
            return self.handling
        told = hmac.digest(self.key, b"which key of card numbers is it", "sha256").hex()
        return f"{self.handling}, key {told[:8]}"

    def id_of(self, card_id: str) -> str | None:
        """Return the id that a card counts under, None where it is a number that is refused.

        >>> CardRule().id_of("c-1"), CardRule().id_of("4111 1111 1111 1111")
        ('c-1', None)
        >>> CardRule("mask", b"key").id_of("4111-1111-1111-1111")
        'masked-d7deb2f89396a762e0f485ff629bed80'
        """
        if self.handling == "allow":
            return card_id
        digits = card_number(card_id)
        if digits is None:
            return card_id
        return self._mask(digits) if self.handling == "mask" else None

    def is_key(self, key: bytes | None, card_id: str) -> bool:
        """Whether a message's key is the id that its card counts under, or the number itself."""
        if key is None or key == card_id.encode():
            return key is not None
        if self.handling != "mask" or not card_id.startswith(MASK_PREFIX):
            return False
        return self.id_of(key.decode(errors="replace")) == card_id

    def without_numbers(self, text: bytes) -> tuple[bytes, int]:
        """Return ``text`` with every card's number in it masked, and how many they were.

        Where numbers are refused each digit is a star, and nothing of the card is left.

        >>> CardRule().without_numbers(b'{"card": "5555555555554444", "n": 5555555555554445}')
        (b'{"card": "****************", "n": 5555555555554445}', 1)
        """
        if self.handling == "allow":
            return text, 0
        text, n = self._without_printed(text)
        text, n_odd = self._without_odd(text)
        return text, n + n_odd

    def _without_printed(self, text: bytes) -> tuple[bytes, int]:
        is_text = _NOT_TEXT.search(text) is None
        found = 0

        def masked(number: re.Match[bytes]) -> bytes:
            nonlocal found
            if number["digest"] is not None:
                return number[0]
            runs = _runs(number[0], is_text=is_text)
            if not any(is_card_number(run) for run in runs):
                return number[0]
            found += 1
            if self.handling == "mask" and is_text:
                return self._stand_in(number)
            return re.sub(rb"[0-9]", b"*", number[0])

        return _NUMBER.sub(masked, text), found

    def _without_odd(self, text: bytes) -> tuple[bytes, int]:
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
            if self.handling == "mask" and is_card_number("".join(groups).lstrip("0")):
                return self._stand_in(run)
            return re.sub(rb"[0-9]", b"*", run[0])

        return _GROUPED.sub(masked, text), found

    def text_without_numbers(self, text: str) -> str:
        """Return the same of a text."""
        if len(_DIGIT.findall(text)) < FEWEST:
            return text
        if text.isascii():
            return self.without_numbers(text.encode())[0].decode()
        return self.without_numbers(text.encode(errors="replace"))[0].decode(errors="replace")

    def _mask(self, digits: str) -> str:
        if self.key is None:
            raise ValueError("card numbers must have a key to be masked under, got none")
        made = hmac.digest(self.key, digits.encode(), "sha256").hex()
        return MASK_PREFIX + made[:_MASK_DIGITS]

    def _stand_in(self, number: re.Match[bytes]) -> bytes:
        """Return what a payment's card is called, so that a dead letter can be sent again as it is."""
        masked = self._mask(re.sub(rb"[^0-9]", b"", number[0]).decode().lstrip("0")).encode()
        text, start, end = number.string, number.start(), number.end()
        before = text[max(start - _BLANKS, 0) : start].rstrip()[-1:]
        behind = text[end : end + _BLANKS].lstrip()[:1]
        is_bare = before in (b":", b",", b"[") and behind in (b",", b"}", b"]")
        return b'"' + masked + b'"' if is_bare else masked


REFUSED: Final = CardRule()
"""What holds where nobody has said anything else."""

ALLOWED: Final = CardRule("allow")


def _has_number(groups: list[str]) -> bool:
    """Whether whole groups that follow one another are a number."""
    return any(
        is_card_number(digits.lstrip("0"))
        for first in range(len(groups))
        for digits in accumulate(groups[first:])
    )


def _runs(number: bytes, *, is_text: bool) -> list[str]:
    """Return what the digits of a match may be; in what is no text a length may stand beside them."""
    digits = re.sub(rb"[^0-9]", b"", number).decode()
    if not is_text:
        return [run.lstrip("0") for run in (digits, digits[1:], digits[:-1], digits[1:-1])]
    return [digits.lstrip("0")]
