"""Alerts that were looked up in their topic: they can be looked at as others can, for a day.

They are not in the queue.  Who judges one puts it back (`alert_claims.Claims.claim` with its row), and
from then on it is an alert as any other, of which is remembered that it was looked up while it is open.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Final

import msgspec

from streamer.store.client import Client

__all__ = ["LookedUp", "OlderAlerts"]

_KEPT_MS: Final = 86_400_000


class LookedUp(msgspec.Struct, frozen=True):
    """Where an alert lay: a partition and offset of the topic, and Kafka's time in epoch ms."""

    topic: str
    partition: int
    offset: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class OlderAlerts:
    """Each method raises `UnavailableError` where Redis is away."""

    client: Client

    async def keep(self, alert_id: str, raw: bytes, place: LookedUp) -> None:
        """Keep an alert's message that was found; one that is here already stays as it is."""
        keys = self.client.keys
        alert, looked = keys.review("alert", alert_id), keys.review("looked", alert_id)
        await self.client.pipelined(
            [
                ("SET", alert, zlib.compress(raw), "PX", _KEPT_MS, "NX"),
                ("SET", looked, msgspec.json.encode(place), "PX", _KEPT_MS),
            ],
            atomic=True,
        )

    async def place(self, alert_id: str) -> LookedUp | None:
        """Return where an alert was found, None where nobody has looked it up lately."""
        command = "GET", self.client.keys.review("looked", alert_id)
        [stored] = await self.client.pipelined([command], atomic=False)
        return None if stored is None else msgspec.json.decode(stored, type=LookedUp)

    async def came_ms(self, alert_id: str) -> int | None:
        """Return when an alert came to the console, None where that is not remembered."""
        command = "ZSCORE", self.client.keys.review("known"), alert_id
        [score] = await self.client.pipelined([command], atomic=False)
        return None if score is None else int(float(score))
