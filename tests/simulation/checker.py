"""What must hold after every change of the world, and in the end.

The checker knows what each record is and asks the product nothing: it looks at what lies on the topics
and in Redis, and at what Kafka has handed to whom.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
from faust.types import TP

from streamer.errors import StoreReplacedError, StreamerError
from streamer.features.entities import EntityTable
from streamer.features.kinds import CARD_VERDICTS, CARDS, MERCHANT_VERDICTS, MERCHANTS
from streamer.model import Sums
from streamer.model.codec import decode_version
from streamer.store import PartitionRecord, ResetRequest
from streamer.store.keys import Keys
from streamer.store.stored import partition_record
from tests.simulation.accounts import Account, Books, Declared, declared_losses
from tests.simulation.counters import Counters, decoded_version
from tests.simulation.input_logs import InputLog
from tests.simulation.loop import OPERATOR
from tests.simulation.payments import (
    TOPIC,
    Kind,
    Place,
    kind_of,
    payment_of,
    place_of,
    states_after,
)
from tests.simulation.resets import expected_of
from tests.simulation.verdict_checker import VerdictChecker

if TYPE_CHECKING:
    from tests.simulation.worker import Worker
    from tests.simulation.world import World

__all__ = ["FUSE_WINDOW", "Checker"]

FUSE_WINDOW: Final = 20
"""Payments in place of the product's 5,000, of which no seed has as many."""

# A call is a handful of requests, and has been answered with the last of them.
_CALL_S: Final = 3.0
_FENCED: Final = re.compile(r"generation of \S+/(?P<p>\d+) .* got (?P<n>\d+) by '(?P<owner>[^']*)'")
_KINDS: Final = {kind.name: kind for kind in (CARDS, MERCHANTS, CARD_VERDICTS, MERCHANT_VERDICTS)}
# All else adds up, whatever was known when it was made.
_SURPRISES: Final = ("high_series", "small_series")


class Checker:
    """Compares the world with what it ought to be."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._keys = Keys(world.settings.namespace)
        self.books = Books.empty(world.scenario.n_partitions)
        self._verdicts = VerdictChecker(world)
        self.alerted: dict[int, set[Place]] = defaultdict(set)
        self.is_patched: set[int] = set()
        """Partitions whose histories were merged late, since Redis was away when they were needed."""
        self.is_doubtful: set[int] = set()
        """Partitions that Redis and Kafka have both forgotten, which a worker has said: the alerts that
        it finds may be on records of a topic that is no more."""
        self._alert_ids: set[str] = set()
        self._overflowed: dict[int, set[Place]] = defaultdict(set)
        self._dead: dict[int, set[bytes]] = defaultdict(set)
        self._handed_out: dict[tuple[str, TP], dict[int, Place]] = defaultdict(dict)
        self._of_topic: dict[tuple[str, str], dict[int, Place]] = defaultdict(dict)
        self._told_ends: dict[tuple[str, TP], set[int]] = defaultdict(set)
        self._highest: dict[TP, int] = {}
        self._at_replacement: dict[TP, int] = {}
        self._resets: set[tuple[int, int]] = set()
        self.resetting: dict[TP, ResetRequest] = {}
        """What an operator wanted last: Redis may do it when nobody waits for its answer any more."""
        self._n_seen = self._head_seen = 0
        self.n_checkpoints = 0

    def handed_out(self, process: str, tp: TP, offsets: range) -> None:
        """Note what Kafka has given to a process."""
        log = self._world.logs[tp]
        here = {offset: log.place(offset) for offset in offsets}
        self._handed_out[process, tp].update(here)
        self._of_topic[process, log.topic_id].update(here)
        log.read_to = max(log.read_to, offsets.stop)

    def verdicts_of(self, process: str, topic_id: str) -> dict[int, Place]:
        """Return what Kafka has given to a process of one topic of verdicts, by offset."""
        return self._of_topic[process, topic_id]

    def told_end(self, process: str, tp: TP, end: int) -> None:
        """Note where Kafka has told a process that a log ends."""
        self._told_ends[process, tp].add(end)

    def appended(self, topic: str, partition: int, message: dict[str, Any]) -> None:
        """Check a message that has just been appended to a topic."""
        settings = self._world.settings
        if topic in (settings.alerts_topic, settings.overflow_topic):
            self._check_alert(topic, partition, msgspec.json.decode(message["value"]))
        elif topic == settings.feedback_dead_letters_topic:
            self._verdicts.appended(message)
        elif topic == settings.dead_letters_topic:
            number = int(dict(message["headers"])["streamer-source-partition"])
            value = message["value"]
            self._expect(
                value.startswith(b"not JSON"),
                f"a dead letter must be a record that is none, got {number}: {value!r}",
            )
            self._dead[number].add(value)

    def _check_alert(self, topic: str, partition: int, alert: dict[str, Any]) -> None:
        source, name = alert["source"], alert["alert_id"]
        offset = source["offset"]
        place = place_of(alert["transaction"]["transaction_id"], offset)
        self._expect(source["partition"] == partition, "an alert must be on its partition")
        self._expect(
            name not in self._alert_ids, f"each alert must be published once, got {name} twice"
        )
        self._expect(
            place not in self.alerted[partition],
            f"each payment must alert once, got {partition}/{place} twice",
        )
        self._alert_ids.add(name)
        self.alerted[partition].add(place)
        if topic == self._world.settings.overflow_topic:
            self._overflowed[partition].add(place)

    def written(self, who: str, keys: set[str]) -> None:
        """Check what Redis holds after a write."""
        data = self._world.redis.data
        for partition, account in self.books.payments.items():
            key = self._keys.partition(TOPIC, partition)
            if key in keys:
                self._check_partition(account, partition_record(data[key], key), who)
        self._verdicts.written(self.books.verdicts, who, keys)
        if self._keys.lineage in keys:
            self._n_seen, self._head_seen = self._seen()
        n_scored = sum(account.record.ledger.scored for account in self.books.payments.values())
        self._expect(
            self._n_seen == n_scored,
            f"branches must have seen each transaction once, {n_scored}, got {self._n_seen}",
        )

    def replaced(self, books: Books) -> None:
        """Take in that Redis now holds what it held when ``books`` were copied."""
        self._at_replacement = dict(self._highest)
        self.books = books.copy()
        self._n_seen, self._head_seen = self._seen()

    def _seen(self) -> tuple[int, int]:
        """Return what both branches have added, and what the head has seen, as the lineage says it."""
        added, seen = 0, {"head": 0, "canary": 0}
        for _, entry in self._lineage():
            reason, now = entry[b"reason"], int(entry.get(b"transactions_seen", 0))
            branch = "canary" if b"branch" in entry or reason == b"canary" else "head"
            if reason == b"merge":
                added += now - seen[branch]
            if reason in (b"merge", b"canary", b"promotion", b"rollback"):
                seen[branch] = now
        return added, seen["head"]

    def _lineage(self) -> list[tuple[bytes, dict[bytes, bytes]]]:
        entries: list[tuple[bytes, dict[bytes, bytes]]] = self._world.redis.data.get(
            self._keys.lineage, []
        )
        return entries

    def committed(self, tp: TP, offset: int) -> None:
        """Check an offset that has just been committed to Kafka."""
        highest = self._highest.get(tp, 0)
        self._expect(
            offset <= highest,
            f"partition {tp} must be committed up to its checkpoint, {highest}, got {offset}",
        )

    def fenced(self, worker: Worker, error: StreamerError) -> None:
        """Check that a worker which ended itself had a reason: another one, an operator, or another
        store."""
        found = _FENCED.match(str(error))
        is_by_itself = (
            found is not None
            and found["owner"] == worker.process.name
            and (int(found["p"]), int(found["n"])) not in self._resets
        )
        is_same_store = worker.incarnation == self._world.redis.incarnation
        self._expect(
            not is_by_itself and not (isinstance(error, StoreReplacedError) and is_same_store),
            f"{worker.process.name} must not end itself without a reason, got {error}",
        )

    def finish(self) -> None:
        """Check what is left when all has been read."""
        for account in self.books.payments.values():
            self._check_complete(account)
            self._check_states(account)
        if self._world.scenario.has_verdicts:
            self._verdicts.finish(self.books.verdicts)
        data = self._world.redis.data
        sums: Any = Sums.zero(self._world.pipeline.model)
        if self._keys.head in data:
            version_id = data[self._keys.head].decode()
            sums = self._decoded(data[self._keys.version(version_id)])
        n_learned = _n_learned(sums)
        self._expect(
            sums.transactions_seen == self._head_seen == n_learned,
            f"the head must have learned {self._head_seen}, got {sums.transactions_seen} seen and "
            f"{n_learned} in its histogram",
        )

    def unloaded(self, table: EntityTable) -> None:
        """Check that histories are gone without only while Redis does not answer."""
        for worker in self._world.workers:
            for partition, assigned in worker.held.assigned.items():
                if table in assigned.state.tables.all():
                    self.is_patched.add(partition)
                    answered_at = self._world.redis.answered_at.get(worker.process.name, 0.0)
                    self._expect(
                        answered_at > self._world.loop.time() - _CALL_S,
                        f"{worker.process.name} must look up the histories of {partition}: Redis "
                        "answers",
                    )

    def stored(self, tp: TP) -> PartitionRecord:
        """Return what Redis holds of a partition."""
        if tp.topic == TOPIC:
            return self.books.payments[tp.partition].record
        return self.books.verdicts.record

    def is_done(self, tp: TP) -> bool:
        """Return whether everything of a partition is in its checkpoint."""
        stored, log = self.stored(tp), self._world.logs[tp]
        return (stored.offset, stored.log.topic_id) == (log.end, log.topic_id)

    def _check_partition(self, account: Account, record: PartitionRecord, who: str) -> None:
        before, partition = account.record, account.partition
        self._expect(
            record.generation >= before.generation,
            f"generation of {partition} must grow, got {record.generation}",
        )
        declared = declared_losses(self._lineage(), partition)
        losses, account.n_declared = declared[account.n_declared :], len(declared)
        if who == OPERATOR:
            self._check_reset(account, record, losses)
        elif record.offset is not None and record.offset != before.offset:
            self._check_checkpoint(account, record, losses)
        elif losses:
            self._expect(False, f"losses of {partition} must come with an offset, got {losses}")
        account.record = record

    def _check_checkpoint(
        self, account: Account, record: PartitionRecord, losses: list[Declared]
    ) -> None:
        partition, end = account.partition, record.offset
        assert end is not None
        first = account.record.offset
        if first is None:
            first = self._first_read(account, record)
        self.n_checkpoints += 1
        self._world.note(f"{record.owner} has checkpointed {partition} from {first} to {end}")
        self._expect(end >= first, f"offset of {partition} must grow, {first} to {end}")
        self.reached(TP(TOPIC, partition), end)
        lost = self._lost(account, losses)
        offsets = [offset for offset in range(first, end) if offset not in lost]
        handed_out = self._handed_out[record.owner, TP(TOPIC, partition)]
        unread = [offset for offset in offsets if offset not in handed_out]
        if unread:
            self._expect(False, f"{record.owner} must have read {partition}/{unread}, got nothing")
            return
        places = [handed_out[offset] for offset in offsets]
        again = [place for place in places if account.is_done(place)]
        self._expect(not again, f"records of {partition} must be counted once, got {again} again")
        expected = account.add(places) | {"consumed": end - first, "lost": len(lost)}
        self._expect_growth(account, record, expected, f"from {first} to {end}")
        told_ends = self._told_ends[record.owner, TP(TOPIC, partition)]
        self._expect(
            record.log.end in told_ends | {account.record.offset},
            f"the end of {partition} must be one that Kafka told, {told_ends}, got {record.log}",
        )
        self._check_published(account, record)

    def _check_reset(
        self, account: Account, record: PartitionRecord, losses: list[Declared]
    ) -> None:
        """Hold what an operator's decision did against what the log was and is."""
        partition, before = account.partition, account.record
        self._resets.add((partition, record.generation))
        request, log = self.resetting.get(TP(TOPIC, partition)), self._log(partition)
        target = record.offset
        if request is None or target is None:
            self._expect(False, f"an operator must set {partition} to an offset, got {target}")
            return
        expected = expected_of(before, request, target)
        wanted = expected.gone + expected.passed_over
        self._expect(
            losses == wanted,
            f"a reset of {partition} to {target} must declare {wanted}, got {losses}",
        )
        n_lost = sum(len(loss.offsets()) for loss in wanted)
        self._expect_growth(account, record, {"consumed": n_lost, "lost": n_lost}, "by a reset")
        self._expect(
            record.generation > before.generation,
            f"a reset of {partition} must fence its worker, got generation {record.generation}",
        )
        self._expect(
            record.log.epoch > expected.epoch if expected.is_new else True,
            f"a reset of {partition} to another log must begin an epoch, got {record.log}",
        )
        for loss in expected.gone:
            if loss.cause != "store":
                end = log.former_end(expected.topic_id, loss.next_offset)
                self._expect(
                    loss.next_offset <= end,
                    f"losses of {partition} must have been in its log, got {loss}",
                )
        account.lost.update(log.place(o) for loss in expected.passed_over for o in loss.offsets())
        if expected.is_store_behind:
            # What Redis has forgotten of the log that is there is lost; how much, nobody knows.
            account.lost.update(map(log.place, range(log.start, expected.first)))
        self.reached(TP(TOPIC, partition), target)

    def _expect_growth(
        self, account: Account, record: PartitionRecord, expected: dict[str, int], how: str
    ) -> None:
        new = account.growth(record, expected)
        self._expect(
            new == expected,
            f"ledger of {account.partition} {how} must grow by {expected}, got {new}",
        )

    def _first_read(self, account: Account, record: PartitionRecord) -> int:
        """Return where a partition was first read: at the beginning of its log, early or late."""
        assert record.offset is not None
        first = record.offset - record.ledger.consumed
        self._expect(
            first in self._log(account.partition).starts,
            f"partition {account.partition} must be read from the beginning, got from {first}",
        )
        account.never_read = first
        return first

    def _lost(self, account: Account, losses: list[Declared]) -> set[int]:
        """Return the offsets of losses that a worker declares, and ask whether they are any."""
        partition, log = account.partition, self._log(account.partition)
        lost: set[int] = set()
        for loss in losses:
            self._world.note(f"lost of {partition}: {loss}")
            is_gone = (
                loss.next_offset <= max(log.starts)
                if loss.cause == "retention"
                else loss.cause == "store"
                and loss.next_offset <= self._at_replacement.get(TP(TOPIC, partition), 0)
            )
            self._expect(is_gone, f"losses of {partition} must be gone, got {loss}")
            lost.update(loss.offsets())
        account.lost.update(log.place(offset) for offset in lost)
        return lost

    def _check_published(self, account: Account, record: PartitionRecord) -> None:
        partition = account.partition
        out = {place for place in self.alerted[partition] if account.is_done(place)}
        again = out & account.repeated
        # One that a store had no payment of, and then an older store has again, may have alerted.
        self._expect(
            not again or self._world.redis.incarnation > 1,
            f"a payment of {partition} that comes again must not alert, got {sorted(again)}",
        )
        out -= again
        held_back = out & self._overflowed[partition]
        counted = (record.ledger.alerted, record.ledger.overflowed)
        self._expect(
            (len(out - held_back), len(held_back)) == counted or partition in self.is_doubtful,
            f"alerts and overflow of {partition} before {record.offset} must be {counted}, "
            f"got {len(out - held_back)} and {len(held_back)} on their topics",
        )
        bad = {p for p in account.done if kind_of(partition, p) is Kind.BAD}
        unseen = [p for p in bad if b"not JSON %d/%d" % p not in self._dead[partition]]
        self._expect(not unseen, f"dead letters of {partition} must be on their topic: {unseen}")

    def _check_complete(self, account: Account) -> None:
        """Every record that is in the log has been done, or declared lost."""
        log = self._log(account.partition)
        first = max(log.start, account.never_read)
        places = (log.place(offset) for offset in range(first, log.end))
        missing = [p for p in places if not account.is_done(p) and p not in account.lost]
        self._expect(
            not missing, f"what is missing of {account.partition} must be declared, got {missing}"
        )

    def _check_states(self, account: Account) -> None:
        partition, read = account.partition, account.read()
        is_small = self._world.scenario.is_small
        expected = states_after(partition, tuple(read), self._world.pipeline, is_small=is_small)
        self._check_fuse(partition, read)
        for kind, states in expected.items():
            stored = self._world.redis.data.get(self._keys.entities(kind, TOPIC, partition), {})
            self._expect(
                set(stored) == {key.encode() for key in states},
                f"{kind} of {partition} must be {sorted(states)}, got {sorted(stored)}",
            )
            for key, packed in states.items():
                if stored[key.encode()] == packed:
                    continue
                # What a payment was surprised by is not known of one that met no history.
                is_doubtful = partition in self.is_patched and not is_small
                doubted = ("sums", *(_SURPRISES if is_doubtful else ()))
                got, wanted = (
                    np.frombuffer(state, _KINDS[kind].row)[0]
                    for state in (stored[key.encode()], packed)
                )
                for name in sorted(set(_KINDS[kind].row.names or ()) - {*doubted}):
                    self._expect(
                        np.allclose(got[name], wanted[name], rtol=1e-9, atol=1e-9),
                        f"{name} of {kind} {key} of {partition} must be {wanted[name]}, "
                        f"got {got[name]}",
                    )

    def _check_fuse(self, partition: int, read: list[Place]) -> None:
        """Count the alerts among any payments in a row, as long as no store has forgotten them
        and nobody has passed over payments between them."""
        was_reset = any(p == partition for p, _ in self._resets)
        if self._world.redis.incarnation or was_reset:
            return
        alerted = self.alerted[partition] - self._overflowed[partition]
        scored = [place in alerted for place in read if payment_of(partition, place) is not None]
        n_most = max(
            (sum(scored[i : i + FUSE_WINDOW]) for i in range(len(scored))),
            default=0,
        )
        limit = round(2 * self._world.pipeline.model.alert_budget * FUSE_WINDOW)
        self._expect(
            n_most <= limit,
            f"at most {limit} of {FUSE_WINDOW} payments of {partition} must alert, got {n_most}",
        )

    def _decoded(self, blob: bytes) -> Any:
        decode: Any = decoded_version if self._world.scenario.is_small else decode_version
        sums, _ = decode(blob, self._world.pipeline.model)
        return sums

    def reached(self, tp: TP, offset: int) -> None:
        """Note how far a partition may be committed."""
        self._highest[tp] = max(self._highest.get(tp, 0), offset)

    def _log(self, partition: int) -> InputLog:
        return self._world.logs[TP(TOPIC, partition)]

    def _expect(self, is_so: bool, text: str) -> None:
        if not is_so:
            self._world.fail(text)


def _n_learned(sums: Any) -> int:
    if isinstance(sums, Counters):
        return sums.n_scored
    return len(sums.warmup_X) if sums.is_warming else int(sums.scored_weight)


def _loss(first: int, following: int, cause: str) -> list[Declared]:
    return [Declared(first, following, cause)] if following > first else []
