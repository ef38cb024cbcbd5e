"""A verdict on its way: written down, on the audit topic, on the feedback topic, marked.

Each step is acknowledged before the next.  What fails is tried again by the same form, and then sends
the same bytes: to who learns from verdicts, the same verdict again changes nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import msgspec

from streamer.console.people.accounts import Account
from streamer.console.sending.audit_trail import Entry, Trail
from streamer.contract.messages import Alert, Verdict
from streamer.errors import StreamerError, UnavailableError
from streamer.store import Begun, Review
from streamer.store.judged_alerts import JudgedAlert, judged_alert
from streamer.store.reviews import Reviews
from streamer.stream.publishing.acknowledged import Outbox

__all__ = ["Decider", "verdict_message"]

# The same form sent twice at once: the second waits for the first.
_WAIT_S: Final = 6.0
_TICK_S: Final = 0.05
_REMEMBERED: Final = 10_000


def verdict_message(alert: Alert, review: Review) -> bytes:
    """Return a verdict in the contract's form; its bytes are the same whenever it is sent."""
    payment = alert.transaction
    return msgspec.json.encode(
        Verdict(
            transaction_id=payment.transaction_id,
            alert_id=alert.alert_id,
            card_id=payment.card_id,
            verdict=review.verdict,
            origin="reviewer",
            decided_at=datetime.fromtimestamp(review.decided_ms / 1000, UTC),
            merchant_id=payment.merchant_id,
        )
    )


@dataclass(frozen=True, slots=True)
class Decider:
    """Sends verdicts and corrections of people."""

    reviews: Reviews
    outbox: Outbox
    trail: Trail
    feedback_topic: str
    claim_ms: int
    # What Kafka has and Redis was away to be told of; the oldest are forgotten.
    _arrived: dict[tuple[str, str, int], None] = field(default_factory=dict)

    async def decide(self, alert: Alert, wanted: Review, account: Account) -> Begun:
        """Return what has become of a verdict: "sent" once Kafka has it and the alert is closed.

        Raises `UnavailableError` where Kafka or Redis did not answer; the same ``wanted`` goes on.
        """
        return await self._run(alert, account, lambda: self.reviews.begin(wanted, self.claim_ms))

    async def correct(self, alert: Alert, wanted: Review, account: Account) -> Begun:
        """The same for the opposite of a verdict that the same person gave a moment ago."""
        now_ms = wanted.decided_ms
        return await self._run(alert, account, lambda: self.reviews.correct(wanted, now_ms))

    async def _run(
        self, alert: Alert, account: Account, begin: Callable[[], Awaitable[Begun]]
    ) -> Begun:
        deadline = time.monotonic() + _WAIT_S
        begun = await begin()
        while begun.outcome == "sending" and time.monotonic() < deadline:
            await asyncio.sleep(_TICK_S)
            begun = await begin()
        if begun.outcome != "send" or begun.review is None:
            return begun
        try:
            await self._send(alert, begun, begun.review, account)
        except StreamerError:
            with suppress(StreamerError):
                await self.reviews.given_up(begun)
            raise
        told = await self.reviews.acknowledged(begun.review, _entry(alert, begun.review))
        self._arrived.pop(_named(begun.review), None)
        return told

    async def _send(self, alert: Alert, begun: Begun, review: Review, account: Account) -> None:
        if _named(review) in self._arrived:
            return
        payment = alert.transaction
        await self.trail.acknowledged(
            Entry(
                action="undo" if review.overrules else "verdict",
                who=account.name,
                role=account.role,
                alert_id=alert.alert_id,
                transaction_id=payment.transaction_id,
                verdict=review.verdict,
                overrules=review.overrules,
                comment=review.comment,
                id=f"{review.key}-{review.decided_ms}",
            )
        )
        if not await self.reviews.still(begun):
            raise UnavailableError("it took too long to send the verdict, and it was not sent")
        value = verdict_message(alert, review)
        await self.outbox.send(self.feedback_topic, value, payment.card_id)
        self._arrived[_named(review)] = None
        while len(self._arrived) > _REMEMBERED:
            del self._arrived[next(iter(self._arrived))]


def _entry(alert: Alert, review: Review) -> JudgedAlert:
    said = review.who, review.verdict, review.decided_ms
    return judged_alert(alert, *said, is_correction=bool(review.overrules))


def _named(review: Review) -> tuple[str, str, int]:
    return review.alert_id, review.key, review.decided_ms
