"""What a worker holds of one assigned partition."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from streamer.challenging.shadow import Shadow
from streamer.contract.ledger import Ledger, Loss
from streamer.features import EntityTable
from streamer.pipeline import PartitionState
from streamer.store import Checkpoint, LogIdentity
from streamer.watching import Counts

__all__ = ["Assigned", "Unpublished"]


@dataclass(frozen=True, slots=True)
class Unpublished:
    """What a checkpoint that was taken waits for: Kafka's word on all messages up to ``until``.

    ``is_waiting`` says of alerts and of those held back whether some of offsets that come after it
    are already on their topics, from an earlier life.
    """

    until: int
    is_waiting: tuple[bool, bool]


@dataclass(slots=True)
class Assigned:
    """One assigned partition of the transactions topic.

    ``generation`` is the fencing token that Redis gave out with the claim; batches carry it as the
    reading that they were fetched in.  ``start_offset`` is where this worker began to read,
    ``base_offset`` the last checkpoint's offset (None before the first), ``pending`` a checkpoint that
    was taken and whose outcome is not known yet, ``losses`` what no checkpoint has declared yet.  Times
    are of the monotonic clock, in seconds.
    """

    topic: str
    partition: int
    state: PartitionState
    generation: int
    start_offset: int
    base_offset: int | None
    alerts_position: int | None
    has_stored: bool
    checkpointed_at: float
    pending: Checkpoint | None = None
    unpublished: Unpublished | None = None
    """Set while ``pending`` must not be written yet, and its positions are not known."""
    lag: int = 0
    overflow_position: int | None = None
    log: LogIdentity = field(default_factory=LogIdentity)
    losses: tuple[Loss, ...] = ()
    shadows: dict[str, Shadow] = field(default_factory=dict)
    """What its challengers remember of it, by their names."""
    void: list[str] = field(default_factory=list)
    """Fields of challengers that have gone, for the next checkpoint to remove."""
    counted: dict[tuple[int, bool], Counts] = field(default_factory=dict)
    """What no checkpoint has taken along yet of what is watched, by watch and side (`Counted`)."""
    told: Ledger = field(default_factory=Ledger)
    """What the log's last line of it ended with."""
    is_set_back: bool = False
    """Whether a batch of it was put off: what was fetched behind it is void."""
    erasing: dict[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    """Erasures that no checkpoint holds yet: the names, by kind, under which nothing is kept."""
    erased: set[str] = field(default_factory=set)
    """All erasures that were done since it was claimed."""
    n_saved: int = 0
    """Checkpoints that Redis holds since it was claimed."""
    is_dropped: bool = False
    """Whether it has been released: what no checkpoint holds of it is for the next claim."""

    @property
    def position(self) -> int:
        """The first offset that has not been processed."""
        next_offset = self.state.next_offset
        return self.start_offset if next_offset is None else next_offset

    @property
    def saved_offset(self) -> int:
        """The offset of the last checkpoint, or where this worker began before the first."""
        return self.start_offset if self.base_offset is None else self.base_offset

    @property
    def has_progress(self) -> bool:
        """Whether anything has been processed or learned that a checkpoint has still to hold.

        What verdicts taught a partition that was never read waits for its first payment.
        """
        state = self.state
        is_ahead = state.next_offset != self.base_offset
        is_taught = state.next_offset is not None and (state.delta.teaches or bool(self.erasing))
        return (self.pending is not None or is_ahead or is_taught) and not self.is_dropped

    def saved(self, written: Checkpoint) -> None:
        """Note that Redis holds what was pending, which is ``written``."""
        self.pending, self.has_stored = None, True
        self.n_saved += 1
        self.base_offset = written.next_offset
        self.alerts_position = written.alerts_position
        self.overflow_position = written.overflow_position
        for erasure in written.erasures:
            self.erasing.pop(erasure, None)

    def load_pending(
        self, unknown: Mapping[EntityTable, list[str]]
    ) -> dict[EntityTable, list[str]]:
        """Load what a checkpoint under way holds of ``unknown`` and return the rest.

        What was evicted since its snapshot is in Redis as it was before, if at all.  Of a card that is
        being erased neither is asked for what it was.
        """
        rest: dict[EntityTable, list[str]] = {}
        pending = self.pending
        held_back = set() if pending is None else self.erasing.keys() - set(pending.erasures)
        for table, keys in unknown.items():
            kind = table.kind.name
            if pending is not None:
                void = self._void(kind, held_back)
                known = pending.entities[kind]
                table.load({key: known[key] for key in keys if key in known and key not in void})
                keys = [key for key in keys if key not in known]
            void = self._void(kind, self.erasing.keys())
            if left := [key for key in keys if key not in void]:
                rest[table] = left
        return rest

    def _void(self, kind: str, erasures: Collection[str]) -> set[str]:
        """Return the names of a kind of which some erasures let nothing be read."""
        return {name for each in erasures for name in self.erasing[each].get(kind, ())}
