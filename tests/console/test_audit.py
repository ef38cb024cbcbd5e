"""Each page that shows card data, and each change, is an entry of the console's chain."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

from streamer.audit.audit_reading import Period, read_entries
from streamer.audit.audit_verification import verified
from streamer.console.console import now_ms
from streamer.errors import UnavailableError
from tests.console.conftest import Reviewer, Stand, alert, arrived, key_of
from tests.rig.ports import stable_port

ONE = "transactions-0-1"


def entries(stand: Stand) -> list[dict[str, Any]]:
    found = [each.stored.value for each in read_entries(stand.settings, Period())]
    return [json.loads(each) for each in found]


def test_who_saw_and_did_what_is_a_chain_that_is_whole(stand: Stand) -> None:
    stand.publish([alert(1), alert(2, wave_id="w", wave_alerts=2), alert(3, wave_id="w")])
    with stand.console() as (console, client):
        arrived(console, client, 3)
        mona = Reviewer(client, "mona")
        mona.login()
        page = mona.get(f"/alerts/{ONE}")
        for what in ("asked", "recomputed", "export.json", "print"):
            assert mona.get(f"/alerts/{ONE}/{what}").status_code == 200
        assert mona.get("/waves/w").status_code == 200
        # What has no card's data is no view of any.
        for path in ("/help", "/team", "/proposals", "/operations", "/snoozed", "/below"):
            mona.get(path)
        fields = {"verdict": "fraud", "key": key_of(page), "comment": "called them"}
        mona.post(f"/alerts/{ONE}/verdict", page, **fields)
        snoozing = {"kind": "card", "reason": "the customer travels", "days": "7", "key": "k"}
        mona.post("/alerts/transactions-0-2/snooze", page, **snoozing)
        assert mona.get("/snoozed").status_code == 200
        assert mona.get(f"/alerts/{ONE}").status_code == 200
        assert mona.post(f"/alerts/{ONE}/take", page, holder="lars").status_code == 403
        metrics = client.get("/metrics").text
        writer = console.trail.writer
        assert writer is not None
        name = writer.writer
    found = entries(stand)
    assert {each["writer"] for each in found} == {name}
    told = [(each["action"], each.get("subject", {}).get("id", "")) for each in found]
    assert told[:7] == [
        ("login", ""),
        ("view queue", ""),
        ("open", ONE),
        ("ask", ONE),
        ("recompute", ONE),
        ("export", ONE),
        ("print", ONE),
    ]
    assert {action for action, _ in told[7:9]} == {"open"}
    assert told[9:11] == [("view wave", ""), ("verdict", ONE)]
    last = [
        ("snooze", "transactions-0-2"),
        ("view alert", "transactions-0-2"),
        ("view snoozed", ""),
        ("view alert", ONE),
        ("denied", ONE),
    ]
    # Between them is the page after the verdict; the snooze's own is again opened by its holder.
    assert [each for each in told[11:] if each in last] == [each for each in last if each in told]
    assert {("view snoozed", ""), ("view alert", ONE), ("denied", ONE)} < set(told[11:])
    by_action = {each["action"]: each for each in found}
    queue = by_action["view queue"]["details"]["alerts"].split()
    assert set(queue) == {ONE, "transactions-0-2", "transactions-0-3"}
    assert by_action["verdict"]["card"] == {
        "id": "card-4711",
        "transaction_id": "t-1",
        "comment": "called them",
    }
    assert by_action["login"]["actor"] == {
        "name": "mona",
        "by": "password",
        "role": "reviewer",
        "address": "testclient",
    }
    assert by_action["denied"]["outcome"] == "refused"
    checked = verified(stand.settings, Period(), now_ms())
    assert (checked.findings, checked.n_entries) == ((), len(found))
    samples = dict(re.findall(r"^(streamer_audit_\S+) (\S+)$", metrics, re.MULTILINE))
    assert samples['streamer_audit_entries_total{action="login"}'] == "1.0"
    assert samples['streamer_audit_refused_total{access="change"}'] == "0.0"
    head = float(samples[f'streamer_audit_head_sequence{{writer="{name}"}}'])
    digest = int(found[int(head)]["hash"][:12], 16)
    assert float(samples[f'streamer_audit_head_digest{{writer="{name}"}}']) == digest


def test_an_alert_is_on_the_audit_topic_before_it_is_claimed_and_not_claimed_without(
    stand: Stand,
) -> None:
    stand.publish([alert(1), alert(2, wave_id="w", wave_alerts=2), alert(3, wave_id="w")])
    with stand.console() as (console, client):
        arrived(console, client, 3)
        mona = Reviewer(client, "mona")
        mona.login()
        assert client.portal is not None
        portal, noted = client.portal, console.trail.noted
        held: list[list[str]] = []

        async def looked(*told: Any) -> None:
            of_alerts = [each.alert_id for each in told if each.action == "open"]
            held.append([each for each in await console.claims.holders(of_alerts) if each])
            await noted(*told)

        async def away(*_: Any) -> None:
            raise UnavailableError("Redis must keep the entry")

        console.trail.noted = away  # type: ignore[method-assign]
        assert mona.get(f"/alerts/{ONE}").status_code == 503
        assert mona.get("/waves/w").status_code == 503
        ids = [ONE, "transactions-0-2", "transactions-0-3"]
        assert portal.call(console.claims.holders, ids) == ["", "", ""]
        console.trail.noted = looked  # type: ignore[method-assign]
        assert mona.get(f"/alerts/{ONE}").status_code == 200
        assert mona.get("/waves/w").status_code == 200
        assert portal.call(console.claims.holders, ids) == ["mona"] * 3
        assert not any(held)
        # Somebody else claims it between the look and the claim.
        portal.call(console.claims.release, ONE, "mona")

        async def faster(*told: Any) -> None:
            await noted(*told)
            if told[0].action == "open":
                await console.claims.claim(ONE, "noor", 60_000)

        console.trail.noted = faster  # type: ignore[method-assign]
        late = mona.get(f"/alerts/{ONE}")
        assert (late.status_code, "noor" in late.text) == (409, True)
    failed = [each for each in entries(stand) if each["action"] == "open failed"]
    [told] = failed
    assert (told["outcome"], told["details"]["holder"]) == ("failed", "noor")


def test_every_change_that_was_granted_names_the_decision_that_granted_it(stand: Stand) -> None:
    stand.publish([alert(n) for n in (1, 2, 3)])
    with stand.console() as (console, client):
        arrived(console, client, 3)
        lea = Reviewer(client, "lea")
        lea.login()
        page = lea.get(f"/alerts/{ONE}")
        lea.post(f"/alerts/{ONE}/release", page)
        done = lea.judge(ONE, "fraud")
        [key] = re.findall(r'value="(undo-[^"]+)"', done.text)
        lea.post(f"/alerts/{ONE}/undo", done, key=key)
        fields = {"kind": "card", "reason": "the customer travels", "days": "7", "key": "k"}
        lea.post("/alerts/transactions-0-2/snooze", page, **fields)
        lea.post("/snoozed/end", page, name="card:card-4711")
        members = ["transactions-0-2", "transactions-0-3"]
        ticked = lea.post("/ticked", page, members=members)
        lea.post("/ticked/verdict", ticked, members=members, verdict="fraud", key=key_of(ticked))
        lea.post("/find", page, wanted="nothing-of-that-name", topic="1")
        lea.post("/budget/propose", lea.get("/budget"), key="p-1", step="20", reason="fewer")
        lea.post("/logout", page)
    found = [each for each in entries(stand) if each["action"] not in ("login", "anchor")]
    without = {each["action"] for each in found if "decision_id" not in each}
    assert without == set()
    done = {each["action"] for each in found}
    assert {"release", "verdict", "undo", "snooze", "snooze ended", "propose", "logout"} <= done
    assert {each["actor"]["by"] for each in found} == {"session"}


def test_while_kafka_is_away_alerts_are_looked_at_and_no_verdict_is_taken(stand: Stand) -> None:
    """What was looked at is not forgotten: the next console sends it."""
    stand.publish([alert(1)])
    with stand.console() as (console, client):
        arrived(console, client, 1)
    away = {
        "kafka_bootstrap_servers": f"127.0.0.1:{stable_port()}",
        "audit_timeout_s": 0.3,
        "audit_max_unsent": 6,
    }
    with stand.console(**away) as (console, client):
        mona = Reviewer(client, "mona")
        assert mona.login().status_code == 200
        page = mona.get(f"/alerts/{ONE}")
        assert page.status_code == 200
        refused = mona.post(f"/alerts/{ONE}/verdict", page, verdict="fraud", key=key_of(page))
        assert refused.status_code == 503
        assert "must take the entry of a change within 0.3 s" in refused.text
        assert client.portal is not None
        review = client.portal.call(console.reviews.review, ONE)
        assert review is None or not review.is_sent
        # The login, the queue, the alert, the verdict and its refusal are five.
        assert mona.get("/").status_code == 200
        full = mona.get("/")
        assert (full.status_code, "no card data is shown" in full.text) == (503, True)
        assert console.trail.writer is not None
        name = console.trail.writer.writer
        assert "streamer_audit_unsent 6.0" in client.get("/metrics").text
    assert stand.verdicts(0) == []
    assert [each for each in entries(stand) if each["writer"] == name] == []
    checked = verified(stand.settings, Period(), now_ms())
    assert [(each.kind, each.first, each.last) for each in checked.findings] == [("waiting", 0, 5)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("streamer.audit.audit_writer._LEFT_MS", 0)
        with stand.console() as (console, client):
            deadline = time.monotonic() + 30
            while verified(stand.settings, Period(), now_ms()).findings:
                assert time.monotonic() < deadline
    left = [each["action"] for each in entries(stand) if each["writer"] == name]
    assert left == ["login", "view queue", "open", "verdict", "not stored", "view queue"]
