"""What a scored batch leaves behind: lessons in the delta, payments that wait for their verdicts."""

from __future__ import annotations

from typing import Final

import numpy as np

from streamer.arrays import Flags, Floats, Integers
from streamer.features import Columns
from streamer.intake.decoding import Decoded
from streamer.intake.payment_columns import PARTIES
from streamer.model import (
    SAMPLE,
    Scored,
    Scorer,
    Sums,
    count_features,
    learn,
    learn_warming,
    stakes_of,
    uniform_hash,
)
from streamer.pipeline.deciding import Decision
from streamer.pipeline.partition_state import PartitionState
from streamer.verdicts import VerdictConfig, Waiting, remember

__all__ = ["learn_scored", "remember_scored"]

# Draws of their own: what is kept as recent has nothing to do with what teaches.
_SAMPLING_SALT: Final = 0x2545F4914F6CDD1D


def learn_scored(
    delta: Sums,
    version: Scorer,
    X: Floats,
    columns: Columns,
    offsets: Integers,
    scored: Scored | None,
    decision: Decision,
    teaching: Flags,
) -> None:
    """Learn from a batch: features ``X``, scores, what was decided; ``delta`` is IN/OUT."""
    currencies, times_ms = columns.currencies, columns.times_ms
    if scored is None:
        learn_warming(delta, X, currencies, times_ms)
        return
    # What an hour gave is held against what it was asked for at its partition's pace.
    asked = scored._replace(asked=decision.shares)
    amounts, draws = np.ascontiguousarray(X[:, 0]), uniform_hash(offsets ^ _SAMPLING_SALT)
    learn(delta, asked, teaching, decision.above, amounts, currencies, times_ms, draws)
    usual, floors = version.sums.reference_currency_means, version.spread_floors
    count_features(delta.feature_histograms, X, currencies, usual, floors)


def remember_scored(
    decoded: Decoded,
    draws: Floats,
    state: PartitionState,
    version: Scorer,
    scored: Scored,
    decision: Decision,
    config: VerdictConfig,
) -> None:
    """Keep a scored batch for its verdicts; ``state`` is IN/OUT, ``draws`` as for `may_be_taught`.

    What the fuse held back waits with the rest: nobody is bound to judge it, and a flood must not push
    out what reviewers have on their desks.  But what of it was drawn from below the line is kept.
    """
    if not config.capacity:
        return
    paid = decoded.payments
    stakes = stakes_of(decision.lanes, decision.weights)
    beside = np.column_stack([scored.ranks, stakes])
    known = decoded.times_ms, decision.alerted | (decision.lanes == SAMPLE), scored.inputs, beside
    waiting = Waiting(*known, paid.ids, paid.names.column(PARTIES))
    remember(state.verdicts, state.delta, version, config, draws, waiting)
