"""The keys of pseudonyms in a process: of a setting, or of a file that is followed."""

from __future__ import annotations

import asyncio
from typing import Final

from streamer.contract.card_rule import CardRule
from streamer.contract.pseudonyms import CardKey, CardKeys
from streamer.errors import ConfigurationError
from streamer.settings import Settings
from streamer.settings.card_keys import CardKeysFile

__all__ = ["CardKeysInUse", "card_key_of", "card_rule_of"]

_INTERVAL_S: Final = 1.0


class CardKeysInUse(CardKeys):
    """Keys of a file; `follow` takes them up anew while the process runs."""

    __slots__ = ("file",)

    def __init__(self, file: CardKeysFile) -> None:
        named = file.changed()
        if named is None:
            raise ConfigurationError(f"{file.path} must be a file of keys, lines ID:KEY")
        super().__init__(named)
        self.file = file

    def refresh(self) -> None:
        """Take up what the file says now; a stat of the file where nothing has changed."""
        named = self.file.changed()
        if named is not None:
            self.take(named)

    async def follow(self) -> None:
        """Refresh every second, for ever."""
        while True:
            await asyncio.sleep(_INTERVAL_S)
            self.refresh()


def card_key_of(settings: Settings) -> CardKey | None:
    """Return what makes pseudonyms, None where cards go out as they are."""
    if settings.alert_card_keys_file is not None:
        return CardKeysInUse(CardKeysFile(settings.alert_card_keys_file))
    key = settings.alert_card_key
    return None if key is None else key.get_secret_value().encode()


def card_rule_of(settings: Settings) -> CardRule:
    """Return what is done about cards' numbers."""
    key = settings.card_number_key
    return CardRule(settings.card_numbers, None if key is None else key.get_secret_value().encode())
