"""What a reviewer gets when something is away or over: words, what was typed, and nothing twice."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

from streamer.console.sending.audit_trail import Entry, Trail
from streamer.contract.card_numbers import has_card_number
from streamer.embedded import EmbeddedKafka, EmbeddedRedis
from streamer.store import Review
from tests.console.conftest import Reviewer, Stand, alert, arrived, key_of
from tests.rig.waiting import DEADLINE_S


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def hidden(page: Any, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found is not None
    return found[1]


def again_until(who: Reviewer, path: str, page: Any, fields: dict[str, str]) -> Any:
    """Send a form until it is taken: a breaker asks again after a while."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        answer = who.post(path, page, **fields)
        if answer.status_code == 200:
            return answer
    raise AssertionError(f"{path} was not taken: {answer.text}")


def test_without_redis_the_comment_is_kept_and_the_same_form_goes_on(
    kafka: EmbeddedKafka, tmp_path: Path
) -> None:
    with EmbeddedRedis(ready_timeout_s=DEADLINE_S) as redis:
        stand = Stand(kafka, redis.url, tmp_path)
        stand.publish([alert(1)])
        with stand.console(redis_timeout_s=0.5) as (console, client):
            arrived(console, client, 1)
            mona = Reviewer(client, "mona")
            mona.login()
            page = mona.get("/alerts/transactions-0-1")
            fields = {"verdict": "fraud", "key": key_of(page), "comment": 'seen <b>"twice"</b>'}
            with stopped(redis.pid):
                away = mona.post("/alerts/transactions-0-1/verdict", page, **fields)
                assert away.status_code == 503
                assert "seen &lt;b&gt;&#34;twice&#34;&lt;/b&gt;" in away.text
                assert mona.get("/readyz").status_code == 503
            # The breaker asks again after a while.
            for _ in range(200):
                again = mona.post("/alerts/transactions-0-1/verdict", page, follow=False, **fields)
                if again.status_code == 303:
                    break
            assert again.headers["location"] == "/?done=transactions-0-1"
        assert len(stand.verdicts(1)) == 1


def test_without_kafka_the_verdict_is_not_told_as_sent_and_goes_out_as_it_was(
    redis_url: str, tmp_path: Path
) -> None:
    """What Kafka had taken and not answered may lie there twice: with the same bytes."""
    with EmbeddedKafka(ready_timeout_s=DEADLINE_S) as kafka:
        stand = Stand(kafka, redis_url, tmp_path)
        stand.publish([alert(1)])
        with stand.console() as (console, client):
            arrived(console, client, 1)
            mona = Reviewer(client, "mona")
            mona.login()
            page = mona.get("/alerts/transactions-0-1")
            fields = {"verdict": "fraud", "key": key_of(page), "comment": "kept"}
            with stopped(kafka.pid):
                away = mona.post("/alerts/transactions-0-1/verdict", page, **fields)
            assert (away.status_code, hidden(away, "verdict")) == (503, "fraud")
            assert "kept</textarea>" in away.text
            assert client.portal is not None
            written = client.portal.call(console.reviews.review, "transactions-0-1")
            assert written is not None
            assert not written.is_sent
            # The queue still has it, and its page goes on with the same form.
            assert "it was not confirmed" in mona.get("/alerts/transactions-0-1").text
            sent_again = {"verdict": "fraud", "key": hidden(away, "key"), "comment": "kept"}
            for _ in range(20):
                again = mona.post("/alerts/transactions-0-1/verdict", away, **sent_again)
                if again.status_code == 200:
                    break
            assert "sent and recorded" in again.text
        verdicts = {orjson.dumps(each) for each in stand.verdicts(1)}
        assert len(verdicts) == 1


def test_without_kafka_undo_and_release_say_so_and_go_on_as_they_were(
    redis_url: str, tmp_path: Path
) -> None:
    with EmbeddedKafka(ready_timeout_s=DEADLINE_S) as kafka:
        stand = Stand(kafka, redis_url, tmp_path)
        stand.publish([alert(1, score=0.9999), alert(2, score=0.9998)])
        with stand.console() as (console, client):
            arrived(console, client, 2)
            mona = Reviewer(client, "mona")
            mona.login()
            done = mona.judge("transactions-0-1", "fraud")
            undo, release = "/alerts/transactions-0-1/undo", "/alerts/transactions-0-2/release"
            key = hidden(done, "key")
            with stopped(kafka.pid):
                undone, let_go = mona.post(undo, done, key=key), mona.post(release, done)
            for away in (undone, let_go):
                assert (away.status_code, "Send again</button>" in away.text) == (503, True)
            again = again_until(mona, undo, undone, {"key": hidden(undone, "key")})
            assert "mona judged it <strong>legitimate" in again.text
            assert again_until(mona, release, let_go, {}).url.path == "/"
        verdicts = {orjson.dumps(each) for each in stand.verdicts(2)}
        assert len(verdicts) == 2


def test_an_attempt_whose_lock_ran_out_on_its_way_sends_no_verdict(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs out between the audit topic and the feedback topic; the same form sends it then."""
    stand.publish([alert(1)])
    with stand.console() as (console, client):
        arrived(console, client, 1)
        mona = Reviewer(client, "mona")
        mona.login()
        redis = console.store.client
        written = Trail.acknowledged

        async def slowly(trail: Trail, entry: Entry) -> None:
            await written(trail, entry)
            sending = redis.keys.review("sending", entry.alert_id)
            await redis.pipelined([("DEL", sending)], atomic=False)

        page = mona.get("/alerts/transactions-0-1")
        fields = {"verdict": "fraud", "key": key_of(page)}
        path = "/alerts/transactions-0-1/verdict"
        with monkeypatch.context() as patch:
            patch.setattr(Trail, "acknowledged", slowly)
            late = mona.post(path, page, **fields)
        assert (late.status_code, "it was not sent" in late.text) == (503, True)
        assert stand.verdicts(0) == []
        assert mona.post(path, late, **fields).status_code == 200
    assert len(stand.verdicts(1)) == 1


def test_a_session_that_ended_keeps_what_was_typed_and_sends_nothing(stand: Stand) -> None:
    stand.publish([alert(1)])
    with stand.console() as (console, client):
        arrived(console, client, 1)
        mona = Reviewer(client, "mona")
        mona.login()
        page = mona.get("/alerts/transactions-0-1")
        mona.browser.cookies.delete("streamer_session")
        fields = {"verdict": "fraud", "key": key_of(page), "comment": "half an hour's work"}
        over = mona.post("/alerts/transactions-0-1/verdict", page, **fields)
        assert (over.status_code, "Your session has ended" in over.text) == (401, True)
        kept = {
            "comment": "half an hour's work",
            "alert_id": hidden(over, "alert_id"),
            "name": "mona",
            "password": "correct horse battery",
        }
        back = mona.post("/login", over, **kept)
        assert "half an hour&#39;s work</textarea>" in back.text
        assert "Nothing was sent" in back.text
        assert client.portal is not None
        assert client.portal.call(console.reviews.review, "transactions-0-1") is None
        assert mona.judge("transactions-0-1", "legitimate").status_code == 200


def test_what_became_of_a_verdict_is_told_as_far_as_it_is_known(stand: Stand) -> None:
    """The alert expired before its verdict was confirmed."""
    stand.publish([alert(1)])
    with stand.console() as (console, client):
        arrived(console, client, 1)
        mona = Reviewer(client, "mona")
        mona.login()
        assert client.portal is not None
        written = Review("transactions-0-1", "k", "fraud", "mona", 1_000)
        client.portal.call(console.reviews.begin, written, 60_000)
        key = console.store.client.keys.review("alert", "transactions-0-1")
        client.portal.call(partial(console.store.client.pipelined, [("DEL", key)], atomic=False))
        gone = mona.get("/alerts/transactions-0-1")
        assert (gone.status_code, "was not confirmed: it may" in gone.text) == (404, True)


def test_what_is_no_verdict_on_what_is_no_alert_is_refused_in_words(stand: Stand) -> None:
    stand.publish([alert(1)])
    with stand.console() as (console, client):
        arrived(console, client, 1)
        mona = Reviewer(client, "mona")
        mona.login()
        page = mona.get("/alerts/transactions-0-1")
        path = "/alerts/transactions-0-1/verdict"
        assert mona.post(path, page, verdict="maybe", key="k").status_code == 400
        assert mona.post(path, page, verdict="fraud", key="").status_code == 400
        long = mona.post(path, page, verdict="fraud", key="k", comment="x" * 2_001)
        assert (long.status_code, "at most 2,000 characters" in long.text) == (400, True)
        unknown = mona.post("/alerts/nowhere/verdict", page, verdict="fraud", key="k", comment="c")
        assert (unknown.status_code, "It has not come here" in unknown.text) == (404, True)
        assert mona.get("/alerts/nowhere").status_code == 404
        assert client.portal is not None
        assert client.portal.call(console.reviews.review, "transactions-0-1") is None


def test_a_card_number_in_a_comment_goes_nowhere_and_the_rest_of_it_is_kept(stand: Stand) -> None:
    stand.publish([alert(1)])
    with stand.console() as (console, client):
        arrived(console, client, 1)
        mona = Reviewer(client, "mona")
        mona.login()
        page = mona.get("/alerts/transactions-0-1")
        path, comment = "/alerts/transactions-0-1/verdict", "of 4929-1234-5678-1236, stolen"
        fields = {"verdict": "fraud", "key": key_of(page)}
        told = mona.post(path, page, comment=comment, **fields)
        assert (told.status_code, "may be a card number" in told.text) == (400, True)
        assert "of ****-****-****-****, stolen</textarea>" in told.text
        assert client.portal is not None
        assert client.portal.call(console.reviews.review, "transactions-0-1") is None
        sent = mona.post(path, told, comment="of the card that ends in 1236, stolen", **fields)
        assert sent.status_code == 200
    assert "4929" not in str(stand.audit(3))


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("4929123456781236", True),
        ("x4929 1234 5678 1236x", True),
        ("12 4929123456781236", True),
        ("378282246310005", True),
        ("\uff14929123456781236", True),
        ("4929123456781231", False),
        ("2026-11-30 04:25, 1200 EUR", False),
        ("4929 1234 5678", False),
        ("00000000000000000000000", False),
    ],
)
def test_card_numbers_have_a_network_s_first_digits_and_their_check_digit(
    text: str, is_one: bool
) -> None:
    """378282246310005 by hand: 5+0+0+0+1+6+6+8+2+4+8+4+8+5+3 = 60."""
    assert has_card_number(text) is is_one


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", '"><img src=x>', "a\u202eb\x1b[2J"])
def test_what_a_merchant_calls_itself_is_text(stand: Stand, text: str) -> None:
    """And turns no line around."""
    stand.publish([alert(1, merchant_id=text)])
    with stand.console() as (console, client):
        arrived(console, client, 1)
        mona = Reviewer(client, "mona")
        mona.login()
        one = "/alerts/transactions-0-1"
        for path in ("/", one, f"{one}/print", "/?merchant=" + "%22%3E%3Cimg%20src%3Dx%3E"):
            shown = mona.get(path).text
            assert "<script>" not in shown
            assert "<img" not in shown
            assert "\u202e" not in shown
            assert "\x1b" not in shown


def test_an_alert_that_cannot_be_read_stops_nothing(stand: Stand) -> None:
    stand._producer.produce(stand.settings.alerts_topic, b"{", partition=0)
    stand._producer.produce(stand.settings.alerts_topic, None, partition=0)
    stand.publish([alert(1)])
    with stand.console() as (console, client):
        arrived(console, client, 1)
        assert console._group is not None
        assert console._group.n_unreadable == 2


def test_the_export_is_the_alert_and_the_same_comes_out_again_unless_it_was_altered(
    stand: Stand,
) -> None:
    sound = alert(1)
    altered = alert(2)
    reasons = list(altered.reasons)
    reasons[0] = msgspec.structs.replace(reasons[0], contribution=reasons[0].contribution + 1e-12)
    stand.publish(
        [sound, msgspec.structs.replace(altered, reasons=reasons), alert(3, parameters=None)]
    )
    with stand.console() as (console, client):
        arrived(console, client, 3)
        mona = Reviewer(client, "mona")
        mona.login()
        one, two, three = (f"/alerts/transactions-0-{n}" for n in (1, 2, 3))
        assert "the same to the last bit" in mona.get(f"{one}/recomputed").text
        assert "it is NOT the same" in mona.get(f"{two}/recomputed").text
        assert "carries no parameters" in mona.get(f"{three}/recomputed").text
        exported = orjson.loads(mona.get(f"{one}/export.json").content)
        assert exported["alert"] == orjson.loads(msgspec.json.encode(sound))
        assert exported["is_reproduced"] is True
        assert exported["review"] is None
        paper = mona.get(f"{one}/print").text
        assert sound.counterfactual is not None
        assert sound.counterfactual.sentence in paper
        for reason in sound.reasons:
            assert reason.sentence.replace("'", "&#39;") in paper
        assert "the same to the last bit" in paper
