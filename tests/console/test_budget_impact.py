"""What verdicts are worth in money by budget: by hand, on the Budget page, and as metrics."""

from __future__ import annotations

from typing import Any

import pytest

from streamer.console.service.console_metrics import ConsoleMetrics
from streamer.console.team.budget_impact import impact_of
from streamer.durations import DAY_MS
from streamer.impact.prices import Prices
from streamer.store.judged_alerts import JudgedAlert
from tests.console.conftest import Reviewer, Stand, alert, arrived
from tests.console.test_team_and_budget import judged, sampled

PRICES = Prices(5.0, 1.0, 0.0, 1.0)


def on(day: int, entry: JudgedAlert) -> JudgedAlert:
    from msgspec.structs import replace

    return replace(entry, scored_ms=(20_000 + day) * DAY_MS)


def days() -> list[JudgedAlert]:
    """A fraud of 100, a false alarm, and a fraud of 10 that was drawn for 50, on a day each; the first
    and the last day are in part."""
    return [
        on(0, judged(1, "fraud")),
        on(1, judged(2, "fraud", rarity=0.001)),
        on(2, judged(3, rarity=0.001, amount=50.0)),
        on(3, sampled(4, "fraud", rarity=0.02, amount=10.0)),
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
    assert priced.at(0.005) is not None
    assert impact_of([], PRICES, {}).at(0.005) is None


def test_with_a_month_of_verdicts_there_are_intervals() -> None:
    month = [on(day, judged(day, "fraud", amount=10.0 + day % 7)) for day in range(32)]
    found = impact_of(month, PRICES, {})
    net, at = found.parts["net"], found.at(0.005)
    assert net.interval is not None
    assert at is not None
    assert at.interval is not None
    assert net.interval[0] <= net.value <= net.interval[1]


def test_metrics_tell_the_best_budget_of_what_has_a_price_and_nothing_of_what_has_none() -> None:
    metrics = ConsoleMetrics()
    for prices, is_told in ((PRICES, True), (Prices(0.0, 0.0, 0.0, 1.0), False)):
        metrics.tell_impact(impact_of(days(), prices, {}))
        text = metrics.exposition("", None)[0].decode()
        assert ("\nstreamer_impact_best_budget_ratio 0.02" in text) == is_told
        assert text.count("\nstreamer_impact_per_day{") == 6
    metrics.tell_impact(impact_of([], PRICES, {}))
    assert "streamer_impact_per_day{" not in metrics.exposition("", None)[0].decode()


def test_the_budget_page_and_the_metrics_tell_what_verdicts_are_worth(stand: Stand) -> None:
    with stand.console() as (console, client):
        stand.publish([alert(1), alert(2)])
        arrived(console, client, 2)
        mona = Reviewer(client, "mona")
        mona.login()
        assert "Nothing has been judged yet." in mona.get("/budget").text
        assert "streamer_impact_per_day{" not in client.get("/metrics").text
        mona.judge(alert(1).alert_id, "fraud")
        page, amount = mona.get("/budget").text, alert(1).transaction.amount
        assert f"<dt>Saved by alerts</dt><dd>{amount:,.2f} EUR</dd>" in page
        assert "a day, by verdicts and prices" in page
        metrics = client.get("/metrics").text
        assert f'streamer_impact_per_day{{part="loss_caught"}} {amount}' in metrics
        # Nothing has a price here, so that no budget is too large.
        assert "\nstreamer_impact_best_budget_ratio " not in metrics
        assert "Reviews and false alarms have no price" in page
