"""What `streamer privacy` says where there is little to do, and what it refuses."""

from __future__ import annotations

import asyncio
import json
import uuid

import msgspec
import pytest
import redis

from streamer.cli import command_permission
from streamer.embedded import EmbeddedKafka
from streamer.features import EntityTable
from streamer.features.kinds import CARDS
from streamer.indexing import fingerprints
from streamer.settings import load_settings
from streamer.starting.wiring import open_review_store
from streamer.store.keys import Keys
from streamer.store.proposals import Proposal, ProposalState
from tests.cli.test_commands import audited_by, run

CARD = "card-77"


@pytest.fixture
def here(redis_url: str, kafka: EmbeddedKafka) -> dict[str, str]:
    """An environment of its own, with topics that nobody has written to but the command."""
    unique = uuid.uuid4().hex[:10]
    names = ("transactions", "alerts", "overflow", "dead_letters", "feedback", "proposals", "audit")
    own = {f"{name}_topic": f"{name}-{unique}" for name in names}
    more = {"feedback_dead_letters_topic": f"fdlq-{unique}", "topic_partitions": "1"}
    return own | more | audited_by(kafka) | {"redis_url": redis_url, "namespace": f"p-{unique}"}


def decided(here: dict[str, str], state: ProposalState, who: str = "lea") -> Proposal:
    settings = load_settings({f"STREAMER_{name.upper()}": text for name, text in here.items()})

    async def work() -> Proposal:
        reviews = open_review_store(settings)
        try:
            [found, *_] = [each for each in await reviews.proposals.all() if each.state == "open"]
            done = await reviews.proposals.decide(found.id, state, who, 1, "")
            assert done.proposal is not None
            await reviews.proposals.acknowledged(done.proposal)
            return done.proposal
        finally:
            await reviews.close()

    return asyncio.run(work())


def test_of_a_card_that_nobody_knows_there_is_nothing_to_tell(here: dict[str, str]) -> None:
    told = run("privacy", "export", CARD, **here)
    assert told.exit_code == 0, told.stderr
    assert f"What is stored of the card {CARD}" in told.stdout
    assert "What the service remembers of it\n" + "-" * 32 + "\nNothing." in told.stdout
    assert f"alerts, {here['alerts_topic']}: no topic" in told.stdout
    assert "belongs to the payment system" in told.stdout
    bound = run("privacy", "bound", CARD, "--json", **here)
    assert bound.exit_code == 0, bound.stderr
    assert "--payments N" in json.loads(bound.stdout)["words"][0]
    for card in ("", " card-1"):
        assert run("privacy", "export", card, **here).exit_code == 2


def test_an_erasure_is_proposed_once_and_again_where_it_was_declined(here: dict[str, str]) -> None:
    unsaid = run("privacy", "erase", CARD, **here)
    assert unsaid.exit_code == 2
    assert "--reason must say why" in unsaid.stderr
    for reason in (f"{CARD} wants it", "4929 1234 5678 1236 wants it"):
        refused = run("privacy", "erase", CARD, "--reason", reason, **here)
        assert refused.exit_code == 2
        assert "must not name the card" in refused.stderr
    first = run("privacy", "erase", CARD, "--reason", "request 1", "--json", **here)
    assert first.exit_code == 0, first.stderr
    said = json.loads(first.stdout)
    assert (said["state"], said["is_done"]) == ("open", False)
    again = run("privacy", "erase", CARD, "--reason", "request 1", "--json", **here)
    assert again.exit_code == 1
    assert json.loads(again.stdout)["proposal"] == said["proposal"]
    assert decided(here, "declined").id == said["proposal"]
    other = run("privacy", "erase", "-", "--reason", "request 2", **here)
    # Nothing on standard input is no card.
    assert other.exit_code == 2
    anew = run("privacy", "erase", CARD, "--reason", "request 2", **here)
    assert anew.exit_code == 0, anew.stderr
    assert "was declined; this is another one" in anew.stderr
    # Nobody works here: there is no partition to wait for.
    assert decided(here, "approved").id != said["proposal"]
    done = run("privacy", "erase", CARD, **here)
    assert done.exit_code == 0, done.stderr
    assert "is done: 0 states" in done.stdout
    # Who was interrupted before the last step has not told so; who asks once more does.
    key = Keys(here["namespace"])
    with redis.Redis.from_url(here["redis_url"]) as client:
        stored = client.hgetall(key.review("proposals"))
        used = [msgspec.json.decode(each, type=Proposal) for each in stored.values()]
        [one] = [each for each in used if each.carried_by]
        for changes in ({"carried_by": "", "carried_ms": 0}, {"is_unsent": True}):
            before = msgspec.json.encode(msgspec.structs.replace(one, **changes))
            client.hset(key.review("proposals"), one.id, before)
            assert run("privacy", "erase", CARD, **here).exit_code == 0
            after = client.hget(key.review("proposals"), one.id)
            kept = msgspec.json.decode(after, type=Proposal)
            assert (kept.carried_by, kept.is_unsent) == (one.carried_by, False)
    # And is told when that was, and may have what came since forgotten too.
    told = run("privacy", "erase", CARD, **here)
    assert (told.exit_code, "it was forgotten at 20" in told.stdout) == (0, True), told.stderr
    asked = json.loads(run("privacy", "erase", CARD, "--json", **here).stdout)
    assert asked["is_done"]
    assert (asked["erasure"] in told.stdout, asked["has_paid_since"]) == (True, False)
    # It has paid again: it is not as forgotten as who asks may think.
    topic = here["transactions_topic"]
    state = EntityTable(CARDS, 8)
    state.times_ms[state.rows(fingerprints([CARD]), to_change=True)] = 1_773_454_320_000.0
    with redis.Redis.from_url(here["redis_url"]) as client:
        client.sadd(key.partitions, f"{topic}:0")
        client.hset(key.partition(topic, 0), mapping={"generation": 1, "offset": 1})
        client.hset(key.entities("cards", topic, 0), mapping=dict(state.take_changed().items()))
        back = run("privacy", "erase", CARD, "--json", **here)
        assert (back.exit_code, json.loads(back.stdout)["has_paid_since"]) == (1, True)
        assert "it has paid since" in run("privacy", "erase", CARD, **here).stdout
        client.delete(key.partition(topic, 0), key.entities("cards", topic, 0))
        client.srem(key.partitions, f"{topic}:0")
    third = run("privacy", "erase", CARD, "--reason", "request 3", **here)
    assert third.exit_code == 0, third.stderr
    assert "this is another one" in third.stderr
    assert run("audit", "verify", **here).exit_code == 0


def test_nobody_carries_out_what_they_approved_themselves(here: dict[str, str]) -> None:
    """The command compares people as the console does: without regard to capitals."""
    proposed = run("privacy", "erase", CARD, "--reason", "request 1", **here)
    assert proposed.exit_code == 0, proposed.stderr
    by = proposed.stdout.split("proposed by ")[1].split(",")[0]
    # The console would not take it: somebody has written it past the console.
    own = by.upper() if by.upper() != by else by.lower()
    forged = msgspec.structs.replace(decided(here, "approved"), decided_by=own, is_unsent=False)
    with redis.Redis.from_url(here["redis_url"]) as client:
        key = Keys(here["namespace"]).review("proposals")
        assert client.hset(key, forged.id, msgspec.json.encode(forged)) == 0
    refused = run("privacy", "erase", CARD, **here)
    assert refused.exit_code == 1
    assert "somebody else must approve it" in refused.stdout


def test_who_has_no_role_for_it_exports_and_erases_nothing(
    here: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_permission, "_user", lambda: "deploy")
    proposed = run("privacy", "erase", CARD, "--reason", "request 1", **here)
    assert proposed.exit_code == 0, proposed.stderr
    decided(here, "approved")
    mona = here | {"command_roles": "deploy=reviewer"}
    for command in ("export", "bound", "erase"):
        denied = run("privacy", command, CARD, **mona)
        assert denied.exit_code == 1, (command, denied.stdout)
        assert "Nothing was done" in denied.stderr, (command, denied.stderr)
    lead = here | {"command_roles": "deploy=lead"}
    assert run("privacy", "export", CARD, **lead).exit_code == 0
    operator = here | {"command_roles": "deploy=operator"}
    done = run("privacy", "erase", CARD, **operator)
    assert done.exit_code == 0, done.stderr
