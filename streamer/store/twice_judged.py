"""Alerts that were drawn for a second opinion: who may give it, what was said, and who rules.

An alert waits from the step that closes it.  The second opinion is written down, told on the audit
topic and marked, like a verdict; where it is the first, that is all.  Where it differs the alert is
*split*, until a lead who gave neither rules: what the ruling says becomes the alert's verdict.

Invariants:
* Nobody gives a second opinion on what they judged, or rules on what they gave an opinion on.
* A ruling is decided later than the first verdict.
* A second opinion is begun when the first verdict can be taken back no more.
* At most `MOST_PENDING` wait; what is drawn beyond that is counted, and asked of nobody.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from streamer.store.card_alerts import KEPT_MS
from streamer.store.client import Client, Pipe, asked
from streamer.store.judged_alerts import JudgedAlert, queue_judged
from streamer.store.keys import Keys
from streamer.store.open_alerts import QueueRow
from streamer.store.review_record import (
    UNDO_MS,
    Begun,
    Review,
    later,
    moment,
    queue_sending,
    settled,
)

__all__ = [
    "MOST_PENDING",
    "Pair",
    "Task",
    "Twice",
    "TwiceJudged",
    "latest_pairs",
    "queue_twice",
]

MOST_PENDING: Final = 500
"""Alerts that wait for a second opinion or a ruling at a time."""

Task = Literal["", "second", "ruling"]
"""What somebody may do with an alert that was drawn: nothing, give a second opinion, or rule."""

_MOST_PAIRS: Final = 10_000


class Twice(msgspec.Struct, frozen=True, omit_defaults=True):
    """An alert that was drawn.  ``first`` gave the verdict of ``since_ms`` on it.

    ``first_verdict`` is told once there is a second opinion.  ``second`` and ``ruling`` may be written
    down and not yet sent.
    """

    row: QueueRow
    first: str
    since_ms: int
    is_sampled: bool = False
    state: Literal["waiting", "agreed", "split", "ruled"] = "waiting"
    first_verdict: Literal["", "fraud", "legitimate"] = ""
    second: Review | None = None
    ruling: Review | None = None

    def task_of(self, who: str, *, is_lead: bool) -> Task:
        """Return what ``who`` may do with it: two ways to write a name are one person."""
        others = {self.first.lower()}
        if self.state == "waiting":
            return "" if who.lower() in others else "second"
        others |= {self.second.who.lower()} if self.second else set()
        return "ruling" if self.state == "split" and is_lead and who.lower() not in others else ""

    def said_by(self, task: Task) -> Review | None:
        """Return what was said, or is being sent, in a task."""
        return {"": None, "second": self.second, "ruling": self.ruling}[task]


class Pair(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Two verdicts on one alert, and the ruling where they differed and somebody has ruled."""

    alert_id: str
    first_who: str
    first: Literal["fraud", "legitimate"]
    second_who: str
    second: Literal["fraud", "legitimate"]
    decided_ms: int
    is_sampled: bool = False
    ruling: Literal["", "fraud", "legitimate"] = ""
    ruled_by: str = ""


def queue_twice(pipe: Pipe, keys: Keys, drawn: Twice, *, is_full: bool) -> None:
    """Let an alert that is being closed wait for a second opinion, in the transaction of ``pipe``."""
    if is_full:
        pipe.execute_command("HINCRBY", keys.review("counts"), "not asked twice", 1)
        return
    alert_id = drawn.row.alert_id
    place = keys.review("twice", alert_id)
    pipe.execute_command("SET", place, msgspec.json.encode(drawn), "PX", KEPT_MS)
    pipe.execute_command("ZADD", keys.review("twices"), drawn.since_ms, alert_id)
    _queue_kept(pipe, keys, alert_id)


def _queue_kept(pipe: Pipe, keys: Keys, alert_id: str) -> None:
    """Keep an alert and the verdict on it as long as what is noted of it here."""
    for name in ("alert", "verdict"):
        pipe.execute_command("PEXPIRE", keys.review(name, alert_id), KEPT_MS)


def latest_pairs(pairs: Iterable[Pair]) -> list[Pair]:
    """Return of each alert the latest entry, in the order of ``pairs``, which are newest first."""
    latest: dict[str, Pair] = {}
    for pair in pairs:
        latest.setdefault(pair.alert_id, pair)
    return list(latest.values())


@dataclass(frozen=True, slots=True)
class TwiceJudged:
    """Those of one namespace; each method raises `UnavailableError` where Redis is away."""

    client: Client

    async def of(self, alert_id: str) -> Twice | None:
        """Return an alert that was drawn within thirty days, None for another."""
        command = "GET", self.client.keys.review("twice", alert_id)
        [stored] = await self.client.pipelined([command], atomic=False)
        return _decoded(stored)

    async def pending(self) -> list[Twice]:
        """Return what waits for a second opinion or a ruling, the longest first."""
        keys = self.client.keys
        command = "ZRANGE", keys.review("twices"), 0, -1
        [found] = await self.client.pipelined([command], atomic=False)
        if not found:
            return []
        ids = [each.decode() for each in found]
        places = [keys.review("twice", alert_id) for alert_id in ids]
        [stored] = await self.client.pipelined([("MGET", *places)], atomic=False)
        pairs = zip(ids, map(_decoded, stored), strict=True)
        kept = [(alert_id, twice) for alert_id, twice in pairs]
        over = [alert_id for alert_id, twice in kept if twice is None]
        if over:
            # Nobody gave one within thirty days.
            await self.client.pipelined([("ZREM", keys.review("twices"), *over)], atomic=False)
        return [twice for _, twice in kept if twice is not None]

    async def not_asked(self) -> int:
        """Return how many were drawn while too many waited."""
        command = "HGET", self.client.keys.review("counts"), "not asked twice"
        [count] = await self.client.pipelined([command], atomic=False)
        return int(count or 0)

    async def pairs(self) -> list[Pair]:
        """Return the latest pairs, newest first, each alert once."""
        command = "XREVRANGE", self.client.keys.review("pairs"), "+", "-", "COUNT", _MOST_PAIRS
        [found] = await self.client.pipelined([command], atomic=False)
        return latest_pairs(msgspec.json.decode(fields[b"pair"], type=Pair) for _, fields in found)

    async def begin(self, wanted: Review, task: Task, for_ms: int, *, is_lead: bool) -> Begun:
        """Write an opinion or a ruling down, to be sent, if it is ``wanted.who``'s to give.

        One that was begun and never acknowledged may be replaced by another, decided later.
        """
        keys, alert_id = self.client.keys, wanted.alert_id
        names = "twice", "verdict", "claim", "sending"
        place, verdict, claim, sending = (keys.review(name, alert_id) for name in names)

        async def attempt(pipe: Pipe) -> Begun:
            twice = _decoded(await asked(pipe, "GET", place))
            first = _review(await asked(pipe, "GET", verdict))
            if twice is None or first is None:
                return Begun("gone")
            stored = twice.said_by(task)
            known = await settled(pipe, stored, wanted, sending)
            if known is not None:
                return known
            if twice.task_of(wanted.who, is_lead=is_lead) != task or not _is_final(first, wanted):
                return Begun("closed")
            holder = await asked(pipe, "GET", claim)
            if holder is not None and holder.decode() != wanted.who:
                return Begun("held", holder=holder.decode())
            begun = wanted if stored is None else later(stored, wanted)
            if task == "ruling":
                # Of two verdicts the later decision stands; this console's clock may be behind.
                at = max(begun.decided_ms, first.decided_ms + 1)
                begun = msgspec.structs.replace(begun, decided_ms=at)
            noted = (
                msgspec.structs.replace(twice, second=begun)
                if task == "second"
                else msgspec.structs.replace(twice, ruling=begun)
            )
            pipe.multi()
            pipe.execute_command("SET", claim, wanted.who, "PX", for_ms)
            _queue_kept(pipe, keys, alert_id)
            return queue_sending(pipe, place, msgspec.json.encode(noted), sending, begun)

        return await self.client.transact([place, verdict, claim, sending], attempt)

    async def acknowledged(self, review: Review, task: Task, entry: JudgedAlert) -> Begun:
        """Mark an opinion or a ruling as sent, and what follows from it, in one step.

        A ruling that differs from the first verdict stands in its place, with ``entry`` in the log.
        """
        keys, alert_id = self.client.keys, review.alert_id
        place, verdict = (keys.review(name, alert_id) for name in ("twice", "verdict"))

        async def attempt(pipe: Pipe) -> Begun:
            twice = _decoded(await asked(pipe, "GET", place))
            first = _review(await asked(pipe, "GET", verdict))
            stored = None if twice is None else twice.said_by(task)
            if twice is None or first is None or stored is None or moment(stored) != moment(review):
                return Begun("closed" if stored else "gone", stored)
            if stored.is_sent:
                return Begun("sent", stored)
            sent = msgspec.structs.replace(stored, is_sent=True)
            done = _after(twice, first, task, sent)
            pipe.multi()
            pipe.execute_command("SET", place, msgspec.json.encode(done), "PX", KEPT_MS)
            _queue_kept(pipe, keys, alert_id)
            names = "claim", "sending"
            pipe.execute_command("DEL", *(keys.review(name, alert_id) for name in names))
            if done.state != "split":
                pipe.execute_command("ZREM", keys.review("twices"), alert_id)
            value = msgspec.json.encode(_pair(done))
            pipe.execute_command(
                "XADD", keys.review("pairs"), "MAXLEN", _MOST_PAIRS, "*", "pair", value
            )
            if task == "ruling" and sent.verdict != first.verdict:
                stands = msgspec.structs.replace(sent, overrules=first.verdict)
                pipe.execute_command("SET", verdict, msgspec.json.encode(stands), "PX", KEPT_MS)
                queue_judged(pipe, keys, entry)
            return Begun("sent", sent)

        return await self.client.transact([place, verdict], attempt)


def _is_final(first: Review, wanted: Review) -> bool:
    """Whether the first verdict can be taken back no more, so that another may be held against it."""
    return first.is_sent and (
        bool(first.overrules) or wanted.decided_ms - first.decided_ms > UNDO_MS
    )


def _after(twice: Twice, first: Review, task: Task, sent: Review) -> Twice:
    """Return what becomes of an alert by an opinion or a ruling that was sent."""
    if task == "ruling":
        return msgspec.structs.replace(twice, ruling=sent, state="ruled")
    state: Literal["agreed", "split"] = "agreed" if sent.verdict == first.verdict else "split"
    return msgspec.structs.replace(twice, second=sent, state=state, first_verdict=first.verdict)


def _pair(twice: Twice) -> Pair:
    second, ruling = twice.second, twice.ruling
    assert second is not None  # noqa: S101 - what is paired was judged twice
    assert twice.first_verdict  # noqa: S101
    return Pair(
        alert_id=twice.row.alert_id,
        first_who=twice.first,
        first=twice.first_verdict,
        second_who=second.who,
        second=second.verdict,
        decided_ms=second.decided_ms,
        is_sampled=twice.is_sampled,
        ruling=ruling.verdict if ruling is not None and ruling.is_sent else "",
        ruled_by=ruling.who if ruling is not None and ruling.is_sent else "",
    )


def _decoded(stored: bytes | None) -> Twice | None:
    return None if stored is None else msgspec.json.decode(stored, type=Twice)


def _review(stored: bytes | None) -> Review | None:
    return None if stored is None else msgspec.json.decode(stored, type=Review)
