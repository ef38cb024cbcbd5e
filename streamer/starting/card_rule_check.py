"""Whether a process that is no worker goes by the workers' rule for cards' numbers, and by their key.

With another one `streamer serve` would answer about a card that the stream does not know by that name,
and the console would look for it in vain: nothing would say so but the answers.
"""

from __future__ import annotations

from typing import Final

from streamer.contract.card_rule import REFUSED
from streamer.errors import ConfigurationError
from streamer.settings import PREFIX, Settings
from streamer.starting.card_keys_in_use import card_rule_of
from streamer.store import Store

__all__ = ["NUMBERS_SETTING", "check_card_rule"]

NUMBERS_SETTING: Final = f"{PREFIX}CARD_NUMBERS"
"""What the rule is called in what workers agree on; the default one is not named there."""


async def check_card_rule(store: Store, settings: Settings) -> None:
    """Raise `ConfigurationError` where the namespace's workers have another rule or key."""
    agreed = await store.registered()
    if agreed is None:
        return
    theirs = agreed.model_settings.get(NUMBERS_SETTING, REFUSED.told)
    ours = card_rule_of(settings).told
    if theirs != ours:
        raise ConfigurationError(
            f"{NUMBERS_SETTING} and {PREFIX}CARD_NUMBER_KEY must be those of the workers of "
            f"STREAMER_NAMESPACE {settings.namespace!r} ({theirs}), got {ours}"
        )
