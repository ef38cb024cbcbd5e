"""The pipeline over a file, and the summary of a run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields, replace
from itertools import count
from typing import Any

import msgspec
import numpy as np
import pytest

from streamer.contract.ledger import Ledger
from streamer.contract.messages import Alert
from streamer.datafiles import FileBatch
from streamer.model import Census, Scorer, Sums, advance
from streamer.model.codec import state_id
from streamer.offline.offline_partition import OfflinePartition
from streamer.offline.replay import replay
from streamer.pipeline import PipelineConfig, process
from streamer.reports.summary import Summary, Tally, percentiles_ms
from tests.builders import ARRIVAL_MS, batch, pipeline_config, state_of
from tests.pipeline.helpers import ordinary

CONFIG = pipeline_config()
N_PER_VERSION = 500
# Every 50th of these payments is the fraud that the labels know of.
PAYMENTS = [
    fields | ({"amount": 2_000.0 + i} if i % 50 == 49 else {})
    for i, fields in enumerate(ordinary(3_000, seed=1))
]
LABELS = [("test-fraud" if i % 50 == 49 else None) for i in range(3_000)]

# What the product's contract lists, and what this implementation adds to it.
LISTED = {
    "consumed",
    "scored",
    "dead_lettered",
    "alerts",
    "duplicate_alerts",
    "ledger_imbalance",
    "model_versions",
    "transactions_seen",
    "throughput_per_s",
    "latency_ms",
    "fraud",
    "normal",
    "patterns",
    "alert_budget",
}
EXTRA = {"ledger", "worker_restarts", "sent", "sound", "unlabelled", "sampled", "found"}


def file_batches(
    size: int, values: Sequence[dict[str, Any] | bytes] = PAYMENTS, labelled: bool = True
) -> list[FileBatch]:
    """Return ``values`` as a file of that many rows would be read, ``size`` at a time."""
    batches = []
    for first in range(0, len(values), size):
        part = values[first : first + size]
        is_good = [isinstance(value, dict) for value in part]
        batches.append(
            FileBatch(
                values=[json.dumps(v).encode() if isinstance(v, dict) else v for v in part],
                keys=[v["card_id"].encode() if isinstance(v, dict) else None for v in part],
                labels=LABELS[first : first + size] if labelled else None,
                transaction_ids=[
                    v["transaction_id"] if ok else "" for v, ok in zip(part, is_good, strict=True)
                ],
            )
        )
    return batches


def replayed(
    batches: Sequence[FileBatch], capacity: int = 10_000, config: PipelineConfig = CONFIG
) -> tuple[Summary, list[Alert]]:
    """Replay with a version every 500 transactions and a clock that ticks once a call."""
    alerts: list[Alert] = []
    ticks = count()
    summary = replay(
        batches,
        OfflinePartition(config, capacity, capacity, N_PER_VERSION),
        now_ms=lambda: ARRIVAL_MS,
        monotonic=lambda: float(next(ticks)),
        on_alert=alerts.append,
        on_progress=lambda n: None,
    )
    return summary, alerts


def without_source_topic(alert: Alert) -> Alert:
    return replace_struct(alert, alert_id="", source=replace_struct(alert.source, topic=""))


def replace_struct(struct: Any, **changes: Any) -> Any:
    return msgspec.structs.replace(struct, **changes)


def test_a_replay_equals_the_pipeline_called_by_hand() -> None:
    summary, alerts = replayed(file_batches(500))
    state, sums = state_of(CONFIG), Sums.zero(CONFIG.model)
    by_hand: list[Alert] = []
    for first in range(0, 3_000, N_PER_VERSION):
        version = Scorer.of(state_id(sums), sums, CONFIG.model)
        outcome = process(
            batch(PAYMENTS[first : first + N_PER_VERSION], first),
            state,
            version,
            CONFIG,
            now_ms=ARRIVAL_MS,
        )
        assert outcome is not None
        by_hand += outcome.alerts
        sums, state.delta = advance(sums, state.delta, CONFIG.model), Sums.zero(CONFIG.model)
    assert [without_source_topic(a) for a in alerts] == [without_source_topic(a) for a in by_hand]
    assert summary.ledger == state.ledger
    assert summary.transactions_seen == sums.transactions_seen == 3_000
    assert summary.model_versions == 6
    assert len(alerts) > 20


@pytest.mark.parametrize("size", [7, 100, 333, 999, 1_000, 3_000])
def test_how_a_file_is_read_changes_nothing(size: int) -> None:
    """500 transactions a version, however many are read at a time."""
    expected, expected_alerts = replayed(file_batches(500))
    summary, alerts = replayed(file_batches(size))
    assert [alert.alert_id for alert in alerts] == [alert.alert_id for alert in expected_alerts]
    for mine, theirs in zip(alerts, expected_alerts, strict=True):
        assert mine.distance_sq == pytest.approx(theirs.distance_sq, rel=1e-6)
    assert summary.ledger == expected.ledger
    assert summary.model_versions == expected.model_versions
    assert summary.is_sound


def test_a_file_with_bad_rows_balances() -> None:
    values: list[dict[str, Any] | bytes] = list(PAYMENTS)
    values[10], values[700], values[2_999] = b"bad", b"", b"[1]"
    summary, _ = replayed(file_batches(500, values))
    assert (summary.ledger.consumed, summary.ledger.dead_lettered) == (3_000, 3)
    assert summary.ledger.scored == summary.transactions_seen == 2_997
    assert summary.is_sound


def test_an_empty_file_is_sound_and_has_no_figures() -> None:
    summary, _ = replayed([])
    result = summary.to_dict()
    assert summary.is_sound
    assert result["consumed"] == 0
    assert result["latency_ms"] == {"p50": None, "p95": None, "p99": None}
    assert result["alert_budget"] == {"requested": 0.02, "achieved": None}


def test_the_summary_has_the_keys_that_were_agreed() -> None:
    result = replayed(file_batches(500))[0].to_dict()
    assert set(result) == LISTED | EXTRA
    assert set(result["latency_ms"]) == {"p50", "p95", "p99"}
    assert set(result["fraud"]) == {"injected", "alerted"}
    assert set(result["normal"]) == {"sent", "alerted"}
    assert set(result["alert_budget"]) == {"requested", "achieved"}
    assert set(result["ledger"]) == {field.name for field in fields(Ledger)}
    assert result["patterns"].keys() == {"test-fraud"}
    assert result["fraud"]["injected"] == result["patterns"]["test-fraud"]["injected"] == 60
    assert result["normal"]["sent"] == 2_940
    told = (result["fraud"]["alerted"], result["normal"]["alerted"], result["sampled"]["alerts"])
    assert sum(told) == result["alerts"]
    json.dumps(result, allow_nan=False)


def test_alerts_that_were_drawn_are_told_apart_and_say_what_is_missed() -> None:
    """Three alerts, two of them frauds, and two drawn by a tenth, one a fraud: it stands for ten.

    Of the 2 + 10 frauds that this makes three were found; of the three others two are frauds."""
    tally = Tally()
    tally.add_sent(["a", "b", "c", "d", "e", "f"], ["x", "x", None, "y", None, "unlabelled"])
    for name in ("a", "b", "c"):
        tally.add_alert(name, name)
    for name in ("d", "e", "f"):
        tally.add_alert(name, name, 10.0)
    result = replace(a_summary(), tally=tally).to_dict()
    assert result["sampled"] == {"alerts": 3, "fraud": 1}
    assert result["fraud"] == {"injected": 3, "alerted": 2}
    assert result["normal"] == {"sent": 2, "alerted": 1}
    assert result["patterns"]["y"] == {"injected": 1, "alerted": 0}
    assert result["alerts"] == 6
    found = result["found"]
    assert found["recall"] == pytest.approx(3 / 12)
    assert found["precision"] == pytest.approx(2 / 3)
    assert (found["alerts_judged"], found["sampled_judged"], found["sampled_frauds"]) == (3, 2, 1)


def test_a_replay_tells_what_it_drew_apart_and_without_labels_what_verdicts_said() -> None:
    config = replace(CONFIG, model=replace(CONFIG.model, sample_share=0.3))
    summary, alerts = replayed(file_batches(500), config=config)
    result = summary.to_dict()
    assert result["sampled"]["alerts"] == sum(alert.sampled for alert in alerts) > 2
    of_frauds = result["fraud"]["alerted"]
    assert result["found"]["alerts_judged"] == of_frauds + result["normal"]["alerted"]
    assert result["found"]["precision"] == of_frauds / result["found"]["alerts_judged"]
    verdicts = Census(np.array([[1.0, 3.0], [0.0, 0.0], [0.0, 0.0]]), 0.0)
    without = replace(a_summary(), tally=Tally(is_labelled=False), verdicts=verdicts).to_dict()
    assert without["found"]["precision"] == 0.75
    assert replace(summary, verdicts=verdicts).to_dict()["found"] == result["found"]


def test_without_labels_everything_sent_counts_as_normal() -> None:
    result = replayed(file_batches(500, labelled=False))[0].to_dict()
    assert result["fraud"] == {"injected": 0, "alerted": 0}
    assert result["normal"]["sent"] == 3_000
    assert result["patterns"] == {}


def a_summary() -> Summary:
    """Ten payments sent, nine scored, one dead letter, four of the scored ones warming, one alert."""
    tally = Tally()
    tally.add_sent([f"t-{i}" for i in range(10)], [None] * 9 + ["test-fraud"])
    tally.add_alert("a-1", "t-9")
    return Summary(
        ledger=Ledger(consumed=10, scored=9, dead_lettered=1, alerted=1, warming=4),
        tally=tally,
        model_versions=1,
        transactions_seen=9,
        alert_budget=0.1,
        elapsed_s=4.0,
        latencies_ms=percentiles_ms([2.0]),
    )


def test_a_sound_run() -> None:
    """10 consumed in 4 s: 2.5/s.  One alert among the 9 - 4 scored by a model: 0.2."""
    summary = a_summary()
    assert summary.is_sound
    result = summary.to_dict()
    assert result["throughput_per_s"] == 2.5
    assert result["alert_budget"] == {"requested": 0.1, "achieved": 0.2}
    assert result["patterns"] == {"test-fraud": {"injected": 1, "alerted": 1}}
    assert result["normal"] == {"sent": 9, "alerted": 0}


def test_a_run_with_repeated_payments_and_offsets_without_a_record_is_sound() -> None:
    """Ten sent: 8 scored, one a dead letter, one sent again; 3 offsets hold a marker."""
    ledger = Ledger(consumed=13, scored=8, dead_lettered=1, alerted=1, repeated=1, skipped=3)
    summary = replace(a_summary(), ledger=ledger, transactions_seen=8)
    assert summary.is_sound
    assert not replace(summary, ledger=replace(ledger, skipped=4)).is_sound


def test_a_payment_that_a_file_holds_twice_is_scored_once() -> None:
    """The replay is the worker's pipeline: 3,000 payments, the last 500 of them twice."""
    config = replace(CONFIG, repeat_window=1_000)
    twice = file_batches(500, [*PAYMENTS, *PAYMENTS[-500:]], labelled=False)
    summary, alerts = replayed(twice, config=config)
    plain, expected = replayed(file_batches(500))
    assert summary.ledger == plain.ledger + Ledger(consumed=500, repeated=500)
    assert [alert.alert_id for alert in alerts] == [alert.alert_id for alert in expected]
    assert summary.transactions_seen == 3_000
    assert summary.is_sound


def test_a_budget_per_hour_is_reported_beside_what_came_of_it() -> None:
    result = replace(a_summary(), alerts_per_hour=(6.0, 5.5)).to_dict()
    assert result["alerts_per_hour"] == {"requested": 6.0, "achieved": 5.5}
    assert "alerts_per_hour" not in a_summary().to_dict()


@pytest.mark.parametrize(
    "changes",
    [
        {"ledger": Ledger(consumed=10, scored=8, dead_lettered=1)},
        {"ledger": Ledger(consumed=10, scored=9, dead_lettered=2)},
        {"ledger": Ledger(consumed=9, scored=9)},
        {"transactions_seen": 8},
        {"transactions_seen": 10},
    ],
    ids=["one lost", "one twice", "one never came", "one not learned", "one learned twice"],
)
def test_a_run_in_which_something_is_off_is_not_sound(changes: dict[str, Any]) -> None:
    assert not replace(a_summary(), **changes).is_sound


def test_an_alert_seen_twice_is_counted_and_not_sound() -> None:
    summary = a_summary()
    assert not summary.tally.add_alert("a-1", "t-9")
    assert (summary.tally.alerts, summary.tally.duplicate_alerts) == (1, 1)
    assert not summary.is_sound
    assert summary.to_dict()["duplicate_alerts"] == 1
