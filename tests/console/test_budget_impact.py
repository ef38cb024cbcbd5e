"""What verdicts are worth in money by budget: by hand, on the Budget page, and as metrics."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from streamer.console.team.budget_impact import Part, impact_of
from streamer.durations import DAY_MS
from streamer.impact.prices import Prices
from streamer.store import QueueRow, row_of
from streamer.store.judged_alerts import JudgedAlert
from tests.console.conftest import Reviewer, Stand, alert, arrived
from tests.console.test_team_and_budget import judged, sampled

PRICES = Prices(5.0, 1.0, 0.0, 1.0)


def on(day: int, entry: JudgedAlert) -> JudgedAlert:
    return replace(entry, scored_ms=(20_000 + day) * DAY_MS)


def row(number: int, rarity: float, day: int = 2, *, is_sampled: bool = False) -> QueueRow:
    made = row_of(alert(number, score=1.0 - rarity, sampled=is_sampled))
    return replace(made, scored_ms=(20_000 + day) * DAY_MS)


def days() -> list[JudgedAlert]:
    """A fraud of 100, a false alarm, and ten frauds of 10 drawn for 5 each, on a day each; the first
    and the last day are in part."""
    return [
        on(0, judged(1, "fraud")),
        on(1, judged(2, "fraud", rarity=0.001)),
        on(2, judged(3, rarity=0.001, amount=50.0)),
        *(on(3, sampled(n, "fraud", rarity=0.02, amount=10.0, weight=5.0)) for n in range(10, 20)),
        on(4, judged(5, "fraud")),
    ]


def test_a_day_in_money_and_the_best_budget_by_hand() -> None:
    """Of three days: 100 caught, 50 · 10 missed.  2% would have had all, 0.5% the rarer."""
    found = impact_of(days(), PRICES, {})
    assert (found.because, found.currency, found.n_days) == ("", "EUR", 3)
    told = {name: part.value * 3 for name, part in found.parts.items()}
    assert told == pytest.approx(
        {
            "review_cost": 10.0,
            "loss_caught": 100.0,
            "loss_missed": 500.0,
            "saved": 100.0,
            "friction": 1.0,
            "net": 89.0,
        }
    )
    rarer, all_of_it = found.at(0.005), found.at(0.05)
    assert rarer is not None
    assert all_of_it is not None
    assert (rarer.value * 3, rarer.interval) == (pytest.approx(89.0), None)
    # 50 payments of 10, less 50 reviews.
    assert all_of_it.value * 3 == pytest.approx(89.0 + 250.0)
    assert found.curve is not None
    assert found.curve.best.budget == pytest.approx(0.02, rel=0.06)


def test_alerts_that_wait_are_no_false_alarms_and_pull_the_best_budget_nowhere() -> None:
    """Ten rare alerts, all frauds of 20, and ten commoner ones, of which five are: a review costs 5.

    One more commoner alert is worth (5 · 20 - 5 · 1) / 10 - 5 = 4.50 whether or not it was judged.
    Only a quarter of those was: the judged alone say 45, with the thirty that wait it is 180.
    """
    rare = [on(2, judged(n, "fraud", rarity=0.001, amount=20.0)) for n in range(10)]
    common = [
        on(2, judged(n, "fraud" if n % 2 else "legitimate", rarity=0.02, amount=20.0))
        for n in range(10, 20)
    ]
    ends = [on(1, judged(90, amount=0.0)), on(3, judged(91, amount=0.0))]
    waiting = [row(n, rarity=0.02) for n in range(30)]
    elsewhere = [row(98, rarity=0.02, day=3), row(99, rarity=0.02, day=9)]
    alone, whole = (
        impact_of([*rare, *common, *ends], PRICES, {}, rows) for rows in ([], waiting + elsewhere)
    )
    assert (alone.n_judged, alone.n_waiting) == (20, 0)
    assert (whole.n_judged, whole.n_waiting) == (20, 30)
    for found, expected in ((alone, 150.0 + 45.0), (whole, 150.0 + 180.0)):
        at, rarer = found.at(0.05), found.at(0.005)
        assert at is not None or found.no_best
        assert rarer is not None
        assert rarer.value == pytest.approx(150.0)
        assert found.curve is not None
        assert float(found.curve.values[-1]) == pytest.approx(expected)
    # What went out and was judged is told as it was.
    assert alone.parts == whole.parts


def test_a_draw_that_was_judged_stands_for_those_that_wait() -> None:
    """Ten frauds of 10 that stand for 5 payments each; as many draws wait: 100 payments of 10 - 5."""
    waiting = [row(n, rarity=0.03, day=3, is_sampled=True) for n in range(10)]
    found = impact_of(days(), PRICES, {}, waiting)
    assert (found.n_judged, found.n_waiting) == (2, 0)
    all_of_it = found.at(0.05)
    assert all_of_it is not None
    assert all_of_it.value * 3 == pytest.approx(89.0 + 500.0)


def test_what_waits_in_a_currency_without_a_value_or_was_judged_counts_for_nothing() -> None:
    """Four alerts of 100, all frauds, on one day: 4 · (100 - 5) = 380; with the four that wait 760.

    Five are in yen, which nobody has a value for, and two are judged by now: they were 1,425.
    """
    four = [on(1, judged(n, "fraud")) for n in range(4)]
    ends = [on(0, judged(90, amount=0.0)), on(2, judged(91, amount=0.0))]
    waiting = [row(n, rarity=0.001, day=1) for n in range(4)]
    yen = [replace(row(n, rarity=0.001, day=1), currency="JPY") for n in range(10, 15)]
    late = [replace(row(n, rarity=0.001, day=1), alert_id=f"a-{n}") for n in range(2)]
    for values in ({}, {"EUR": 1.0}):
        found = impact_of([*four, *ends], PRICES, values, [*waiting, *yen, *late])
        assert (found.n_judged, found.n_waiting) == (4, 4)
        assert found.curve is not None
        assert float(found.curve.values[-1]) == pytest.approx(760.0)


def test_of_a_row_that_does_not_say_whether_it_was_drawn_its_rank_does() -> None:
    """Ten draws that stand for 5 each, and ten that wait: 100 payments of 10 - 5, as above."""
    drawn = [
        replace(row(n, rarity=0.03, day=3), severity="medium", is_sampled=None) for n in range(10)
    ]
    found = impact_of(days(), PRICES, {}, drawn)
    assert found.n_waiting == 0
    all_of_it = found.at(0.05)
    assert all_of_it is not None
    assert all_of_it.value * 3 == pytest.approx(89.0 + 500.0)
    alerts = [replace(row(20, rarity=0.0005), severity="medium", is_sampled=None)]
    alerts += [replace(row(21, rarity=0.03), severity="high", is_sampled=None)]
    assert impact_of(days(), PRICES, {}, alerts).n_waiting == 2
    stored = msgspec.json.encode(replace(row(1, rarity=0.1), is_sampled=None))
    assert msgspec.json.decode(stored, type=QueueRow).is_sampled is None
    assert (
        msgspec.json.decode(msgspec.json.encode(row(1, rarity=0.1)), type=QueueRow).is_sampled
        is False
    )


def test_without_verdicts_or_values_there_is_a_reason_in_place_of_money() -> None:
    assert impact_of([], PRICES, {}).because == "Nothing has been judged yet."
    mixed: list[Any] = [on(0, judged(1)), on(0, judged(2, currency="USD"))]
    assert "for EUR, USD; such as" in impact_of(mixed, PRICES, {}).because
    assert impact_of(mixed, PRICES, {"JPY": 1.0}).because == (
        "STREAMER_CURRENCY_VALUES has no value for EUR, USD."
    )
    priced = impact_of(mixed, PRICES, {"USD": 1.0})
    assert (priced.currency, priced.left_out, priced.parts["review_cost"].value) == (
        "USD",
        {"EUR": 1},
        5.0,
    )
    assert priced.at(0.001) is not None
    assert impact_of([], PRICES, {}).at(0.005) is None


def test_with_a_month_of_verdicts_there_are_intervals() -> None:
    month = [on(day, judged(day, "fraud", amount=10.0 + day % 7)) for day in range(32)]
    found = impact_of(month, PRICES, {})
    net, at = found.parts["net"], found.at(0.001)
    assert net.interval is not None
    assert at is not None
    assert at.interval is not None
    assert net.interval[0] <= net.value <= net.interval[1]


def test_with_few_frauds_among_the_draws_no_budget_beyond_what_alerts_is_told() -> None:
    """Nine for 5 each: 450 missed, told with its interval; what is beyond 0.1% is not known."""
    found = impact_of(days()[:-2] + days()[-1:], PRICES, {})
    missed = found.parts["loss_missed"]
    assert missed.value * 3 == pytest.approx(450.0)
    assert missed.interval is not None
    # By hand of nine equal ones: from 4.1 on; one more would be of 5 times 19, the mean of all frauds.
    low, high = (end * 3 / 50 for end in missed.interval)
    assert (low, high) == (pytest.approx(4.1, abs=0.1), pytest.approx(18.9, abs=0.1))
    assert found.at(0.001) is not None
    assert found.at(0.005) is None
    only = [on(day, judged(day, "fraud", rarity=0.001)) for day in range(5)]
    alone = impact_of(only, PRICES, {})
    assert "of payments drawn from below 0 were frauds, 10 are needed" in alone.no_best
    assert "loss_missed" not in alone.parts
    none = impact_of([*only, on(2, sampled(50))], PRICES, {}).parts["loss_missed"]
    # Nobody found one in a draw for 50; one more of 100 would be 5,000.
    assert (none.value, none.interval and none.interval[0]) == (0.0, 0.0)
    assert none.interval is not None
    assert none.interval[1] * 3 == pytest.approx(3.69 * 5_000, rel=0.02)


def test_one_old_alert_that_is_judged_today_does_not_make_days_of_the_months_between() -> None:
    """Two weeks of a fraud of 10 a day, and one of 200 days before: as without it, and no interval."""
    fortnight = [on(200 + day, judged(day, "fraud", amount=10.0)) for day in range(14)]
    plain, odd = (
        impact_of(fortnight, PRICES, {}),
        impact_of([*fortnight, on(0, judged(99))], PRICES, {}),
    )
    for found in (plain, odd):
        assert (found.n_days, found.parts["saved"]) == (12, Part(10.0, None))


def test_a_day_on_which_somebody_judged_is_a_day_though_nothing_alerted() -> None:
    fraud = [on(day, judged(day, "fraud", amount=10.0)) for day in (0, 1, 3, 4)]
    assert impact_of(fraud, PRICES, {}).n_days == 2
    late = [fraud[0], replace(fraud[1], decided_ms=20_002 * DAY_MS + 5), *fraud[2:]]
    found = impact_of(late, PRICES, {})
    assert (found.n_days, found.parts["saved"].value) == (3, pytest.approx(20.0 / 3))


def test_the_budget_page_tells_what_verdicts_are_worth_and_the_public_metrics_do_not(
    stand: Stand,
) -> None:
    with stand.console() as (console, client):
        stand.publish([alert(1), alert(2)])
        arrived(console, client, 2)
        mona = Reviewer(client, "mona")
        mona.login()
        assert "Nothing has been judged yet." in mona.get("/budget").text
        mona.judge(alert(1).alert_id, "fraud")
        page, amount = mona.get("/budget").text, alert(1).transaction.amount
        assert f"<dt>Saved by alerts</dt><dd>{amount:,.2f} EUR</dd>" in page
        # Anybody may read these.
        assert "impact" not in client.get("/metrics").text
        # Nothing has a price here, so that no budget is too large.
        assert "Reviews and false alarms have no price" in page
