"""What a card is called: by the payment system, in what is published, and by nobody but Redis."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from streamer.contract.pseudonyms import pseudonym
from streamer.settings import Settings
from streamer.store import AliasKeys

__all__ = ["CardNames", "known_names", "names_in"]


@dataclass(frozen=True)
class CardNames:
    """The names of one card: its id, its pseudonym ("" where cards have none), its aliases: that of
    now, and those that an erasure under way has noted."""

    card_id: str
    pseudonym: str = ""
    aliases: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """What the card is called in what is published, aliases apart."""
        return self.pseudonym or self.card_id

    @cached_property
    def all(self) -> frozenset[str]:
        """Every name."""
        return frozenset({self.card_id, self.pseudonym, *self.aliases} - {""})

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
    key = settings.alert_card_key
    shown = "" if key is None else pseudonym(card_id, key.get_secret_value().encode())
    alias = (await aliases.read()).alias(shown or card_id)
    return CardNames(card_id, shown, (alias, *(each for each in noted if each != alias)))


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
