"""Alerts kept, gained and lost, counted by hand, and which payments stand for them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from streamer.backtesting.backtest_page import page_of
from streamer.backtesting.comparison import Found, compare
from streamer.backtesting.examples import KINDS, examples_of
from streamer.backtesting.witness import Witness
from streamer.evaluation.rows import NO_LABEL, Rows
from tests.evaluation.test_protocols import rows_of

N = 8
FRAUDS = [False, True, False, True, True, False, True, False]


def run_with(alerts: set[int], drawn: frozenset[int] = frozenset()) -> Rows:
    """Return eight payments on two days, of which rows 1, 3, 4 and 6 are frauds."""
    rows = rows_of([0, 0, 0, 0, 1, 1, 1, 1], list(range(N)), FRAUDS)
    weights = np.array([40.0 if i in drawn else 0.0 for i in range(N)])
    alerted = np.isin(np.arange(N), [*alerts, *drawn])
    return replace(rows, alerted=alerted, sample_weights=weights)


def witness(ranks: list[float]) -> Witness:
    return Witness(np.array(ranks, dtype=np.float32))


def test_kept_gained_and_lost_are_of_the_measured_rows_and_none_was_drawn() -> None:
    """From row 2 on the base alerts 3, 5 and the drawn 7, the change 3 and 4.  Row 1 came before."""
    compared = compare(run_with({1, 3, 5}, frozenset({7})), run_with({3, 4}), 2, 0.25, 0.5)
    assert (compared.n_payments, compared.n_labelled, compared.n_frauds) == (6, 6, 3)
    assert (compared.kept, compared.kept_frauds) == (1, 1)
    assert (compared.gained, compared.gained_frauds) == (1, 1)
    assert (compared.lost, compared.lost_frauds) == (1, 0)
    assert compared.jaccard == pytest.approx(1 / 3)
    assert compared.base_found == Found(1, 2, 1, 2)
    assert compared.changed_found == Found(2, 1, 0, 3)
    assert (compared.changed_found.precision, compared.changed_found.recall) == (1.0, 2 / 3)
    # The workload is all that reviewers get: 3 of 6 at a quarter, 2 of 6 at a half.
    assert compared.base.budget_ratio == pytest.approx(2.0)
    assert compared.changed.budget_ratio == pytest.approx(2 / 3)


def test_alerts_are_counted_by_day() -> None:
    daily = compare(run_with({3, 5}), run_with({3, 4, 6}), 2, 0.5, 0.5).daily
    assert (daily.base.tolist(), daily.base_frauds.tolist()) == ([1, 1], [1, 0])
    assert (daily.changed.tolist(), daily.changed_frauds.tolist()) == ([1, 2], [1, 2])


def test_without_labels_nobody_says_what_was_right() -> None:
    nothing_known = {"scenarios": np.full(N, NO_LABEL)}
    base, changed = (replace(run_with(alerts), **nothing_known) for alerts in ({3}, {4}))
    compared = compare(base, changed, 0, 0.5, 0.5)
    assert (compared.n_labelled, compared.gained, compared.lost) == (0, 1, 1)
    assert compared.base_found is None


def test_examples_are_the_rarest_of_their_kind_with_where_either_run_had_them() -> None:
    """A budget of a tenth has its line at 0.9: row 6 was above it in the base and did not alert."""
    base = witness([0.1, 0.2, np.nan, 0.99, 0.5, 0.95, 0.93, 0.2])
    changed = witness([0.1, 0.2, 0.91, 0.98, 0.97, 0.4, 0.6, 0.2])
    rows = run_with({3, 5}), run_with({2, 3, 4})
    found = examples_of(rows, (base, changed), (0.1, 0.1), 0, 5)
    assert [each.row for each in found["gained"]] == [4, 2]
    # The pattern of these rows is named 1.
    assert [each.label for each in found["gained"]] == ["fraud: 1", "legitimate"]
    assert [each.row for each in found["gained_frauds"]] == [4]
    assert [each.row for each in found["lost"]] == [5]
    assert found["lost_frauds"] == []
    assert [each.row for each in found["missed_frauds"]] == [6, 1]
    assert found["missed_frauds"][0].why() == (
        "above 93.00% of recent payments (alerts before it had spent the budget) before; "
        "above 60.00% of recent payments after"
    )
    assert found["gained"][1].why() == "not ranked before; above 91.00% of recent payments after"
    assert [
        each.row for each in examples_of(rows, (base, changed), (0.1, 0.1), 3, 1)["gained"]
    ] == [4]


def test_a_name_on_the_page_is_text() -> None:
    side = {
        "name": "<b>",
        "alerts": 1,
        "alert_budget": 0.1,
        "confusion": None,
        "precision": None,
        "recall": None,
    }
    side |= {"budget_ratio": None, "worst_5000": None, "worst_50000": None}
    counts = {"n": 0, "frauds": None}
    result = {
        "changes": ["<script>"],
        "rows": 1,
        "payments": 1,
        "from_row": 0,
        "labelled": 0,
        "base": side,
        "changed": side,
        "alerts": {"kept": counts, "gained": counts, "lost": counts},
        "examples": {kind: [] for kind in KINDS},
    }
    page = page_of(result, b"png")
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "<b>" not in page
