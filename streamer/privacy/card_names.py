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

__all__ = ["CardNames", "known_names", "names_in"]


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
    def _pattern(self) -> re.Pattern[bytes]:
        # As JSON and as plain text have them.
        spellings = {name.encode() for name in self.all}
        spellings |= {msgspec.json.encode(name)[1:-1] for name in self.all}
        either = b"|".join(re.escape(each) for each in sorted(spellings, key=len, reverse=True))
        return re.compile(rb"(?<![A-Za-z0-9_-])(?:" + either + rb")(?![A-Za-z0-9_-])")

    def are_in(self, key: bytes | None, value: bytes | None) -> bool:
        """Whether a message has one of the names, as a word of its own, in key or value."""
        return any(part is not None and self._pattern.search(part) for part in (key, value))


async def known_names(
    settings: Settings, card_id: str, aliases: AliasKeys, noted: Collection[str] = ()
) -> CardNames:
    """Return what a card is called; ``noted`` are names that somebody knows of."""
    key = card_key_of(settings)
    names = CardNames(card_id, () if key is None else tuple(pseudonyms(card_id, key)))
    alias_key = await aliases.read()
    own = [alias_key.alias(name) for name in names.published]
    return replace(names, aliases=(*own, *(each for each in noted if each not in own)))


def names_in(content: Any, names: Collection[str]) -> bool:
    """Whether any text in decoded JSON is one of the names.

    >>> names_in({"a": [{"card_id": "c-1"}]}, {"c-1"}), names_in({"a": "c-11"}, {"c-1"})
    (True, False)
    """
    if isinstance(content, str):
        return content in names
    inner: Iterable[Any] = ()
    if isinstance(content, dict):
        inner = content.values()
    elif isinstance(content, list):
        inner = content
    return any(names_in(each, names) for each in inner)
