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

from streamer.audit.audit_entry import Action
from streamer.console.sending.audit_trail import Acting, Trail
from streamer.console.sending.second_draw import is_drawn
from streamer.contract.messages import Alert, Verdict
from streamer.errors import StreamerError, UnavailableError
from streamer.store import Begun, Review
from streamer.store.judged_alerts import JudgedAlert, judged_alert
from streamer.store.open_alerts import row_of
from streamer.store.reviews import Reviews
from streamer.store.twice_judged import Task, Twice, TwiceJudged
from streamer.stream.publishing.acknowledged import Outbox

__all__ = ["Decider", "SecondDraw", "verdict_message"]

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
class SecondDraw:
    """Draws ``share`` of what is judged for a second opinion, by ``key``."""

    key: bytes
    share: float

    def drawn(self, alert: Alert, review: Review) -> Twice | None:
        """Return what waits for a second opinion on ``alert``, None where it is not drawn."""
        if not is_drawn(self.key, alert.alert_id, self.share):
            return None
        # By itself: others of its wave may not have been drawn.
        row = msgspec.structs.replace(row_of(alert), wave_id="", wave_alerts=1)
        return Twice(row, review.who, review.decided_ms, is_sampled=alert.sampled)


@dataclass(frozen=True, slots=True)
class _Way:
    """How something is said: its name on the audit topic, how it begins, and how it is marked.

    What ``is_told`` goes to who learns from verdicts.
    """

    action: Action
    begin: Callable[[], Awaitable[Begun]]
    done: Callable[[Review], Awaitable[Begun]]
    is_told: bool = True


@dataclass(frozen=True, slots=True)
class Decider:
    """Sends verdicts and corrections of people, second opinions and rulings."""

    reviews: Reviews
    outbox: Outbox
    trail: Trail
    feedback_topic: str
    claim_ms: int
    twice: TwiceJudged
    draw: SecondDraw
    # What Kafka has and Redis was away to be told of; the oldest are forgotten.
    _arrived: dict[tuple[str, str, int], None] = field(default_factory=dict)

    async def decide(self, alert: Alert, wanted: Review, acting: Acting) -> Begun:
        """Return what has become of a verdict: "sent" once Kafka has it and the alert is closed.

        Raises `UnavailableError` where Kafka or Redis did not answer; the same ``wanted`` goes on.
        """
        way = _Way(
            "verdict",
            lambda: self.reviews.begin(wanted, self.claim_ms),
            lambda review: self.reviews.acknowledged(
                review, _entry(alert, review), self.draw.drawn(alert, review)
            ),
        )
        return await self._run(alert, acting, way)

    async def correct(self, alert: Alert, wanted: Review, acting: Acting) -> Begun:
        """The same for the opposite of a verdict that the same person gave a moment ago."""
        way = _Way(
            "undo",
            lambda: self.reviews.correct(wanted, wanted.decided_ms),
            lambda review: self.reviews.acknowledged(review, _entry(alert, review)),
        )
        return await self._run(alert, acting, way)

    async def overrule(self, alert: Alert, wanted: Review, stands_ms: int, acting: Acting) -> Begun:
        """The same for the other verdict than the one of ``stands_ms``, at any later time."""
        way = _Way(
            "verdict",
            lambda: self.reviews.overrule(wanted, stands_ms),
            lambda review: self.reviews.acknowledged(review, _entry(alert, review)),
        )
        return await self._run(alert, acting, way)

    async def second(self, alert: Alert, wanted: Review, acting: Acting) -> Begun:
        """The same for a second opinion: it is on the audit topic, and not on that of verdicts."""
        return await self._run(alert, acting, self._way(alert, wanted, "second", acting))

    async def rule(self, alert: Alert, wanted: Review, acting: Acting) -> Begun:
        """The same for a lead's ruling where two opinions differ: a verdict like any other."""
        return await self._run(alert, acting, self._way(alert, wanted, "ruling", acting))

    def _way(self, alert: Alert, wanted: Review, task: Task, acting: Acting) -> _Way:
        is_lead, is_ruling = acting.account.is_lead, task == "ruling"
        return _Way(
            "ruling" if is_ruling else "second opinion",
            lambda: self.twice.begin(wanted, task, self.claim_ms, is_lead=is_lead),
            lambda review: self.twice.acknowledged(
                review, task, _entry(alert, review, is_ruling=True)
            ),
            is_told=is_ruling,
        )

    async def _run(self, alert: Alert, acting: Acting, way: _Way) -> Begun:
        deadline = time.monotonic() + _WAIT_S
        begun = await way.begin()
        while begun.outcome == "sending" and time.monotonic() < deadline:
            await asyncio.sleep(_TICK_S)
            begun = await way.begin()
        if begun.outcome != "send" or begun.review is None:
            return begun
        try:
            await self._send(alert, begun, begun.review, acting, way)
        except StreamerError:
            with suppress(StreamerError):
                await self.reviews.given_up(begun)
            raise
        told = await way.done(begun.review)
        self._arrived.pop(_named(begun.review), None)
        return told

    async def _send(
        self, alert: Alert, begun: Begun, review: Review, acting: Acting, way: _Way
    ) -> None:
        if _named(review) in self._arrived:
            return
        payment = alert.transaction
        await self.trail.acknowledged(
            acting.entry(
                way.action,
                alert_id=alert.alert_id,
                card_id=payment.card_id,
                transaction_id=payment.transaction_id,
                verdict=review.verdict,
                overrules=review.overrules,
                comment=review.comment,
                id=f"{review.key}-{review.decided_ms}",
            )
        )
        if not await self.reviews.still(begun):
            raise UnavailableError("it took too long to send the verdict, and it was not sent")
        if way.is_told:
            value = verdict_message(alert, review)
            await self.outbox.send(self.feedback_topic, value, payment.card_id)
        self._arrived[_named(review)] = None
        while len(self._arrived) > _REMEMBERED:
            del self._arrived[next(iter(self._arrived))]


def _entry(alert: Alert, review: Review, *, is_ruling: bool = False) -> JudgedAlert:
    said = review.who, review.verdict, review.decided_ms
    is_correction = is_ruling or bool(review.overrules)
    return judged_alert(alert, *said, is_correction=is_correction, is_ruling=is_ruling)


def _named(review: Review) -> tuple[str, str, int]:
    return review.alert_id, review.key, review.decided_ms
