"""What must hold of the verdicts in Redis: each in its stream once, in order, and counted.

Knows, as `checker` does, what each record is, and asks the product nothing.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from faust.types import TP

from streamer.store.keys import Keys
from streamer.store.stored import PartitionRecord, partition_record
from tests.simulation.accounts import VerdictAccount
from tests.simulation.loop import OPERATOR
from tests.simulation.payments import Place, is_none, verdicts
from tests.simulation.resets import expected_of

if TYPE_CHECKING:
    from tests.simulation.world import World

__all__ = ["VerdictChecker"]


class VerdictChecker:
    """Looks at one partition of the feedback."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.tp = TP(world.settings.feedback_topic, 0)
        keys = Keys(world.settings.namespace)
        self._record_key = keys.partition(*self.tp)
        self._stream_key = keys.feedback(*self.tp)
        self._dead: set[bytes] = set()

    def appended(self, message: dict[str, Any]) -> None:
        """Check a dead letter that has just been appended."""
        value = message["value"]
        self._expect(is_none(value), f"a dead letter must be no verdict, got {value!r}")
        self._dead.add(value)

    def written(self, account: VerdictAccount, who: str, keys: set[str]) -> None:
        """Check what Redis holds after a write."""
        if self._record_key not in keys:
            return
        data = self._world.redis.data
        before = account.record
        record = partition_record(data[self._record_key], self._record_key)
        account.record = record
        if record == before or record.offset is None:
            return
        if who == OPERATOR:
            self._check_reset(account, before, record)
            return
        first = before.offset
        if first is None:
            first = self._first_read(who, record.log.topic_id)
        stored = self._stored()
        fresh_offsets = self._offsets(record.shift)[len(account.stored) :]
        places = self._read((who, record.log.topic_id), first, record.offset, set(fresh_offsets))
        fresh = [place for place in places if self._is_verdict(place)]
        again = set(fresh) & set(account.stored)
        self._expect(not again, f"verdicts must be stored once, got {sorted(again)} again")
        account.stored += fresh
        account.passed.update(set(places) - set(fresh))
        wanted = [_named(self._value(place)) for place in account.stored]
        self._expect(
            stored == wanted, f"verdicts up to {record.offset} must be {wanted}, got {stored}"
        )
        self._world.checker.reached(self.tp, record.offset)
        self._expect(
            record.n_stored == len(account.stored),
            f"verdicts stored must be counted, {len(account.stored)}, got {record.n_stored}",
        )
        unseen = [
            place
            for place in places
            if self._is_bad(place) and self._value(place) not in self._dead
        ]
        self._expect(not unseen, f"what is no verdict must be on its topic: {unseen}")
        self._world.note(f"{who} has stored verdicts from {first} to {record.offset}")

    def finish(self, account: VerdictAccount) -> None:
        """Every verdict that is in the log has been stored, or given up by an operator."""
        log = self._world.logs[self.tp]
        places = map(log.place, range(log.start, log.end))
        known = {*account.stored, *account.lost, *account.passed}
        missing = [place for place in places if place not in known]
        self._expect(not missing, f"verdicts must be stored, got none of {missing}")

    def _check_reset(
        self, account: VerdictAccount, before: PartitionRecord, record: PartitionRecord
    ) -> None:
        request = self._world.checker.resetting[self.tp]
        target = record.offset
        assert target is not None
        expected = expected_of(before, request, target)
        log = self._world.logs[self.tp]
        self._world.checker.reached(self.tp, target)
        for loss in expected.passed_over:
            account.lost.update(map(log.place, loss.offsets()))
        self._expect(
            record.generation > before.generation,
            f"a reset of verdicts must turn away who reads them, got {record}",
        )
        self._expect(
            record.shift + target >= before.shift + (before.offset or 0),
            f"places of verdicts must go on growing, got {before} and {record}",
        )

    def _first_read(self, who: str, topic_id: str) -> int:
        handed_out = self._world.checker.verdicts_of(who, topic_id)
        return min(handed_out, default=0)

    def _read(self, whose: tuple[str, str], first: int, end: int, stored: set[int]) -> list[Place]:
        """Return what lay where verdicts have been read; retention may have left a gap."""
        handed_out = self._world.checker.verdicts_of(*whose)
        start, places = self._world.logs[self.tp].start, []
        for offset in range(first, end):
            place = handed_out.get(offset)
            is_dead = self._is_bad(place) and self._value(place) in self._dead
            # What the log has no more may have been handed out, and then not been stored.
            if place is not None and (offset in stored or is_dead or offset >= start):
                places.append(place)
            elif place is None:
                self._expect(offset < start, f"verdict {offset} must be read, got {first} to {end}")
        return places

    def _offsets(self, shift: int) -> list[int]:
        """Return under which offsets verdicts are in the stream: an id is it, the shift and 1."""
        entries = self._world.redis.data.get(self._stream_key, [])
        return [int(name.partition(b"-")[0]) - 1 - shift for name, _ in entries]

    def _stored(self) -> list[str]:
        """Return on which transactions there are verdicts in the stream, in its order."""
        entries = self._world.redis.data.get(self._stream_key, [])
        return [_named(fields[b"feedback"]) for _, fields in entries]

    def _value(self, place: Place | None) -> bytes | None:
        if place is None:
            return None
        entry = verdicts(self.tp.partition, place[0])[place[1]]
        return None if entry is None else entry.value

    def _is_verdict(self, place: Place) -> bool:
        return not is_none(self._value(place))

    def _is_bad(self, place: Place | None) -> bool:
        value = self._value(place)
        return value is not None and is_none(value)

    def _expect(self, is_so: bool, text: str) -> None:
        if not is_so:
            self._world.fail(text)


# All of a stream is read after each write to it.
@lru_cache(maxsize=10_000)
def _named(verdict: bytes | None) -> str:
    name: str = json.loads(verdict or b"")["transaction_id"]
    return name
