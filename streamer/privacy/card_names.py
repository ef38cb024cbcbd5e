"""What a card is called: by the payment system, in what is published, and by nobody but Redis."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import msgspec

from streamer.contract.pseudonyms import pseudonyms
from streamer.settings import Settings
from streamer.starting.card_keys_in_use import card_key_of
from streamer.store import AliasKeys

__all__ = ["CardNames", "cards_in", "known_names"]


@dataclass(frozen=True)
class CardNames:
    """The names of one card: its id, its pseudonyms, the current key's first (none where cards have
    none), its aliases: those of now, and those that an erasure under way has noted."""

    card_id: str
    pseudonyms: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()

    @property
    def published(self) -> tuple[str, ...]:
        """What the card is called in what is published, aliases apart."""
        return self.pseudonyms or (self.card_id,)

    @property
    def shown(self) -> str:
        """What it is called there now."""
        return self.published[0]

    @cached_property
    def all(self) -> frozenset[str]:
        """Every name."""
        return frozenset({self.card_id, *self.pseudonyms, *self.aliases})

    @cached_property
    def _either(self) -> bytes:
        # As JSON and as plain text have them.
        spellings = {name.encode() for name in self.all}
        spellings |= {msgspec.json.encode(name)[1:-1] for name in self.all}
        return b"|".join(re.escape(each) for each in sorted(spellings, key=len, reverse=True))

    @cached_property
    def _word(self) -> re.Pattern[bytes]:
        return re.compile(rb"(?<![A-Za-z0-9_-])(?:" + self._either + rb")(?![A-Za-z0-9_-])")

    @cached_property
    def _field(self) -> re.Pattern[bytes]:
        return re.compile(rb'"card_id"\s*:\s*"(?:' + self._either + rb')"')

    def are_in(self, key: bytes | None, value: bytes | None) -> bool:
        """Whether a message has one of the names, as a word of its own, in key or value.

        That makes it no record of the card: a merchant may be called the same.
        """
        return any(part is not None and self._word.search(part) for part in (key, value))

    def own(self, key: bytes | None, value: bytes | None) -> bool:
        """Whether a message is of the card: by its fields of cards, else by its key.

        What cannot be decoded is of the card where it has such a field as text.
        """
        is_key = key is not None and key.decode(errors="replace") in self.all
        try:
            cards = cards_in(msgspec.json.decode(value or b""))
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return is_key or bool(self._field.search(value or b""))
        return bool(self.all & cards) if cards else is_key


async def known_names(
    settings: Settings, card_id: str, aliases: AliasKeys, noted: Collection[str] = ()
) -> CardNames:
    """Return what a card is called; ``noted`` are names that somebody knows of."""
    key = card_key_of(settings)
    names = CardNames(card_id, () if key is None else tuple(pseudonyms(card_id, key)))
    alias_key = await aliases.read()
    own = [alias_key.alias(name) for name in names.published]
    return replace(names, aliases=(*own, *(each for each in noted if each not in own)))


def cards_in(content: Any) -> set[str]:
    """Return what decoded JSON calls cards: its fields `card_id` and `other_card_ids`, at any depth.

    >>> sorted(cards_in({"a": [{"card_id": "c-1"}], "merchant_id": "c-2", "other_card_ids": ["c-3"]}))
    ['c-1', 'c-3']
    """
    found: set[str] = set()
    if isinstance(content, dict):
        others = content.get("other_card_ids")
        told = [content.get("card_id"), *(others if isinstance(others, list) else ())]
        found |= {each for each in told if isinstance(each, str)}
    inner: Iterable[Any] = ()
    if isinstance(content, dict):
        inner = content.values()
    elif isinstance(content, list):
        inner = content
    return found.union(*(cards_in(each) for each in inner))
