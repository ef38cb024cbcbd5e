"""What people did, one JSON object each on the audit topic; never a card's number.

What changes something is acknowledged by Kafka before it is done (`Trail.acknowledged`), so that
nothing is done that the trail does not have; what only looks is handed over (`Trail.noted`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from streamer.store import rfc3339
from streamer.stream.publishing.acknowledged import Outbox

__all__ = ["Entry", "Trail"]


class Entry(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One action.  ``id`` is the same where the same is tried again."""

    action: str
    who: str
    role: str = ""
    alert_id: str = ""
    transaction_id: str = ""
    verdict: str = ""
    overrules: str = ""
    comment: str = ""
    holder: str = ""
    subject: str = ""
    address: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Trail:
    """The audit topic; ``now_ms`` is when something is told."""

    outbox: Outbox
    topic: str
    now_ms: Callable[[], int]

    async def acknowledged(self, entry: Entry) -> None:
        """Write an entry and wait for it; `UnavailableError` where Kafka does not take it."""
        await self.outbox.send(self.topic, self._line(entry), entry.who)

    def noted(self, entry: Entry) -> None:
        """Write an entry when Kafka takes it."""
        self.outbox.note(self.topic, self._line(entry), entry.who)

    def _line(self, entry: Entry) -> bytes:
        told = {"at": rfc3339(self.now_ms()), **msgspec.to_builtins(entry)}
        return msgspec.json.encode(told)
