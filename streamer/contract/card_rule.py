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
from typing import Final, Literal

from streamer.contract.network_numbers import card_number
from streamer.contract.number_runs import starred

__all__ = ["ALLOWED", "MASK_PREFIX", "REFUSED", "CardRule", "Handling"]

Handling = Literal["refuse", "mask", "allow"]

MASK_PREFIX: Final = "masked-"
# As far as the sign beside a number in JSON is looked for.
_BLANKS: Final = 16
# 128 bits of the HMAC: two of a billion cards are one with a chance below 10^-20.
_MASK_DIGITS: Final = 32


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
        return starred(text, self._stand_in if self.handling == "mask" else None)

    def _mask(self, digits: str) -> str:
        if self.key is None:
            raise ValueError("card numbers must have a key to be masked under, got none")
        made = hmac.digest(self.key, digits.encode(), "sha256").hex()
        return MASK_PREFIX + made[:_MASK_DIGITS]

    def _stand_in(self, number: re.Match[bytes], digits: str) -> bytes:
        """Return what a payment's card is called, so that a dead letter can be sent again as it is."""
        masked = self._mask(digits).encode()
        text, start, end = number.string, number.start(), number.end()
        before = text[max(start - _BLANKS, 0) : start].rstrip()[-1:]
        behind = text[end : end + _BLANKS].lstrip()[:1]
        is_bare = before in (b":", b",", b"[") and behind in (b",", b"}", b"]")
        return b'"' + masked + b'"' if is_bare else masked


REFUSED: Final = CardRule()
"""What holds where nobody has said anything else."""

ALLOWED: Final = CardRule("allow")
