"""A blind queue: nothing that can be fetched of an open alert tells whether it was drawn at random."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

import msgspec
import pytest
from starlette.routing import Route
from starlette.testclient import TestClient

from streamer.console import console as console_module
from streamer.console.console import Console
from streamer.console.console_app import console_app
from streamer.console.pages import sight
from streamer.contract.messages import Alert
from streamer.explaining.reasons import drawn_at_random
from tests.console.conftest import Reviewer, Stand, alert, arrived

ORDINARY, DRAWN = "transactions-0-1", "transactions-0-2"
REFUSED = "asked", "recomputed", "print", "export.json"
# What a page says of one alert and must not.
TELLING = re.compile(
    r"critical|medium|sampled|at random from the|stands for|Ranked above|probability of fraud|"
    r"Counterfactual|would not have|card-0f|no\. 3 of a wave|[Ee]xpected loss|Most like",
)


def pair() -> tuple[Alert, Alert]:
    """Return an alert and a payment drawn from below on the same payment, but for ids."""
    ordinary = alert(
        1,
        card_id="card-of-1",
        severity="critical",
        score=0.9999,
        expected_loss=259.3,
        wave_id="card-0f",
        wave_alerts=3,
        wave_sentence="The third alert of this card since 14:05 UTC",
    )
    made = alert(2, card_id="card-of-2", severity="medium", score=0.31, wave_id=None)
    return ordinary, msgspec.structs.replace(
        made,
        scored_at=ordinary.scored_at,
        distance=0.7,
        distance_sq=0.49,
        threshold=12.5,
        ranked_by="distance",
        log_odds=-7.0,
        base_log_odds=0.0,
        probability=0.001,
        expected_loss=0.4,
        counterfactual=None,
        sampled=True,
        sample_weight=812.0,
        reasons=drawn_at_random(812.0, made.reasons)[:3],
        other_contribution=0.1,
        parameters=None,
    )


@contextmanager
def blind(stand: Stand, **changes: Any) -> Iterator[tuple[Console, TestClient]]:
    stand.publish(pair())
    with stand.console(console_blind=True, **changes) as (console, client):
        arrived(console, client, 2)
        yield console, client


def anonymous(text: str, number: str) -> str:
    """Return a page without what names its alert, payment, card, form, session, decision or moment."""
    for pattern in (
        r'name="(?:csrf|key)" value="[^"]*"',
        r'"exported_at": "[^"]*"',
        r"decision [0-9a-f]{32}",
    ):
        text = re.sub(pattern, "", text)
    for name in ("transactions-0-", "card-of-", "t-"):
        text = text.replace(f"{name}{number}", f"{name}N")
    return text


def addresses(console: Console, method: str) -> list[str]:
    """Return every address of the app that names an alert."""
    app: Any = console_app(console)
    routes = [each for each in app._app.router.routes if isinstance(each, Route)]
    return [
        each.path
        for each in routes
        if "{alert_id}" in each.path and each.methods is not None and method in each.methods
    ]


def test_whatever_is_fetched_of_a_drawn_payment_is_what_an_alert_of_the_same_gives(
    stand: Stand,
) -> None:
    """Of every address with an alert in it, by who has it, by another, by a lead, with any form."""
    forms: list[dict[str, str]] = [
        {},
        {"verdict": "maybe", "key": "k"},
        {"verdict": "fraud", "key": "not of this page", "comment": "seen"},
        {"holder": "mona", "comment": "mine"},
        {"kind": "card", "days": "0", "reason": "x"},
    ]
    with blind(stand) as (console, client):
        seen: dict[str, list[str]] = {}
        for alert_id, number in ((ORDINARY, "1"), (DRAWN, "2")):
            mona, noor, lea = (Reviewer(client, name) for name in ("mona", "noor", "lea"))
            for each in (mona, noor, lea):
                each.login()
            told = seen[alert_id] = []
            first = lea.get(f"/alerts/{alert_id}?look=1")
            assert (first.status_code, "Judge it" in first.text) == (200, True)
            told.append(anonymous(first.text, number))
            hers = mona.get(f"/alerts/{alert_id}")
            assert (hers.status_code, 'id="fraud"' in hers.text) == (200, True)
            for who in (mona, noor, lea):
                own = who.get("/help")
                for path in addresses(console, "GET"):
                    for query in ("", "?amount=50&hour=3"):
                        found = who.get(path.format(alert_id=alert_id) + query)
                        if path.rpartition("/")[2] in REFUSED:
                            assert (found.status_code, "Not before" in found.text) == (409, True)
                        told.append(f"{found.status_code} {anonymous(found.text, number)}")
                for path in addresses(console, "POST"):
                    for form in forms:
                        found = who.post(path.format(alert_id=alert_id), own, False, **form)
                        where = found.headers.get("location", "") + found.text
                        told.append(f"{found.status_code} {anonymous(where, number)}")
                told.append(anonymous(who.get("/team").text, number))
            # She has taken it from mona, who took nothing back.
            lea.post(f"/alerts/{alert_id}/release", lea.get("/help"))
        assert len(seen[ORDINARY]) > 100
        for one, other in zip(seen[ORDINARY], seen[DRAWN], strict=True):
            assert one == other
            assert not TELLING.search(re.sub(r"<p class=.meta.>What the model.*?</p>", "", one))


def items(page: Any) -> list[str]:
    """Return the rows of a queue, anonymous, in their order."""
    found = re.findall(r"<li>\n(<a class=.row.*?</a>)", page.text, re.DOTALL)
    return [anonymous(each, re.findall(r"transactions-0-(\d+)", each)[0]) for each in found]


def test_rows_of_a_blind_queue_are_alike_and_stand_by_a_hash_whatever_they_are(
    stand: Stand,
) -> None:
    """SHA-256 of namespace and id; a filter that would tell is refused, one that does not stays."""
    with blind(stand) as (_, client):
        mona = Reviewer(client, "mona")
        queue = mona.login()
        first, second = items(queue)
        assert first == second
        assert not TELLING.search(re.sub(r"<p class=.meta.>A blind queue.*?</p>", "", queue.text))
        salt = stand.settings.namespace
        places = [sha256(f"{salt}:{each}".encode()).digest() for each in (ORDINARY, DRAWN)]
        found = re.findall(r'href="/alerts/([^"?]+)', queue.text)
        assert found == ([ORDINARY, DRAWN] if places[0] < places[1] else [DRAWN, ORDINARY])
        for query in ("severity=critical", "reason=sample", "ranked_by=distance"):
            refused = mona.get(f"/?{query}&least=1")
            assert items(refused) == [each.replace('N"', 'N?least=1"') for each in (first, second)]
            assert "hidden in this queue" in refused.text
        assert items(mona.get("/?least=1e9")) == []
        following = mona.get("/next?severity=critical&least=1")
        assert (following.url.path, following.url.query) == (f"/alerts/{found[0]}", b"least=1")
        # Nobody has a wave, of either, and no form of one is taken.
        token = mona.get("/help")
        members = f"{ORDINARY} {DRAWN}"
        for wave_id in ("card-0f", "card-2"):
            told = [mona.get(f"/waves/{wave_id}")]
            for what in ("claim", "verdict", "release"):
                fields = {"members": members, "key": "k", "verdict": "fraud", "comment": ""}
                told.append(mona.post(f"/waves/{wave_id}/{what}", token, **fields))
            assert {each.status_code for each in told} == {409}
            assert all("Only one at a time in this queue" in each.text for each in told)
    assert stand.verdicts(0) == []


def test_all_is_told_once_a_blind_verdict_can_be_taken_back_no_more(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then undo corrects it, and the pages of figures do not count it."""
    with blind(stand) as (console, client):
        mona, lea = Reviewer(client, "mona"), Reviewer(client, "lea")
        mona.login()
        lea.login()
        done = mona.judge(DRAWN, "legitimate")
        # Claimed, judged, and led to what is left.
        assert done.url.path == f"/alerts/{ORDINARY}"
        assert f"{DRAWN}</a>: <strong>legitimate</strong>" in done.text
        for who in (mona, lea):
            early = who.get(f"/alerts/{DRAWN}")
            assert "mona judged it <strong>legitimate</strong>" in early.text
            assert "Why it is here" not in early.text
            assert who.get(f"/alerts/{DRAWN}/export.json").status_code == 409
            assert "by 0 judged alerts, 0 of them drawn" in who.get("/budget").text
            assert "By the last 0 alerts" in who.get("/below").text
            assert "How many were drawn and are open is not told" in who.get("/below").text
            for each in ("/below", "/team"):
                told = who.get(each).text
                assert "What the model has learned is not told: the queue is blind" in told
                assert "the model has learned it:" not in told
                assert "By all that the model has learned" not in told
        monkeypatch.setattr(sight, "UNDO_MS", -1)
        monkeypatch.setattr(console_module, "UNDO_MS", -1)
        late = lea.get(f"/alerts/{DRAWN}")
        assert "it stands for about 812" in late.text
        assert lea.get(f"/alerts/{DRAWN}/export.json").json()["alert"]["sample_weight"] == 812.0
        assert "by 1 judged alerts, 1 of them drawn" in lea.get("/budget").text
        assert client.portal is not None
        lists = [client.portal.call(console.judged_entries) for _ in range(2)]
        assert lists[0] is lists[1]
        assert len(lists[0]) == 1
        # The other is as blind as it was.
        assert "Why it is here" not in mona.get(f"/alerts/{ORDINARY}").text
        monkeypatch.undo()
        # The verdict before is a minute old, and one that overrules is the last.
        key = re.findall(r'value="(undo-[^"]+)"', done.text)[0]
        undone = mona.post(f"/alerts/{DRAWN}/undo", done, key=key)
        assert "which overrules legitimate" in undone.text
        assert "it stands for about 812" in undone.text
    assert [each["verdict"] for each in stand.verdicts(2)] == ["legitimate", "fraud"]


def test_a_judged_alert_tells_nothing_of_the_open_ones_of_its_wave_and_card(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where an earlier release has noted the severity of the card's alerts."""
    monkeypatch.setattr(sight, "UNDO_MS", -1)
    ordinary, _ = pair()
    merchants = msgspec.structs.replace(ordinary, wave_id="merchant-0f")
    stand.publish([merchants, alert(3, card_id="card-of-1", wave_id="merchant-0f")])
    with stand.console(console_blind=True) as (console, client):
        arrived(console, client, 2)
        place = console.store.client.keys.review("card", sha256(b"card-of-1").hexdigest()[:32])
        assert client.portal is not None

        def redis(*command: Any) -> Any:
            ask = console.store.client.pipelined
            return client.portal.call(lambda: ask([command], atomic=False))[0]  # type: ignore[union-attr]

        for each in redis("ZRANGE", place, 0, -1):
            noted = msgspec.json.decode(each)
            old = msgspec.json.encode(noted | {"severity": "critical"})
            redis("ZADD", place, noted["event_ms"], old)
        mona = Reviewer(client, "mona")
        mona.login()
        mona.judge(ORDINARY, "fraud")
        page = mona.get(f"/alerts/{ORDINARY}").text
        assert "Why it is here" in page
        assert 'id="wave"' not in page
        assert "The third alert" not in page
        told = mona.get(f"/alerts/{ORDINARY}/export.json").json()["alerts_of_the_card"]
        assert [each["alert_id"] for each in told] == [ORDINARY, "transactions-0-3"]
        assert not any("severity" in each for each in told)
        assert "The third alert" not in mona.get(f"/alerts/{ORDINARY}/print").text
