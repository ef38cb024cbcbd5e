"""Alerts to reviewers, verdicts to Kafka: each once, whoever presses what how often."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import msgspec
import pytest

from streamer.console.console import now_ms
from streamer.console.pages import visits
from streamer.contract.messages import Verdict
from tests.console.conftest import Reviewer, Stand, alert, arrived, key_of


def ids_of(page: Any) -> list[str]:
    return re.findall(r'class="row" href="/alerts/([^"?]+)', page.text)


def test_a_verdict_is_on_its_topic_before_the_next_alert_is_shown(stand: Stand) -> None:
    """Critical before high, and within each the higher score first."""
    stand.publish(
        [
            alert(1, severity="high", score=0.9995),
            alert(2, severity="critical", score=0.9990),
            alert(3, severity="critical", score=0.9997),
        ]
    )
    with stand.console() as (console, client):
        arrived(console, client, 3)
        mona = Reviewer(client, "mona")
        queue = mona.login()
        assert ids_of(queue) == ["transactions-0-3", "transactions-0-2", "transactions-0-1"]
        following = mona.judge("transactions-0-3", "fraud", comment="card tested")
        assert following.url.path == "/alerts/transactions-0-2"
        assert "transactions-0-3</a>: <strong>fraud</strong>, sent and recorded" in following.text
        [sent] = stand.verdicts(1)
        assert msgspec.convert(sent, Verdict).verdict == "fraud"
        assert sent["alert_id"] == "transactions-0-3"
        assert sent["transaction_id"] == "t-3"
        assert sent["origin"] == "reviewer"
        assert ids_of(mona.get("/")) == ["transactions-0-2", "transactions-0-1"]
    lines = {(line["action"], line.get("alert_id", "")): line for line in stand.audit(4)}
    assert set(lines) == {
        ("login", ""),
        ("open", "transactions-0-3"),
        ("verdict", "transactions-0-3"),
        ("open", "transactions-0-2"),
    }
    told = lines["verdict", "transactions-0-3"]
    assert (told["who"], told["comment"]) == ("mona", "card tested")
    assert told["card_id"] == "card-4711"


def test_an_alert_that_one_has_opened_is_nobody_elses_until_a_lead_takes_it(stand: Stand) -> None:
    stand.publish([alert(1, score=0.9999), alert(2, score=0.9998)])
    with stand.console() as (console, client):
        arrived(console, client, 2)
        mona, noor, lea = (Reviewer(client, name) for name in ("mona", "noor", "lea"))
        for each in (mona, noor, lea):
            assert each.login().status_code == 200
        one = "/alerts/transactions-0-1"
        hers = mona.get(one)
        theirs = noor.get("/alerts/transactions-0-1")
        assert (theirs.status_code, "mona has this alert" in theirs.text) == (409, True)
        assert "Take it from" not in theirs.text
        assert noor.get("/next").url.path == "/alerts/transactions-0-2"
        fields = {"verdict": "legitimate", "key": "noors", "comment": "mine & only mine"}
        refused = noor.post("/alerts/transactions-0-1/verdict", theirs, **fields)
        assert refused.status_code == 409
        assert "mine &amp; only mine" in refused.text
        # A reviewer can neither release nor take another's alert; a lead can take it, for herself.
        noor.post("/alerts/transactions-0-1/release", theirs)
        assert noor.post(f"{one}/take", theirs, holder="mona").status_code == 403
        page = lea.get(one)
        assert (page.status_code, "Take it from mona" in page.text) == (409, True)
        assert "Verdict</h2>" in lea.post(f"{one}/take", page, holder="mona").text
        fields = {"verdict": "fraud", "key": key_of(hers), "comment": "an hour's work"}
        late = mona.post(f"{one}/verdict", hers, **fields)
        assert (late.status_code, "lea has this alert" in late.text) == (409, True)
        assert "an hour&#39;s work</textarea>" in late.text
        assert noor.get(one).status_code == 409
        assert lea.judge("transactions-0-1", "legitimate").status_code == 200
        late = mona.post(f"{one}/verdict", hers, **fields)
        assert (late.status_code, "lea judged" in late.text) == (409, True)
    takes = [line for line in stand.audit(9) if line["action"] == "take"]
    assert [(line["who"], line["holder"]) for line in takes] == [("lea", "mona")]
    assert [sent["verdict"] for sent in stand.verdicts(1)] == ["legitimate"]


def test_a_form_that_is_sent_again_sends_nothing_and_leads_to_the_same_place(stand: Stand) -> None:
    stand.publish([alert(1)])
    with stand.console() as (console, client):
        arrived(console, client, 1)
        mona = Reviewer(client, "mona")
        mona.login()
        page = mona.get("/alerts/transactions-0-1")
        fields = {"verdict": "fraud", "key": key_of(page)}
        answers = [
            mona.post("/alerts/transactions-0-1/verdict", page, follow=False, **fields)
            for _ in range(3)
        ]
        assert {(a.status_code, a.headers["location"]) for a in answers} == {
            (303, "/?done=transactions-0-1")
        }
    assert len(stand.verdicts(1)) == 1


def test_undo_sends_the_opposite_decided_later_once(stand: Stand) -> None:
    stand.publish([alert(1)])
    with stand.console() as (console, client):
        arrived(console, client, 1)
        mona = Reviewer(client, "mona")
        mona.login()
        done = mona.judge("transactions-0-1", "fraud")
        [key] = re.findall(r'value="(undo-[^"]+)"', done.text)
        corrected = mona.post("/alerts/transactions-0-1/undo", done, key=key)
        assert "legitimate</strong>" in corrected.text
        assert "which overrules fraud" in corrected.text
        assert 'value="undo-' not in corrected.text
        mona.post("/alerts/transactions-0-1/undo", done, key=key)
        again = mona.post("/alerts/transactions-0-1/undo", done, key="undo-the-undo")
        assert again.status_code == 409
    first, second = sorted(stand.verdicts(2), key=lambda sent: sent["decided_at"])
    assert (first["verdict"], second["verdict"]) == ("fraud", "legitimate")
    decided = [msgspec.convert(each, Verdict).decided_at for each in (first, second)]
    assert isinstance(decided[0], datetime)
    assert isinstance(decided[1], datetime)
    assert decided[0] < decided[1]


def test_a_verdict_is_overruled_after_its_minute_by_whoever_may_judge(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The later decision stands; a form that was shown an older verdict changes nothing."""
    one = "/alerts/transactions-0-1"
    stand.publish([alert(1)])
    with stand.console() as (console, client):
        arrived(console, client, 1)
        mona, noor = Reviewer(client, "mona"), Reviewer(client, "noor")
        mona.login()
        noor.login()
        mona.judge("transactions-0-1", "fraud", comment="in haste")
        within = mona.get(one)
        assert "Undo: it was legitimate" in within.text
        assert "Overrule" not in within.text
        monkeypatch.setattr(visits, "UNDO_MS", -1)
        hers, his = mona.get(one), noor.get(one)
        assert "Overrule: it was legitimate" in hers.text
        assert "in place of your verdict" in hers.text
        assert "in place of mona&#39;s verdict" in his.text
        [stands] = re.findall(r'name="stands" value="(\d+)"', his.text)
        fields = {"verdict": "legitimate", "key": key_of(his), "stands": stands}
        for fault in ({"stands": "then"}, {"comment": "4111111111111111"}, {"verdict": "maybe"}):
            assert noor.post(f"{one}/overrule", his, **fields | fault).status_code == 400
        stranger = noor.post(f"{one}/overrule", his, **fields | {"key": "anothers"})
        assert stranger.status_code == 409
        done = noor.post(f"{one}/overrule", his, comment="the holder called", **fields)
        assert "noor judged it <strong>legitimate</strong>" in done.text
        assert "which overrules fraud" in done.text
        assert noor.post(f"{one}/overrule", his, **fields | {"comment": "again"}).status_code == 200
        late = mona.post(f"{one}/overrule", hers, **fields | {"key": key_of(hers)})
        assert (late.status_code, "noor judged" in late.text) == (409, True)
        assert noor.get("/alerts/nobodys").status_code == 404
        gone = noor.post("/alerts/nobodys/overrule", his, **fields)
        assert gone.status_code == 404
        # And back again, by who gave the first.
        page = mona.get(one)
        fields = {"verdict": "fraud", "key": key_of(page)}
        [stands] = re.findall(r'name="stands" value="(\d+)"', page.text)
        back = mona.post(f"{one}/overrule", page, stands=stands, **fields)
        assert "which overrules legitimate" in back.text
    sent = sorted(stand.verdicts(3), key=lambda each: each["decided_at"])
    assert [each["verdict"] for each in sent] == ["fraud", "legitimate", "fraud"]
    told = [line for line in stand.audit(6) if line["action"] == "verdict"]
    assert [(line["who"], line.get("overrules", "")) for line in told] == [
        ("mona", ""),
        ("noor", "fraud"),
        ("mona", "legitimate"),
    ]


def test_two_consoles_and_a_restart_show_each_alert_once(stand: Stand) -> None:
    stand.publish([alert(n) for n in range(1, 21)])
    with stand.console() as (console, client), stand.console() as (other, _):
        arrived(console, client, 20)
        mona = Reviewer(client, "mona")
        mona.login()
        mona.judge("transactions-0-7", "fraud")
        stand.publish([alert(n) for n in range(15, 25)])
        arrived(console, client, 24)
        assert other.reading_error == ""
    # The group forgets how far it had come: all is read again.
    with stand.console(consumer_group=f"{stand.settings.consumer_group}-anew") as (console, client):
        stand.publish([alert(30)])
        arrived(console, client, 25)
        mona = Reviewer(client, "mona")
        mona.login()
        found = ids_of(mona.get("/"))
        assert len(found) == len(set(found)) == 24
        assert "transactions-0-7" not in found


def test_a_full_queue_says_how_many_older_ones_it_dropped(stand: Stand) -> None:
    stand.publish([alert(n) for n in range(1, 6)])
    with stand.console(console_max_alerts=3) as (console, client):
        arrived(console, client, 5)
        mona = Reviewer(client, "mona")
        queue = mona.login()
        assert "2 older ones were dropped unjudged" in queue.text
        assert set(ids_of(queue)) == {f"transactions-0-{n}" for n in (3, 4, 5)}
        gone = mona.get("/alerts/transactions-0-1")
        assert (gone.status_code, "made room for others" in gone.text) == (404, True)


def test_filters_stay_from_the_queue_to_the_next_alert(stand: Stand) -> None:
    stand.publish(
        [
            alert(1, merchant_id="shop-1", score=0.9999),
            alert(2, merchant_id="shop-2", score=0.9998),
            alert(3, merchant_id="shop-1", score=0.9997, amount=5.0),
        ]
    )
    with stand.console() as (console, client):
        arrived(console, client, 3)
        mona = Reviewer(client, "mona")
        mona.login()
        assert ids_of(mona.get("/?merchant=shop-1")) == ["transactions-0-1", "transactions-0-3"]
        assert ids_of(mona.get("/?merchant=shop-1&most=5")) == ["transactions-0-3"]
        assert "least must be a number, got much" in mona.get("/?least=much").text
        page = mona.get("/alerts/transactions-0-1?merchant=shop-1")
        following = mona.post(
            "/alerts/transactions-0-1/verdict?merchant=shop-1",
            page,
            verdict="fraud",
            key=key_of(page),
        )
        assert following.url.path == "/alerts/transactions-0-3"


def test_a_wave_shows_its_members(stand: Stand) -> None:
    """Those of a merchant: of a card they are in the card's table."""
    told = "The second alert of this merchant today"
    wave = {"wave_id": "merchant-0f", "wave_sentence": told}
    stand.publish([alert(1, **wave), alert(2, wave_alerts=2, **wave), alert(3)])
    with stand.console() as (console, client):
        arrived(console, client, 3)
        mona = Reviewer(client, "mona")
        mona.login()
        page = mona.get("/alerts/transactions-0-1").text
        wave_of = page.partition('<h2 id="wave">')[2].partition("</section>")[0]
        assert told in wave_of
        assert "2 of it are open" in wave_of
        assert "/alerts/transactions-0-2" in wave_of
        assert "/alerts/transactions-0-3" not in wave_of


def test_a_lead_takes_an_alert_only_from_whom_the_page_named(stand: Stand) -> None:
    stand.publish([alert(1)])
    with stand.console() as (console, client):
        arrived(console, client, 1)
        mona, noor, lea = (Reviewer(client, name) for name in ("mona", "noor", "lea"))
        for each in (mona, noor, lea):
            each.login()
        one = "/alerts/transactions-0-1"
        hers, page = mona.get(one), lea.get(one)
        mona.post(f"{one}/release", hers)
        noor.get(one)
        late = lea.post(f"{one}/take", page, holder="mona")
        assert (late.status_code, "noor has this alert" in late.text) == (409, True)
        assert client.portal is not None
        assert client.portal.call(console.claims.holders, ["transactions-0-1"]) == ["noor"]


def test_a_link_from_elsewhere_shows_an_alert_and_claims_nothing(stand: Stand) -> None:
    stand.publish([alert(1)])
    with stand.console() as (console, client):
        arrived(console, client, 1)
        mona, noor = Reviewer(client, "mona"), Reviewer(client, "noor")
        one = "/alerts/transactions-0-1"
        mona.login()
        assert client.portal is not None
        for site in ("cross-site", "same-site", "none"):
            page = mona.get(one, headers={"Sec-Fetch-Site": site})
            assert (page.status_code, "Nobody has this alert" in page.text) == (200, True)
        ahead = {"Sec-Purpose": "prefetch;prerender"}
        assert "Nobody has this alert" in mona.get(one, headers=ahead).text
        # Nor does it after a login that it led to.
        led = noor.get(one, headers={"Sec-Fetch-Site": "cross-site"})
        [after] = re.findall(r'name="after" value="([^"]+)"', led.text)
        password = "correct horse battery"
        shown = noor.post("/login", led, name="noor", password=password, after=after)
        assert "Nobody has this alert" in shown.text
        assert client.portal.call(console.claims.holders, ["transactions-0-1"]) == [""]
        taken = noor.post(f"{one}/claim", shown, comment="typed before")
        assert "typed before</textarea>" in taken.text
        assert client.portal.call(console.claims.holders, ["transactions-0-1"]) == ["noor"]


def test_who_has_as_many_alerts_as_agreed_is_told_which(stand: Stand) -> None:
    stand.publish([alert(n) for n in range(1, 4)])
    with stand.console(console_max_claims=2) as (console, client):
        arrived(console, client, 3)
        mona = Reviewer(client, "mona")
        mona.login()
        for number in (1, 2):
            assert mona.get(f"/alerts/transactions-0-{number}").status_code == 200
        page = mona.get("/alerts/transactions-0-3")
        assert (page.status_code, "You have 2 alerts" in page.text) == (409, True)
        assert "/alerts/transactions-0-1" in page.text
        mona.judge("transactions-0-1", "fraud")
        assert mona.get("/alerts/transactions-0-3").status_code == 200


def test_a_verdict_is_of_the_alert_that_its_sender_has_seen(stand: Stand) -> None:
    """The form of one is none of another, nor of another's; the second tap of two is not sent."""
    stand.publish([alert(1, score=0.9999), alert(2, score=0.9998)])
    with stand.console(console_least_look_s=10.0) as (console, client):
        arrived(console, client, 2)
        mona = Reviewer(client, "mona")
        mona.login()
        first = mona.get("/alerts/transactions-0-1")
        path = "/alerts/transactions-0-2/verdict"
        fields = {"verdict": "fraud", "comment": "typed"}
        other = mona.post(path, first, key=key_of(first), **fields)
        assert (other.status_code, "not of this alert" in other.text) == (409, True)
        tapped = mona.post(path, other, key=key_of(other), **fields)
        assert (tapped.status_code, "second tap of two" in tapped.text) == (409, True)
        assert "typed</textarea>" in tapped.text
        assert client.portal is not None
        assert client.portal.call(console.reviews.review, "transactions-0-2") is None
        older = console.signer.form_key("transactions-0-2", "mona", now_ms() - 10_001)
        assert mona.post(path, tapped, key=older, **fields).status_code == 200
    assert len(stand.verdicts(1)) == 1


def test_two_who_ask_for_the_next_alert_at_once_get_two(stand: Stand) -> None:
    """Before either has opened its page; a link from elsewhere gives nobody anything."""
    stand.publish([alert(n) for n in range(1, 4)])
    with stand.console() as (console, client):
        arrived(console, client, 3)
        mona, noor, lea = (Reviewer(client, name) for name in ("mona", "noor", "lea"))
        for each in (mona, noor, lea):
            each.login()
        elsewhere = lea.get(
            "/next", headers={"Sec-Fetch-Site": "cross-site"}, follow_redirects=False
        )
        led = [each.get("/next", follow_redirects=False) for each in (mona, noor, mona)]
        first, second, again = (answer.headers["location"] for answer in led)
        assert first == again == elsewhere.headers["location"]
        assert second != first
        assert client.portal is not None
        ids = [address.removeprefix("/alerts/") for address in (first, second)]
        assert client.portal.call(console.claims.holders, ids) == ["mona", "noor"]
