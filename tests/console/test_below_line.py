"""What the sample below the line says, by hand, and its page."""

from __future__ import annotations

import re

import msgspec
import pytest

from streamer.console.team.below_line import Come, below_line, drawing
from tests.console.conftest import Reviewer, Stand, alert, arrived
from tests.console.test_blind_queue import ORDINARY, pair
from tests.console.test_team_and_budget import judged, sampled


def test_frauds_that_were_drawn_count_for_the_payments_that_they_stand_for() -> None:
    """20 frauds of 25 alerts; 2 of 40 drawn, each for 50 payments: 22 of 120 are found.

    Two counts have the Poisson interval 0.242 to 7.22, so 12 to 361 frauds were missed; by Wilson and
    Hilferty's χ² the lower end is 11.
    """
    alerts = [judged(n, "fraud" if n < 20 else "legitimate") for n in range(25)]
    drawn = [sampled(100 + n, "fraud" if n < 2 else "legitimate") for n in range(40)]
    found = below_line(alerts + drawn, Come(100, 10, 80, 40))
    told = found.told
    assert (told.recall, told.precision) == (22 / 120, 20 / 25)
    assert told.recall_interval == (
        pytest.approx(22 / (20 + 361.2), rel=0.01),
        pytest.approx(22 / (20 + 11.2), rel=0.01),
    )
    assert told.precision_interval == (
        pytest.approx(0.609, abs=1e-3),
        pytest.approx(0.911, abs=1e-3),
    )
    assert (told.missed, found.weights) == (100.0, (50.0, 50.0, 50.0))
    rare, middle, common = found.bands
    assert (rare.n, common.n) == (0, 0)
    assert (middle.low, middle.high, middle.n, middle.payments) == (0.01, 0.1, 40, 2_000.0)
    assert (middle.n_frauds, middle.frauds) == (2, 100.0)
    assert [each.alert_id for each in found.frauds] == ["a-100", "a-101"]
    wide, left = found.unknown
    # 0.704 - 0.058 = 0.65, and (0.65 / 0.2)² = 10.5.
    assert wide.startswith(
        "The interval of recall is 65 points wide. One of 20 takes about 10 times"
    )
    assert "Of what was drawn 50% is still open, of the alerts 10%" in left


def test_what_cannot_be_said_says_why() -> None:
    nothing = below_line([], Come(3, 3, 0, 0))
    assert nothing.told.recall is nothing.told.precision is nothing.weights is None
    unjudged, few = nothing.unknown
    assert "Nothing that was drawn has come: see STREAMER_SAMPLE_SHARE" in unjudged
    assert few.startswith("Precision rests on 0 judged alerts")
    waits = below_line([judged(1)], Come(3, 2, 5, 5)).unknown[0]
    assert "It waits in the queue" in waits
    clean = [judged(n, "fraud") for n in range(10)] + [sampled(20 + n) for n in range(40)]
    lower = below_line(clean, None)
    assert lower.told.recall_interval is not None
    # None found: up to 3.69 x 50 are missed, 10 of 194.
    assert lower.told.recall_interval[0] == pytest.approx(10 / (10 + 3.69 * 50), rel=0.02)
    assert "None of the 40 that were drawn and judged is a fraud" in lower.unknown[0]
    harmless = below_line([judged(n) for n in range(10)] + [sampled(20)], None)
    assert harmless.unknown == ("Recall is not known: nothing that was judged is a fraud.",)


def test_a_drawing_has_frauds_on_top_and_the_budget_s_line() -> None:
    """A hundredth lies a third of three decades from the left: 8 + 584 / 3."""
    dots, line = drawing([sampled(1, "fraud", rarity=1.0), sampled(2), judged(3)], 0.01)
    assert [(dot.x, dot.is_fraud) for dot in dots] == [(397.3, False), (592.0, True)]
    assert line == 202.7


def test_the_page_tells_what_was_drawn_and_links_the_frauds_in_it(stand: Stand) -> None:
    """Three were drawn, two are judged; the one that is a fraud stands for 812 payments."""
    ordinary, drawn = pair()
    others = [msgspec.structs.replace(drawn, alert_id=f"transactions-0-{n}") for n in (3, 4)]
    stand.publish([ordinary, drawn, *others])
    with stand.console() as (console, client):
        arrived(console, client, 4)
        mona = Reviewer(client, "mona")
        mona.login()
        assert "Recall is not known" in mona.get("/below").text
        mona.judge(ORDINARY, "fraud")
        mona.judge("transactions-0-3", "legitimate")
        led = mona.judge("transactions-0-4", "fraud")
        mona.post("/alerts/transactions-0-2/release", led)
        page = mona.get("/below").text
        facts = dict(re.findall(r'<dt>([^<]*)</dt><dd class="big">([^<]*)</dd>', page))
        # Of 1 + 812 frauds 2 are known.
        assert facts["Recall: frauds alerted, of all"] == "0.2%"
        assert facts["Precision: frauds among alerts"] == "100%"
        assert facts["Frauds that did not alert"] == "about 812"
        assert (facts["Drawn"], facts["Open"], facts["Judged"]) == ("3", "1", "2")
        table = page.partition('<h2 id="frauds">')[2]
        assert re.findall(r'href="/alerts/([^"]+)"', table) == ["transactions-0-4"]
        assert "<td>812</td>" in table
    with stand.console(console_second_share=1.0) as (console, client):
        stand.publish([alert(5)])
        arrived(console, client, 5)
        noor, lea = Reviewer(client, "noor"), Reviewer(client, "lea")
        noor.login()
        lea.login()
        noor.judge("transactions-0-2", "fraud")
        # What waits for a second opinion is in nothing that is told to who may give it.
        page = lea.get("/below").text
        facts = dict(re.findall(r'<dt>([^<]*)</dt><dd class="big">([^<]*)</dd>', page))
        assert (facts["Judged"], facts["Frauds among them"]) == ("2", "1")
        assert page.count('<circle class="dot') + page.count('<path class="dot') == 2
        table = page.partition('<h2 id="frauds">')[2]
        assert re.findall(r'href="/alerts/([^"]+)"', table) == ["transactions-0-4"]
        assert "1 that waits for a second opinion or a ruling of yours" in page
        hers = noor.get("/below").text
        assert "of yours" not in hers
        assert "transactions-0-2" in hers
