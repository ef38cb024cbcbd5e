"""Whether a card was forgotten before, for who asks for it again, and whether it has come back."""

from __future__ import annotations

from streamer.privacy.card_names import known_names
from streamer.privacy.erasing_card import tell_carried_out
from streamer.privacy.held_of_card import held_of_card
from streamer.settings import Settings
from streamer.store import ReviewStore, Store
from streamer.store.erasures import Forgotten

__all__ = ["forgotten_card"]


async def forgotten_card(
    store: Store, reviews: ReviewStore, settings: Settings, card_id: str, who: str, now_ms: int
) -> tuple[Forgotten | None, bool]:
    """Return when a card was forgotten last, None where that is unknown, and whether it has paid since.

    Who was interrupted between the last two steps has not told that it is done: ``who`` tells it now.
    Raises `UnavailableError` where Redis or Kafka is away.
    """
    kept_ms = round(settings.audit_retention_s * 1000)
    found = await store.erasures.forgotten(card_id, now_ms, kept_ms)
    if found is None:
        return None, False
    await tell_carried_out(settings, reviews, found.id, who, now_ms)
    names = await known_names(settings, card_id, store.erasures.aliases)
    held = await held_of_card(store, settings.transactions_topic, names, ())
    # Whoever pays has a state.
    return found, any(each.rows for each in held)
