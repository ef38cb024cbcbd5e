"""What must hold after every change of the world, and in the end.

The checker knows what each offset holds and asks the product nothing: it looks at what lies on the
topics and in Redis.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from streamer.errors import StoreReplacedError, StreamerError
from streamer.features.entities import EntityTable
from streamer.ledger import Ledger
from streamer.model import Sums
from streamer.model.codec import decode_version
from streamer.store.keys import Keys
from streamer.store.records import PartitionRecord, partition_record
from tests.simulation.payments import TOPIC, Kind, is_repeated, kinds, states_after

if TYPE_CHECKING:
    from tests.simulation.worker import Worker
    from tests.simulation.world import World

__all__ = ["FUSE_WINDOW", "Checker"]

FUSE_WINDOW: Final = 20
"""Payments in place of the product's 5,000, of which no seed has as many."""

_FENCED: Final = re.compile(r"generation of .* got \d+ by '(?P<owner>[^']*)'")
# Time and sums that add up, whatever was known when they were made.
_N_ADDITIVE: Final = {"spending": 6, "merchants": 6}


class Checker:
    """Compares the world with what it ought to be."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._keys = Keys(world.settings.namespace)
        self._stored: dict[int, PartitionRecord] = {}
        self.lost: dict[int, set[int]] = defaultdict(set)
        self.alerted: dict[int, set[int]] = defaultdict(set)
        self.is_patched: set[int] = set()
        """Partitions whose histories were merged late, since Redis was away when they were needed."""
        self._overflowed: dict[int, set[int]] = defaultdict(set)
        self._dead: dict[int, set[int]] = defaultdict(set)
        self._never_read: dict[int, set[int]] = {}
        self._highest: dict[int, int] = {}
        self._at_replacement: dict[int, int] = {}
        self._n_seen = 0
        self.n_checkpoints = 0

    def appended(self, topic: str, partition: int, message: dict[str, Any]) -> None:
        """Check a message that has just been appended to a topic."""
        settings = self._world.settings
        if topic in (settings.alerts_topic, settings.overflow_topic):
            source = msgspec.json.decode(message["value"])["source"]
            offset = source["offset"]
            self._expect(source["partition"] == partition, "an alert must be on its partition")
            self._expect(
                offset not in self.alerted[partition],
                f"each alert must be published once, got {partition}/{offset} twice",
            )
            self._expect(
                kinds(partition)[offset] is Kind.VALID,
                f"an alert must be on a payment, got {partition}/{offset}",
            )
            self.alerted[partition].add(offset)
            if topic == settings.overflow_topic:
                self._overflowed[partition].add(offset)
        elif topic == settings.dead_letters_topic:
            headers = dict(message["headers"])
            place = (int(headers[f"streamer-source-{n}"]) for n in ("partition", "offset"))
            number, offset = place
            self._expect(
                kinds(number)[offset] is Kind.BAD,
                f"a dead letter must be a record that is none, got {number}/{offset}",
            )
            self._dead[number].add(offset)

    def written(self, keys: set[str]) -> None:
        """Check what Redis holds after a write."""
        data = self._world.redis.data
        for partition in range(self._world.scenario.n_partitions):
            key = self._keys.partition(TOPIC, partition)
            if key in keys:
                self._check_partition(partition, partition_record(data[key], key))
        if self._keys.head in keys:
            self._n_seen = self._seen_by_head()
        n_scored = sum(record.ledger.scored for record in self._stored.values())
        self._expect(
            self._n_seen == n_scored,
            f"the head must have seen each transaction once, {n_scored}, got {self._n_seen}",
        )

    def replaced(self) -> None:
        """Take in what Redis holds now that it holds something else."""
        data = self._world.redis.data
        self._at_replacement = dict(self._highest)
        self._stored, self._never_read = {}, {}
        for partition in range(self._world.scenario.n_partitions):
            self.lost[partition] = set()
            self._read_losses(partition)
            if (key := self._keys.partition(TOPIC, partition)) in data:
                self._stored[partition] = record = partition_record(data[key], key)
                if record.offset is not None:
                    self._first_read(partition, record)
        self._n_seen = self._seen_by_head()

    def _seen_by_head(self) -> int:
        """Return what the lineage says of the head, which is cheaper than to decode it."""
        entries = self._world.redis.data.get(self._keys.lineage, [])
        merges = [entry for _, entry in entries if entry[b"reason"] == b"merge"]
        return int(merges[-1][b"transactions_seen"]) if merges else 0

    def committed(self, partition: int, offset: int) -> None:
        """Check an offset that has just been committed to Kafka."""
        highest = self._highest.get(partition, 0)
        self._expect(
            offset <= highest,
            f"partition {partition} must be committed up to its checkpoint, {highest}, got {offset}",
        )

    def fenced(self, worker: Worker, error: StreamerError) -> None:
        """Check that a worker which ended itself had a reason: another one, or another store."""
        found = _FENCED.match(str(error))
        is_by_itself = found is not None and found["owner"] == worker.process.name
        is_same_store = worker.incarnation == self._world.redis.incarnation
        self._expect(
            not is_by_itself and not (isinstance(error, StoreReplacedError) and is_same_store),
            f"{worker.process.name} must not end itself without a reason, got {error}",
        )

    def finish(self) -> None:
        """Check what is left when all has been read."""
        for partition in range(self._world.scenario.n_partitions):
            self._check_states(partition)
        config = self._world.pipeline.model
        data = self._world.redis.data
        sums = Sums.zero(config)
        if self._keys.head in data:
            version_id = data[self._keys.head].decode()
            sums, _ = decode_version(data[self._keys.version(version_id)], config)
        n_learned = len(sums.warmup_X) if sums.is_warming else sums.score_histogram.sum()
        self._expect(
            sums.transactions_seen == self._n_seen == n_learned,
            f"the head must have learned {self._n_seen}, got {sums.transactions_seen} seen and "
            f"{n_learned} in its histogram",
        )

    def unloaded(self, table: EntityTable) -> None:
        """Check that histories are gone without only while Redis does not answer."""
        for worker in self._world.workers:
            for partition, assigned in worker.scoring.assigned.items():
                if table in assigned.state.tables.all():
                    self.is_patched.add(partition)
                    failed_at = self._world.redis.failed_at.get(worker.process.name, -1.0)
                    self._expect(
                        failed_at >= assigned.checkpointed_at,
                        f"{worker.process.name} must look up the histories of {partition}: Redis "
                        "has answered since",
                    )

    def is_done(self, partition: int) -> bool:
        """Return whether everything of a partition is in its checkpoint."""
        stored = self._stored.get(partition)
        return stored is not None and stored.offset == self._world.ends[partition]

    def _check_partition(self, partition: int, record: PartitionRecord) -> None:
        before = self._stored.get(partition, PartitionRecord(None, Ledger(), 0, None))
        self._stored[partition] = record
        self._expect(
            record.generation >= before.generation,
            f"generation of {partition} must grow, got {record.generation}",
        )
        if record.offset is None or record == before:
            return
        end = record.offset
        first = self._first_read(partition, record) if before.offset is None else before.offset
        self.n_checkpoints += 1
        self._world.note(f"{record.owner} has checkpointed {partition} from {first} to {end}")
        self._expect(end >= first, f"offset of {partition} must grow, {first} to {end}")
        self._highest[partition] = max(self._highest.get(partition, 0), end)
        known = set(self.lost[partition])
        self._read_losses(partition)
        lost = self.lost[partition] - known
        expected = self._expected(partition, set(range(first, end)) - lost) | {
            "consumed": end - first,
            "lost": len(lost),
        }
        new = {
            name: getattr(record.ledger, name) - getattr(before.ledger, name) for name in expected
        }
        self._expect(
            new == expected,
            f"ledger of {partition} from {first} to {end} must grow by {expected}, got {new}",
        )
        self._check_published(partition, record)

    def _first_read(self, partition: int, record: PartitionRecord) -> int:
        """Return where a partition was first read: at the beginning of its log, early or late."""
        assert record.offset is not None
        first = record.offset - record.ledger.consumed
        self._expect(
            first in (0, self._world.starts[partition]),
            f"partition {partition} must be read from the beginning, got from {first}",
        )
        self._never_read[partition] = set(range(first))
        return first

    def _read_losses(self, partition: int) -> None:
        """Take in the losses of a partition that the lineage declares, and ask whether they are any."""
        name = f"{TOPIC}/{partition}".encode()
        for _, entry in self._world.redis.data.get(self._keys.lineage, []):
            if entry[b"reason"] != b"loss" or entry[b"partition"] != name:
                continue
            declared = range(int(entry[b"first_offset"]), int(entry[b"next_offset"]))
            if not self.lost[partition].issuperset(declared):
                self._world.note(f"lost of {partition}: {declared} by {entry[b'cause'].decode()}")
                is_gone = declared.stop <= (
                    self._world.starts[partition]
                    if entry[b"cause"] == b"retention"
                    else self._at_replacement.get(partition, 0)
                )
                self._expect(is_gone, f"losses of {partition} must be gone, got {declared}")
                self.lost[partition].update(declared)

    def _expected(self, partition: int, offsets: set[int]) -> dict[str, int]:
        held = [kinds(partition)[offset] for offset in offsets]
        missing = self._missing(partition)
        n_repeated = sum(is_repeated(partition, offset, missing) for offset in offsets)
        return {
            "scored": held.count(Kind.VALID) - n_repeated,
            "dead_lettered": held.count(Kind.BAD),
            "skipped": held.count(Kind.NOTHING),
            "repeated": n_repeated,
        }

    def _check_published(self, partition: int, record: PartitionRecord) -> None:
        assert record.offset is not None
        done = range(record.offset)
        missing = self._missing(partition)
        out = self.alerted[partition].intersection(done) - missing
        again = {offset for offset in out if is_repeated(partition, offset, missing)}
        # One that a store had no payment of, and then an older store has again, may have alerted.
        self._expect(
            not again or self._world.redis.incarnation > 1,
            f"a payment of {partition} that comes again must not alert, got {sorted(again)}",
        )
        out -= again
        held_back = out & self._overflowed[partition]
        counted = (record.ledger.alerted, record.ledger.overflowed)
        self._expect(
            (len(out - held_back), len(held_back)) == counted,
            f"alerts and overflow of {partition} before {record.offset} must be {counted}, "
            f"got {len(out - held_back)} and {len(held_back)} on their topics",
        )
        bad = {o for o in done if kinds(partition)[o] is Kind.BAD} - missing
        unseen = bad - self._dead[partition]
        self._expect(not unseen, f"dead letters of {partition} must be on their topic: {unseen}")

    def _check_states(self, partition: int) -> None:
        missing = self._missing(partition)
        read = [
            offset
            for offset in range(self._world.ends[partition])
            if offset not in missing and not is_repeated(partition, offset, missing)
        ]
        expected = states_after(partition, tuple(read), self._world.pipeline)
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
                n = _N_ADDITIVE.get(kind) if partition in self.is_patched else None
                got = np.frombuffer(stored[key.encode()], dtype="<f8")[:n]
                wanted = np.frombuffer(packed, dtype="<f8")[:n]
                is_same = np.isclose(got, wanted, rtol=1e-9, atol=1e-9, equal_nan=True)
                if not is_same.all():
                    at = int(is_same.argmin())
                    self._expect(
                        False,
                        f"{kind} {key} of {partition} must be {wanted[at]:g} in column {at}, "
                        f"got {got[at]:g}",
                    )

    def _check_fuse(self, partition: int, read: list[int]) -> None:
        """Count the alerts among any payments in a row, as long as no store has forgotten them."""
        if self._world.redis.incarnation:
            return
        alerted = self.alerted[partition] - self._overflowed[partition]
        scored = [offset in alerted for offset in read if kinds(partition)[offset] is Kind.VALID]
        n_most = max(
            (sum(scored[i : i + FUSE_WINDOW]) for i in range(len(scored))),
            default=0,
        )
        limit = round(2 * self._world.pipeline.model.alert_budget * FUSE_WINDOW)
        self._expect(
            n_most <= limit,
            f"at most {limit} of {FUSE_WINDOW} payments of {partition} must alert, got {n_most}",
        )

    def _missing(self, partition: int) -> set[int]:
        return self.lost[partition] | self._never_read.get(partition, set())

    def _expect(self, is_so: bool, text: str) -> None:
        if not is_so:
            self._world.fail(text)
