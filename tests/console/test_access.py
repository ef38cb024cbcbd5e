"""Every route is an action, and who may not do it is told why."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs

import streamer
from streamer.access.access_rules import RULES
from streamer.access.actions import ACTIONS
from streamer.console.console import Console, now_ms
from streamer.console.pages.gates import PUBLIC, GatedRoute
from streamer.console.people.accounts import Account, account_line
from streamer.embedded.server import free_port
from tests.console.conftest import PASSWORD, Reviewer, Stand, accounts_text, alert, arrived
from tests.rig.opa import OpenPolicyAgent

ONE = "transactions-0-1"
OPEN_TO_ALL = {"/healthz", "/login", "/metrics", "/oidc/callback", "/oidc/login", "/readyz"}
OPEN_TO_ALL |= {"/static/{name}"}
MORE = ("otto", "operator"), ("ada", "auditor"), ("moss", "model_owner")


@pytest.fixture
def stand(stand: Stand) -> Stand:
    assert stand.settings.console_accounts_file is not None
    lines = [account_line(name, (role,), PASSWORD) for name, role in MORE]  # type: ignore[arg-type]
    stand.settings.console_accounts_file.write_text("\n".join([accounts_text(), *lines]))
    return stand


def known(console: Console, client: TestClient, name: str) -> Reviewer:
    """Return the browser of somebody who has logged in before."""
    account = console.accounts.get(name)
    assert account is not None
    session = console.signer.began(account, 10**15)
    made = Reviewer(client, name)
    made.browser.cookies.set("streamer_session", console.signer.signed(session))
    return made


def routes_of(client: TestClient) -> list[GatedRoute]:
    return list(client.app._app.routes)  # type: ignore[attr-defined]


def shut(console: Console, client: TestClient, name: str, route: GatedRoute) -> Any:
    """Return what somebody is answered on a route, with all ids in place."""
    person = known(console, client, name)
    ids = {"alert_id": ONE, "wave_id": "card-1", "proposal_id": "p-1", "name": "console.css"}
    path = route.path.format(**ids)
    if route.methods is not None and "POST" in route.methods:
        # What is typed is kept.
        return person.post(path, person.get("/help"), follow=False, comment="seen twice")
    return person.get(path, follow_redirects=False)


def test_every_route_is_an_action_of_the_list_and_few_are_open_to_all(stand: Stand) -> None:
    with stand.console() as (_, client):
        for route in routes_of(client):
            assert isinstance(route, GatedRoute), route
            assert set(route.gate.actions) <= set(ACTIONS), route.path
        public = {each.path for each in routes_of(client) if each.gate is PUBLIC}
    assert public == OPEN_TO_ALL


def test_who_may_not_is_told_so_on_every_route_and_nothing_is_done(stand: Stand) -> None:
    """Each route is asked by everybody who has none of its roles."""
    stand.publish([alert(1, wave_id="card-x"), alert(2, wave_id="card-x")])
    n_denied = 0
    with stand.console() as (console, client):
        arrived(console, client, 2)
        people = [("mona", "reviewer"), ("lea", "lead"), *MORE]
        for route in routes_of(client):
            if route.gate is PUBLIC or route.path in ("/events", "/proposals/{proposal_id}/decide"):
                continue
            rule = RULES[route.gate.actions[0]]
            for name, role in people:
                # At "/" everybody is sent to where they begin.
                if rule.anybody or role in rule.roles or route.path == "/":
                    continue
                answer = shut(console, client, name, route)
                n_denied += 1
                assert answer.status_code == 403, (route.path, name)
                assert "You may not do that" in answer.text
                assert f"you are {role.replace('_', ' ')}." in answer.text
                assert re.search(r"decision [0-9a-f]{32}\.", answer.text)
                assert ("seen twice" in answer.text) == (answer.request.method == "POST")
                assert ONE not in answer.text.replace(str(answer.request.url), "")
        assert client.portal is not None
        counts = client.portal.call(console.alerts.counts)
        assert counts.open == 2
        assert client.portal.call(console.claims.holders, [ONE]) == [""]
        metrics = client.get("/metrics").text
    assert n_denied > 60
    told = f'streamer_access_decisions_total{{answer="denied",decided_by="built in"}} {n_denied}.0'
    assert told in metrics
    assert "streamer_opa_up 1.0" in metrics


@pytest.mark.parametrize(
    ("name", "where", "links"),
    [
        ("mona", "/", "Queue, Next alert, Team, Budget, Below the line, Model"),
        ("ada", "/", "Queue, Team, Budget, Below the line, Model"),
        ("moss", "/model", "Team, Budget, Below the line, Model"),
        ("otto", "/operations", "Model"),
    ],
)
def test_each_begins_at_a_page_they_may_read_and_sees_the_links_they_may_follow(
    stand: Stand, name: str, where: str, links: str
) -> None:
    with stand.console() as (console, client):
        person = Reviewer(client, name)
        page = person.login()
        assert (page.status_code, page.url.path) == (200, where)
        nav = re.search(r"<nav.*?</nav>", page.text, re.DOTALL)
        assert nav is not None
        titles = re.findall(r">([^<>]+)</a>", nav[0])
        assert ", ".join(titles) == f"{links}, Proposals, Operations, Help"
        for path in re.findall(r'href="([^"]+)"', nav[0]):
            assert person.get(path).status_code == 200, path
        metrics = console.metrics.exposition("", None)[0].decode()
    assert 'answer="denied",decided_by="built in"} 0.0' in metrics


def test_a_fault_in_the_accounts_file_is_in_the_log_and_not_on_a_page(stand: Stand) -> None:
    accounts = stand.settings.console_accounts_file
    assert accounts is not None
    with stand.console() as (console, client), capture_logs() as logged:
        mona = known(console, client, "mona")
        text = accounts.read_text()
        accounts.write_text(f"{text}\nnonsense:{PASSWORD}")
        shown = [mona.get("/"), mona.get("/events"), Reviewer(client, "mona").login()]
        assert [each.status_code for each in shown] == [503, 503, 503]
        for each in shown:
            assert str(accounts) not in each.text
            assert "line 8" not in each.text
        assert "A file or setting of the console has a fault" in shown[0].text
        accounts.write_text(text)
        assert mona.get("/").status_code == 200
    told = [each for each in logged if each["event"] == "page not made"]
    assert [each["path"] for each in told] == ["/", "/events", "/login"]
    for each in told:
        assert f"line 8 of {accounts} must be NAME:HASH:ROLES" in each["error"]
        assert PASSWORD not in each["error"]


def test_every_action_of_the_table_is_asked_by_a_page_or_a_command(stand: Stand) -> None:
    """An action that nobody asks is a promise that nobody keeps."""
    with stand.console() as (_, client):
        asked = {action for route in routes_of(client) for action in route.gate.actions}
    package = Path(streamer.__file__).parent
    for path in (package / "cli").glob("*.py"):
        asked |= set(re.findall(r'permitted\(\s*settings,\s*"(\w+)"', path.read_text()))
        asked |= set(re.findall(r'_decided\(settings, "(\w+)"', path.read_text()))
    assert asked <= set(ACTIONS)
    assert set(ACTIONS) - asked == set()


def test_an_operator_is_told_of_no_arrivals_and_a_reviewer_is(stand: Stand) -> None:
    with stand.console() as (console, client):
        assert known(console, client, "otto").get("/events").status_code == 204
        assert known(console, client, "mona").browser.head("/events").status_code == 200


def test_an_auditor_looks_at_an_alert_and_claims_nothing(stand: Stand) -> None:
    stand.publish([alert(1, wave_id="w"), alert(2, wave_id="w")])
    with stand.console() as (console, client):
        arrived(console, client, 2)
        ada = known(console, client, "ada")
        assert ada.get(f"/alerts/{ONE}").status_code == 200
        assert ada.get("/waves/w").status_code == 200
        assert client.portal is not None
        assert client.portal.call(console.claims.holders, [ONE]) == [""]
        assert ada.judge(ONE, "fraud").status_code == 403


def test_nobody_decides_on_their_own_proposal_nor_on_one_that_is_not_there(stand: Stand) -> None:
    with stand.console() as (console, client):
        moss, lea = known(console, client, "moss"), known(console, client, "lea")
        page = moss.get("/budget")
        made = moss.post("/budget/propose", page, key="p-1", step="20", reason="fewer people")
        assert made.status_code == 200
        own = moss.post("/proposals/p-1/decide", moss.get("/proposals"), state="approved")
        assert (own.status_code, "Nobody decides on what they proposed" in own.text) == (403, True)
        none = lea.post("/proposals/p-9/decide", lea.get("/proposals"), state="approved")
        assert (none.status_code, "Nobody has proposed it" in none.text) == (404, True)
        told = lea.post("/proposals/p-1/decide", lea.get("/proposals"), state="approved")
        assert told.status_code == 200
        assert "approved" in told.text


def test_a_long_snooze_needs_another_and_a_short_one_does_not(stand: Stand) -> None:
    stand.publish([alert(1)])
    with stand.console() as (console, client):
        arrived(console, client, 1)
        lea = known(console, client, "lea")
        page = lea.get(f"/alerts/{ONE}")
        fields = {"kind": "card", "reason": "the customer travels"}
        long = lea.post(f"/alerts/{ONE}/snooze", page, days="31", key="k", **fields)
        assert (long.status_code, "the card for 31 days" in long.text) == (200, True)
        assert client.portal is not None
        assert client.portal.call(console.snoozes.now, now_ms()) == {}
        short = lea.post(f"/alerts/{ONE}/snooze", page, days="30", **fields)
        assert short.status_code == 200


def test_who_may_not_put_off_proposes_no_snooze(stand: Stand) -> None:
    """An operator may propose, and sees no alert."""
    stand.publish([alert(1)])
    with stand.console() as (console, client):
        arrived(console, client, 1)
        otto = known(console, client, "otto")
        fields = {"kind": "card", "reason": "the customer travels", "days": "60", "key": "k"}
        told = otto.post(f"/alerts/{ONE}/snooze", otto.get("/help"), **fields)
        assert (told.status_code, "may put a card or merchant off" in told.text) == (403, True)
        assert "Nothing waits for a decision" in otto.get("/proposals").text
    [denied] = [each for each in stand.audit(1) if each["action"] == "denied"]
    assert (denied["who"], denied["subject"]) == ("otto", "snooze: no_role")


def test_who_has_no_role_may_log_out_and_read_the_help(stand: Stand) -> None:
    with stand.console(
        console_proxy_user_header="X-Forwarded-User", console_trusted_proxies="192.0.2.1"
    ) as (console, client):
        assert console.proxied is not None
        nobody = Account("nils", (), "")
        console.proxied = Always(nobody)  # type: ignore[assignment]
        nils = Reviewer(client, "nils")
        assert nils.get("/help").status_code == 200
        denied = nils.get("/")
        assert (denied.status_code, "you have no role" in denied.text) == (403, True)
        out = nils.post("/logout", nils.get("/help"))
        assert (out.status_code, "You did not log in here" in out.text) == (409, True)


class Always:
    """A proxy that names the same person on each request."""

    def __init__(self, person: Account) -> None:
        self._person = person

    def person(self, _: object) -> Account:
        return self._person


@pytest.fixture(scope="module")
def opa(opa_installed: None) -> Iterator[OpenPolicyAgent]:
    with OpenPolicyAgent() as server:
        yield server


def test_a_role_that_is_taken_away_counts_with_the_next_request_and_so_does_disabling(
    stand: Stand, tmp_path: Path
) -> None:
    """The file is swapped by its link, as Kubernetes does."""
    accounts = stand.settings.console_accounts_file
    assert accounts is not None
    before, link = accounts.rename(tmp_path / "before"), accounts
    link.symlink_to(before)
    text = before.read_text()
    line = text.splitlines()[0]
    with stand.console() as (console, client):
        mona = known(console, client, "mona")
        assert mona.get("/").status_code == 200
        for changed, status, told in (
            (line.replace(":reviewer", ":operator"), 403, "you are operator"),
            (f"{line}:disabled", 200, 'action="/login"'),
        ):
            after = tmp_path / f"after-{status}"
            after.write_text(text.replace(line, changed))
            (tmp_path / "next").symlink_to(after)
            (tmp_path / "next").replace(link)
            answer = mona.get("/team")
            assert (answer.status_code, told in answer.text) == (status, True)
        refused = Reviewer(client, "mona").login()
        assert (refused.status_code, "Name or password is wrong" in refused.text) == (401, True)


def test_opa_decides_where_it_is_set_up_and_its_id_is_on_the_page(
    stand: Stand, opa: OpenPolicyAgent
) -> None:
    with stand.console(opa_url=opa.url, opa_timeout_s=60.0) as (console, client):
        otto = known(console, client, "otto")
        page = otto.get("/operations")
        assert "decided by Open Policy Agent" in page.text
        denied = otto.get("/team")
        assert denied.status_code == 403
        # OPA's ids are of another form than the console's own.
        found = re.search(r"decision ([0-9a-f]{8}-[0-9a-f-]{27})\.", denied.text)
        assert found is not None
        told = 'streamer_access_decisions_total{answer="denied",decided_by="opa"} 1.0'
        assert told in client.get("/metrics").text


def test_while_opa_is_away_pages_are_shown_and_nothing_is_changed(stand: Stand) -> None:
    stand.publish([alert(1)])
    with stand.console(opa_url=f"http://127.0.0.1:{free_port()}") as (console, client):
        arrived(console, client, 1)
        mona = known(console, client, "mona")
        assert mona.get(f"/alerts/{ONE}").status_code == 200
        page = mona.get("/operations")
        assert "OPA must answer yes or no" in page.text
        kept = mona.post(f"/alerts/{ONE}/verdict", page, verdict="fraud", comment="seen twice")
        assert (kept.status_code, "seen twice" in kept.text) == (503, True)
        assert "The policy server does not answer" in kept.text
        assert mona.get(f"/alerts/{ONE}/export.json").status_code == 503
        assert client.portal is not None
        assert client.portal.call(console.alerts.counts).open == 1
        metrics = client.get("/metrics").text
    assert "streamer_opa_up 0.0" in metrics
