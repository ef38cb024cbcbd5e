"""Payments in shards by card: what is read of a file, and who learns some of the shards.

A card's payments are all in one shard, so its history is whole.  A merchant's are spread, as they are
over the partitions of a topic, and each shard knows its own part of them, as a partition does.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np

from streamer.arrays import Integers
from streamer.contract.batch import Batch, StoredRecord
from streamer.datafiles import FileReport, Format, PaymentFile
from streamer.features import History, Tables
from streamer.fitting.file_features import Traffic
from streamer.intake import Declaration
from streamer.model import Scorer, Sums
from streamer.model.codec import state_id
from streamer.pipeline import PartitionState, PipelineConfig, prepare, process_prepared

__all__ = [
    "Bucket",
    "FileFacts",
    "FileSpec",
    "ShardWorker",
    "Shared",
    "Tabled",
    "read_shards",
    "told_together",
]

_TOPIC: Final = "file"
_BATCH: Final = 4_000


@dataclass(frozen=True, slots=True)
class FileSpec:
    """A file, or an address, and how it is read; whoever reads it must reach it."""

    path: str
    declaration: Declaration
    format: Format | None = None
    encoding: str | None = None


@dataclass(frozen=True, slots=True)
class Shared:
    """What everybody who reads or learns is told."""

    pipeline: PipelineConfig
    cards_capacity: int
    merchants_capacity: int
    n_shards: int
    now_ms: int


class Bucket(NamedTuple):
    """A file's payments of one shard: ``places`` are those of their records in the file, from 0."""

    places: Integers
    keys: list[bytes | None]
    values: list[bytes]


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What is to be known of a file that was read; ``told`` is `FileReport.to_dict`."""

    digests: tuple[tuple[str, str], ...]
    n_rows: int
    n_records: int
    n_payments: int
    n_refused: int
    told: Mapping[str, Any]


def told_together(facts: Sequence[FileFacts]) -> dict[str, Any]:
    """Return what is told of several files as of one, each note with its file's name."""
    told: dict[str, Any] = {
        "n_late": sum(each.told["n_late"] for each in facts),
        "passed_over": dict(sum((Counter(each.told["passed_over"]) for each in facts), Counter())),
    }
    for name in ("refused", "left_out"):
        told[name] = [entry for each in facts for entry in each.told[name]]
    named = [(", ".join(name for name, _ in each.digests), each) for each in facts]
    told["notes"] = [f"{name}: {note}" for name, each in named for note in each.told["notes"]]
    return told


class Tabled(NamedTuple):
    """Features of a shard's payments, with the place of each in all files; ``cold`` as if they began
    where nothing was known (`read_traffic`)."""

    traffic: Traffic
    places: Integers
    cold: Traffic
    cold_places: Integers


def read_shards(spec: FileSpec, shared: Shared) -> tuple[Any, ...]:
    """Return the payments of a file, a `Bucket` for each shard, and its `FileFacts`."""
    file = PaymentFile.of([spec.path], spec.declaration, spec.format, spec.encoding)
    report = FileReport(file)
    buckets = [Bucket(np.empty(0, np.int64), [], []) for _ in range(shared.n_shards)]
    places: list[list[int]] = [[] for _ in buckets]
    offset = 0
    for file_batch in report.batches(_BATCH) if file.n_rows else ():
        batch = file_batch.as_fetched(offset, shared.now_ms)
        decoded = prepare(batch, shared.pipeline).decoded
        report.add(file_batch, offset, decoded)
        for place in decoded.offsets.tolist():
            key, value = file_batch.keys[place - offset], file_batch.values[place - offset]
            shard = zlib.crc32(key or b"") % shared.n_shards
            places[shard].append(place)
            buckets[shard].keys.append(key)
            buckets[shard].values.append(value)
        offset += len(batch)
    filled = [
        b._replace(places=np.array(at, np.int64)) for b, at in zip(buckets, places, strict=True)
    ]
    facts = FileFacts(
        file.digests, file.n_rows, offset, report.n_usable, report.n_refused, report.to_dict()
    )
    return (*filled, facts)


@dataclass(slots=True)
class _Shard:
    places: Integers
    records: list[StoredRecord]
    state: PartitionState
    n_done: int = 0

    def batch(self, number: int, first: int, beyond: int, now_ms: int) -> Batch:
        return Batch(_TOPIC, number, self.records[first:beyond], now_ms)


@dataclass(slots=True, repr=False)
class ShardWorker:
    """Learns some of the shards, each as a worker learns a partition; its repr shows no payments."""

    shared: Shared
    shards: dict[int, _Shard] = field(default_factory=dict)
    _config: PipelineConfig = field(init=False)
    _version: Scorer = field(init=False)

    def load(self, number: int, starts: list[int], *buckets: Bucket) -> int:
        """Take a shard: its part of each file, whose first records have the places ``starts``."""
        places = [b.places + start for b, start in zip(buckets, starts, strict=True)]
        pairs = [pair for b in buckets for pair in zip(b.keys, b.values, strict=True)]
        records = [StoredRecord(i, self.shared.now_ms, *pair) for i, pair in enumerate(pairs)]
        self.shards[number] = _Shard(np.concatenate(places), records, self._state())
        return len(records)

    def _state(self) -> PartitionState:
        shared = self.shared
        state = PartitionState.empty(
            shared.pipeline, shared.cards_capacity, shared.merchants_capacity
        )
        state.n_partitions = shared.n_shards
        return state

    def features(self, number: int, cold_from: int) -> Tabled:
        """Return the features of a shard's payments; cold are those from place ``cold_from`` on."""
        shard = self.shards[number]
        n_warm = int(np.searchsorted(shard.places, cold_from))
        return Tabled(
            self._traffic(number, 0),
            shard.places,
            self._traffic(number, n_warm),
            shard.places[n_warm:],
        )

    def _traffic(self, number: int, first: int) -> Traffic:
        shared, shard = self.shared, self.shards[number]
        tables = Tables.empty(shared.cards_capacity, shared.merchants_capacity)
        parts = []
        for at in range(first, len(shard.records), _BATCH):
            batch = shard.batch(number, at, at + _BATCH, shared.now_ms)
            columns = prepare(batch, shared.pipeline).columns
            if columns is not None:
                X = History.observe(columns, tables, shared.n_shards).X
                parts.append(Traffic(X.astype(np.float32), columns.currencies))
        return Traffic.joined(parts)

    def begin(self, config: PipelineConfig) -> None:
        """Learn from the first payment on, with ``config``."""
        self._config = config
        for shard in self.shards.values():
            shard.state.delta = Sums.zero(config.model)

    def use(self, sums: Sums) -> None:
        """Score by the version of ``sums`` from now on."""
        self._version = Scorer.of(state_id(sums), sums, self._config.model)

    def learn(self, until: int) -> int:
        """Go on to the records at place ``until``; return how many payments the deltas hold."""
        n_seen = 0
        for number, shard in self.shards.items():
            beyond = int(np.searchsorted(shard.places, until))
            if beyond > shard.n_done:
                batch = shard.batch(number, shard.n_done, beyond, self.shared.now_ms)
                prepared = prepare(batch, self._config, shard.state)
                process_prepared(
                    prepared, shard.state, self._version, self._config, now_ms=self.shared.now_ms
                )
                shard.n_done = beyond
            n_seen += shard.state.delta.transactions_seen
        return n_seen

    def deltas(self) -> dict[int, Sums]:
        """Hand over what each shard has learned since it was asked last."""
        found = {number: shard.state.delta for number, shard in self.shards.items()}
        for shard in self.shards.values():
            shard.state.delta = Sums.zero(self._config.model)
        return found
