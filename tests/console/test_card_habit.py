"""What a payment is beside its card's past, by hand."""

from __future__ import annotations

import math

import msgspec

from streamer.console.alert.card_habit import habits_of
from streamer.contract.messages import Alert
from streamer.features import FEATURE_NAMES, FEATURES
from tests.console.conftest import Reviewer, Stand, alert, arrived

NEVER = {"payments": 0.0, "logs": 0.0, "logs_sq": 0.0}
NOTHING_SPENT = {"spent_1d": 0.0, "spent_30d": 0.0}


def with_past(past: dict[str, float], **features: float) -> Alert:
    shown = alert(1)
    return msgspec.structs.replace(
        shown, features=shown.features | features, before=shown.before | past
    )


def told(shown: Alert) -> dict[str, tuple[str, bool]]:
    return {each.what: (each.text, each.is_odd) for each in habits_of(shown)}


def of_unit(name: str, value: float) -> float:
    """Return what a feature of counts and speeds holds of a value: ln(1 + x)."""
    assert math.isclose(FEATURES[FEATURE_NAMES.index(name)].to_unit(math.log1p(value)), value)
    return math.log1p(value)


def test_a_card_abroad_is_told_from_one_that_is_back_at_home() -> None:
    """Both come at a speed that nobody has: only what the card did before says which is which.

    10 payments of e³ each, at most: 20.09 EUR, within a spread of 5%.
    """
    fast = {
        "travel_speed": of_unit("travel_speed", 9_000.0),
        "travel_distance": of_unit("travel_distance", 7_000.0),
    }
    away = told(with_past(NEVER, card_country_familiarity=0.02, **fast))
    ten = {"payments": 10.0, "logs": 30.0, "logs_sq": 90.0}
    home = told(with_past(ten, card_country_familiarity=0.6, **fast))
    assert away["Currency"] == ("It had not paid in EUR before", True)
    assert "Amount" not in away
    assert home["Amount"] == (
        "Usually about 20.09 EUR, two of three from 19.11 EUR to 21.12 EUR; 10 payments in EUR",
        True,
    )
    for each, country, is_odd in ((away, "2%", True), (home, "60%", False)):
        text, marked = each["Of its payments"]
        assert (text.partition(" in ")[0], marked) == (country, is_odd)
        assert each["Place"] == (
            "7,000 km from where it was last present, which is 9,000 km/h",
            True,
        )


def test_the_hour_is_the_payments_own_and_what_is_usual_is_not_marked() -> None:
    """02:12 on 14 March 2026, a Saturday; the cosine of the hours is 0: half like them."""
    usual = {"card_country_familiarity": 0.3, "spend_today_ratio": 0.0}
    shown = told(with_past({}, card_hour_familiarity=0.0, **usual))
    hour = "02:12 local time, by the clock that the payment came with (UTC), on a Saturday; "
    hour += "50% like its hours"
    assert shown["Hour"] == (hour, False)
    assert not shown["Of its payments"][1]
    assert not shown["Pace"][1]


def test_known_frauds_of_the_card_are_counts_and_no_share() -> None:
    """3 frauds of 12: the log-odds with a prior of one payment, 1% fraud, (3 + 0.01) / (9 + 0.99)."""
    odds = math.log(3.01 / 9.99)
    shown = told(with_past({}, card_fraud_share_30d=odds, card_judgeable_30d=math.log1p(12.0)))
    assert shown["Verdicts"] == ("About 3 of 12 payments of the last month were frauds", False)
    clean = told(alert(1))["Verdicts"]
    assert clean[0].startswith("No known fraud among about ")


def test_a_wave_tells_which_of_its_alerts_is_at_home(stand: Stand) -> None:
    """Of a card that was copied abroad; both are one item, and one verdict would be wrong for one."""
    usual = {"card_country_familiarity": 0.6, "card_payments_1h": math.log1p(2.0)}
    ten = {"payments": 10.0, "logs": 61.0, "logs_sq": 373.0}
    common = {"wave_id": "card-0f", "wave_alerts": 2}
    with stand.console() as (console, client):
        stand.publish(
            [
                alert(1, features=usual, before={**ten, **NOTHING_SPENT}, **common),
                alert(2, features=usual, before={**NEVER, **NOTHING_SPENT}, **common),
            ]
        )
        arrived(console, client, 2)
        mona = Reviewer(client, "mona")
        mona.login()
        page = mona.get("/waves/card-0f").text
    assert "1 of these has nothing that is strange for the card" in page
    home, away = (page.index(f"/alerts/{alert(n).alert_id}") for n in (1, 2))
    plain, odd = page.index("Nothing that is strange"), page.index("It had not paid in EUR before")
    assert (home < away) == (plain < odd)


def test_an_alert_that_carries_nothing_of_its_card_has_no_habits() -> None:
    assert habits_of(msgspec.structs.replace(alert(1), features={}, before={})) == ()
