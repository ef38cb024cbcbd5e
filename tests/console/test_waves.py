"""Waves: one item of the queue, claimed and judged at once, by a verdict on each payment."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from typing import Any

import orjson

from streamer.embedded import EmbeddedKafka
from tests.console.conftest import Reviewer, Stand, alert, arrived, key_of
from tests.rig.waiting import DEADLINE_S

WAVE = {"wave_id": "card-0f", "severity": "high"}


def items_of(page: Any) -> list[str]:
    return re.findall(r'class="row[^"]*" href="(/[^"?]+)', page.text)


def hidden(page: Any, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    return found[1] if found else ""


def fields_of(page: Any, **more: str) -> dict[str, str]:
    return {"key": key_of(page), "members": hidden(page, "members"), **more}


def published(stand: Stand) -> None:
    """Three of a card among two others; by rank 4, 1, 5, 2, 3."""
    scores = {4: 0.9999, 1: 0.9998, 5: 0.9997, 2: 0.9996, 3: 0.9995}
    each = ((n, WAVE if n < 4 else {"severity": "high"}) for n in scores)
    stand.publish([alert(n, score=scores[n], amount=10.0 * n, **more) for n, more in each])


def test_a_wave_is_one_item_whose_place_is_that_of_its_highest_member(stand: Stand) -> None:
    published(stand)
    with stand.console() as (console, client):
        arrived(console, client, 5)
        mona = Reviewer(client, "mona")
        queue = mona.login()
        one, two = "/alerts/transactions-0-4", "/alerts/transactions-0-5"
        assert items_of(queue) == [one, "/waves/card-0f", two]
        assert "60.00 EUR" in queue.text
        assert "<strong>3 alerts</strong> of one card" in queue.text
        # Where its highest member is judged by itself the order of the others stays.
        mona.judge("transactions-0-1", "fraud")
        assert items_of(mona.get("/")) == [one, two, "/waves/card-0f"]
        mona.judge("transactions-0-2", "fraud")
        assert items_of(mona.get("/")) == [one, two, "/alerts/transactions-0-3"]


def test_a_verdict_on_a_wave_is_one_for_each_payment_and_undo_takes_all_back(stand: Stand) -> None:
    published(stand)
    with stand.console() as (console, client):
        arrived(console, client, 5)
        mona = Reviewer(client, "mona")
        mona.login()
        page = mona.get("/waves/card-0f")
        fields = fields_of(page, verdict="fraud", comment="tried out")
        done = mona.post("/waves/card-0f/verdict", page, **fields)
        assert done.url.path == "/alerts/transactions-0-4"
        assert "3 payments of a wave: <strong>fraud</strong>" in done.text
        # The same form again sends nothing.
        again = mona.post("/waves/card-0f/verdict", page, **fields)
        assert again.url == done.url
        assert len(stand.verdicts(3)) == 3
        undone = mona.post("/waves/card-0f/undo", done, key=fields["key"])
        assert "3 payments of a wave: <strong>legitimate</strong>" in undone.text
        assert "Undo" not in undone.text
        mona.post("/waves/card-0f/undo", undone, key=fields["key"])
    sent = sorted(stand.verdicts(6), key=lambda each: str(each["decided_at"]))
    assert [each["verdict"] for each in sent] == ["fraud"] * 3 + ["legitimate"] * 3
    for half in (sent[:3], sent[3:]):
        assert {each["transaction_id"] for each in half} == {"t-1", "t-2", "t-3"}
    told = [line for line in stand.audit(8) if line["action"] in ("verdict", "undo")]
    assert len({line["id"] for line in told}) == 6
    assert {line["comment"] for line in told} == {"tried out"}


def test_a_wave_is_claimed_but_for_what_another_has(stand: Stand) -> None:
    published(stand)
    with stand.console() as (console, client):
        arrived(console, client, 5)
        mona, noor = Reviewer(client, "mona"), Reviewer(client, "noor")
        for each in (mona, noor):
            each.login()
        noor.get("/alerts/transactions-0-2")
        hers = mona.get("/waves/card-0f")
        assert hidden(hers, "members") == "transactions-0-1 transactions-0-3"
        theirs = noor.get("/waves/card-0f")
        assert hidden(theirs, "members") == "transactions-0-2"
        assert noor.get("/alerts/transactions-0-1").status_code == 409
        # A form that names more than its sender has sends what is theirs, and says who has the rest.
        fields = fields_of(theirs, verdict="fraud", members="transactions-0-1 transactions-0-2")
        partly = noor.post("/waves/card-0f/verdict", theirs, **fields)
        assert (partly.status_code, "1 of 2 were sent" in partly.text) == (409, True)
        assert "transactions-0-1 is with mona" in partly.text
        assert [each["transaction_id"] for each in stand.verdicts(1)] == ["t-2"]
        mona.post("/waves/card-0f/release", hers)
        assert hidden(noor.get("/waves/card-0f"), "members") == "transactions-0-1 transactions-0-3"


def test_what_is_not_of_the_wave_is_not_judged_with_it(stand: Stand) -> None:
    published(stand)
    with stand.console() as (console, client):
        arrived(console, client, 5)
        mona = Reviewer(client, "mona")
        mona.login()
        page = mona.get("/waves/card-0f")
        members = "transactions-0-4 transactions-0-1"
        fields = fields_of(page, verdict="fraud", members=members, comment="both <i>")
        partly = mona.post("/waves/card-0f/verdict", page, **fields)
        assert "transactions-0-4 is not here, or not of this wave" in partly.text
        assert "both &lt;i&gt;</textarea>" in partly.text
        for fault in ({"verdict": "maybe"}, {"members": ""}, {"key": ""}, {"comment": "x" * 2_001}):
            refused = mona.post("/waves/card-0f/verdict", page, **(fields | fault))
            assert refused.status_code == 400
        assert mona.get("/waves/card-1f").status_code == 404
    assert [each["transaction_id"] for each in stand.verdicts(1)] == ["t-1"]


def test_without_kafka_the_form_of_a_wave_goes_on_as_it_was(redis_url: str, tmp_path: Path) -> None:
    with EmbeddedKafka(ready_timeout_s=DEADLINE_S) as kafka:
        stand = Stand(kafka, redis_url, tmp_path)
        published(stand)
        with stand.console() as (console, client):
            arrived(console, client, 5)
            mona = Reviewer(client, "mona")
            mona.login()
            page = mona.get("/waves/card-0f")
            os.kill(kafka.pid, signal.SIGSTOP)
            try:
                fields = fields_of(page, verdict="fraud", comment="kept")
                away = mona.post("/waves/card-0f/verdict", page, **fields)
            finally:
                os.kill(kafka.pid, signal.SIGCONT)
            assert (away.status_code, "kept</textarea>" in away.text) == (503, True)
            fields = {name: hidden(away, name) for name in ("key", "members", "verdict")}
            for _ in range(20):
                again = mona.post("/waves/card-0f/verdict", away, comment="kept", **fields)
                if again.status_code == 200:
                    break
            assert "3 payments of a wave: <strong>fraud</strong>" in again.text
        assert len({orjson.dumps(each) for each in stand.verdicts(3)}) == 3


def test_a_session_that_ended_keeps_what_was_typed_on_a_wave(stand: Stand) -> None:
    published(stand)
    with stand.console() as (console, client):
        arrived(console, client, 5)
        mona = Reviewer(client, "mona")
        mona.login()
        page = mona.get("/waves/card-0f")
        mona.browser.cookies.delete("streamer_session")
        named = {"alert_id": hidden(page, "alert_id"), "comment": "half an hour's work"}
        over = mona.post(
            "/waves/card-0f/verdict", page, **fields_of(page, verdict="fraud", **named)
        )
        back = mona.post("/login", over, name="mona", password="correct horse battery", **named)
        assert "half an hour&#39;s work</textarea>" in back.text
