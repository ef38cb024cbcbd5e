"""Who has an alert, and what was decided on it: one holder, one verdict, one correction.

A claim is a key that Redis itself lets expire, so that the clocks of several consoles do not matter.
A verdict is written down before it is sent and marked when Kafka has acknowledged it; what was written
and not marked is sent again as it was, with the same time, which changes nothing if it had arrived.

Invariants:
* An alert has at most one holder, and only the holder, or who finds it free, decides on it.
* A verdict that was acknowledged is never sent again, and of one only one attempt at a time is under
  way while the attempt's own time limit is below `SENDING_MS`.
* A correction follows a verdict of the same person within a minute, is decided later than it, and is
  the last word of this console.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from streamer.store.client import Client, Pipe, asked
from streamer.store.judged_alerts import JudgedAlert, queue_judged
from streamer.store.open_alerts import queue_close

__all__ = ["SENDING_MS", "UNDO_MS", "Begun", "Claimed", "Review", "Reviews"]

SENDING_MS: Final = 30_000
UNDO_MS: Final = 60_000
_KEPT_MS: Final = 7 * 86_400_000


class Review(msgspec.Struct, frozen=True, omit_defaults=True):
    """A verdict of a person.  ``key`` names the form it came by; ``overrules`` what it corrects."""

    alert_id: str
    key: str
    verdict: Literal["fraud", "legitimate"]
    who: str
    decided_ms: int
    comment: str = ""
    overrules: str = ""
    is_sent: bool = False


@dataclass(frozen=True, slots=True)
class Claimed:
    """Whose an alert is: ``holder`` is empty where it is open no more."""

    holder: str
    left_ms: int = 0


@dataclass(frozen=True, slots=True)
class Begun:
    """What may be done with a verdict.

    ``send``: send ``review``.  ``sent``: the same decision was, by the same form.  ``sending``: an
    attempt is under way.  ``closed``: ``review`` stands.  ``held``: the alert is ``holder``'s.
    ``late``: too late to correct.  ``gone``: it is in the queue no more.
    """

    outcome: Literal["send", "sent", "sending", "closed", "held", "late", "gone"]
    review: Review | None = None
    holder: str = ""


@dataclass(frozen=True, slots=True)
class Reviews:
    """Claims and verdicts; each method raises `UnavailableError` where Redis is away."""

    client: Client

    async def claim(self, alert_id: str, who: str, for_ms: int) -> Claimed:
        """Give an open alert to ``who`` for so long, unless another has it; return whose it is."""
        keys = self.client.keys
        claim, alert = keys.review("claim", alert_id), keys.review("alert", alert_id)

        async def attempt(pipe: Pipe) -> Claimed:
            if await asked(pipe, "ZSCORE", keys.review("ranked"), alert_id) is None:
                return Claimed("")
            holder = await asked(pipe, "GET", claim)
            if holder is not None and holder.decode() != who:
                return Claimed(holder.decode(), max(int(await asked(pipe, "PTTL", claim)), 0))
            pipe.multi()
            pipe.execute_command("SET", claim, who, "PX", for_ms)
            return Claimed(who, for_ms)

        return await self.client.transact([claim, alert], attempt)

    async def release(self, alert_id: str, who: str, *, whoever: bool = False) -> bool:
        """Let go of an alert; False where it is not ``who``'s.  ``whoever``: another's too."""
        claim = self.client.keys.review("claim", alert_id)

        async def attempt(pipe: Pipe) -> bool:
            holder = await asked(pipe, "GET", claim)
            if holder is None or (holder.decode() != who and not whoever):
                return False
            pipe.multi()
            pipe.execute_command("DEL", claim)
            return True

        return await self.client.transact([claim], attempt)

    async def holders(self, alert_ids: Sequence[str]) -> list[str]:
        """Return who has each alert, "" for nobody."""
        if not alert_ids:
            return []
        claims = [self.client.keys.review("claim", alert_id) for alert_id in alert_ids]
        [found] = await self.client.pipelined([("MGET", *claims)], atomic=False)
        return ["" if holder is None else holder.decode() for holder in found]

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
            settled = await _settled(pipe, stored, wanted, sending)
            if settled is not None:
                return settled
            holder = await asked(pipe, "GET", claim)
            if holder is not None and holder.decode() != wanted.who:
                return Begun("held", holder=holder.decode())
            if await asked(pipe, "ZSCORE", keys.review("ranked"), wanted.alert_id) is None:
                return Begun("gone")
            begun = wanted if stored is None else _after(stored, wanted)
            pipe.multi()
            pipe.execute_command("SET", claim, wanted.who, "PX", for_ms)
            _queue_sending(pipe, verdict, sending, begun)
            return Begun("send", begun)

        return await self.client.transact([verdict, claim, sending, alert], attempt)

    async def correct(self, wanted: Review, now_ms: int) -> Begun:
        """Write down the other verdict of the same person, within a minute of the first."""
        verdict, _, sending, _ = self._watched(wanted.alert_id)

        async def attempt(pipe: Pipe) -> Begun:
            stored = _decoded(await asked(pipe, "GET", verdict))
            if stored is None:
                return Begun("gone")
            if stored.key == wanted.key or not stored.is_sent:
                settled = await _settled(pipe, stored, wanted, sending)
                if settled is not None:
                    return settled
                if not _is_same(stored, wanted):
                    return Begun("closed", stored)
                pipe.multi()
                _queue_sending(pipe, verdict, sending, stored)
                return Begun("send", stored)
            if stored.who != wanted.who or stored.overrules:
                return Begun("closed", stored)
            if now_ms - stored.decided_ms > UNDO_MS:
                return Begun("late", stored)
            other: Literal["fraud", "legitimate"] = (
                "legitimate" if stored.verdict == "fraud" else "fraud"
            )
            begun = msgspec.structs.replace(
                _after(stored, wanted),
                verdict=other,
                overrules=stored.verdict,
                comment=stored.comment,
            )
            pipe.multi()
            _queue_sending(pipe, verdict, sending, begun)
            return Begun("send", begun)

        return await self.client.transact([verdict, sending], attempt)

    async def acknowledged(self, review: Review, entry: JudgedAlert) -> None:
        """Mark a verdict as sent, close its alert, and write ``entry`` of it to the log."""
        keys = self.client.keys
        verdict, claim, sending, _ = self._watched(review.alert_id)

        async def attempt(pipe: Pipe) -> None:
            stored = _decoded(await asked(pipe, "GET", verdict))
            if stored is None or stored.is_sent or _moment(stored) != _moment(review):
                return
            sent = msgspec.structs.replace(stored, is_sent=True)
            pipe.multi()
            pipe.execute_command("SET", verdict, msgspec.json.encode(sent), "PX", _KEPT_MS)
            pipe.execute_command("DEL", claim, sending)
            queue_close(pipe, keys, review.alert_id)
            queue_judged(pipe, keys, entry)
            if not review.overrules:
                pipe.execute_command("HINCRBY", keys.review("counts"), "judged", 1)

        await self.client.transact([verdict], attempt)

    async def given_up(self, review: Review) -> None:
        """Say that the attempt has ended without an acknowledgement: another may begin."""
        command = "DEL", self.client.keys.review("sending", review.alert_id)
        await self.client.pipelined([command], atomic=False)

    def _watched(self, alert_id: str) -> tuple[str, str, str, str]:
        names = "verdict", "claim", "sending", "alert"
        verdict, claim, sending, alert = (self.client.keys.review(n, alert_id) for n in names)
        return verdict, claim, sending, alert


async def _settled(pipe: Pipe, stored: Review | None, wanted: Review, sending: str) -> Begun | None:
    """Return what has become of a verdict where there is nothing to send; None where there may be."""
    if stored is None:
        return None
    if stored.is_sent:
        return Begun("sent" if _is_same(stored, wanted) else "closed", stored)
    if await asked(pipe, "EXISTS", sending):
        return Begun("sending", stored)
    # A correction that has not arrived is sent as it is, or not at all.
    return Begun("closed", stored) if stored.overrules and stored.key != wanted.key else None


def _is_same(stored: Review, wanted: Review) -> bool:
    """Whether ``wanted`` is the decision in ``stored``: another verdict or comment is another one.

    What a correction says follows from what it corrects, so its form alone names it.
    """
    if (stored.key, stored.who) != (wanted.key, wanted.who):
        return False
    said = stored.verdict, stored.comment
    return bool(stored.overrules) or said == (wanted.verdict, wanted.comment)


def _moment(review: Review) -> tuple[str, int]:
    return review.key, review.decided_ms


def _after(stored: Review, wanted: Review) -> Review:
    """Return what is to be sent: ``stored`` as it was, or a new decision with a later time.

    Of two verdicts the later decision stands.
    """
    if _is_same(stored, wanted):
        return stored
    at = max(wanted.decided_ms, stored.decided_ms + 1)
    return msgspec.structs.replace(wanted, decided_ms=at)


def _queue_sending(pipe: Pipe, verdict: str, sending: str, review: Review) -> None:
    pipe.execute_command("SET", verdict, msgspec.json.encode(review), "PX", _KEPT_MS)
    pipe.execute_command("SET", sending, review.key, "PX", SENDING_MS)


def _decoded(stored: bytes | None) -> Review | None:
    return None if stored is None else msgspec.json.decode(stored, type=Review)
