"""What was decided on an alert: one verdict by who has it (`alert_claims`), and what overrules it.

A verdict is written down before it is sent and marked when Kafka has acknowledged it; what was written
and not marked is sent again as it was, with the same time, which changes nothing if it had arrived.

Invariants:
* An alert has at most one holder, and only the holder, or who finds it free, decides on it.
* A verdict that was acknowledged is never sent again, and of one only one attempt at a time is under
  way: an attempt whose lock has run out sends nothing more (`still`), and each ends only its own.
* A correction follows a verdict of the same person within a minute, once, and is decided later than it.
* What overrules a verdict says the other one, is decided later, and is of the verdict that was shown:
  of two who overrule the same one the first is heard.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from streamer.store.card_alerts import KEPT_MS
from streamer.store.client import Client, Pipe, asked
from streamer.store.judged_alerts import JudgedAlert, queue_judged
from streamer.store.open_alerts import queue_close
from streamer.store.review_record import (
    SENDING_MS,
    UNDO_MS,
    Begun,
    Review,
    is_same,
    later,
    moment,
    queue_sending,
    settled,
    undo_key,
)
from streamer.store.twice_judged import MOST_PENDING, Twice, queue_twice

__all__ = ["SENDING_MS", "UNDO_MS", "Begun", "Review", "Reviews", "undo_key"]


@dataclass(frozen=True, slots=True)
class Reviews:
    """Verdicts; each method raises `UnavailableError` where Redis is away."""

    client: Client

    async def review(self, alert_id: str) -> Review | None:
        """Return what was decided on an alert, sent or not."""
        command = "GET", self.client.keys.review("verdict", alert_id)
        [stored] = await self.client.pipelined([command], atomic=False)
        return _decoded(stored)

    async def begin(self, wanted: Review, for_ms: int) -> Begun:
        """Write a verdict down, to be sent, if the alert is open and nobody else's.

        A verdict that was begun and never acknowledged may be replaced by another, decided later.
        """
        keys = self.client.keys
        verdict, claim, sending, alert = self._watched(wanted.alert_id)

        async def attempt(pipe: Pipe) -> Begun:
            stored = _decoded(await asked(pipe, "GET", verdict))
            known = await settled(pipe, stored, wanted, sending)
            if known is not None:
                return known
            holder = await asked(pipe, "GET", claim)
            if holder is not None and holder.decode() != wanted.who:
                return Begun("held", holder=holder.decode())
            if await asked(pipe, "ZSCORE", keys.review("ranked"), wanted.alert_id) is None:
                return Begun("gone")
            begun = wanted if stored is None else later(stored, wanted)
            pipe.multi()
            pipe.execute_command("SET", claim, wanted.who, "PX", for_ms)
            return queue_sending(pipe, verdict, msgspec.json.encode(begun), sending, begun)

        return await self.client.transact([verdict, claim, sending, alert], attempt)

    async def correct(self, wanted: Review, now_ms: int) -> Begun:
        """Write down the other verdict of the same person, within a minute of the first."""
        verdict, _, sending, _ = self._watched(wanted.alert_id)

        async def attempt(pipe: Pipe) -> Begun:
            stored = _decoded(await asked(pipe, "GET", verdict))
            if stored is None:
                return Begun("gone")
            if stored.key == wanted.key or not stored.is_sent:
                return await _gone_on(pipe, stored, wanted, sending, verdict)
            is_named = wanted.key == undo_key(stored)
            if stored.who != wanted.who or stored.overrules or not is_named:
                return Begun("closed", stored)
            if now_ms - stored.decided_ms > UNDO_MS:
                return Begun("late", stored)
            other: Literal["fraud", "legitimate"] = (
                "legitimate" if stored.verdict == "fraud" else "fraud"
            )
            begun = msgspec.structs.replace(
                later(stored, wanted),
                verdict=other,
                overrules=stored.verdict,
                comment=stored.comment,
            )
            pipe.multi()
            return queue_sending(pipe, verdict, msgspec.json.encode(begun), sending, begun)

        return await self.client.transact([verdict, sending], attempt)

    async def overrule(self, wanted: Review, stands_ms: int) -> Begun:
        """Write down the other verdict than the one of ``stands_ms``, whoever gave that and when."""
        verdict, _, sending, _ = self._watched(wanted.alert_id)

        async def attempt(pipe: Pipe) -> Begun:
            stored = _decoded(await asked(pipe, "GET", verdict))
            if stored is None:
                return Begun("gone")
            if stored.key == wanted.key or not stored.is_sent:
                return await _gone_on(pipe, stored, wanted, sending, verdict)
            if stored.decided_ms != stands_ms or stored.verdict == wanted.verdict:
                return Begun("closed", stored)
            begun = msgspec.structs.replace(later(stored, wanted), overrules=stored.verdict)
            pipe.multi()
            return queue_sending(pipe, verdict, msgspec.json.encode(begun), sending, begun)

        return await self.client.transact([verdict, sending], attempt)

    async def acknowledged(
        self, review: Review, entry: JudgedAlert, drawn: Twice | None = None
    ) -> Begun:
        """Mark a verdict as sent, close its alert, and write ``entry`` of it to the log.

        Where it is ``drawn``, and not too many are, it waits for a second opinion from then on.
        Returns "sent", or "closed" where another stands.
        """
        keys = self.client.keys
        verdict, claim, sending, _ = self._watched(review.alert_id)

        async def attempt(pipe: Pipe) -> Begun:
            stored = _decoded(await asked(pipe, "GET", verdict))
            if stored is None or moment(stored) != moment(review):
                return Begun("closed" if stored else "gone", stored)
            if stored.is_sent:
                return Begun("sent", stored)
            sent = msgspec.structs.replace(stored, is_sent=True)
            is_full = await asked(pipe, "ZCARD", keys.review("twices")) >= MOST_PENDING
            pipe.multi()
            pipe.execute_command("SET", verdict, msgspec.json.encode(sent), "PX", KEPT_MS)
            pipe.execute_command("DEL", claim, sending)
            queue_judged(pipe, keys, entry)
            if not review.overrules:
                queue_close(pipe, keys, review.alert_id)
                pipe.execute_command("HINCRBY", keys.review("counts"), "judged", 1)
                if drawn is not None:
                    queue_twice(pipe, keys, drawn, is_full=is_full)
            return Begun("sent", sent)

        return await self.client.transact([verdict], attempt)

    async def still(self, begun: Begun) -> bool:
        """Whether an attempt is the one under way, and say that it is for `SENDING_MS` from now on."""
        sending = self._sending(begun)

        async def attempt(pipe: Pipe) -> bool:
            if await asked(pipe, "GET", sending) != begun.attempt.encode():
                return False
            pipe.multi()
            pipe.execute_command("PEXPIRE", sending, SENDING_MS)
            return True

        return await self.client.transact([sending], attempt)

    async def given_up(self, begun: Begun) -> None:
        """Say that an attempt has ended without an acknowledgement: another may begin."""
        sending = self._sending(begun)

        async def attempt(pipe: Pipe) -> None:
            # After its time another's may be under way.
            if await asked(pipe, "GET", sending) == begun.attempt.encode():
                pipe.multi()
                pipe.execute_command("DEL", sending)

        await self.client.transact([sending], attempt)

    def _sending(self, begun: Begun) -> str:
        alert_id = "" if begun.review is None else begun.review.alert_id
        return self.client.keys.review("sending", alert_id)

    def _watched(self, alert_id: str) -> tuple[str, str, str, str]:
        names = "verdict", "claim", "sending", "alert"
        verdict, claim, sending, alert = (self.client.keys.review(n, alert_id) for n in names)
        return verdict, claim, sending, alert


async def _gone_on(pipe: Pipe, stored: Review, wanted: Review, sending: str, verdict: str) -> Begun:
    """Return what becomes of a form that came before, or while another is being sent."""
    known = await settled(pipe, stored, wanted, sending)
    if known is not None:
        return known
    if not is_same(stored, wanted):
        return Begun("closed", stored)
    pipe.multi()
    return queue_sending(pipe, verdict, msgspec.json.encode(stored), sending, stored)


def _decoded(stored: bytes | None) -> Review | None:
    return None if stored is None else msgspec.json.decode(stored, type=Review)
