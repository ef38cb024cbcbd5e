"""Second opinions: by another, without the first, kept, and taught by a lead's ruling alone."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from streamer.console import console as console_module
from streamer.console.alert.fraud_history import Known
from streamer.console.pages import alert_facts, sight, verdict_pages
from streamer.console.sending.second_draw import is_drawn
from streamer.console.team.opinion_agreement import agreement, agreement_by_person
from streamer.embedded import EmbeddedKafka
from streamer.store import QueueRow, Review, twice_judged
from streamer.store.twice_judged import Pair, Twice
from tests.console.conftest import Reviewer, Stand, alert, arrived, key_of
from tests.console.test_troubles import stopped
from tests.rig.waiting import DEADLINE_S

ONE = "transactions-0-1"


def pair(n: int, first: str, second: str, who: str = "mona", other: str = "noor") -> Pair:
    said: Any = {"first": first, "second": second}
    return Pair(alert_id=f"a-{n}", first_who=who, second_who=other, decided_ms=0, **said)


def test_agreement_beyond_chance_is_cohens_kappa() -> None:
    """Of 50, 20 and 15 alike; 5 and 10 split: 0.7 where chance has .5 x .6 + .5 x .4 = 0.5."""
    kinds = [("fraud", "fraud")] * 20 + [("fraud", "legitimate")] * 5
    kinds += [("legitimate", "fraud")] * 10 + [("legitimate", "legitimate")] * 15
    told = agreement([pair(n, *kind) for n, kind in enumerate(kinds)])
    assert told is not None
    assert (told.n, told.both_fraud, told.both_legitimate, told.split) == (50, 20, 15, 15)
    assert (told.share, told.kappa) == (0.7, pytest.approx(0.4))
    # Wilson: (35 + 1.92 ± 1.96 sqrt(50 x 0.21 + 0.96)) / 53.84.
    assert (told.low, told.high) == (pytest.approx(0.562, abs=1e-3), pytest.approx(0.809, abs=1e-3))
    same = agreement([pair(n, "fraud", "fraud") for n in range(3)])
    assert same is not None
    assert (same.share, same.kappa) == (1.0, None)
    assert agreement([]) is None


def test_a_person_agrees_as_often_as_the_other_said_the_same_whoever_was_first() -> None:
    pairs = [
        pair(1, "fraud", "fraud", "mona", "noor"),
        pair(2, "fraud", "legitimate", "noor", "mona"),
        pair(3, "legitimate", "legitimate", "lea", "mona"),
    ]
    told = [(each.name, each.n, each.share) for each in agreement_by_person(pairs)]
    assert told == [("mona", 3, 2 / 3), ("noor", 2, 1 / 2), ("lea", 1, 1.0)]


def test_a_draw_is_fair_comes_out_again_and_a_larger_share_only_adds_to_it() -> None:
    ids = [f"transactions-0-{n}" for n in range(20_000)]
    tenth = [each for each in ids if is_drawn(b"key", each, 0.1)]
    # 2,000 with a standard deviation of 42.
    assert 1_830 < len(tenth) < 2_170
    assert [each for each in ids if is_drawn(b"key", each, 0.1)] == tenth
    fifth = {each for each in ids if is_drawn(b"key", each, 0.2)}
    assert fifth > set(tenth)
    other = {each for each in ids if is_drawn(b"another", each, 0.1)}
    assert 120 < len(other & set(tenth)) < 280


@pytest.fixture
def no_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """The minute in which a verdict can be taken back is over at once."""
    for module in (sight, console_module, twice_judged):
        monkeypatch.setattr(module, "UNDO_MS", -1)


def waiting(page: Any) -> list[str]:
    return re.findall(r'class="row[^"]*" href="/alerts/([^"?]+)', page.text)


def logged_in(client: Any, *names: str) -> list[Reviewer]:
    people = [Reviewer(client, name) for name in names]
    for each in people:
        assert each.login().status_code == 200
    return people


@pytest.mark.usefixtures("no_minute")
def test_a_second_opinion_is_anothers_who_is_not_told_of_the_first(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it is on the topic of verdicts; both are kept, also over a restart."""

    async def known_now(*_: Any) -> tuple[Known, ...]:
        return Known(1, 1.0, 1.0), Known(3, 1.0, 1.0), Known(7, 1.0, 1.0)

    # As if the merchant's only verdict were the first one.
    monkeypatch.setattr(alert_facts, "_merchant_now", known_now)
    stand.publish([alert(1, card_id="card-1"), alert(2, card_id="card-1", score=0.1)])
    settings = {"console_second_share": 1.0}
    with stand.console(**settings) as (console, client):
        arrived(console, client, 2)
        mona, noor, lea = logged_in(client, "mona", "noor", "lea")
        led = mona.judge(ONE, "fraud", comment="her view")
        mona.post("/alerts/transactions-0-2/release", led)
        assert waiting(mona.get("/")) == ["transactions-0-2"]
        assert waiting(noor.get("/")) == [ONE, "transactions-0-2"]
        assert "<strong>2</strong> open" in noor.get("/").text
        hers = mona.get(f"/alerts/{ONE}")
        assert "mona judged it <strong>fraud</strong>" in hers.text
        assert "Now: 1 of 1" in hers.text
        assert mona.post(f"/alerts/{ONE}/claim", hers).text.count('id="fraud"') == 0
    with stand.console(**settings) as (console, client):
        mona, noor, lea = logged_in(client, "mona", "noor", "lea")
        looked = noor.get(f"/alerts/{ONE}?look=1")
        pages = [looked, noor.get(f"/alerts/{ONE}")]
        pages += [noor.get(f"/alerts/{ONE}/{each}") for each in ("print", "export.json", "asked")]
        pages += [noor.get("/alerts/transactions-0-2?look=1"), noor.get("/below")]
        early = noor.post(f"/alerts/{ONE}/undo", looked, key="undo-whatever")
        pages += [early, lea.get(f"/alerts/{ONE}")]
        for each in pages:
            assert "her view" not in each.text
            assert "mona" not in each.text
            assert "judged it" not in each.text
        for each in (*pages[:3], pages[-1]):
            assert "1 of 1" not in each.text
        for each in pages:
            assert "<td>fraud</td>" not in each.text
            assert '"verdict":' not in each.text
        assert "noor has this alert" in pages[-1].text
        fields = {"verdict": "fraud", "key": key_of(pages[1]), "comment": "a second view"}
        done = noor.post(f"/alerts/{ONE}/verdict", pages[1], **fields)
        assert f"{ONE}</a>: <strong>fraud</strong>" in done.text
        assert 'value="undo-' not in done.text
        # The same form again is the same opinion, and a third one is asked for by nobody.
        again = noor.post(f"/alerts/{ONE}/verdict", pages[1], False, **fields)
        assert "done=transactions-0-1" in again.headers["location"]
        assert waiting(lea.get("/")) == ["transactions-0-2"]
        assert "noor judged it a second time" in mona.get(f"/alerts/{ONE}").text
        team = lea.get("/team").text
        assert "<strong>100%</strong> of 1 alerts were judged alike" in team
        assert "0 wait for a second opinion, 0 for a lead" in team
    assert [each["verdict"] for each in stand.verdicts(1)] == ["fraud"]
    lines = [each for each in stand.audit(5) if each["action"] == "second opinion"]
    assert [(each["who"], each["comment"], each["verdict"]) for each in lines] == [
        ("noor", "a second view", "fraud")
    ]


@pytest.mark.usefixtures("no_minute")
def test_where_two_opinions_differ_a_lead_who_gave_neither_rules(stand: Stand) -> None:
    """The ruling is a verdict like any other; the one before it stands no more."""
    stand.publish([alert(1)])
    with stand.console(console_second_share=1.0) as (console, client):
        arrived(console, client, 1)
        mona, lea, lars, noor = logged_in(client, "mona", "lea", "lars", "noor")
        mona.judge(ONE, "fraud", comment="hers")
        lea.judge(ONE, "legitimate", comment="theirs")
        for each in (mona, noor, lea):
            assert waiting(each.get("/")) == []
        # Who is to rule sees both, and not whose they are.
        assert "two opinions differ: rule on it" in lars.get("/").text
        # It is found by its payment, and is not one of several.
        assert lars.post("/find", lars.get("/"), wanted="t-1").url.path == f"/alerts/{ONE}"
        ticked = lars.post("/ticked", lars.get("/"), members=[ONE])
        assert (ticked.status_code, f"Judged one by one: {ONE}." in ticked.text) == (404, True)
        page = lars.get(f"/alerts/{ONE}")
        for said in ("fraud</strong>, hers", "legitimate</strong>, theirs"):
            assert f"One: <strong>{said}" in page.text
        assert "mona" not in page.text
        # Nor which was the first.
        assert "<td>fraud</td>" not in page.text
        # A reviewer's form, and one of who gave an opinion, rule on nothing.
        for each in (noor, lea):
            own = each.get("/help")
            key = console.signer.form_key(ONE, each.name, 1)
            refused = each.post(f"/alerts/{ONE}/verdict", own, verdict="fraud", key=key)
            assert refused.status_code == 409
        assert len(stand.verdicts(1)) == 1
        fields = {"verdict": "legitimate", "key": key_of(page), "comment": "it was the holder"}
        assert lars.post(f"/alerts/{ONE}/verdict", page, **fields).status_code == 200
        told = mona.get(f"/alerts/{ONE}").text
        assert "lars judged it <strong>legitimate</strong>" in told
        assert "which overrules fraud" in told
        assert "lars ruled: <strong>legitimate</strong>" in told
        team = lars.get("/team").text
        assert "Split: 1, of which leads ruled on 1 and overruled the first verdict in 1" in team
        # Nobody took anything back.
        rows = dict(re.findall(r'<th scope="row">(\w+)</th>(.*?)</tr>', team)[:2])
        assert [re.findall("<td>(.*?)</td>", row)[3] for row in rows.values()] == ["0", "0"]
    first, ruling = sorted(stand.verdicts(2), key=lambda each: str(each["decided_at"]))
    assert (first["verdict"], ruling["verdict"]) == ("fraud", "legitimate")
    assert ruling["transaction_id"] == "t-1"
    actions = {each["action"]: each["who"] for each in stand.audit(9)}
    assert (actions["second opinion"], actions["ruling"]) == ("lea", "lars")


def test_another_way_to_write_a_name_is_no_other_person() -> None:
    row = QueueRow("a-1", "high", 0.9, 1.0, "EUR", 0, 0, "distance")
    waits = Twice(row, "Mona", 1)
    found = [waits.task_of(who, is_lead=False) for who in ("mona", "MONA", "Mona", "noor")]
    assert found == ["", "", "", "second"]
    second = Review("a-1", "k", "legitimate", "LEA", 2, "")
    split = Twice(row, "Mona", 1, state="split", first_verdict="fraud", second=second)
    tasks = [split.task_of(who, is_lead=True) for who in ("MONA", "lea", "lars")]
    assert tasks == ["", "", "ruling"]


def test_while_a_verdict_can_be_taken_back_nobody_gives_a_second(stand: Stand) -> None:
    """And the opinion is then held against what it was corrected to."""
    stand.publish([alert(1)])
    with stand.console(console_second_share=1.0) as (console, client):
        arrived(console, client, 1)
        mona, noor = logged_in(client, "mona", "noor")
        done = mona.judge(ONE, "fraud")
        assert waiting(noor.get("/")) == []
        page = noor.get(f"/alerts/{ONE}")
        fields = {"verdict": "fraud", "key": key_of(page)}
        refused = noor.post(f"/alerts/{ONE}/verdict", page, **fields)
        assert (refused.status_code, "cannot be judged now" in refused.text) == (409, True)
        assert "mona" not in refused.text
        key = re.findall(r'value="(undo-[^"]+)"', done.text)[0]
        assert "legitimate" in mona.post(f"/alerts/{ONE}/undo", done, key=key).text
        # What overrules is final.
        assert noor.post(f"/alerts/{ONE}/verdict", page, **fields).status_code == 200
        assert "Split: 1" in noor.get("/team").text
    assert len(stand.verdicts(2)) == 2


@pytest.mark.usefixtures("no_minute")
def test_a_verdict_that_comes_meanwhile_or_is_on_its_way_is_not_told_to_who_may_be_drawn(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand.publish([alert(1), alert(2)])
    with stand.console(console_second_share=1.0) as (console, client):
        arrived(console, client, 2)
        mona, noor, lea = logged_in(client, "mona", "noor", "lea")
        mona.judge(ONE, "fraud")
        asked, before = verdict_pages.sight_of, [sight.Sight()]

        async def sight_of(visit: Any, alert_id: str) -> sight.Sight:
            return before.pop() if before else await asked(visit, alert_id)

        # As if hers had come after noor's form was looked at.
        monkeypatch.setattr(verdict_pages, "sight_of", sight_of)
        page = noor.get("/help")
        key = console.signer.form_key(ONE, "noor", 1)
        late = noor.post(f"/alerts/{ONE}/verdict", page, verdict="fraud", key=key)
        assert (late.status_code, "cannot be judged now" in late.text) == (409, True)
        assert "mona" not in late.text
        # Nor in the answer to a form on several.
        ticked = f"ticked-{sha256(ONE.encode()).hexdigest()[:32]}"
        fields = {"key": console.signer.form_key(ticked, "lea", 1), "members": ONE}
        told = lea.post("/ticked/verdict", lea.get("/help"), verdict="fraud", comment="", **fields)
        assert "was judged meanwhile" in told.text
        assert "mona" not in told.text
        wanted = Review("transactions-0-2", "k", "fraud", "mona", 1, "her view")
        assert client.portal is not None
        client.portal.call(console.reviews.begin, wanted, 1)
        hidden = noor.get("/alerts/transactions-0-2?look=1").text
        assert "her view" not in hidden
        assert "mona" not in hidden
        assert "her view" in mona.get("/alerts/transactions-0-2?look=1").text


@pytest.mark.usefixtures("no_minute")
def test_each_member_of_a_wave_may_be_drawn_and_comes_by_itself(stand: Stand) -> None:
    stand.publish([alert(n, wave_id="card-0f") for n in (1, 2, 3)])
    with stand.console(console_second_share=0.5, console_secret=SecretStr("3" * 32)) as (
        console,
        client,
    ):
        arrived(console, client, 3)
        mona, noor = logged_in(client, "mona", "noor")
        page = mona.get("/waves/card-0f")
        names = "key", "members"
        hidden = {
            name: re.findall(rf'name="{name}" value="([^"]*)"', page.text)[0] for name in names
        }
        mona.post("/waves/card-0f/verdict", page, verdict="fraud", comment="", **hidden)
        ids = [f"transactions-0-{n}" for n in (1, 2, 3)]
        key = console.signer.key
        drawn = {each for each in ids if is_drawn(key, each, 0.5)}
        assert set(waiting(noor.get("/"))) == drawn
        assert len(drawn) == 2


@pytest.mark.usefixtures("no_minute")
def test_without_kafka_an_opinion_and_a_ruling_go_on_as_they_were(
    redis_url: str, tmp_path: Path
) -> None:
    with EmbeddedKafka(ready_timeout_s=DEADLINE_S) as kafka:
        stand = Stand(kafka, redis_url, tmp_path)
        stand.publish([alert(1)])
        with stand.console(console_second_share=1.0) as (console, client):
            arrived(console, client, 1)
            mona, noor, lea = logged_in(client, "mona", "noor", "lea")
            mona.judge(ONE, "fraud")
            for who in (noor, lea):
                page = who.get(f"/alerts/{ONE}")
                fields = {"verdict": "legitimate", "key": key_of(page), "comment": "kept"}
                with stopped(kafka.pid):
                    away = who.post(f"/alerts/{ONE}/verdict", page, **fields)
                assert (away.status_code, "kept</textarea>" in away.text) == (503, True)
                for _ in range(20):
                    again = who.post(f"/alerts/{ONE}/verdict", away, **fields)
                    if again.status_code == 200:
                        break
                assert f"{ONE}</a>: <strong>legitimate</strong>" in again.text
        told = [line for line in stand.audit(6) if line["action"] in ("second opinion", "ruling")]
        assert len({line["id"] for line in told}) == 2
        sent = {(each["verdict"], each["decided_at"]) for each in stand.verdicts(2)}
        assert sorted(verdict for verdict, _ in sent) == ["fraud", "legitimate"]
