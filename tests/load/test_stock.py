"""Rates from samples, and that stock Faust does the worker's work per event."""

from __future__ import annotations

import os

import numpy as np
import pytest

from load.contestants import consumed
from load.figures import Sample, Spread, Window, rate, summarise
from load.machine import cpu_seconds, describe_machine, without_openblas
from load.runs import skipped
from load.stock import process_event
from streamer.contract.batch import Batch, StoredRecord
from streamer.errors import InvariantError
from streamer.model import Scorer, Sums, advance
from streamer.pipeline import Outcome, PartitionState, PipelineConfig, process
from streamer.simulator import Simulator, SimulatorConfig
from tests.builders import ARRIVAL_MS, pipeline_config, state_of

N_WARMING, N_COMPARED = 1_000, 400


def test_the_clock_starts_at_the_first_sample_beyond_what_is_skipped() -> None:
    samples = [Sample(0, 0), Sample(5, 9), Sample(6, 30), Sample(8, 90), Sample(10, 100)]
    # 70 records between 6 s and 10 s: joining the group, the first 5 s, is not in it.
    window = rate(samples, n_skipped=10, n_total=100)
    assert window == Window(n_records=70, seconds=4)
    assert window.per_second == 17.5


@pytest.mark.parametrize(
    "samples",
    [[], [Sample(0, 0), Sample(1, 99)], [Sample(0, 0), Sample(1, 100)]],
    ids=["none", "unfinished", "over before the second sample"],
)
def test_a_run_that_was_not_sampled_well_enough_is_refused(samples: list[Sample]) -> None:
    with pytest.raises(InvariantError, match="measure more payments"):
        rate(samples, n_skipped=10, n_total=100)


def test_the_warm_up_is_not_measured() -> None:
    assert skipped(500_000, 5_000) == 50_000
    assert skipped(20_000, 5_000) == 6_000


def test_rounds_are_summed_up_by_their_median_and_extremes() -> None:
    spreads = summarise({"fast": [90.0, 100.0, 500.0], "slow": [9.0, 10.0, 2.0]})
    assert spreads == {"fast": Spread(100, 90, 500), "slow": Spread(9, 2, 10)}


def test_processor_time_is_that_of_the_window_only() -> None:
    samples = [Sample(0, 0, 1.0), Sample(5, 10, 3.0), Sample(9, 110, 3.002)]
    window = rate(samples, n_skipped=10, n_total=110)
    assert window.cpu_us_per_record == pytest.approx(20)
    assert cpu_seconds(os.getpid()) > 0
    assert cpu_seconds(2**22 + 1) == 0.0


def test_the_workers_count_is_the_sum_over_its_partitions() -> None:
    assert consumed(
        "# HELP streamer_transactions_consumed_total Records.\n"
        'streamer_transactions_consumed_total{partition="0"} 4.0\n'
        'streamer_transactions_consumed_total{partition="1"} 1.2e+06\n'
        'streamer_transactions_scored_total{partition="1"} 7.0\n'
    ) == (1_200_004)


def test_variables_that_choose_kernels_are_taken_from_children() -> None:
    kept = without_openblas({"OPENBLAS_CORETYPE": "x", "OPENBLAS_L2_SIZE": "1", "PATH": "p"})
    assert kept == {"PATH": "p"}
    assert {"commit", "python", "cpus", "cpu_model"} <= describe_machine().keys()


def warmed(config: PipelineConfig, records: list[StoredRecord]) -> tuple[PartitionState, Sums]:
    """Return a partition after ``records``, and the sums with the first centers."""
    state = state_of(config)
    process(Batch("t", 0, records, ARRIVAL_MS), state, version_of(config), config, now_ms=0)
    return state, advance(Sums.zero(config.model), state.delta, config.model)


def version_of(config: PipelineConfig, sums: Sums | None = None) -> Scorer:
    return Scorer.of("v", Sums.zero(config.model) if sums is None else sums, config.model)


def test_one_event_at_a_time_gives_the_scores_and_alerts_of_the_batch() -> None:
    config = pipeline_config(warmup=N_WARMING)
    config = PipelineConfig(config.model, config.believable, with_scores=True)
    payments = Simulator(SimulatorConfig(seed=3, n_customers=50)).generate(N_WARMING + N_COMPARED)
    records = [
        StoredRecord(offset, ARRIVAL_MS, key, value)
        for offset, (key, value) in enumerate(payments.records())
    ]
    state, sums = warmed(config, records[:N_WARMING])
    one_state, _ = warmed(config, records[:N_WARMING])
    version = version_of(config, sums)
    state.delta, one_state.delta = Sums.zero(config.model), Sums.zero(config.model)

    compared = Batch("t", 0, records[N_WARMING:], ARRIVAL_MS)
    whole = process(compared, state, version, config, now_ms=ARRIVAL_MS)
    single = [
        process_event("t", 0, record, one_state, version, config, now_ms=ARRIVAL_MS)
        for record in records[N_WARMING:]
    ]

    assert whole is not None
    outcomes = [outcome for outcome in single if outcome is not None]
    assert len(outcomes) == N_COMPARED
    same_scores_and_alerts(whole, outcomes)
    assert state.ledger == one_state.ledger
    assert one_state.delta.transactions_seen == N_COMPARED
    np.testing.assert_allclose(one_state.delta.cluster_sums, state.delta.cluster_sums, atol=1e-6)


def same_scores_and_alerts(whole: Outcome, single: list[Outcome]) -> None:
    scores = [score for outcome in single for score in outcome.scores]
    alerts = [alert for outcome in single for alert in outcome.alerts]
    assert whole.alerts
    assert [a.alert_id for a in alerts] == [a.alert_id for a in whole.alerts]
    assert [a.reasons[0].feature for a in alerts] == [a.reasons[0].feature for a in whole.alerts]
    np.testing.assert_allclose(
        [(score.score, score.distance) for score in scores],
        [(score.score, score.distance) for score in whole.scores],
        rtol=1e-9,
    )
