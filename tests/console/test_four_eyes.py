"""What needs two people: in its order on the audit topic, and tried by every way around it.

Where a test shows that something gets through, it is the access list of Kafka or Redis that keeps it
out, and ``docs/access.md`` says so.
"""

from __future__ import annotations

import re
import uuid
from typing import Any

import msgspec
import pytest
from confluent_kafka import Producer
from starlette.testclient import TestClient

from streamer.console.console import Console, now_ms
from streamer.errors import UnavailableError
from streamer.store import Erasure, Erasures
from streamer.store.proposals import Proposal
from streamer.stream.kafka.kafka_config import librdkafka_config
from tests.cli.test_commands import run
from tests.console.conftest import Stand, alert, arrived, key_of
from tests.console.test_access import known
from tests.console.test_audit import entries
from tests.console.test_model_and_proposals import stored

ONE = "transactions-0-1"


def steps(stand: Stand, *actions: str) -> list[tuple[str, str, str]]:
    """Return action, outcome and who, of these actions in the order of the chain."""
    found = sorted(entries(stand), key=lambda each: (each["writer"], each["sequence"]))
    return [
        (each["action"], each.get("outcome", "granted"), each["actor"]["name"])
        for each in found
        if each["action"] in actions
    ]


def asked(client: TestClient, work: Any, *arguments: Any) -> Any:
    assert client.portal is not None
    return client.portal.call(work, *arguments)


def made_by(stand: Stand, client: TestClient, console: Console, name: str, version: str) -> str:
    """Propose a promotion, and return the proposal's id."""
    person = known(console, client, name)
    form = person.get("/model")
    fields = {"version": version, "kind": "promotion", "reason": "gate passed"}
    assert person.post("/model/propose", form, key=key_of(form), **fields).status_code == 200
    return key_of(form)


def test_a_proposal_is_on_the_audit_topic_before_it_is_there_and_so_is_a_decision(
    stand: Stand,
) -> None:
    _, other = stored(stand.settings)
    with stand.console() as (console, client):
        proposal_id = made_by(stand, client, console, "lea", other)
        lars = known(console, client, "lars")
        states: list[tuple[str, str]] = []
        taken = console.trail.acknowledged

        async def acknowledged(entry: Any) -> None:
            found = await console.proposals.get(proposal_id)
            states.append((entry.action, "" if found is None else found.state))
            await taken(entry)

        console.trail.acknowledged = acknowledged  # type: ignore[method-assign]
        page = lars.get("/proposals")
        lars.post(f"/proposals/{proposal_id}/decide", page, state="approved")
        assert states == [("approved", "open")]
    assert steps(stand, "propose", "approved") == [
        ("propose", "granted", "lea"),
        ("propose", "done", "lea"),
        ("approved", "granted", "lars"),
        ("approved", "done", "lars"),
    ]
    decided = [each for each in entries(stand) if each["action"] == "approved"]
    assert all(re.fullmatch(r"[0-9a-f]{32}", each["decision_id"]) for each in decided)


def test_a_decision_that_the_audit_topic_does_not_take_is_not_made(stand: Stand) -> None:
    _, other = stored(stand.settings)
    with stand.console() as (console, client):
        proposal_id = made_by(stand, client, console, "lea", other)
        lars = known(console, client, "lars")

        async def away(_: Any) -> None:
            raise UnavailableError("the audit topic must take the entry; nothing was changed")

        console.trail.acknowledged, taken = away, console.trail.acknowledged  # type: ignore[method-assign]
        page = lars.get("/proposals")
        path = f"/proposals/{proposal_id}/decide"
        assert lars.post(path, page, state="approved").status_code == 503
        found = asked(client, console.proposals.get, proposal_id)
        assert (found.state, found.decided_by) == ("open", "")
        form = lars.get("/model")
        fields = {"version": other, "kind": "rollback", "reason": "why", "key": "another"}
        assert lars.post("/model/propose", form, **fields).status_code == 503
        assert asked(client, console.proposals.get, "another") is None
        console.trail.acknowledged = taken  # type: ignore[method-assign]
        # Redis, which is away after the entry was taken, has no decision, and the chain says so.
        decide = console.proposals.decide

        async def lost(*_: Any) -> Any:
            return await decide("no such proposal", *_[1:])

        class Faster:
            def __getattr__(self, name: str) -> Any:
                return lost if name == "decide" else getattr(original, name)

        original, console.proposals = console.proposals, Faster()  # type: ignore[assignment]
        assert lars.post(path, page, state="approved").status_code == 404
        console.proposals = original
        assert asked(client, console.proposals.get, proposal_id).state == "open"
    assert steps(stand, "approved") == [
        ("approved", "granted", "lars"),
        ("approved", "failed", "lars"),
    ]


def test_a_long_snooze_is_proposed_approved_by_another_and_put_off_by_a_lead(stand: Stand) -> None:
    stand.publish([alert(1)])
    with stand.console() as (console, client):
        arrived(console, client, 1)
        mona, lea, lars = (known(console, client, name) for name in ("mona", "lea", "lars"))
        page = mona.get(f"/alerts/{ONE}")
        assert "more than 30 are proposed to another" in page.text
        fields = {"kind": "card", "days": "60", "reason": "the customer travels", "key": "k1"}
        told = mona.post(f"/alerts/{ONE}/snooze", page, **fields, comment="a year abroad")
        assert told.url.path == "/proposals"
        assert "the card for 60 days" in told.text
        assert "card-4711" not in told.text
        assert asked(client, console.snoozes.now, now_ms()) == {}
        path = "/proposals/snooze-k1"
        # Not approved, not by a lead, not by who made it.
        early = lea.post(f"{path}/carry-out", lea.get("/proposals"))
        assert (early.status_code, "somebody else than who proposed" in early.text) == (403, True)
        assert mona.post(f"{path}/decide", told, state="approved").status_code == 403
        done = lea.post(f"{path}/decide", lea.get("/proposals"), state="approved")
        assert "Put it off now" in done.text
        assert "Put it off now" not in mona.get("/proposals").text
        assert mona.post(f"{path}/carry-out", told).status_code == 403
        off = lars.post(f"{path}/carry-out", lars.get("/proposals"))
        assert off.url.path == "/snoozed"
        [found] = asked(client, console.snoozes.now, now_ms()).values()
        assert (found.what, found.by) == ("card-4711", "mona")
        days = (found.until_ms - found.at_ms) / 86_400_000
        assert days == 60
        # It is done once.
        again = lars.post(f"{path}/carry-out", lars.get("/proposals"))
        assert (again.status_code, "carried it out before" in again.text) == (409, True)
        assert "Carried out by lars" in lars.get("/proposals").text
        kept = asked(client, console.proposals.get, "snooze-k1")
        assert (kept.snooze, kept.carried_by) == (None, "lars")
    said = stand.read(stand.settings.proposals_topic, 3)
    assert "card-4711" not in str(said)
    assert {each.get("carried_by", "") for each in said} == {"", "lars"}
    assert steps(stand, "propose", "approved", "snooze") == [
        ("propose", "granted", "mona"),
        ("propose", "done", "mona"),
        ("approved", "granted", "lea"),
        ("approved", "done", "lea"),
        ("snooze", "granted", "lars"),
        ("snooze", "done", "lars"),
    ]


def test_an_approved_snooze_is_carried_out_when_its_alert_is_gone_and_not_where_there_is_no_room(
    stand: Stand,
) -> None:
    stand.publish([alert(1)])
    with stand.console() as (console, client):
        arrived(console, client, 1)
        lea, lars = known(console, client, "lea"), known(console, client, "lars")
        fields = {"kind": "card", "days": "90", "reason": "the customer travels", "key": "k1"}
        lea.post(f"/alerts/{ONE}/snooze", lea.get(f"/alerts/{ONE}"), **fields)
        path = "/proposals/snooze-k1"
        lars.post(f"{path}/decide", lars.get("/proposals"), state="approved")

        async def nothing(_: Any) -> None:
            return None

        async def full(_: Any) -> bool:
            return False

        class Full:
            put = staticmethod(full)

        console.alert = nothing  # type: ignore[method-assign]
        original, console.snoozes = console.snoozes, Full()  # type: ignore[assignment]
        no_room = lea.post(f"{path}/carry-out", lea.get("/proposals"))
        assert (no_room.status_code, "2,000 snoozes at a time" in no_room.text) == (409, True)
        console.snoozes = original
        assert lea.post(f"{path}/carry-out", lea.get("/proposals")).status_code == 200
        [found] = asked(client, console.snoozes.now, now_ms()).values()
        assert found.what == "card-4711"
    told = steps(stand, "snooze")
    assert [outcome for _, outcome, _ in told] == ["granted", "failed", "granted", "done"]


def forged(version: str, **changes: Any) -> Proposal:
    told: dict[str, Any] = {
        "id": "forged",
        "kind": "promotion",
        "head": "",
        "version": version,
        "reason": "because",
        "proposed_by": "mallory",
        "proposed_ms": 1,
        "state": "approved",
        "decided_by": "lars",
        "decided_ms": 2,
    }
    return Proposal(**told | changes)


def test_an_approved_proposal_that_somebody_puts_on_the_topic_is_nowhere_else(
    stand: Stand,
) -> None:
    """Nothing reads that topic to act by it: it is a record for others, which Kafka's list protects."""
    _, other = stored(stand.settings)
    producer = Producer(librdkafka_config(stand.settings))
    producer.produce(stand.settings.proposals_topic, forged(other).message(), "forged")
    assert producer.flush(30) == 0
    with stand.console() as (console, client):
        lea = known(console, client, "lea")
        assert "mallory" not in lea.get("/proposals").text
        answer = lea.post("/proposals/forged/carry-out", lea.get("/proposals"))
        assert answer.status_code == 404
    environment = of_commands(stand)
    told = run(
        "model", "promote", other[:12], "--force", "x", "--proposal", "forged", **environment
    )
    assert (told.exit_code, "must be one that there is" in told.stderr) == (2, True)


def of_commands(stand: Stand) -> dict[str, str]:
    """Return the settings of commands whose users have roles."""
    from streamer.cli.command_permission import _user

    settings = stand.settings
    return {
        "redis_url": settings.redis_url.get_secret_value(),
        "namespace": settings.namespace,
        "kafka_bootstrap_servers": settings.kafka_bootstrap_servers,
        "audit_topic": settings.audit_topic,
        "audit_timeout_s": "30",
        "command_roles": f"{_user()}=operator",
    }


def test_an_approved_proposal_that_somebody_writes_into_redis_is_believed_and_is_not_in_the_audit(
    stand: Stand,
) -> None:
    """Whoever may write to Redis may change the head itself: its access list is the defence.

    What is left is the audit topic, which has no entry that anybody proposed or approved it.
    """
    head, other = stored(stand.settings)
    with stand.console() as (console, client):
        key = console.store.client.keys.review("proposals")
        command = "HSET", key, "forged", msgspec.json.encode(forged(other, head=head))

        async def write() -> None:
            await console.store.client.pipelined([command], atomic=False)

        asked(client, write)
        page = known(console, client, "lea").get("/proposals")
        assert "<strong>approved</strong> by lars" in page.text
    told = run(
        *("model", "promote", other[:12], "--force", "x", "--proposal", "forged"),
        **of_commands(stand),
    )
    assert told.exit_code == 0, told.stderr
    assert steps(stand, "propose", "approved") == []
    promoted = [each for each in entries(stand) if each["action"] == "promote"]
    assert {each["details"]["proposal"] for each in promoted} == {"forged"}


def test_a_command_goes_by_the_table_where_users_have_roles_and_by_nothing_else_where_they_have_not(
    stand: Stand,
) -> None:
    _, other = stored(stand.settings)
    environment = of_commands(stand)
    command = ("model", "promote", other[:12], "--force", "at once")
    refused = run(*command, **environment)
    assert (refused.exit_code, "Nobody has proposed it" in refused.stderr) == (1, True)
    nobody = run(*command, **environment | {"command_roles": "somebody-else=operator"})
    assert (nobody.exit_code, "you have no role" in nobody.stderr) == (1, True)
    with stand.console() as (console, client):
        proposal_id = made_by(stand, client, console, "lea", other)
        open_yet = run(*command, "--proposal", proposal_id, **environment)
        assert (open_yet.exit_code, "has approved it" in open_yet.stderr) == (1, True)
        lars = known(console, client, "lars")
        lars.post(f"/proposals/{proposal_id}/decide", lars.get("/proposals"), state="approved")
        assert f"--proposal {proposal_id}" in lars.get("/proposals").text
    of_another = run(
        *("model", "promote", "f" * 12, "--force", "x", "--proposal", proposal_id), **environment
    )
    assert (of_another.exit_code, "it is of version" in of_another.stderr) == (2, True)
    done = run(*command, "--proposal", proposal_id, **environment)
    assert done.exit_code == 0, done.stderr
    back = run("model", "rollback", "--reason", "worse", **environment)
    assert back.exit_code == 0, back.stderr
    # Without the setting nobody is asked: whoever has Redis and Kafka has them.
    freely = {name: text for name, text in environment.items() if name != "command_roles"}
    assert run(*command, **freely).exit_code == 0
    found = sorted(entries(stand), key=lambda each: str(each["at"]))
    told = [each for each in found if each["action"] in ("promote", "roll back")]
    assert [bool(each.get("decision_id")) for each in told] == [True] * 4 + [False] * 2
    denied = [each for each in found if each["action"] == "denied"]
    assert [each["details"]["subject"] for each in denied] == [
        "promote: no_proposal",
        "promote: no_role",
        "promote: not_approved",
    ]
    assert {each["outcome"] for each in denied} == {"refused"}


@pytest.mark.parametrize("name", ["lea", "LEA"])
def test_nobody_approves_their_own_by_the_form_nor_by_another_way_to_write_their_name(
    stand: Stand, name: str
) -> None:
    with stand.console() as (console, client):
        wanted = forged("", id=uuid.uuid4().hex, kind="policy", proposed_by=name, state="open")
        wanted = msgspec.structs.replace(wanted, decided_by="", decided_ms=0, changes=["a=1"])
        asked(client, console.proposals.put, wanted)
        lea = known(console, client, "lea")
        answer = lea.post(f"/proposals/{wanted.id}/decide", lea.get("/proposals"), state="approved")
        assert answer.status_code == 403
        # Nor below the page, where the store is asked itself.
        decide = console.proposals.decide
        told = asked(client, decide, wanted.id, "approved", "lea", now_ms(), "")
        assert told.outcome == "own"
        # A form that another site has made them send has not their token.
        lars = known(console, client, "lars")
        path = f"/proposals/{wanted.id}/decide"
        crossed = lars.browser.post(path, data={"state": "approved", "csrf": "x"})
        assert crossed.status_code == 403
        assert asked(client, console.proposals.get, wanted.id).state == "open"


def test_whose_erasure_is_declined_is_known_here_no_more(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis is away as the card is to go: Kafka has the decline by then, and the same form again lets
    go of it; a third time finds nothing to let go of, and changes nothing."""
    drop, n_tries = Erasures.drop, 0

    async def away_once(erasures: Erasures, erasure_id: str) -> bool:
        nonlocal n_tries
        n_tries += 1
        if n_tries == 1:
            raise UnavailableError("away")
        return await drop(erasures, erasure_id)

    monkeypatch.setattr(Erasures, "drop", away_once)
    with stand.console() as (console, client):
        erasure = Erasure(id="erase-1", card_id="card-1", proposed_ms=1)
        assert asked(client, console.model_store.erasures.put, erasure)
        wanted = Proposal(
            id="erase-1",
            kind="erase",
            head="",
            reason="request 1",
            proposed_by="ana",
            proposed_ms=now_ms(),
            user="deploy",
        )
        kept = asked(client, console.proposals.put, wanted)
        asked(client, console.proposals.acknowledged, kept)
        lea = known(console, client, "lea")
        for status in (503, 200, 200):
            page = lea.get("/proposals")
            told = lea.post("/proposals/erase-1/decide", page, state="declined", remark="no")
            assert told.status_code == status
            sent = stand.read(stand.settings.proposals_topic, 1)[0]
            assert (sent["id"], sent["state"]) == ("erase-1", "declined")
        assert asked(client, console.model_store.erasures.all) == []
