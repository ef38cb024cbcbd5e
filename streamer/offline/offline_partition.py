"""One partition without Kafka and Redis: what a worker holds of it, and when its model is renewed.

Replays, evaluations, fitted versions and benchmarks drive the pipeline by this alone, so that what one
of them measures is what another makes.

Invariants:
* A version follows after exactly as many transactions as are due; there is no interval.  So versions
  and scores depend on the payments, not on how they were read.
* Whatever is scored was scored by a version that knew nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from streamer.contract.batch import Batch
from streamer.contract.messages import Feedback
from streamer.model import Scorer, Sums, advance, delta_limit
from streamer.model.codec import state_id
from streamer.pipeline import (
    Outcome,
    PartitionState,
    PipelineConfig,
    Prepared,
    prepare,
    process_prepared,
)
from streamer.verdicts import apply_verdicts

__all__ = ["OfflinePartition", "ScoredPart"]


@dataclass(frozen=True, slots=True)
class ScoredPart:
    """Records that one version scored, as they were decoded, and what came of them."""

    prepared: Prepared
    outcome: Outcome
    version: Scorer


@dataclass(slots=True)
class OfflinePartition:
    """The state of a partition and the model that only it teaches; ``on_version`` gets new sums.

    ``start`` is the model to begin with, None for one that has learned nothing.
    """

    config: PipelineConfig
    cards_capacity: int
    merchants_capacity: int
    checkpoint_max_transactions: int
    on_version: Callable[[Sums], object] = lambda _: None
    start: Sums | None = None
    n_versions: int = 0
    sums: Sums = field(init=False)
    version: Scorer = field(init=False)
    state: PartitionState = field(init=False)

    def __post_init__(self) -> None:
        self.state = PartitionState.empty(self.config, self.cards_capacity, self.merchants_capacity)
        self._hold(Sums.zero(self.config.model) if self.start is None else self.start)

    def run(
        self,
        batch: Batch,
        *,
        now_ms: int,
        prepared: Callable[[Batch], Prepared] | None = None,
        learns: bool = True,
    ) -> Iterator[ScoredPart]:
        """Score ``batch``, whose offsets have no gaps, and yield it in parts, cut where versions end.

        A part's version is renewed when the next one is asked for: whoever wants all of it asks to the
        end.  ``prepared`` returns a part decoded, for a caller that has decoded the batch already.

        Without ``learns`` no version follows, and what the model would have learned is dropped.
        """
        records = batch.records
        while records:
            limit = delta_limit(self.sums.transactions_seen, self.checkpoint_max_transactions)
            # Of records, since which of them are payments is known only when they are decoded.
            n_next = limit - self.state.delta.transactions_seen
            part = replace(batch, records=records[:n_next])
            records = records[n_next:]
            decoded = prepare(part, self.config, self.state) if prepared is None else prepared(part)
            version, learned = self.version, self.state.delta
            if not learns:
                self.state.delta = Sums.zero(self.config.model)
            outcome = process_prepared(decoded, self.state, version, self.config, now_ms=now_ms)
            if not learns:
                self.state.delta = learned
            yield ScoredPart(decoded, outcome, version)
            if self.state.delta.transactions_seen >= limit:
                self.renew()

    def teach(self, verdicts: Sequence[Feedback]) -> None:
        """Learn from ``verdicts`` as a worker does; the next version knows of them."""
        state = self.state
        apply_verdicts(verdicts, state.verdicts, state.tables, state.delta, self.version)

    def renew(self) -> None:
        """Make a version of what has been learned since the last one."""
        sums = advance(self.sums, self.state.delta, self.config.model)
        self.state.delta = Sums.zero(self.config.model)
        self.n_versions += 1
        self._hold(sums)
        self.on_version(sums)

    def _hold(self, sums: Sums) -> None:
        self.sums = sums
        self.version = Scorer.of(state_id(sums), sums, self.config.model)
