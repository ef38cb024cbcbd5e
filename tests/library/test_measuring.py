"""`streamer.evaluate` says what ``streamer evaluate`` says of the same payments, and of each day."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

import streamer
from streamer.datafiles import write_rows
from streamer.simulator import Simulator, SimulatorConfig
from tests.cli.test_commands import run

SETTINGS: Final[dict[str, Any]] = {
    "warmup_transactions": 500,
    "n_clusters": 4,
    "alert_budget": 0.02,
}
# What the command takes in place of the settings unless it is told to.
AS_THE_COMMAND: Final[dict[str, Any]] = SETTINGS | {"reserve_share": 0, "sample_share": 0}
DELAY: Final = timedelta(hours=6)


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    """Three days of 300 customers, 1.5% of whose payments are frauds."""
    world = SimulatorConfig(
        seed=3, n_customers=300, fraud_share=0.015, payments_per_customer_per_day=10
    )
    return Simulator(world).generate(6_000).rows()


def column(rows: list[dict[str, Any]], name: str) -> list[Any]:
    return [row[name] for row in rows]


@pytest.fixture(scope="module")
def found(rows: list[dict[str, Any]]) -> streamer.Evaluation:
    return streamer.evaluate(
        iter(rows),
        column(rows, "label"),
        patterns=column(rows, "fraud_pattern"),
        label_delay=DELAY,
        **AS_THE_COMMAND,
    )


def test_figures_are_those_of_the_command_on_the_same_file(
    found: streamer.Evaluation, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    path = tmp_path / "payments.parquet"
    write_rows(path, [rows])
    options = ["--protocol", "prequential", "--rivals", "none", "--label-delay", "6h", "--json"]
    done = run("evaluate", str(path), *options, **{k: str(v) for k, v in SETTINGS.items()})
    assert done.exit_code == 0, done.stderr
    theirs = json.loads(done.stdout)
    own = theirs["streamer"]
    assert {name: round(value, 6) for name, value in found.figures.items()} == {
        name: own[name] for name in found.figures
    }
    assert {n: [round(e, 6) for e in ends] for n, ends in found.intervals.items()} == own[
        "intervals"
    ]
    alerts = own["alerts"]
    assert (found.n_measured, found.n_frauds, found.n_verdicts) == (
        theirs["rows"],
        theirs["frauds"],
        theirs["verdicts"],
    )
    assert found.n_verdicts > 1_000
    assert (found.n_alerts, round(found.precision, 6), round(found.recall, 6)) == (
        alerts["n"],
        alerts["precision"],
        alerts["recall"],
    )
    assert round(found.budget_ratio, 6) == alerts["budget_ratio"]
    assert {name: each["n_frauds"] for name, each in found.by_pattern.items()} == {
        name: each["frauds"] for name, each in own["scenarios"].items()
    }


def test_days_and_rows_add_up_to_the_figures(found: streamer.Evaluation) -> None:
    days, columns = found.per_day(), found.columns()
    assert list(days) == ["day", "payments", "frauds", "alerts", "caught", "precision", "recall"]
    assert list(columns) == [
        "time", "score", "probability", "alerted", "held_back", "fraud", "measured",
    ]  # fmt: skip
    measured = columns["measured"]
    assert days["payments"].sum() == found.n_measured == measured.sum()
    assert days["frauds"].sum() == found.n_frauds == columns["fraud"][measured].sum()
    assert days["alerts"].sum() == found.n_alerts == columns["alerted"][measured].sum()
    assert days["caught"].sum() / days["alerts"].sum() == found.precision
    assert days["caught"].sum() / days["frauds"].sum() == found.recall
    assert days["day"].astype(str).tolist() == ["2026-01-05", "2026-01-06", "2026-01-07"]
    of_kinds = [each["n_frauds"] * each["recall"] for each in found.by_pattern.values()]
    assert round(sum(of_kinds)) == days["caught"].sum()
    # Of pairs of a fraud and another payment, by hand, ties half.
    scores, frauds = columns["score"][measured], columns["fraud"][measured]
    above = scores[frauds][:, None] - scores[~frauds][None, :]
    assert found.auc_roc == pytest.approx((above > 0).mean() + (above == 0).mean() / 2)
    assert found.auc_roc == found.figures["auc_roc"]
    assert found.average_precision == found.figures["average_precision"]
    assert found.card_precision(100) == found.figures["cp_at_100"]
    assert found.card_precision(1) * 3 == pytest.approx(round(found.card_precision(1) * 3))


def test_it_tells_what_it_is_in_a_line_and_as_a_table(found: streamer.Evaluation) -> None:
    told = repr(found)
    assert told.startswith(f"<Evaluation of {found.n_frauds} frauds in 4,500 payments: AUC ROC 0.")
    assert f"{found.n_alerts} alerts (" in told
    shown = found._repr_html_()
    assert f"<td>AUC ROC</td><td>{found.auc_roc:.3f}</td>" in shown
    assert "verdicts, each when it was due" in shown
    assert not [note for note in found.notes if "rival" in note]


def test_labels_withheld_teach_nothing_and_measure_all_the_same(rows: list[dict[str, Any]]) -> None:
    found = streamer.evaluate(rows, np.array(column(rows, "label")), taught="none", **SETTINGS)
    assert found.n_verdicts == 0
    assert np.isnan(found.columns()["probability"]).all()
    assert found.n_frauds > 20


def test_a_label_that_nobody_knows_counts_on_no_side_and_what_is_no_payment_is_told(
    rows: list[dict[str, Any]],
) -> None:
    given: list[Any] = [*rows]
    given[4_000], given[4_001] = {"card_id": "c"}, rows[4_001] | {"amount": -5.0}
    labels: list[Any] = column(rows, "label")
    labels[4_002:4_102] = [None, float("nan")] * 50
    options: dict[str, Any] = {"taught": "none", "n_resamples": 2} | SETTINGS
    found = streamer.evaluate(given, labels, measured=range(3_000, 5_000), **options)
    assert found.n_measured == 2_000 - 102
    assert [each.row for each in found.refused] == [4_000]
    assert found.passed_over == {"refund": 1}
    assert len(found.columns()["time"]) == 5_000
    assert np.isnat(found.columns()["time"][4_000])


def test_a_saved_version_scores_from_the_first_payment_on(
    rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    path = tmp_path / "model.safetensors"
    detector = streamer.Detector(**SETTINGS)
    detector.process(rows[:3_000])
    detector.save(path)
    options: dict[str, Any] = {"taught": "selective", "n_resamples": 2, "start": path} | SETTINGS
    later = rows[3_000:]
    found = streamer.evaluate(
        later, column(later, "label"), judged_after=timedelta(hours=1), **options
    )
    assert not np.isnan(found.columns()["score"][0])
    assert 0 < found.n_verdicts < 200


def endless() -> Iterator[dict[str, Any]]:
    yield from iter(lambda: {"card_id": "c"}, None)


@pytest.mark.parametrize(
    ("payments", "labels", "options", "told"),
    [
        ([{}], [0, 1], {}, "labels must be as many as payments, got 2 for 1"),
        (endless(), [0, 1], {}, "labels must be as many as payments, got 2, and more payments"),
        ([{}], ["perhaps"], {}, "got 'perhaps' in row 0 of labels; kinds of fraud are given as"),
        ([{}], [0], {"patterns": []}, "patterns must be as many as labels, got 0 for 1"),
        ([{}], [0], {"taught": "some"}, "taught must be one of all, selective, none, got 'some'"),
        ([{}], [0], {"measured": range(5, 5)}, r"measured must be rows .* got range\(5, 5\)"),
        ([{}], [0], {}, "payments must hold some that can be scored, got none of 1; row 0: "),
        ([{}], [0], {"alert_budget": 2}, "STREAMER_ALERT_BUDGET"),
    ],
)
def test_what_cannot_be_measured_is_said(
    payments: Any, labels: list[Any], options: dict[str, Any], told: str
) -> None:
    with pytest.raises(streamer.ConfigurationError, match=told):
        streamer.evaluate(payments, labels, **options)
