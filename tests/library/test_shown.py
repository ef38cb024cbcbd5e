"""What a notebook shows of results, alerts and explanations: short, in words, and nobody's markup."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import streamer
from tests.builders import ARRIVAL_MS
from tests.pipeline.helpers import ordinary

HOSTILE = "<b>c\n1</b>"


@pytest.fixture(scope="module")
def found() -> tuple[streamer.Detector, streamer.Results]:
    """The last payment is a fraud that the amount gives away, of a card with a wicked name."""
    payments: list[Any] = list(ordinary(1_500, seed=1))
    payments[-1] = payments[-1] | {"amount": 5_000.0, "card_id": HOSTILE}
    settings = {"alert_budget": 0.02, "warmup_transactions": 500, "n_clusters": 4}
    detector = streamer.Detector(clock=lambda: ARRIVAL_MS, **settings)
    detector.process(payments[:1_000])
    return detector, detector.process([*payments[1_000:], b"{"])


def test_results_are_a_line_and_a_table_of_the_highest_alerts(
    found: tuple[streamer.Detector, streamer.Results],
) -> None:
    _, results = found
    n = len(results.alerts)
    assert repr(results) == f"<Results of 501 payments: 500 scored, 1 refused; {n} alerts>"
    assert repr(streamer.Results()) == "<Results of 0 payments: none; 0 alerts>"
    shown = results._repr_html_()
    assert shown.startswith(f"<p>Results of 501 payments: 500 scored, 1 refused; {n} alerts</p>")
    assert shown.count("<tr>") == 1 + min(n, 10)
    assert "<td>499</td>" in shown
    assert "<td>&lt;b&gt;c·1&lt;/b&gt;</td>" in shown
    assert streamer.Results()._repr_html_() == "<p>Results of 0 payments: none; 0 alerts</p>"


def test_alerts_are_columns_with_their_rows_and_reasons(
    found: tuple[streamer.Detector, streamer.Results],
) -> None:
    _, results = found
    columns = results.alert_columns()
    assert {len(column) for column in columns.values()} == {len(results.alerts)}
    rows = columns["row"]
    assert results.columns()["alerted"][rows].all()
    assert [results.scores[row].transaction_id for row in rows] == columns[
        "transaction_id"
    ].tolist()
    last = -1
    assert (rows[last], columns["card_id"][last], columns["amount"][last]) == (
        499,
        HOSTILE,
        5_000.0,
    )
    assert columns["time"].dtype == "datetime64[ms]"
    assert np.isnan(columns["probability"]).all()
    assert columns["why"][last].startswith(results.alerts[last].reasons[0].sentence)


def test_an_explanation_prints_as_sentences_and_shows_as_a_table(
    found: tuple[streamer.Detector, streamer.Results],
) -> None:
    detector, results = found
    explanation = detector.explain(results.alerts[-1])
    first, second, _, *rest = str(explanation).splitlines()
    assert first.startswith(f"{explanation.alert.severity}: 5,000.00 EUR with <b>c·1</b>")
    assert second.startswith("ranked above ")
    assert f"alerts above {explanation.threshold_value:.2f}" in second
    told = [part.sentence for part in explanation.parts if abs(part.contribution) > 1e-6]
    assert all(any(line.endswith(sentence) for line in rest) for sentence in told)
    assert rest[-1] == "Reproduced bit for bit from the alert."
    shown = explanation._repr_html_()
    assert "<b>c·" not in shown
    assert shown.count("<tr>") == 1 + len(told)


def test_a_model_that_stands_still_scores_on_and_learns_nothing() -> None:
    """Cards go on having a history; and who learned before the pause goes on from there."""
    payments: list[Any] = list(ordinary(3_000, seed=1))
    settings: dict[str, Any] = {"warmup_transactions": 500, "n_clusters": 4}
    still, moving = (
        streamer.Detector(clock=lambda: ARRIVAL_MS, with_features=True, **settings)
        for _ in range(2)
    )
    before = [each.process(payments[:1_000]) for each in (still, moving)]
    assert before[0].columns()["status"].tolist() == before[1].columns()["status"].tolist()
    version = still.version_id
    found = [
        still.process(payments[1_000:2_900], learn=False),
        moving.process(payments[1_000:2_900]),
    ]
    assert still.version_id == version != moving.version_id
    assert found[0].features[1_800].features == found[1].features[1_800].features
    assert {score.model_version for score in found[0].scores.values()} == {version}
    assert still.describe()["transactions_seen"] == 1_000
    assert still.ledger.scored == moving.ledger.scored
    still.process(payments[2_900:])
    assert still.describe()["version"] == version
