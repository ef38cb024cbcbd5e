"""Aliases in place of cards on the topics of alerts, where the settings want them.

An alert is what others keep: what stands for its card there can be destroyed
(`streamer.contract.card_aliases`).  It is put in at the edge, so that what is computed of a payment
does not depend on it.

Invariant: no alert goes out with a key that was read before an erasure that this worker has done.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from streamer.contract.card_aliases import AliasKey
from streamer.contract.messages import Alert
from streamer.settings import Settings
from streamer.store import Store

__all__ = ["Aliasing", "with_alias"]

_OF_CARD: Final = "card-"
_N_DIGITS: Final = 16


class Aliasing:
    """What one worker needs for it; nothing where the settings do not want it."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._is_wanted = settings.privacy_aliases
        self._store = store
        self._key: AliasKey | None = None

    async def read(self) -> None:
        """Take up the key as it is now; `UnavailableError` where Redis is away."""
        if self._is_wanted:
            found = await self._store.erasures.aliases.read()
            if self._key is None or found.trees != self._key.trees:
                self._key = found

    def shown(self, alert: Alert) -> Alert:
        """Return an alert as others are to see it."""
        return alert if self._key is None else with_alias(alert, self._key)


def with_alias(alert: Alert, key: AliasKey) -> Alert:
    """Return an alert with aliases in place of its card's names, and a wave's that tells none."""
    alias = key.alias(alert.transaction.card_id)
    payment = msgspec.structs.replace(alert.transaction, card_id=alias)
    wave = alert.wave_id
    if wave is not None and wave.startswith(_OF_CARD):
        # It was made of what the card was called.
        digest = hashlib.sha256(f"{wave} {alias}".encode()).hexdigest()
        wave = _OF_CARD + digest[:_N_DIGITS]
    others = [key.alias(name) for name in alert.other_card_ids]
    changed = {"transaction": payment, "wave_id": wave, "other_card_ids": others}
    return msgspec.structs.replace(alert, **changed)
