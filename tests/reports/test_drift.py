"""Drift of simulated traffic through the pipeline: none where there is none, inflation by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import islice

import msgspec
import numpy as np

from streamer.contract.batch import Batch, StoredRecord
from streamer.model import MOVED_PSI, Drift, ModelConfig, Scorer, Sums, advance, drift_of
from streamer.pipeline import PartitionState, process
from streamer.reports.drift_report import FeatureDrift, describe_drift
from streamer.simulator import Simulator, SimulatorConfig
from tests.builders import ARRIVAL_MS, pipeline_config, state_of

# A small bank: 240 payments a day, of which the model remembers about two weeks.
CUSTOMERS, PER_DAY = 80, 240
N = 50_000
DEARER_FROM = 40_000
CONFIG = pipeline_config(
    n_clusters=4, half_life=3_500.0, score_half_life=3_500.0, warmup=1_000, alert_budget=0.005
)


@dataclass(slots=True)
class Course:
    """What a pass over simulated payments left behind, version by version."""

    drifts: list[Drift] = field(default_factory=list)
    sums: Sums = field(default_factory=lambda: Sums.zero(CONFIG.model))

    @property
    def settled(self) -> list[Drift]:
        return [drift for drift in self.drifts if drift.is_settled]


def records(inflation_per_day: float) -> Iterator[tuple[bytes | None, bytes | None]]:
    """Return payments whose amounts rise from `DEARER_FROM` on."""
    config = SimulatorConfig(
        seed=5, n_customers=CUSTOMERS, n_merchants=60, price_drift=False, category_drift=False
    )
    for i, (key, value) in enumerate(Simulator(config).generate(N).records()):
        if i < DEARER_FROM or not inflation_per_day:
            yield key, value
            continue
        payment = msgspec.json.decode(value)
        level = (1 + inflation_per_day) ** ((i - DEARER_FROM) / PER_DAY)
        yield key, msgspec.json.encode(payment | {"amount": round(payment["amount"] * level, 2)})


@cache
def course(inflation_per_day: float = 0.0) -> Course:
    model: ModelConfig = CONFIG.model
    result = Course()
    state: PartitionState = state_of(CONFIG)
    version = Scorer.of("", result.sums, model)
    source = records(inflation_per_day)
    for first in range(0, N, 1_000):
        part = [
            StoredRecord(first + i, ARRIVAL_MS, key, value)
            for i, (key, value) in enumerate(islice(source, 1_000))
        ]
        process(Batch("transactions", 0, part, ARRIVAL_MS), state, version, CONFIG, now_ms=0)
        result.sums, state.delta = advance(result.sums, state.delta, model), Sums.zero(model)
        version = Scorer.of("", result.sums, model)
        result.drifts.append(drift_of(result.sums, model))
    return result


def moved(found: Course) -> list[FeatureDrift]:
    return [f for f in describe_drift(found.sums, CONFIG.model).features if f.has_moved]


def test_histories_that_fill_drift_until_the_reference_has_settled() -> None:
    """What the provisional reference is for: until then features move without any drift."""
    found = course()
    young = [drift for drift in found.drifts if not drift.is_settled]
    assert max(drift.psi.max() for drift in young) > MOVED_PSI
    assert 10 <= len(young) < DEARER_FROM // 1_000


def test_steady_traffic_raises_no_alarm_once_the_reference_has_settled() -> None:
    found = course()
    assert len(found.settled) >= 10
    assert max(drift.psi.max() for drift in found.settled) < MOVED_PSI
    assert moved(found) == []


def test_inflation_is_found_and_named_with_its_direction() -> None:
    """3% a day for six weeks: prices rise to 3.4 times what they were, recent ones to about twice.

    The model's own usual amount follows them; that of the reference does not.
    """
    amount = next(f for f in moved(course(0.03)) if f.feature == "amount")
    assert amount.direction == "up"
    assert amount.usual is not None
    assert amount.now is not None
    assert 1.6 < amount.now / amount.usual < 2.2
    assert amount.sentence.startswith(f"amount: usual {amount.usual:,.2f} {amount.unit}, now ")


def test_every_payment_is_in_every_histogram() -> None:
    """With decay: the weight of 1,000 a version, halved every 3,500 payments."""
    discount = 0.5 ** (1_000 / 3_500)
    expected = 1_000 * (1 - discount ** (N / 1_000)) / (1 - discount)
    np.testing.assert_allclose(course().sums.feature_histograms.sum(axis=1), expected, rtol=1e-9)
