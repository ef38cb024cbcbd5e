"""A detector in memory gives what the pipeline gives, whatever it is handed and in how many pieces."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest

import streamer
from streamer.library.given_payments import messages_of
from streamer.offline.offline_partition import OfflinePartition
from streamer.settings import load_settings
from streamer.starting.wiring import pipeline_config
from tests.builders import ARRIVAL_MS, batch
from tests.pipeline.helpers import ordinary

# Every 50th is a fraud that the amount gives away.
PAYMENTS: list[dict[str, Any]] = [
    fields | ({"amount": 2_000.0 + i} if i % 50 == 49 else {})
    for i, fields in enumerate(ordinary(3_000, seed=1))
]
SETTINGS: dict[str, object] = {
    "alert_budget": 0.02,
    "warmup_transactions": 500,
    "n_clusters": 4,
}


def made(**more: Any) -> streamer.Detector:
    return streamer.Detector(clock=lambda: ARRIVAL_MS, **(SETTINGS | more))


@pytest.fixture(scope="module")
def whole() -> tuple[streamer.Detector, streamer.Results]:
    detector = made()
    return detector, detector.process(PAYMENTS)


def test_scores_and_version_are_those_of_the_pipeline(
    whole: tuple[streamer.Detector, streamer.Results],
) -> None:
    """Read as one partition of JSON messages, by the settings of a worker."""
    environ = {f"STREAMER_{name.upper()}": str(value) for name, value in SETTINGS.items()}
    settings = load_settings(environ)
    partition = OfflinePartition(
        pipeline_config(settings),
        settings.cards_capacity,
        settings.merchants_capacity,
        settings.checkpoint_max_transactions,
    )
    distances = np.full(len(PAYMENTS), np.nan)
    for part in partition.run(batch(PAYMENTS), now_ms=ARRIVAL_MS):
        if part.outcome.scored is not None:
            of_part = [square**0.5 for square in part.outcome.scored.distances_sq.tolist()]
            distances[part.prepared.decoded.offsets] = of_part
    detector, results = whole
    np.testing.assert_array_equal(results.columns()["distance"], distances)
    assert detector.version_id == partition.version.id


def test_how_payments_are_cut_into_calls_changes_nothing(
    whole: tuple[streamer.Detector, streamer.Results],
) -> None:
    detector, pieces = made(), [PAYMENTS[:7], PAYMENTS[7:1_903], [], PAYMENTS[1_903:]]
    columns = [detector.process(iter(piece)).columns() for piece in pieces]
    for name, column in whole[1].columns().items():
        np.testing.assert_array_equal(np.concatenate([each[name] for each in columns]), column)
    assert detector.version_id == whole[0].version_id


def test_an_arrow_table_with_nulls_is_read_as_the_dicts_are(
    whole: tuple[streamer.Detector, streamer.Results],
) -> None:
    detector = made()
    rows = [each | {"timestamp": datetime.fromisoformat(each["timestamp"])} for each in PAYMENTS]
    table = pyarrow.Table.from_pylist(
        [each | {"mcc": None, "notes": float("nan")} for each in rows]
    )
    for name, column in detector.process(table).columns().items():
        np.testing.assert_array_equal(column, whole[1].columns()[name])


def test_each_payment_has_a_row_whatever_came_of_it() -> None:
    good = PAYMENTS[0]
    given = [
        good,
        good,
        good | {"transaction_id": "r", "amount": -3.0},
        good | {"transaction_id": "b", "currency": "???"},
        b"{",
        json.dumps(good | {"transaction_id": "t"}),
    ]
    results = made(duplicate_window_offsets=100).process(given)
    status = results.columns()["status"].tolist()
    assert status == ["warming", "skipped", "skipped", "refused", "refused", "warming"]
    assert (results.n, results.n_repeated, results.passed_over) == (6, 1, {"refund": 1})
    assert [(each.row, each.reason) for each in results.refused] == [
        (3, "unknown_code"),
        (4, "truncated_json"),
    ]


def test_rows_count_from_the_call_and_not_from_the_beginning() -> None:
    detector = made()
    detector.process(PAYMENTS[:10])
    results = detector.process([b"{", PAYMENTS[10]])
    assert [each.row for each in results.refused] == [0]
    assert list(results.scores) == [1]
    assert detector.ledger.consumed == 12
    assert not detector.ledger.imbalance


def test_an_alert_is_explained_to_the_last_bit(
    whole: tuple[streamer.Detector, streamer.Results],
) -> None:
    detector, results = whole
    assert results.alerts
    for alert in results.alerts[::5]:
        assert detector.explain(alert).is_reproduced
    assert {alert.transaction.amount >= 2_000 for alert in results.alerts[-5:]} == {True}


def test_verdicts_teach_what_a_fraud_is() -> None:
    """A quarter of 500 are frauds: each later one is told to be likelier than nine in ten others."""
    payments = [
        fields | ({"amount": 2_000.0 + i} if i % 20 == 19 else {})
        for i, fields in enumerate(ordinary(6_000, seed=1))
    ]
    detector = made()
    assert np.isnan(detector.process(payments[:3_000]).columns()["probability"]).all()
    detector.teach(
        {
            "transaction_id": payments[i]["transaction_id"],
            "verdict": "fraud" if i % 20 == 19 else "legitimate",
            "origin": "reviewer",
            "decided_at": datetime.now(UTC),
        }
        for i in range(500, 3_000)
        if i % 20 == 19 or i % 5 == 0
    )
    detector.process(payments[3_000:5_000])
    probability = detector.process(payments[5_000:]).columns()["probability"]
    is_fraud = np.arange(1_000) % 20 == 19
    assert probability[is_fraud].min() > np.quantile(probability[~is_fraud], 0.9)


def test_a_verdict_that_is_none_is_told_by_its_place_and_teaches_nothing() -> None:
    detector = made()
    good = {"transaction_id": "t", "verdict": "fraud", "origin": "reviewer"}
    with pytest.raises(streamer.ConfigurationError, match=r"verdict 1 must have .* decided_at"):
        detector.teach([good | {"decided_at": datetime.now(UTC)}, good])
    assert not len(detector._partition.state.verdicts.rulings)


def test_what_is_saved_scores_the_first_payment_of_who_loads_it(
    whole: tuple[streamer.Detector, streamer.Results], tmp_path: Path
) -> None:
    path = tmp_path / "model.safetensors"
    detector = made()
    detector.process(PAYMENTS)
    detector.save(path)
    loaded = streamer.Detector.load(path, **SETTINGS)
    assert (loaded.version_id, loaded.is_warming) == (detector.version_id, False)
    assert loaded.process(PAYMENTS[:1]).columns()["status"].tolist() == ["scored"]
    with pytest.raises(streamer.ConfigurationError, match="clusters"):
        streamer.Detector.load(path, **(SETTINGS | {"n_clusters": 5}))


def test_an_intake_says_how_payments_are_written() -> None:
    row = {"step": 1, "type": "TRANSFER", "amount": 9_839.64, "nameOrig": "C1", "nameDest": "M2"}
    assert made(intake="paysim").process([row]).columns()["status"].tolist() == ["warming"]
    assert made().process([row]).columns()["status"].tolist() == ["refused"]


def test_settings_that_are_none_are_told_together_and_nothing_is_read_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STREAMER_N_CLUSTERS", "0")
    made()
    with pytest.raises(streamer.ConfigurationError) as raised:
        streamer.Detector(alert_budget=2, n_cluster=3)
    told = str(raised.value)
    assert "STREAMER_ALERT_BUDGET" in told
    assert "STREAMER_N_CLUSTER " in told


def test_features_are_there_for_who_asks() -> None:
    results = made(with_features=True).process(PAYMENTS[:3])
    assert list(results.features) == [0, 1, 2]
    assert results.features[0].features["amount"] == pytest.approx(np.log(PAYMENTS[0]["amount"]))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"card_id": "c"}, r"payments must be many .* got one dict; put it into a list"),
        (b"{}", "got one bytes"),
        (3, "payments must be dicts, JSON objects or a data frame .* got int"),
        ([{}, 3], "payment 1 must be a dict, .* got int"),
        ([{"timestamp": datetime(2026, 1, 5)}], "payment 0 must have a time zone in its timestamp"),
        ([{"amount": object()}], "payment 0 must be of text, numbers and times"),
    ],
)
def test_what_is_no_payment_is_said_with_its_row(given: Any, told: str) -> None:
    with pytest.raises(streamer.ConfigurationError, match=told):
        list(messages_of(given, 10))


def test_values_of_numpy_and_decimal_are_numbers_and_missing_ones_are_left_out() -> None:
    row = {
        "amount": Decimal("41.20"),
        "mcc": np.int64(5411),
        "latitude": np.float64("nan"),
        "longitude": None,
        "timestamp": datetime(2026, 1, 5, 10, tzinfo=UTC) + timedelta(seconds=1),
    }
    (message,) = next(messages_of([row], 1))
    assert message == b'{"amount":41.20,"mcc":5411,"timestamp":"2026-01-05T10:00:01Z"}'


def test_a_stream_is_read_no_further_than_what_is_handed_on() -> None:
    """An iterator without an end is not read ahead of what is scored."""
    numbers = count()
    endless = ({"n": next(numbers)} for _ in iter(int, 1))
    next(messages_of(endless, 100))
    assert next(numbers) == 100


def test_a_frame_of_which_every_row_is_refused_warns_with_its_columns_and_what_to_do() -> None:
    rows = [dict(row) for row in PAYMENTS[:300]]
    for row in rows:
        row["customer_id"] = row.pop("card_id")
    with pytest.warns(streamer.RefusedWarning) as caught:
        found = made().process(rows)
    told = str(caught[0].message)
    assert told.startswith("all 300 payments were refused, missing_field at $.card_id: ")
    assert "timestamp" in told
    assert 'df.rename(columns={"customer_id": "card_id"})' in told
    assert caught[0].filename == __file__
    assert 'Detector(intake="FILE.toml")' in found.refused[0].hint
    assert "streamer intake" not in found.refused[0].hint


def test_one_payment_that_can_be_scored_is_no_reason_to_warn() -> None:
    assert len(made().process([PAYMENTS[0], {"amount": 1}, {"amount": 2}]).refused) == 2


def test_times_without_a_zone_are_those_of_the_declaration_where_it_has_one(tmp_path: Path) -> None:
    declaration = tmp_path / "bank.toml"
    declaration.write_text('[timestamp]\nzone = "Europe/Paris"\n')
    row = PAYMENTS[0] | {"timestamp": datetime(2026, 1, 5, 10)}
    zoned = row | {"timestamp": "2026-01-05T10:00:00+01:00"}
    found = []
    for each in (row, zoned):
        detector = made(intake=str(declaration), with_features=True)
        found.append(detector.process([each]).features[0])
    assert found[0] == found[1]
