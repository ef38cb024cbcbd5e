"""Alerts that wait for a reviewer: each once, ranked, and no more than there is room for.

Invariants:
* An alert comes into the queue once: its id is remembered, also when it is judged or has made room, for
  the last `_REMEMBERED` times as many alerts as there is room for.  Whoever reads the topic again, or
  beside another, adds nothing.
* How far the topic's partitions were read is written in the same step as what was read: a Redis that
  was emptied, or is older than it was, has no position beyond what it has.
* What is claimed makes no room for others, nor what has a verdict that Kafka has not confirmed.
* An alert that was looked up in its topic is put back only by who claims it, in one step
  (`alert_claims`).
* Rank, age, row and the alert itself are written and removed in one step.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import msgspec

from streamer.contract.messages import Alert
from streamer.store.card_alerts import queue_card_alert
from streamer.store.client import Client, Pipe, asked
from streamer.store.keys import Keys

__all__ = ["OpenAlerts", "QueueCounts", "QueueRow", "queue_again", "queue_close", "row_of"]

_SEVERITIES: Final = {"medium": 1, "high": 2, "critical": 3}
_REMEMBERED: Final = 20
# Of the oldest alerts, those that somebody holds or whose verdict is not confirmed.
_MOST_CLAIMED: Final = 200
# An alert that was judged can be looked at for a day.
_JUDGED_KEPT_MS: Final = 86_400_000


class QueueRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a list shows of an alert, and is filtered by.  Times are epoch milliseconds.

    ``is_sampled`` is None in rows from before there was such a field.
    """

    alert_id: str
    severity: str
    score: float
    amount: float
    currency: str
    event_ms: int
    scored_ms: int
    ranked_by: str
    feature: str = ""
    sentence: str = ""
    merchant_id: str = ""
    country: str = ""
    wave_id: str = ""
    wave_alerts: int = 1
    card_id: str = ""
    transaction_id: str = ""
    other_card_ids: list[str] = []
    is_sampled: bool | None = None


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """How many alerts are open, and what has become of all that ever came."""

    open: int
    arrived: int
    judged: int
    dropped: int


def row_of(alert: Alert) -> QueueRow:
    """Return an alert's row; the reason is the one that adds most."""
    first = alert.reasons[0] if alert.reasons else None
    return QueueRow(
        alert_id=alert.alert_id,
        severity=alert.severity,
        score=alert.score,
        amount=alert.transaction.amount,
        currency=alert.transaction.currency,
        event_ms=round(alert.event_time.timestamp() * 1000),
        scored_ms=round(alert.scored_at.timestamp() * 1000),
        ranked_by=alert.ranked_by,
        feature=first.feature if first else "",
        sentence=first.sentence if first else "",
        merchant_id=alert.transaction.merchant_id or "",
        country=alert.transaction.country or "",
        wave_id=alert.wave_id or "",
        wave_alerts=alert.wave_alerts or 1,
        card_id=alert.transaction.card_id,
        transaction_id=alert.transaction.transaction_id,
        other_card_ids=alert.other_card_ids,
        is_sampled=alert.sampled,
    )


@dataclass(frozen=True, slots=True)
class OpenAlerts:
    """The queue of one namespace; each method raises `UnavailableError` where Redis is away."""

    client: Client
    capacity: int

    async def add(
        self,
        alerts: Sequence[tuple[Alert, bytes]],
        now_ms: int,
        places: Mapping[str, tuple[int | None, int]] = MappingProxyType({}),
    ) -> int | None:
        """Add alerts with their messages, and return how many had never come; the oldest make room.

        ``places`` has of each partition where Redis is believed to be and where it is now.  Where it
        is behind what is believed, nothing is added and None returned.
        """
        keys, by_id = self.client.keys, {alert.alert_id: (alert, raw) for alert, raw in alerts}
        known, read = keys.review("known"), keys.review("read")

        async def attempt(pipe: Pipe) -> int | None:
            stored = await asked(pipe, "HMGET", read, *places) if places else []
            for (believed, _), position in zip(places.values(), stored, strict=True):
                if believed is not None and int(position or -1) < believed:
                    return None
            scores = await asked(pipe, "ZMSCORE", known, *by_id) if by_id else []
            new = [
                place for place, score in zip(by_id.values(), scores, strict=True) if score is None
            ]
            pipe.multi()
            for name, (_, position) in places.items():
                pipe.execute_command("HSET", read, name, position)
            for alert, raw in new:
                _queue_alert(pipe, keys, row_of(alert), raw, now_ms)
                queue_card_alert(pipe, keys, alert)
            if new:
                pipe.execute_command("ZREMRANGEBYRANK", known, 0, -_REMEMBERED * self.capacity - 1)
                counts = keys.review("counts")
                pipe.execute_command("HINCRBY", counts, "arrived", len(new))
                n_drawn = sum(alert.sampled for alert, _ in new)
                pipe.execute_command("HINCRBY", counts, "drawn", n_drawn)
            return len(new)

        n_new = await self.client.transact([known, read], attempt)
        await self._make_room()
        return n_new

    async def reached(self) -> dict[str, int]:
        """Return how far each partition was read, as of what is here."""
        command = "HGETALL", self.client.keys.review("read")
        [stored] = await self.client.pipelined([command], atomic=False)
        return {name.decode(): int(position) for name, position in stored.items()}

    async def rows(
        self, known: Mapping[str, QueueRow] = MappingProxyType({})
    ) -> tuple[QueueCounts, list[QueueRow]]:
        """Return the rows of all open alerts, the highest rank first, with their counts.

        Those in ``known`` are not asked for: a row never changes.
        """
        keys = self.client.keys
        ranked, *counted = await self.client.pipelined(
            [("ZREVRANGE", keys.review("ranked"), 0, -1), *self._counting()], atomic=True
        )
        ids = [each.decode() for each in ranked]
        found = {each: known[each] for each in ids if each in known}
        missing = [each for each in ids if each not in found]
        if missing:
            command = "HMGET", keys.review("rows"), *missing
            [stored] = await self.client.pipelined([command], atomic=False)
            decode = msgspec.json.Decoder(QueueRow).decode
            # What was judged meanwhile is there no more.
            pairs = zip(missing, stored, strict=True)
            found |= {each: decode(row) for each, row in pairs if row is not None}
        return _counts(counted), [found[each] for each in ids if each in found]

    async def alert(self, alert_id: str) -> bytes | None:
        """Return an alert's message; None where it was never here or is here no more."""
        command = "GET", self.client.keys.review("alert", alert_id)
        [packed] = await self.client.pipelined([command], atomic=False)
        return None if packed is None else zlib.decompress(packed)

    async def was_here(self, alert_id: str) -> bool:
        """Whether an alert with this id has come, as far as that is remembered."""
        command = "ZSCORE", self.client.keys.review("known"), alert_id
        [score] = await self.client.pipelined([command], atomic=False)
        return score is not None

    async def n_drawn(self) -> int:
        """Return how many of those that came were drawn from below the threshold."""
        command = "HGET", self.client.keys.review("counts"), "drawn"
        [count] = await self.client.pipelined([command], atomic=False)
        return int(count or 0)

    async def counts(self) -> QueueCounts:
        """Return how many are open, and how many came, were judged, and were dropped."""
        return _counts(await self.client.pipelined(self._counting(), atomic=True))

    def _counting(self) -> list[tuple[Any, ...]]:
        keys = self.client.keys
        names = "arrived", "judged", "dropped"
        counted = [("HGET", keys.review("counts"), name) for name in names]
        return [("ZCARD", keys.review("ranked")), *counted]

    async def _make_room(self) -> None:
        keys = self.client.keys
        arrived = keys.review("arrived")

        async def attempt(pipe: Pipe) -> None:
            n_over = int(await asked(pipe, "ZCARD", arrived)) - self.capacity
            if n_over <= 0:
                return
            found = await asked(pipe, "ZRANGE", arrived, 0, n_over + _MOST_CLAIMED)
            oldest = [alert_id.decode() for alert_id in found]
            names = "claim", "verdict"
            kept = [keys.review(name, alert_id) for name in names for alert_id in oldest]
            # Who claims or judges one of them from here on lets this begin anew.
            await pipe.watch(*kept)
            found = await asked(pipe, "MGET", *kept)
            pairs = zip(found[: len(oldest)], found[len(oldest) :], strict=True)
            free = [each for each, pair in zip(oldest, pairs, strict=True) if pair == (None, None)]
            pipe.multi()
            for alert_id in free[:n_over]:
                queue_close(pipe, keys, alert_id)
                pipe.execute_command("DEL", keys.review("alert", alert_id))
            pipe.execute_command("HINCRBY", keys.review("counts"), "dropped", len(free[:n_over]))

        await self.client.transact([arrived], attempt)


def _counts(replies: Sequence[bytes | int | None]) -> QueueCounts:
    return QueueCounts(*(int(count or 0) for count in replies))


def _queue_alert(pipe: Pipe, keys: Keys, row: QueueRow, raw: bytes, now_ms: int) -> None:
    pipe.execute_command("SET", keys.review("alert", row.alert_id), zlib.compress(raw))
    pipe.execute_command("ZADD", keys.review("known"), now_ms, row.alert_id)
    _queue_row(pipe, keys, row)


def queue_again(pipe: Pipe, keys: Keys, row: QueueRow) -> None:
    """Queue the writes that put an alert back whose message is kept; it comes no second time."""
    for name in ("alert", "looked"):
        pipe.execute_command("PERSIST", keys.review(name, row.alert_id))
    pipe.execute_command("ZADD", keys.review("known"), "NX", row.scored_ms, row.alert_id)
    _queue_row(pipe, keys, row)


def _queue_row(pipe: Pipe, keys: Keys, row: QueueRow) -> None:
    rank = 2 * _SEVERITIES[row.severity] + row.score
    pipe.execute_command("ZADD", keys.review("ranked"), rank, row.alert_id)
    pipe.execute_command("ZADD", keys.review("arrived"), row.scored_ms, row.alert_id)
    pipe.execute_command("HSET", keys.review("rows"), row.alert_id, msgspec.json.encode(row))


def queue_close(pipe: Pipe, keys: Keys, alert_id: str) -> None:
    """Queue the writes that take an alert out of the queue; it can be looked at for a while."""
    pipe.execute_command("ZREM", keys.review("ranked"), alert_id)
    pipe.execute_command("ZREM", keys.review("arrived"), alert_id)
    pipe.execute_command("HDEL", keys.review("rows"), alert_id)
    for name in ("alert", "looked"):
        pipe.execute_command("PEXPIRE", keys.review(name, alert_id), _JUDGED_KEPT_MS)
