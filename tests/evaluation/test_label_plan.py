"""Selective labels: who is judged, by whom and when, drawn from the payment's id alone."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from streamer.durations import DAY_MS
from streamer.evaluation import NO_LABELS, Chargebacks, LabelFeed, LabelPlan
from streamer.evaluation.rows import NEVER
from streamer.intake.payment_columns import PaymentColumns
from tests.builders import T0_MS
from tests.evaluation.test_late_labels import transaction

COMING = Chargebacks(0.6, 30 * DAY_MS, 120 * DAY_MS)
SELECTIVE = LabelPlan("selective", judged_after_ms=DAY_MS, chargebacks=COMING)


def test_an_alert_is_judged_by_a_reviewer_whatever_it_was() -> None:
    for is_fraud in (True, False):
        assert SELECTIVE.judgement("t", is_fraud=is_fraud, alerted=True) == (DAY_MS, "reviewer")


def test_of_what_did_not_alert_only_frauds_come_back() -> None:
    ids = [f"t-{i}" for i in range(2_000)]
    assert {SELECTIVE.judgement(i, is_fraud=False, alerted=False) for i in ids} == {None}
    told = [SELECTIVE.judgement(i, is_fraud=True, alerted=False) for i in ids]
    came = [judgement for judgement in told if judgement is not None]
    # 1,200 of 2,000 expected, four standard deviations are 88.
    assert 1_112 <= len(came) <= 1_288
    assert {origin for _, origin in came} == {"chargeback"}
    days = np.array([delay_ms for delay_ms, _ in came]) / DAY_MS
    assert (days.min(), days.max()) == (pytest.approx(30, abs=1), pytest.approx(120, abs=1))
    # Uniform: its mean is 75, with a standard error of 0.75.
    assert days.mean() == pytest.approx(75, abs=3)


def test_without_chargebacks_only_alerts_are_judged() -> None:
    plan = LabelPlan("selective")
    assert plan.judgement("t", is_fraud=True, alerted=False) is None
    assert plan.judgement("t", is_fraud=True, alerted=True) == (DAY_MS, "reviewer")


def test_another_seed_draws_other_frauds() -> None:
    ids = [f"t-{i}" for i in range(100)]
    one, two = ([COMING.delay_ms(i, seed) is not None for i in ids] for seed in (0, 1))
    assert one != two
    assert one == [COMING.delay_ms(i, 0) is not None for i in ids]


def test_all_come_back_on_the_day_where_the_share_is_one_and_the_days_are_one() -> None:
    assert Chargebacks(1.0, 7 * DAY_MS, 7 * DAY_MS).delay_ms("t", 5) == 7 * DAY_MS
    assert Chargebacks(0.0, 7 * DAY_MS, 7 * DAY_MS).delay_ms("t", 5) is None


def test_a_selective_feed_tells_alerts_first_and_chargebacks_months_later() -> None:
    """Alerted 0 (legitimate) and 1 (fraud); 2 is legitimate, 3 a fraud that comes back on day 40."""
    plan = LabelPlan("selective", chargebacks=Chargebacks(1.0, 40 * DAY_MS, 40 * DAY_MS))
    feed = LabelFeed(plan)
    paid = [transaction(i, T0_MS) for i in range(4)]
    names = PaymentColumns.of(paid, np.full(4, T0_MS)).names
    alerted = [True, True, False, False]
    judged_ms = feed.add(names, [T0_MS] * 4, [-1, 0, -1, 0], alerted)
    assert judged_ms == [T0_MS + DAY_MS, T0_MS + DAY_MS, NEVER, T0_MS + 40 * DAY_MS]
    first = feed.due(T0_MS + DAY_MS)
    assert [(v.transaction_id, v.verdict, v.origin) for v in first] == [
        ("t-0", "legitimate", "reviewer"),
        ("t-1", "fraud", "reviewer"),
    ]
    (last,) = feed.due(T0_MS + 41 * DAY_MS)
    assert (last.transaction_id, last.verdict, last.origin) == ("t-3", "fraud", "chargeback")
    assert last.decided_at == datetime.fromtimestamp((T0_MS + 40 * DAY_MS) / 1000, tz=UTC)


def test_no_labels_teach_nothing() -> None:
    assert not NO_LABELS.teaches
    assert NO_LABELS.judgement("t", is_fraud=True, alerted=True) is None
