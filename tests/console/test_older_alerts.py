"""Alerts that are kept no more: found in their topic on demand, and judged as any other."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.embedded import EmbeddedKafka
from streamer.errors import UnavailableError
from streamer.store import Review, row_of
from streamer.store.older_alerts import OlderAlerts
from streamer.stream.publishing import alert_search
from streamer.stream.publishing.alert_search import Limits, Span, search_alerts
from tests.console.conftest import Reviewer, Stand, alert, arrived
from tests.rig.waiting import DEADLINE_S

ONE = "transactions-0-1"


def looked_up(person: Reviewer, page: Any, wanted: str, **more: str) -> Any:
    return person.post("/find", page, wanted=wanted, topic="1", **more)


def published(stand: Stand, n: int) -> None:
    """A batch for each: the embedded broker's end of a partition is in its last batch."""
    for number in range(1, n + 1, 2):
        stand.publish([alert(number), alert(number + 1)])


def hidden(page: Any, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    return found[1] if found else ""


def forgotten(console: Any, client: Any, *names: str) -> None:
    """What Redis forgets of the first alert, some at once and some after a month."""
    commands = [("DEL", console.store.client.keys.review(name, ONE)) for name in names]
    client.portal.call(partial(console.store.client.pipelined, commands, atomic=False))


def test_what_made_room_is_found_in_the_topic_put_back_and_judged(stand: Stand) -> None:
    """Two of five are kept; whose alert it is then is settled as for any other."""
    stand.publish([alert(n) for n in range(1, 6)])
    with stand.console(console_max_alerts=2) as (console, client):
        arrived(console, client, 5)
        mona, noor = Reviewer(client, "mona"), Reviewer(client, "noor")
        mona.login()
        noor.login()
        gone = mona.get(f"/alerts/{ONE}")
        assert (gone.status_code, "made room for others" in gone.text) == (404, True)
        shown = looked_up(mona, gone, hidden(gone, "wanted"))
        assert shown.url.path == f"/alerts/{ONE}"
        place = f"not in the queue: {stand.settings.alerts_topic}, partition 0, offset 0"
        assert place in shown.text
        assert 'value="fraud"' not in shown.text
        # It can be looked at in every way; nobody has it, and it is not in the list.
        assert noor.get(f"/alerts/{ONE}/export.json").json()["alert"]["alert_id"] == ONE
        assert f"/alerts/{ONE}" not in mona.get("/").text
        hers = mona.post(f"/alerts/{ONE}/reopen", shown)
        assert "not in the queue" not in hers.text
        assert noor.post(f"/alerts/{ONE}/reopen", noor.get("/")).status_code == 409
        assert mona.judge(ONE, "fraud").status_code == 200
        again = mona.post(f"/alerts/{ONE}/reopen", shown)
        assert "mona judged it <strong>fraud" in again.text
    [sent] = stand.verdicts(1)
    assert (sent["alert_id"], sent["verdict"]) == (ONE, "fraud")
    actions = [line["action"] for line in stand.audit(7) if line.get("alert_id") == ONE]
    assert actions.count("reopen") == 1
    assert actions.index("search") < actions.index("reopen") < actions.index("verdict")


def test_an_alert_is_found_by_its_payment_first_where_it_is_kept(stand: Stand) -> None:
    stand.publish([alert(n) for n in range(1, 4)])
    with stand.console(console_max_alerts=2) as (console, client):
        arrived(console, client, 3)
        mona = Reviewer(client, "mona")
        queue = mona.login()
        for wanted in ("t-3", "transactions-0-3", "  t-3 "):
            assert mona.post("/find", queue, wanted=wanted).url.path == "/alerts/transactions-0-3"
        offered = mona.post("/find", queue, wanted="t-1")
        assert (offered.status_code, hidden(offered, "wanted")) == (404, "t-1")
        assert looked_up(mona, offered, "t-1").url.path == f"/alerts/{ONE}"
        # The id of one in the text of another is none of its.
        other = looked_up(mona, offered, "shop")
        assert (other.status_code, "everything since" in other.text) == (404, True)
        assert "alerts topic</button>" not in other.text
        assert mona.post("/find", queue, wanted="").url.path == "/"
        assert mona.post("/find", queue, wanted="x" * 257).status_code == 400
        for read in ("0:5:-1:9999999999999999", f"0:{2**63}:-1:1", "0:0:-1:1 " * 1_001):
            assert looked_up(mona, queue, "nowhere", read=read).status_code == 404


def test_a_judged_alert_is_found_by_its_payment_while_its_verdict_is_remembered(
    stand: Stand,
) -> None:
    stand.publish([alert(1), alert(2)])
    with stand.console() as (console, client):
        arrived(console, client, 2)
        mona = Reviewer(client, "mona")
        mona.login()
        queue = mona.judge(ONE, "fraud")
        shown = mona.post("/find", queue, wanted="t-1")
        assert (shown.status_code, shown.url.path) == (200, f"/alerts/{ONE}")
        forgotten(console, client, "alert")
        told = mona.post("/find", queue, wanted="t-1")
        assert (told.status_code, "judged by mona: fraud" in told.text) == (404, True)
        assert looked_up(mona, told, hidden(told, "wanted")).url.path == f"/alerts/{ONE}"
        unknown = mona.post("/find", queue, wanted="shop-1")
        assert "found by Filters" in unknown.text


def test_a_search_that_came_to_its_limit_says_so_and_goes_on_from_there(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forty alerts, of which a search may read eight: what it was for is the first of them."""
    monkeypatch.setattr(alert_search, "_STEP", 4)
    published(stand, 40)
    with stand.console() as (console, client):
        arrived(console, client, 40)
        console.searches.limits = Limits(records=8)
        mona = Reviewer(client, "mona")
        page = mona.login()
        forgotten(console, client, "alert", "looked")
        # Nobody remembers when it came.
        known = console.store.client.keys.review("known")
        commands = [("ZREM", known, ONE)]
        client.portal.call(partial(console.store.client.pipelined, commands, atomic=False))
        page = looked_up(mona, page, ONE)
        assert "The topic has more" in page.text
        for _ in range(10):
            assert page.status_code == 404
            page = looked_up(mona, page, ONE, read=hidden(page, "read"))
            if page.status_code == 200:
                break
        assert page.url.path == f"/alerts/{ONE}"


def test_a_time_that_is_known_leads_to_the_alert_and_a_wrong_one_misses_nothing(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alert_search, "_STEP", 4)
    published(stand, 100)
    settings, limits = stand.settings, Limits(seconds=DEADLINE_S)
    wanted = "transactions-0-50"
    plain = search_alerts(settings, wanted, None, {}, limits)
    assert plain.found is not None
    at_ms = plain.found.at_ms
    for near_ms in (at_ms, 0, at_ms + 10**9):
        told = search_alerts(settings, wanted, near_ms, {}, limits)
        assert told.found is not None
        assert (told.found.offset, told.found.alert.alert_id) == (plain.found.offset, wanted)
    nothing = search_alerts(settings, "nowhere", at_ms, {}, limits)
    assert (nothing.found, nothing.is_whole, nothing.n_read) == (None, True, 100)
    again = search_alerts(settings, "nowhere", None, nothing.spans, limits)
    assert (again.is_whole, again.n_read) == (True, 0)


@given(
    low=st.integers(0, 30),
    n=st.integers(1, 60),
    at=st.floats(0, 1),
    size=st.integers(1, 9),
    turns=st.lists(st.booleans(), max_size=30),
)
def test_the_steps_of_a_search_read_every_offset_once(
    low: int, n: int, at: float, size: int, turns: list[bool]
) -> None:
    place = low + int(at * (n - 1))
    span, seen = Span(place, place), list[int]()
    for turn in [*turns, *[True, False] * 100]:
        step = span.step(low, low + n, size, is_back=turn)
        if step is None:
            break
        start, stop, span = step
        seen += range(start, low + n if stop is None else stop)
    assert sorted(seen) == list(range(low, low + n))


def test_what_was_judged_a_month_ago_is_told_and_a_lead_may_judge_it_again(stand: Stand) -> None:
    stand.publish([alert(1), alert(2)])
    with stand.console() as (console, client):
        arrived(console, client, 2)
        mona, lea = Reviewer(client, "mona"), Reviewer(client, "lea")
        mona.login()
        page = lea.login()
        mona.judge(ONE, "legitimate")
        forgotten(console, client, "alert", "verdict")
        gone = mona.get(f"/alerts/{ONE}")
        assert "It was judged by mona: legitimate" in gone.text
        shown = looked_up(mona, gone, ONE)
        assert "A lead can judge it again" in shown.text
        refused = mona.post(f"/alerts/{ONE}/reopen", shown)
        assert (refused.status_code, "A lead can judge it again" in refused.text) == (403, True)
        opened = lea.post(f"/alerts/{ONE}/reopen", page)
        assert "A verdict now is later" in opened.text
        # Once a lead has put it back and let go of it, that holds all the same.
        lea.post(f"/alerts/{ONE}/release", opened)
        offered = mona.get(f"/alerts/{ONE}")
        assert "It was put back: mona had judged it <strong>legitimate" in offered.text
        assert 'value="fraud"' not in offered.text
        refused = mona.judge(ONE, "fraud", key=console.signer.form_key(ONE, "mona", 1))
        assert (refused.status_code, "A lead can judge it again" in refused.text) == (403, True)
        mona.post(f"/alerts/{ONE}/release", offered)
        lea.judge(ONE, "fraud")
    first, second = sorted(stand.verdicts(2), key=lambda each: str(each["decided_at"]))
    assert (first["verdict"], second["verdict"]) == ("legitimate", "fraud")


def test_who_has_a_full_hand_puts_nothing_back_and_that_is_written_down(stand: Stand) -> None:
    stand.publish([alert(n) for n in range(1, 4)])
    with stand.console(console_max_alerts=2, console_max_claims=1) as (console, client):
        arrived(console, client, 3)
        mona = Reviewer(client, "mona")
        page = mona.login()
        shown = looked_up(mona, page, ONE)
        mona.get("/alerts/transactions-0-3")
        full = mona.post(f"/alerts/{ONE}/reopen", shown)
        assert (full.status_code, "as many as one person may have" in full.text) == (409, True)
        assert "Put it back and judge it" in full.text
        assert f"/alerts/{ONE}/claim" not in full.text
    actions = [line["action"] for line in stand.audit(5) if line.get("alert_id") == ONE]
    assert "reopen failed" in actions


def test_a_search_ends_within_a_step_where_its_bytes_or_its_time_are_over(stand: Stand) -> None:
    published(stand, 8)
    told = search_alerts(stand.settings, "nowhere", None, {}, Limits(n_bytes=1))
    assert (told.n_read, told.is_whole, told.found) == (1, False, None)
    with pytest.raises(UnavailableError, match="no answer in time"):
        search_alerts(stand.settings, "nowhere", None, {}, Limits(seconds=0.0))


def test_what_is_judged_stays_closed_however_it_is_found(stand: Stand) -> None:
    """A day later: the verdict is known, the alert is not."""
    stand.publish([alert(1)])
    with stand.console() as (console, client):
        arrived(console, client, 1)
        mona, lea = Reviewer(client, "mona"), Reviewer(client, "lea")
        mona.login()
        page = lea.login()
        mona.judge(ONE, "fraud")
        forgotten(console, client, "alert")
        shown = looked_up(lea, page, ONE)
        assert "mona judged it <strong>fraud" in shown.text
        assert "Put it back" not in shown.text
        assert lea.post(f"/alerts/{ONE}/reopen", shown).status_code == 200
        put_back = partial(console.claims.claim, ONE, "lea", 60_000, row_of(alert(1)))
        assert client.portal is not None
        assert not client.portal.call(put_back).is_open
        late = client.portal.call(
            console.reviews.begin, Review(ONE, "k", "legitimate", "lea", 1), 60_000
        )
        assert late.outcome == "closed"
    assert len(stand.verdicts(1)) == 1


def test_one_person_searches_once_at_a_time_and_all_of_them_not_much_more(stand: Stand) -> None:
    stand.publish([alert(1)])
    with stand.console() as (console, client):
        arrived(console, client, 1)
        mona = Reviewer(client, "mona")
        page = mona.login()
        for others, told in (({"mona"}, "under way: wait"), ({"noor", "lea"}, "in a moment")):
            console.searches._searching = others
            refused = looked_up(mona, page, "nowhere")
            assert (refused.status_code, told in refused.text) == (409, True)
        console.searches._searching = {"noor"}
        assert "everything since" in looked_up(mona, page, "nowhere").text
        assert console.searches._searching == {"noor"}


def test_of_two_searches_of_one_person_at_the_same_moment_one_is_refused(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand.publish([alert(1)])
    both = asyncio.Barrier(2)

    async def came_ms(*_: object) -> None:
        await both.wait()

    monkeypatch.setattr(OlderAlerts, "came_ms", came_ms)
    with stand.console() as (console, client), ThreadPoolExecutor(2) as threads:
        arrived(console, client, 1)
        mona = Reviewer(client, "mona")
        page = mona.login()
        pages = list(threads.map(lambda _: looked_up(mona, page, "nowhere"), range(2)))
        assert sorted(each.status_code for each in pages) == [404, 409]
        assert console.searches._searching == set()


def test_without_kafka_what_was_looked_for_is_kept_to_be_sent_again(
    redis_url: str, tmp_path: Path
) -> None:
    with EmbeddedKafka(ready_timeout_s=DEADLINE_S) as kafka:
        stand = Stand(kafka, redis_url, tmp_path)
        stand.publish([alert(1)])
        with stand.console() as (console, client):
            arrived(console, client, 1)
            mona = Reviewer(client, "mona")
            page = mona.login()
            os.kill(kafka.pid, signal.SIGSTOP)
            try:
                away = looked_up(mona, page, "nowhere")
            finally:
                os.kill(kafka.pid, signal.SIGCONT)
            assert (away.status_code, hidden(away, "wanted")) == (503, "nowhere")
            assert hidden(away, "topic") == "1"
            assert console.searches._searching == set()
