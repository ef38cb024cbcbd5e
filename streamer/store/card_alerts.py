"""The latest alerts of each card, for the page of another one.

Invariant: at most `_MOST` of a card, and nothing of one that has had none for `KEPT_MS`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from streamer.contract.messages import Alert
from streamer.store.client import Client, Pipe
from streamer.store.keys import Keys

__all__ = ["KEPT_MS", "CardAlert", "CardAlerts", "card_key", "queue_card_alert"]

KEPT_MS: Final = 30 * 86_400_000
_MOST: Final = 40


class CardAlert(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept of an alert under its card; ``event_ms`` is its payment's time in epoch ms.

    ``verdict`` is what the console's people said of it, "" while nobody did, or it was forgotten.
    """

    alert_id: str
    event_ms: int
    amount: float
    currency: str
    merchant_id: str = ""
    country: str = ""
    latitude: float | None = None
    longitude: float | None = None
    verdict: Literal["", "fraud", "legitimate"] = ""


def queue_card_alert(pipe: Pipe, keys: Keys, alert: Alert) -> None:
    """Queue the writes that note an alert under its card; one that comes again changes nothing."""
    payment, key = alert.transaction, card_key(keys, alert.transaction.card_id)
    noted = CardAlert(
        alert.alert_id,
        round(alert.event_time.timestamp() * 1000),
        payment.amount,
        payment.currency,
        payment.merchant_id or "",
        payment.country or "",
        payment.latitude,
        payment.longitude,
    )
    pipe.execute_command("ZADD", key, noted.event_ms, msgspec.json.encode(noted))
    pipe.execute_command("ZREMRANGEBYRANK", key, 0, -_MOST - 1)
    pipe.execute_command("PEXPIRE", key, KEPT_MS)


@dataclass(frozen=True, slots=True)
class CardAlerts:
    """Reads of one namespace; raises `UnavailableError` where Redis is away."""

    client: Client

    async def of(self, card_id: str, *others: str) -> list[CardAlert]:
        """Return the latest alerts of a card by the time of their payments, with their verdicts.

        ``others`` are what else it is, or was, called: each at most as `_MOST` alerts.
        """
        keys = self.client.keys
        names = dict.fromkeys((card_id, *others))
        found_by_name = await self.client.pipelined(
            [("ZRANGE", card_key(keys, name), 0, -1) for name in names], atomic=False
        )
        decoded = (
            msgspec.json.decode(each, type=CardAlert) for stored in found_by_name for each in stored
        )
        # What an earlier release noted has another field, and is another member of the set.
        noted = list({each.alert_id: each for each in decoded}.values())
        if len(names) > 1:
            noted.sort(key=lambda each: each.event_ms)
        if not noted:
            return []
        verdicts = [keys.review("verdict", each.alert_id) for each in noted]
        [found] = await self.client.pipelined([("MGET", *verdicts)], atomic=False)
        decode = msgspec.json.Decoder(_Verdict).decode
        return [
            each
            if verdict is None or not (told := decode(verdict)).is_sent
            else msgspec.structs.replace(each, verdict=told.verdict)
            for each, verdict in zip(noted, found, strict=True)
        ]


class _Verdict(msgspec.Struct):
    """Of a `Review` what is told here."""

    verdict: Literal["fraud", "legitimate"]
    is_sent: bool = False


def card_key(keys: Keys, card_id: str) -> str:
    """Return the key of what is noted under a card."""
    # A card's id may be anything, and need not be in a key for people to read.
    return keys.review("card", hashlib.sha256(card_id.encode()).hexdigest()[:32])
