"""What a scored batch leaves behind: lessons in the delta, payments that wait for their verdicts."""

from __future__ import annotations

from streamer.arrays import Floats
from streamer.features import Columns
from streamer.intake.decoding import Decoded
from streamer.model import SAMPLE, Counted, Scored, Scorer, Sums, learn, learn_warming
from streamer.pipeline.deciding import Decision
from streamer.pipeline.partition_state import PartitionState
from streamer.verdicts import VerdictConfig, Waiting, remember

__all__ = ["learn_scored", "remember_scored"]


def learn_scored(
    delta: Sums,
    version: Scorer,
    X: Floats,
    columns: Columns,
    scored: Scored | None,
    decision: Decision,
) -> None:
    """Learn from a batch: features ``X``, scores, what was decided; ``delta`` is IN/OUT."""
    currencies, times_ms = columns.currencies, columns.times_ms
    if scored is None:
        learn_warming(delta, X, currencies, times_ms)
        return
    learn(
        delta,
        scored,
        decision.teaching,
        decision.above,
        X[:, 0],
        currencies,
        times_ms,
        decision.recent_draws,
        # What an hour gave is held against what it was asked for at its partition's pace.
        asked=decision.shares,
        counted=Counted(X, version.sums.reference_currency_means, version.spread_floors),
    )


def remember_scored(
    decoded: Decoded,
    state: PartitionState,
    version: Scorer,
    scored: Scored,
    decision: Decision,
    config: VerdictConfig,
) -> None:
    """Keep a scored batch for its verdicts; ``state`` is IN/OUT.

    What the fuse held back waits with the rest: nobody is bound to judge it, and a flood must not push
    out what reviewers have on their desks.  But what of it was drawn from below the line is kept.
    """
    if not config.capacity:
        return
    paid, kept = decoded.payments, decision.alerted
    if decision.rows:
        kept = kept | (decision.lanes == SAMPLE)
    known = decoded.times_ms, kept, scored.inputs, decision.beside
    waiting = Waiting(*known, paid.ids, paid.names)
    remember(state.verdicts, state.delta, version, config, decision.draws, waiting)
