"""The alert's page beside the alert: from a real worker's versions, lessons and shares, in words."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
from starlette.testclient import TestClient

from streamer.console.console import Console
from streamer.console.console_app import console_app
from streamer.embedded import EmbeddedKafka
from streamer.stream.kafka.topics import prepare_console_topics
from tests.console.conftest import Reviewer, Stand, accounts_text, alert, arrived
from tests.rig.waiting import DEADLINE_S, wait_until
from tests.stream.harness import Service, payments

N_PAYMENTS = 2_000
PAYMENTS = payments(N_PAYMENTS + 40, seed=3)
FOLLOWING = PAYMENTS[N_PAYMENTS:]


@pytest.fixture(scope="module")
def service(kafka: EmbeddedKafka, redis_url: str) -> Iterator[Service]:
    """A worker that has scored and saved, and goes on."""
    made = Service(kafka.bootstrap_servers, redis_url)
    made.env["STREAMER_AUDIT_TOPIC"] = f"audit-{made.id}"
    made.env["STREAMER_CREATE_TOPICS"] = "true"
    made.create_topics()
    prepare_console_topics(made.settings)
    made.worker().wait_ready()
    made.produce(PAYMENTS[:N_PAYMENTS])
    made.wait_consumed(N_PAYMENTS)
    yield made
    made.stop()


@pytest.fixture
def console(service: Service, tmp_path: Path) -> Iterator[tuple[Console, TestClient]]:
    accounts = tmp_path / "accounts"
    accounts.write_text(accounts_text())
    changes = {"console_accounts_file": accounts, "console_least_look_s": 0.0}
    made = Console(service.settings.model_copy(update=changes))
    with TestClient(console_app(made), base_url="https://testserver") as client:
        yield made, client


def section(page: Any, name: str) -> str:
    """Return the text of a section."""
    found = page.text.partition(f'<h2 id="{name}">')[2].partition("</section>")[0]
    return " ".join(re.sub(r"<[^>]*>", " ", found).split())


def waited(mona: Reviewer, alert_id: str) -> Any:
    """Return an alert's page once its verdict is learned."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        page = mona.get(f"/alerts/{alert_id}")
        if 'data-state="learned"' in page.text:
            return page
        time.sleep(0.1)
    raise AssertionError(section(page, "taught"))


def test_an_alert_is_placed_asked_and_judged_and_its_page_tells_what_that_taught(
    console: tuple[Console, TestClient],
) -> None:
    """The merchant of the first alert had no verdict: by 1 of 1 its share goes to 100%."""
    made, client = console
    arrived(made, client, 5)
    mona = Reviewer(client, "mona")
    queue = mona.login()
    alert_id = re.findall(r'class="row" href="/alerts/([^"?]+)', queue.text)[0]
    page = mona.get(f"/alerts/{alert_id}")
    why = section(page, "why")
    assert re.search(r"(Higher|Lower) than [\d.]+% of recent payments", why), why
    assert "sample of recent traffic: " in why
    assert 'id="taught"' not in page.text

    asked = mona.get(f"/alerts/{alert_id}/asked?amount=100")
    assert "Nothing changed: an alert" in section(asked, "asked")
    smaller = mona.get(f"/alerts/{alert_id}/asked?amount=1&hour=12")
    assert "An amount of" in section(smaller, "asked")
    told = mona.get(f"/alerts/{alert_id}/export.json").json()
    assert told["asked_version"]
    assert [each["what"] for each in told["would_have_changed_it"]][:1] == ["amount"]
    assert len(told["positions"]) == len(told["alert"]["reasons"])
    if told["asked_version"] != told["alert"]["model_version"]:
        assert "asked is the one in use" in section(asked, "asked")

    judged = mona.judge(alert_id, "fraud")
    assert judged.status_code == 200
    page = waited(mona, alert_id)
    taught = section(page, "taught")
    assert "There are no odds yet, so no probability moved" in taught
    merchant = told["alert"]["transaction"].get("merchant_id")
    assert merchant
    assert "none of none without this verdict, 1 of 1 with it (0% and 100%)" in taught
    assert "first in version" in taught
    exported = mona.get(f"/alerts/{alert_id}/export.json").json()
    after = exported["verdict_taught"]
    assert after["lesson"]["transaction_id"] == told["alert"]["transaction"]["transaction_id"]
    assert (after["lesson"]["before"], after["lesson"]["verdict"]) == ("nothing", "fraud")
    [own] = exported["alerts_of_the_card"]
    assert own["verdict"] == "fraud"
    # A drawing of one alert says nothing; what the card did before does.
    assert "No other alert of this card" in section(page, "card")
    assert re.search(r"Pace .{1,30} within about an hour", section(page, "habit"))
    assert "Pace" in exported["beside_the_card"]


def test_what_an_alert_was_scored_by_is_asked_after_the_stream_has_trimmed_it(
    service: Service, console: tuple[Console, TestClient]
) -> None:
    """The stream trims it after some minutes, which is done for it here."""
    made, client = console
    mona = Reviewer(client, "mona")
    mona.login()
    n_before = client.portal.call(made.alerts.counts).arrived  # type: ignore[union-attr]
    for number, (key, raw) in enumerate(FOLLOWING):
        strange = orjson.loads(raw or b"") | {"amount": 90_000.0 + number}
        service.produce([(key, orjson.dumps(strange))])
    arrived(made, client, n_before + 1)
    newest = next(each for each in service.alerts() if each.transaction.amount >= 90_000.0)
    keys, portal = made.store.client.keys, client.portal
    assert portal is not None

    def is_kept() -> bool:
        command = "ZSCORE", keys.review("versions"), newest.model_version
        asking = partial(made.store.client.pipelined, [command], atomic=False)
        return portal.call(asking) != [None]

    wait_until(is_kept, "its version is kept")
    trimmed = [("DEL", keys.version(newest.model_version))]
    portal.call(partial(made.store.client.pipelined, trimmed, atomic=False))
    asked = mona.get(f"/alerts/{newest.alert_id}/asked?amount=100")
    told = section(asked, "asked")
    assert "Asked is the version that scored it." in told
    found = mona.get(f"/alerts/{newest.alert_id}/export.json").json()
    assert found["asked_version"] == newest.model_version


def test_names_are_text_and_what_is_missing_is_said(stand: Stand) -> None:
    """No worker has ever run here."""
    evil = '<img src=x onerror="alert(1)">'
    stand.publish([alert(1, merchant_id=evil), alert(2, merchant_id=evil)])
    with stand.console() as (console, client):
        arrived(console, client, 2)
        mona = Reviewer(client, "mona")
        mona.login()
        page = mona.get("/alerts/transactions-0-1")
        assert page.status_code == 200
        assert "The model is still warming up" in section(page, "why")
        assert "12.7 of 36 payments of this merchant" in section(page, "merchant")
        asked = mona.get("/alerts/transactions-0-1/asked?amount=50")
        assert "The model is still warming up" in section(asked, "asked")
        wrong = mona.get("/alerts/transactions-0-1/asked", params={"amount": evil})
        assert wrong.status_code == 400
        assert "amount must be from 1 to 200" in section(wrong, "asked")
        printed = mona.get("/alerts/transactions-0-1/print")
        for each in (page, asked, wrong, printed):
            assert "<img" not in each.text
            assert " style=" not in each.text
            assert re.findall(r"<script(?! src=)", each.text) == []
        for drawing in re.findall(r"<svg[^>]*>", page.text):
            assert 'role="img" aria-label="' in drawing or 'aria-hidden="true"' in drawing
        labels = set(re.findall(r'<label for="([^"]+)"', page.text))
        inputs = set(re.findall(r'<input type="range" id="([^"]+)"', page.text))
        assert inputs == {"ask-amount", "ask-hour", "ask-distance"} & labels


def test_a_card_with_forty_alerts_has_a_page_below_150_kb(stand: Stand) -> None:
    stand.publish([alert(n, latitude=40.0 + n / 10) for n in range(45)])
    with stand.console() as (console, client):
        arrived(console, client, 45)
        mona = Reviewer(client, "mona")
        mona.login()
        page = mona.get("/alerts/transactions-0-44")
        assert len(page.content) < 60_000
        assert section(page, "card").count("2026-03-14 02:12 UTC") == 40
