"""A stream of ordinary payments, a model that knows them, and a run over records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from streamer.contract.batch import Batch
from streamer.contract.messages import Alert, Score
from streamer.intake.decoding import DeadLetter
from streamer.model import Scorer, Sums, advance
from streamer.pipeline import Outcome, PartitionState, PipelineConfig, process
from tests.builders import ARRIVAL_MS, batch, payment, pipeline_config, state_of

CARD_KEY = b"a key for tests"


def ordinary(n: int, seed: int = 0, **fields: Any) -> list[dict[str, Any]]:
    """Return ``n`` payments of 20 cards at 5 merchants, one a minute, amounts around 20."""
    rng = np.random.default_rng(seed)
    return [
        payment(
            i,
            after_s=60.0 * i,
            card_id=f"card-{rng.integers(20)}",
            merchant_id=f"shop-{rng.integers(5)}",
            amount=round(float(np.exp(rng.normal(3.0, 0.5))), 2),
        )
        | fields
        for i in range(n)
    ]


@cache
def trained(n: int = 1_500) -> Scorer:
    """Return the version that ``n`` ordinary payments make, scores of a second pass included."""
    config = pipeline_config()
    state = state_of(config)
    sums = Sums.zero(config.model)
    version = Scorer.of("", sums, config.model)
    for first in range(0, n, 500):
        process(batch(ordinary(n)[first : first + 500], first), state, version, config, now_ms=0)
        sums, state.delta = advance(sums, state.delta, config.model), Sums.zero(config.model)
        version = Scorer.of("version-1", sums, config.model)
    return version


@dataclass(slots=True)
class Run:
    """What several batches brought about, in order."""

    state: PartitionState
    alerts: list[Alert] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)


def run(
    batches: Sequence[Batch],
    config: PipelineConfig,
    version: Scorer | None = None,
    state: PartitionState | None = None,
    **options: Any,
) -> Run:
    """Process ``batches`` by one version, an empty one unless given."""
    if version is None:
        version = Scorer.of("", Sums.zero(config.model), config.model)
    result = Run(state_of(config) if state is None else state)
    for each in batches:
        outcome = process(each, result.state, version, config, now_ms=ARRIVAL_MS, **options)
        if outcome is None:
            continue
        result.outcomes.append(outcome)
        result.alerts += outcome.alerts
        result.dead_letters += outcome.dead_letters
        result.scores += outcome.scores
    return result


def cut(whole: Batch, edges: Sequence[int]) -> list[Batch]:
    """Return ``whole`` in batches that end at ``edges``."""
    ends = sorted({*edges, len(whole)} - {0})
    starts = [0, *ends[:-1]]
    return [
        Batch(whole.topic, whole.partition, whole.records[a:b], whole.received_at_ms)
        for a, b in zip(starts, ends, strict=True)
    ]
