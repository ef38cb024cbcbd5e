"""What the team's and the budget's page tell, by hand."""

from __future__ import annotations

import math
import re
from functools import partial
from typing import Any

import msgspec
import pytest

from streamer.console.pages.budget_page import N_STEPS, budget_of, step_of
from streamer.console.team.budget_curve import curve_of
from streamer.console.team.score_drawing import HEIGHT, WIDTH, drawing_of
from streamer.console.team.team_figures import people, precision_by_day, waiting
from streamer.durations import DAY_MS, HOUR_MS, MINUTE_MS
from streamer.pages.example_alert import _version
from streamer.store import QueueRow
from streamer.store.judged_alerts import JudgedAlert, standing
from tests.console.conftest import Reviewer, Stand, alert, arrived, key_of

NOW_MS = 1_773_500_000_000


def judged(number: int, verdict: str = "legitimate", **changes: Any) -> JudgedAlert:
    values: dict[str, Any] = {
        "alert_id": f"a-{number}",
        "who": "mona",
        "verdict": verdict,
        "scored_ms": NOW_MS - HOUR_MS,
        "decided_ms": NOW_MS - 50 * MINUTE_MS,
        "severity": "high",
        "rarity": 0.001,
        "amount": 100.0,
        "currency": "EUR",
    }
    return JudgedAlert(**values | changes)


def sampled(number: int, verdict: str = "legitimate", **changes: Any) -> JudgedAlert:
    own = {"is_sampled": True, "weight": 50.0, "rarity": 0.1}
    return judged(number, verdict, **own | changes)


def test_a_smaller_budget_keeps_the_rarest_and_counts_the_rest_as_missed() -> None:
    """Of 8 frauds in 20 alerts 6 are among the rarest 10; one of 20 sampled stands for 50."""
    alerts = [
        judged(
            n, "fraud" if n < 6 or 10 <= n < 12 else "legitimate", rarity=0.001 + 0.003 * (n >= 10)
        )
        for n in range(20)
    ]
    below = [sampled(100 + n, "fraud" if n == 0 else "legitimate") for n in range(20)]
    both = alerts + below
    curve = curve_of(both)
    whole = curve.expected(0.005, 0.005, 10_000.0)
    assert (whole.alerts_a_day, whole.precision) == (50.0, 8 / 20)
    assert whole.recall == 8 / (8 + 50)
    half = curve.expected(0.001, 0.005, 10_000.0)
    assert (half.alerts_a_day, half.precision) == (10.0, 6 / 10)
    assert half.recall == 6 / (6 + 2 + 50)
    assert half.recall_interval is not None
    low, high = half.recall_interval
    assert low < 6 / 58 < high
    # Of one day: two frauds of 100 among alerts and one of 100 that stands for 50.
    assert (half.missed_a_day, half.currency) == (5_200.0, "EUR")
    wider = curve.expected(0.2, 0.005, None)
    assert wider.is_beyond
    assert wider.alerts_a_day is None
    # 8 + 50 of 20 + 1000.
    assert wider.precision == pytest.approx(58 / 1020)
    # Nobody has looked below that.
    assert (wider.recall, wider.missed_a_day) == (None, None)


def test_without_verdicts_below_the_line_nothing_is_said_of_what_is_missed() -> None:
    only = [judged(n, "fraud") for n in range(12)]
    told = curve_of(only).expected(0.005, 0.005, 100.0)
    assert told.precision == 1.0
    assert (told.recall, told.recall_interval, told.missed_a_day) == (None, None, None)
    assert curve_of(only[:9]).expected(0.005, 0.005, 100.0).precision is None


def test_of_a_budget_beyond_the_one_in_force_nothing_is_promised_without_a_verdict_on_it() -> None:
    """Twelve frauds that alerted say nothing of commoner payments; one that was drawn does."""
    alerts = [judged(n, "fraud") for n in range(12)]
    assert curve_of(alerts).expected(0.005, 0.005, 100.0).precision == 1.0
    told = curve_of(alerts).expected(0.02, 0.005, 100.0)
    assert (told.alerts_a_day, told.precision, told.precision_interval) == (2.0, None, None)
    commoner = curve_of([*alerts, sampled(99, rarity=0.03)])
    assert commoner.expected(0.02, 0.005, 100.0).precision is None
    assert commoner.expected(0.05, 0.005, 100.0).precision == pytest.approx(12 / 62)


def test_who_overrules_anothers_verdict_has_taken_nothing_back() -> None:
    entries = [judged(1, "fraud", who="lea", is_correction=True), judged(1)]
    assert [(each.name, each.n_undone) for each in people(entries, NOW_MS)] == [
        ("lea", 0),
        ("mona", 0),
    ]


def test_each_step_of_the_slider_is_its_budget_s_nearest() -> None:
    assert [step_of(budget_of(step)) for step in range(N_STEPS + 1)] == list(range(N_STEPS + 1))
    assert (step_of(1e-9), step_of(1.0)) == (0, N_STEPS)


def test_an_alert_counts_by_its_latest_verdict_and_a_correction_as_taken_back() -> None:
    entries = [
        judged(1, "fraud", is_correction=True, decided_ms=NOW_MS - 49 * MINUTE_MS),
        judged(2),
        judged(1),
        judged(3, who="noor", decided_ms=NOW_MS - 2 * DAY_MS, scored_ms=NOW_MS - 3 * DAY_MS),
        judged(4, decided_ms=NOW_MS - 8 * DAY_MS),
    ]
    mona, noor = people(entries, NOW_MS)
    assert (mona.name, mona.n_day, mona.n_week, mona.n_frauds, mona.n_undone) == (
        "mona",
        2,
        2,
        1,
        1,
    )
    assert mona.median_ms == 10 * MINUTE_MS
    assert (noor.n_day, noor.n_week, noor.median_ms) == (0, 1, DAY_MS)
    days = precision_by_day(standing([*entries, sampled(9, "fraud")]))[-2:]
    assert [(day.n_judged, day.share) for day in days] == [(1, 0.0), (3, 1 / 3)]


def test_what_waits_longer_than_its_severity_may_is_late() -> None:
    rows = [
        QueueRow(f"a-{n}", severity, 0.9, 1.0, "EUR", 0, NOW_MS - age_h * HOUR_MS, "distance")
        for n, (severity, age_h) in enumerate([("critical", 2), ("critical", 0), ("high", 2)])
    ]
    limits = {"critical": 1.0, "high": 4.0, "medium": 24.0}
    critical, high, medium = waiting(rows, {"a-0": "mona", "a-1": ""}, limits, NOW_MS)
    assert (critical.n_open, critical.n_claimed, critical.n_late) == (2, 1, 1)
    assert critical.oldest_ms == 2 * HOUR_MS
    assert (high.n_open, high.n_late, medium.n_open, medium.oldest_ms) == (1, 0, 0, 0)


def test_a_verdict_given_is_on_the_team_s_page_and_a_budget_can_be_proposed(stand: Stand) -> None:
    with stand.console() as (console, client):
        stand.publish([alert(1), alert(2)])
        arrived(console, client, 2)
        mona, lea = Reviewer(client, "mona"), Reviewer(client, "lea")
        mona.login()
        lea.login()
        mona.judge(alert(1).alert_id, "fraud")
        page = mona.get("/team")
        row = re.search(r'<th scope="row">mona</th>(.*?)</tr>', page.text)
        assert row is not None
        assert re.findall(r"<td>([^<]*)</td>", row[1])[:4] == ["1", "1", "100%", "0"]
        budget = lea.get("/budget?step=32")
        assert "0.315%" in budget.text
        found = re.search(r'name="key" value="([^"]+)"', budget.text)
        assert found is not None
        told = lea.post(
            "/budget/propose", budget, key=found[1], step="32", reason="fewer reviewers"
        )
        assert "<code>alert_budget=0.00315</code>" in told.text
        for step in ("81", "0000000099", "9" * 5_000):
            refused = lea.post("/budget/propose", budget, key="k", step=step, reason="x")
            assert refused.status_code == 400
        # Another's form, or the same with something else in it, is no proposal of one's own.
        for each, reason in ((mona, "fewer reviewers"), (lea, "more reviewers")):
            other = each.post(
                "/budget/propose", each.get("/budget"), key=found[1], step="32", reason=reason
            )
            assert (other.status_code, "something else by now" in other.text) == (409, True)
    (made,) = stand.read(stand.settings.proposals_topic, 1)
    assert (made["kind"], made["changes"]) == ("policy", ["alert_budget=0.00315"])


def test_what_is_put_off_comes_last_and_says_so_until_somebody_ends_it(stand: Stand) -> None:
    """The card of the alert that ranks first; nothing is put off for ever, or with a card's number."""
    first = alert(1, score=0.9999, card_id="card-put-off")
    with stand.console() as (console, client):
        stand.publish([first, alert(2, score=0.9, card_id="card-other")])
        arrived(console, client, 2)
        mona = Reviewer(client, "mona")
        mona.login()
        one = f"/alerts/{first.alert_id}"
        page = mona.get(one)
        fields = {"kind": "card", "days": "7", "reason": "the customer travels"}
        for changes, told in (
            ({"days": "181"}, "must last 1 to 180 days"),
            ({"reason": "because"}, "one of the list"),
            ({"reason": "other, see comment"}, "A comment must say why"),
            ({"comment": "4929 1234 5678 1236"}, "must not have a card"),
            ({"kind": "country"}, "must be the card or the merchant"),
        ):
            refused = mona.post(f"{one}/snooze", page, **fields | changes)
            assert (refused.status_code, told in refused.text) == (400, True), refused.text
        # Pressed twice it is one entry of the audit topic.
        for _ in range(2):
            shown = mona.post(f"{one}/snooze", page, key=key_of(page), **fields)
        assert "The card is snoozed until" in shown.text
        rows = re.findall(r'class="row" href="/alerts/([^"?]+)', mona.get("/").text)
        assert rows == [alert(2).alert_id, first.alert_id]
        assert ", snoozed until" in mona.get("/").text
        listed = mona.get("/snoozed")
        assert "card-put-off" in listed.text
        mona.post("/snoozed/end", listed, name="card:card-put-off")
        rows = re.findall(r'class="row" href="/alerts/([^"?]+)', mona.get("/").text)
        assert rows == [first.alert_id, alert(2).alert_id]
    told = stand.audit(5)
    actions = [(each["action"], each.get("subject", "")) for each in told]
    assert len({each["id"] for each in told if each["action"] == "snooze"}) == 1
    assert ("snooze", "card for 7 days: the customer travels") in actions
    assert ("snooze ended", "card") in actions


def test_the_log_is_read_once_and_anew_where_redis_has_lost_it(stand: Stand) -> None:
    """Each verdict is asked for once, however often pages look."""
    with stand.console() as (console, client):
        stand.publish([alert(n) for n in range(1, 4)])
        arrived(console, client, 3)
        mona = Reviewer(client, "mona")
        mona.login()
        portal, log = client.portal, console.judged
        assert portal is not None
        assert portal.call(log.latest) == []
        mona.judge(alert(1).alert_id, "fraud")
        first = portal.call(log.latest)
        assert portal.call(log.latest) is first
        mona.judge(alert(2).alert_id, "legitimate")
        both = portal.call(log.latest)
        assert [each.alert_id for each in both] == [alert(2).alert_id, alert(1).alert_id]
        assert both[1] is first[0]
        redis = console.store.client
        key = redis.keys.review("judged")
        portal.call(partial(redis.pipelined, [("DEL", key)], atomic=False))
        assert portal.call(log.latest) == []
        mona.judge(alert(3).alert_id, "fraud")
        assert [each.alert_id for each in portal.call(log.latest)] == [alert(3).alert_id]
        portal.call(partial(redis.pipelined, [("DEL", key)], atomic=False))
        again = [("XADD", key, "*", "entry", msgspec.json.encode(each)) for each in reversed(both)]
        portal.call(partial(redis.pipelined, again, atomic=False))
        assert portal.call(log.latest) == both


def test_what_is_rarer_than_a_budget_lies_right_of_its_mark() -> None:
    """By a version of simulated payments; bars and marks stay within the drawing."""
    version = _version()
    drawn = drawing_of(version)
    assert drawn is not None
    marks = [drawn.at(budget_of(step)) for step in range(N_STEPS + 1)]
    assert marks == sorted(marks, reverse=True)
    assert 0 <= marks[-1] < marks[0] <= WIDTH
    # The bars right of a mark hold about as much as the budget.
    tops = [float(top) for top in re.findall(r"V([\d.]+)h", drawn.outline)]
    assert len(tops) == 50
    shares = [math.exp(math.log(1e-5) * top / HEIGHT) for top in tops]
    right = sum(share for n, share in enumerate(shares) if n * WIDTH / 50 >= drawn.at(0.05))
    assert right == pytest.approx(0.05, rel=0.6)
