"""What the store takes and returns, and how a partition's record looks as hash fields.

Invariants:
* Offsets are Kafka's: ``offset`` is the first one whose record has not been checkpointed.
* The ledger of a checkpoint is the partition's total so far, never a difference.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Final, NamedTuple

from streamer.challenging.standing import Taken
from streamer.contract.ledger import Ledger, Loss
from streamer.errors import InvariantError
from streamer.features import PackedStates
from streamer.model.codec import VersionHeader
from streamer.model.sums import Sums
from streamer.verdicts.lesson_record import Noted
from streamer.watching import Counts, Watch

__all__ = [
    "AGED",
    "ENTITY_FORMAT",
    "Checkpoint",
    "Counted",
    "Heads",
    "LogIdentity",
    "PartitionRecord",
    "StoredVersion",
    "VersionInfo",
    "checkpoint_fields",
    "partition_record",
    "rfc3339",
]


_CURSOR: Final = "feedback:"
ENTITY_FORMAT: Final = 2
"""How a partition's entities lie in Redis; it grows when an older worker's could not be read."""
AGED: Final = "aged:"
"""How the name begins of what a checkpoint lets go of by its age, for which nobody asked."""


@dataclass(frozen=True, slots=True)
class LogIdentity:
    """Which log a partition's offsets belong to, and how far it was known to reach.

    ``epoch`` counts how often an operator has set the partition back to offsets that it had before:
    the same offset then means another record.  ``topic_id`` is the broker's id of the topic, empty
    where the broker has none; ``end`` the first offset that had no record yet, None where unknown.
    """

    epoch: int = 0
    topic_id: str = ""
    end: int | None = None

    def begun(self, topic_id: str) -> LogIdentity:
        """Return the log of a topic that a partition is read from of which nothing is saved.

        Alerts may be out on records of this one, so another topic's offsets are another epoch's.

        >>> LogIdentity(0, "A").begun("B")
        LogIdentity(epoch=1, topic_id='B', end=None)
        """
        is_other = bool(self.topic_id and topic_id and self.topic_id != topic_id)
        return LogIdentity(self.epoch + is_other, topic_id or self.topic_id)


@dataclass(frozen=True, slots=True)
class PartitionRecord:
    """What is stored of a partition.

    ``offset`` is None before the first checkpoint, ``alerts_position`` (the next offset of the
    partition of alerts) before the first one that knew it, ``overflow_position`` likewise.  ``cursors``
    maps ``topic/partition`` of the feedback to the first place whose verdict the partition has not
    learned from.  ``log`` is the log that the offsets belong to.  ``recent_alerts`` are the places, in
    payments scored, of the alerts that the fuse still counts, ``budgets`` what those
    were given under (`streamer.pipeline.budgets`), ``debt`` the alerts above the ones due,
    ``told_cards`` what the reserve told of (`streamer.pipeline.told_cards`), card and time in turn,
    ``waves`` what alerts belong together (`streamer.pipeline.waves`), packed.
    ``saved_at_ms`` is when the offset was last written.

    ``entity_format`` is how its entities are stored.

    Of a partition of the feedback: ``shift`` is what is added to an offset to get a verdict's place
    (`streamer.store.feedback`), ``n_stored`` how many verdicts were ever stored, None where an earlier
    release did not count them.
    """

    offset: int | None
    ledger: Ledger
    generation: int
    alerts_position: int | None
    owner: str = ""
    cursors: Mapping[str, int] = field(default_factory=dict)
    overflow_position: int | None = None
    recent_alerts: tuple[int, ...] = ()
    budgets: tuple[float, ...] = ()
    debt: float = 0.0
    told_cards: tuple[int, ...] = ()
    waves: bytes = b""
    log: LogIdentity = field(default_factory=LogIdentity)
    saved_at_ms: int | None = None
    shift: int = 0
    n_stored: int | None = None
    entity_format: int = ENTITY_FORMAT


class Counted(NamedTuple):
    """What is counted of payments that were scored under one watch, ``beside`` its canary or not."""

    watch_id: int
    beside: bool
    counts: Counts


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What one partition has done between ``base_offset`` and ``next_offset``.

    ``removed`` names entities that are no longer kept; ``cursors`` as in `PartitionRecord`.  ``losses``
    are those among its offsets; each gets an entry in the lineage.  ``lessons`` are what verdicts
    taught, for their stream.  ``challenges`` are what challengers did with its payments, by name.
    ``counted`` is for the `Watch`.  ``erased`` names entities of which nothing is kept from before,
    whatever is written of them now, and ``erasures`` are the turns that are done with it, or what went
    by its age (`AGED`), which nobody waits for.

    After an `UnavailableError` the very same checkpoint must be offered again before a later one:
    only then can the store tell "already written" from "written by someone else".
    """

    topic: str
    partition: int
    generation: int
    base_offset: int | None
    next_offset: int
    ledger: Ledger
    alerts_position: int | None
    delta: Sums
    entities: Mapping[str, Mapping[str, bytes]]
    owner: str
    now_ms: int
    removed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    cursors: Mapping[str, int] = field(default_factory=dict)
    overflow_position: int | None = None
    recent_alerts: tuple[int, ...] = ()
    budgets: tuple[float, ...] = ()
    debt: float = 0.0
    told_cards: tuple[int, ...] = ()
    waves: bytes = b""
    log: LogIdentity = field(default_factory=LogIdentity)
    losses: tuple[Loss, ...] = ()
    lessons: tuple[Noted, ...] = ()
    challenges: Mapping[str, Taken] = field(default_factory=dict)
    counted: tuple[Counted, ...] = ()
    erased: Mapping[str, Sequence[str]] = field(default_factory=dict)
    erasures: tuple[str, ...] = ()

    @property
    def n_bytes(self) -> int:
        """The states of its entities and the arrays of its delta, without names and framing."""
        states = sum(
            kind.n_bytes if isinstance(kind, PackedStates) else sum(map(len, kind.values()))
            for kind in self.entities.values()
        )
        return states + self.delta.n_bytes

    def __post_init__(self) -> None:
        if self.ledger.imbalance:
            raise InvariantError(
                f"ledger of {self.name} must balance, got {self.ledger.imbalance} records too many"
            )
        if self.base_offset is None:
            return
        n_offsets = self.next_offset - self.base_offset
        if n_offsets < 0 or self.delta.transactions_seen > n_offsets:
            raise InvariantError(
                f"checkpoint of {self.name} must span its transactions, got "
                f"{self.delta.transactions_seen} in offsets {self.base_offset} to {self.next_offset}"
            )

    @property
    def name(self) -> str:
        return f"{self.topic}/{self.partition}"


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A model version: its id, its sums and where it comes from."""

    id: str
    sums: Sums
    header: VersionHeader


class Heads(NamedTuple):
    """The two branches: what scores, what scores a canary's partitions, and what is watched."""

    head: StoredVersion
    canary: StoredVersion | None
    watch: Watch

    def of(self, partition: int) -> StoredVersion:
        """Return what scores a partition, and what its delta is merged into."""
        if self.canary is not None and self.watch.scores(partition):
            return self.canary
        return self.head


@dataclass(frozen=True, slots=True)
class VersionInfo:
    """One line of the list of versions."""

    id: str
    parent: str
    created_at: str
    reason: str
    transactions_seen: int
    is_head: bool
    size_bytes: int


def partition_record(stored: Mapping[bytes, bytes], key: str) -> PartitionRecord:
    """Return the record that the hash ``key`` holds; a field never written counts as none."""
    try:
        values = {name.decode(): value.decode() for name, value in stored.items()}
        return _record(values)
    except ValueError as error:
        raise InvariantError(
            f"{key} must hold what a worker wrote, got something else ({error}); does something else "
            "write under its keys?"
        ) from None


def _record(values: Mapping[str, str]) -> PartitionRecord:
    def number(name: str) -> int | None:
        return int(values[name]) if name in values else None

    def numbers(name: str) -> tuple[int, ...]:
        return tuple(map(int, values.get(name, "").split()))

    return PartitionRecord(
        offset=number("offset"),
        ledger=Ledger(**{part.name: number(part.name) or 0 for part in fields(Ledger)}),
        generation=number("generation") or 0,
        alerts_position=number("alerts_position"),
        owner=values.get("owner", ""),
        cursors={
            name.removeprefix(_CURSOR): int(value)
            for name, value in values.items()
            if name.startswith(_CURSOR)
        },
        overflow_position=number("overflow_position"),
        recent_alerts=numbers("recent_alerts"),
        budgets=tuple(map(float, values.get("budgets", "").split())),
        debt=float(values.get("debt", 0.0)),
        told_cards=numbers("told_cards"),
        waves=b64decode(values.get("waves", ""), validate=True),
        log=LogIdentity(number("epoch") or 0, values.get("topic_id", ""), number("log_end")),
        saved_at_ms=number("saved_at_ms"),
        shift=number("shift") or 0,
        n_stored=number("n_stored"),
        # The first format was not told; what was never checkpointed has none.
        entity_format=number("entity_format") or (1 if "offset" in values else ENTITY_FORMAT),
    )


def checkpoint_fields(checkpoint: Checkpoint) -> dict[str, int | str]:
    """Return the hash fields that a checkpoint writes."""
    written: dict[str, int | str] = {
        "offset": checkpoint.next_offset,
        "saved_at_ms": checkpoint.now_ms,
        "recent_alerts": " ".join(map(str, checkpoint.recent_alerts)),
        "budgets": " ".join(map(repr, checkpoint.budgets)),
        "debt": repr(checkpoint.debt),
        "told_cards": " ".join(map(str, checkpoint.told_cards)),
        "waves": b64encode(checkpoint.waves).decode(),
        "epoch": checkpoint.log.epoch,
        "topic_id": checkpoint.log.topic_id,
        "entity_format": ENTITY_FORMAT,
    }
    for name in ("alerts_position", "overflow_position"):
        if (position := getattr(checkpoint, name)) is not None:
            written[name] = position
    if checkpoint.log.end is not None:
        written["log_end"] = checkpoint.log.end
    written |= {f"{_CURSOR}{name}": offset for name, offset in checkpoint.cursors.items()}
    return written | asdict(checkpoint.ledger)


def rfc3339(time_ms: int) -> str:
    """Return an epoch time in milliseconds as RFC 3339 in UTC.

    >>> rfc3339(1_700_000_000_123)
    '2023-11-14T22:13:20.123Z'
    """
    moment = datetime.fromtimestamp(time_ms // 1000, tz=UTC).replace(
        microsecond=time_ms % 1000 * 1000
    )
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
