"""Attacks on the pages beside the queue: foreign forms, what has left, what no page of ours made."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest
from starlette.testclient import TestClient

from streamer.console.console import Console
from streamer.console.pages import team_page
from streamer.console.pages.budget_page import payments_a_day
from streamer.console.queue.wave_items import Kept
from streamer.console.team.budget_curve import curve_of
from streamer.console.team.team_figures import people
from streamer.embedded import EmbeddedKafka
from streamer.status.facts import ModelStatus
from streamer.store.proposals import Proposal
from tests.console.conftest import PASSWORD, Reviewer, Stand, alert, arrived, key_of
from tests.console.test_model_and_proposals import stored
from tests.console.test_troubles import again_until, hidden, stopped
from tests.rig.waiting import DEADLINE_S

HTML = "<script>alert(1)</script>\u202e"
WAITING = Proposal(
    id="p1",
    kind="rollback",
    version="f" * 64,
    head="",
    reason="why",
    proposed_by="lea",
    proposed_ms=1_773_454_320_000,
    is_unsent=True,
)


@dataclass
class Office:
    """A console with one alert, and who works there."""

    console: Console
    client: TestClient
    stand: Stand

    def who(self, name: str) -> Reviewer:
        found = Reviewer(self.client, name)
        assert found.login().status_code == 200
        return found

    def call(self, work: Any, *arguments: Any) -> Any:
        assert self.client.portal is not None
        return self.client.portal.call(partial(work, *arguments))


@pytest.fixture
def office(stand: Stand) -> Iterator[Office]:
    with stand.console() as (console, client):
        stand.publish([alert(1, merchant_id="shop-1")])
        arrived(console, client, 1)
        yield Office(console, client, stand)


KEYS = ["x/y", 'x" ; rm -rf ~ ; "', "..", "x y", "$(id)", "x\n", "", "x" * 65, "é"]
PROPOSED = [("/budget", {"step": "32"}), ("/model", {"kind": "rollback"})]


def test_an_id_that_no_form_of_ours_has_is_no_proposal(office: Office) -> None:
    """It would stand in the command that carries the proposal out, and in an address."""
    lea = office.who("lea")
    page = lea.get("/budget")
    for key, (path, more) in product(KEYS, PROPOSED):
        told = lea.post(f"{path}/propose", page, key=key, reason="fewer reviewers", **more)
        assert (told.status_code, "must have its key" in told.text) == (400, True)
        assert "fewer reviewers</textarea>" in told.text
        assert f'<a href="{path}">Back to' in told.text
    assert office.call(office.console.proposals.all) == []


def test_of_a_version_that_was_trimmed_nothing_can_be_approved(stand: Stand) -> None:
    head, _ = stored(stand.settings)
    with stand.console() as (console, client):
        office = Office(console, client, stand)
        lars = office.who("lars")
        for each in (WAITING, msgspec.structs.replace(WAITING, id="p2", version=head)):
            office.call(console.proposals.put, each)
        shown = lars.get("/proposals")
        assert shown.text.count("Its version is stored no more") == 1
        assert shown.text.count(">Approve<") == 1
        told = lars.post("/proposals/p1/decide", shown, state="approved", remark="as agreed")
        assert (told.status_code, "Its version is stored no more" in told.text) == (409, True)
        assert "as agreed</textarea>" in told.text
        assert "approved" in lars.post("/proposals/p2/decide", shown, state="approved").text
        assert "declined" in lars.post("/proposals/p1/decide", shown, state="declined").text


FORMS = [
    ("/budget/propose", {"key": "k", "step": "3"}, "reason", "/budget"),
    ("/model/propose", {"key": "k", "kind": "rollback"}, "reason", "/model"),
    ("/proposals/p1/decide", {"state": "declined"}, "remark", "/proposals"),
]


def test_what_was_typed_outlives_its_session_and_is_nobody_else_s_deed(office: Office) -> None:
    """In another's session, in none, and after the login: nothing was sent, and the text is there."""
    lea, lars = office.who("lea"), office.who("lars")
    waiting = msgspec.structs.replace(WAITING, proposed_by="mona")
    office.call(office.console.proposals.put, waiting)
    page, typed = lars.get("/budget"), f"a morning's work {HTML}"
    for path, fields, name, back in FORMS:
        sent = fields | {name: typed, "name": "card:4929"}
        foreign = lea.post(path, page, **sent)
        assert (foreign.status_code, "Nothing was sent" in foreign.text) == (403, True)
        lars.browser.cookies.delete("streamer_session")
        over = lars.post(path, page, **sent)
        assert (over.status_code, "Your session has ended" in over.text) == (401, True)
        assert 'name="name" value=""' in over.text
        assert f'name="after" value="{back}"' in over.text
        login = {"name": "lars", "password": PASSWORD, "comment": typed, "after": back}
        again = lars.post("/login", over, **login)
        assert f'<a href="{back}">' in again.text
        for shown in (foreign, over, again):
            assert "a morning&#39;s work &lt;script&gt;" in shown.text
    assert office.call(office.console.proposals.all) == [waiting]


def test_text_that_comes_in_is_text_on_every_page(office: Office) -> None:
    """A reason, a remark and a comment, each with a script and a sign that turns lines around."""
    lea, lars = office.who("lea"), office.who("lars")
    budget = lea.get("/budget?step=32")
    lea.post("/budget/propose", budget, key=key_of(budget), step="32", reason=HTML)
    shown = lars.get("/proposals")
    [path] = re.findall(r'action="(/proposals/[^"]+/decide)"', shown.text)
    lars.post(path, shown, state="approved", remark=HTML)
    one = f"/alerts/{alert(1).alert_id}"
    fields = {"kind": "merchant", "days": "30", "reason": "other, see comment", "comment": HTML}
    lars.post(f"{one}/snooze", lars.get(one), **fields)
    for page in ("/proposals", "/snoozed", one, "/team", "/model", "/operations", "/budget", "/"):
        text = lea.get(page).text
        assert "<script>alert" not in text, page
        assert "\u202e" not in text, page
    assert "&lt;script&gt;" in lea.get("/snoozed").text


def test_two_leads_who_decide_at_once_are_told_what_stands(office: Office) -> None:
    lea, lars = office.who("lea"), office.who("lars")
    mine = Proposal(
        id="p9",
        kind="policy",
        head="",
        changes=["a=1"],
        reason="r",
        proposed_by="mona",
        proposed_ms=1,
    )
    office.call(office.console.proposals.put, mine)
    shown, other = lea.get("/proposals"), lars.get("/proposals")
    assert lea.post("/proposals/p9/decide", shown, state="approved").status_code == 200
    late = lars.post("/proposals/p9/decide", other, state="declined", remark="too soon")
    assert (late.status_code, "has decided on it before" in late.text) == (409, True)
    assert "too soon</textarea>" in late.text
    again = lea.post("/proposals/p9/decide", shown, state="approved", remark="other words")
    assert again.status_code == 200
    sent = office.stand.read(office.stand.settings.proposals_topic, 2)
    assert {each["decided_by"] for each in sent} == {"lea"}
    assert "other words" not in str(office.stand.audit(4))


def test_a_reviewer_who_sends_a_lead_s_forms_by_hand_changes_nothing(office: Office) -> None:
    mona, noor = office.who("mona"), office.who("noor")
    office.call(office.console.proposals.put, WAITING)
    one = f"/alerts/{alert(1).alert_id}"
    noor.get(one)
    page = mona.get("/team")
    decided = mona.post("/proposals/p1/decide", page, state="approved")
    taken = mona.post(f"{one}/take", page, holder="noor", comment="mine")
    assert (decided.status_code, taken.status_code) == (403, 403)
    assert office.call(office.console.claims.look, alert(1).alert_id).holder == "noor"
    assert office.call(office.console.proposals.all) == [WAITING]


@pytest.mark.parametrize(
    ("achieved", "an_hour", "a_day"),
    [(0.005, 30.0, 144_000.0), (0.005, 0.0, None), (0.0, 30.0, None), (5e-324, 30.0, None)],
)
def test_where_nothing_alerted_yet_payments_a_day_are_not_known(
    achieved: float, an_hour: float, a_day: float | None
) -> None:
    """30 alerts an hour that are a two hundredth of payments: 6,000 payments an hour."""
    model = ModelStatus(
        version="",
        age_s=None,
        is_warming=False,
        transactions_seen=0,
        warmup=0,
        ranked_by="distance",
        budget_requested=0.005,
        budget_achieved=achieved,
        per_hour_requested=30.0,
        per_hour_achieved=an_hour,
        drift_reference="none",
        moved=(),
    )
    found = payments_a_day(model)
    assert found == (None if a_day is None else pytest.approx(a_day))


def test_what_kafka_has_not_is_not_told_as_decided_until_it_was_sent_again(
    redis_url: str, tmp_path: Path
) -> None:
    """Nor is the command shown that would carry it out; the same decision sent again is one."""
    with EmbeddedKafka(ready_timeout_s=DEADLINE_S) as kafka:
        stand = Stand(kafka, redis_url, tmp_path)
        with stand.console() as (console, client):
            office = Office(console, client, stand)
            office.call(console.proposals.put, msgspec.structs.replace(WAITING, version=""))
            lars = office.who("lars")
            shown = lars.get("/proposals")
            fields = {"state": "approved", "remark": "as agreed"}
            with stopped(kafka.pid):
                away = lars.post("/proposals/p1/decide", shown, **fields)
            assert (away.status_code, hidden(away, "remark")) == (503, "as agreed")
            unsure = lars.get("/proposals").text
            # Its entry comes first: what the audit topic has not is not decided.
            assert "<strong>approved</strong>" not in unsure
            assert "To carry it out" not in unsure
            again = again_until(lars, "/proposals/p1/decide", away, fields)
            assert "it was not confirmed" not in again.text
            assert "To carry it out" in again.text
        sent = {orjson.dumps(each) for each in stand.read(stand.settings.proposals_topic, 1)}
    [made] = map(orjson.loads, sent)
    assert (made["state"], made["remark"], "is_unsent" in made) == ("approved", "as agreed", False)


def test_what_takes_long_for_many_verdicts_is_computed_beside_the_loop(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A budget's curve of 20,000 verdicts took 0.4 s of a processor: others go on meanwhile."""
    threads = {"loop": office.call(threading.get_ident)}

    def noted(name: str, work: Any) -> Any:
        def run(*arguments: Any) -> Any:
            threads[name] = threading.get_ident()
            return work(*arguments)

        return run

    monkeypatch.setattr(team_page, "people", noted("people", people))
    office.console.curve = Kept(noted("curve", curve_of))
    lea = office.who("lea")
    assert lea.get("/budget").status_code == lea.get("/team").status_code == 200
    assert threads["loop"] not in (threads["curve"], threads["people"])


def test_an_hourly_limit_is_not_proposed_as_a_share_while_traffic_is_not_known(
    stand: Stand,
) -> None:
    """The share is only the cap of an hourly limit: it would change something else."""
    with stand.console(alerts_per_hour=30.0) as (console, client):
        office = Office(console, client, stand)
        lea = office.who("lea")
        page = lea.get("/budget?step=32")
        told = lea.post("/budget/propose", page, key=key_of(page), step="32", reason="fewer")
        assert (told.status_code, "is not known yet" in told.text) == (409, True)
        assert office.call(console.proposals.all) == []
