"""What stands for a card where its number must not.

A key is changed by a file of several: the current one makes pseudonyms, and what any of them has made
is known still, so that verdicts on alerts from before the change count for their cards.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

__all__ = [
    "CardKey",
    "CardKeys",
    "NamedKey",
    "is_pseudonym",
    "names_of_card",
    "pseudonym",
    "pseudonyms",
]

NamedKey = tuple[str, bytes]
"""A key's id, which may be told, and the key."""


class CardKeys:
    """Keys with ids, the current one first; whoever holds the object sees `take` at once."""

    __slots__ = ("_named",)

    def __init__(self, named: Sequence[NamedKey]) -> None:
        self._named = tuple(named)

    @property
    def ids(self) -> tuple[str, ...]:
        """Their ids, the current one's first."""
        return tuple(name for name, _ in self._named)

    @property
    def secrets(self) -> tuple[bytes, ...]:
        """The keys, in the same order."""
        return tuple(secret for _, secret in self._named)

    def take(self, named: Sequence[NamedKey]) -> None:
        """Hold other keys from now on."""
        self._named = tuple(named)


CardKey = bytes | CardKeys
"""The one key of pseudonyms, or several of which one is current."""


def pseudonym(card_id: str, card_key: CardKey) -> str:
    """Return the HMAC-SHA256 of a card under the (current) key: stable, and not to be turned back."""
    secret = card_key if isinstance(card_key, bytes) else card_key.secrets[0]
    return _made(card_id, secret)


def pseudonyms(card_id: str, card_key: CardKey) -> list[str]:
    """Return what stands for a card under each key, the current one first."""
    secrets = (card_key,) if isinstance(card_key, bytes) else card_key.secrets
    return [_made(card_id, secret) for secret in secrets]


def names_of_card(card_id: str, card_key: CardKey | None) -> list[str]:
    """Return what a card is called where it goes out, then what it is called under the other keys.

    >>> names_of_card("c-1", None), len(names_of_card("c-1", b"k"))
    (['c-1'], 1)
    """
    return [card_id] if card_key is None else pseudonyms(card_id, card_key)


def is_pseudonym(name: str, card_id: str, card_key: CardKey) -> bool:
    """Whether ``name`` stands for a card, under any of the keys.

    >>> keys = CardKeys([("new", b"n"), ("old", b"o")])
    >>> [is_pseudonym(pseudonym("c-1", key), "c-1", keys) for key in (b"n", b"o", b"x")]
    [True, True, False]
    """
    return len(name) == 2 * hashlib.sha256().digest_size and name in pseudonyms(card_id, card_key)


def _made(card_id: str, secret: bytes) -> str:
    return hmac.digest(secret, card_id.encode(), "sha256").hex()
