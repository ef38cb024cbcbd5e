"""What a review of erasures had found: what goes too far, what does not go, and who may approve."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from streamer.cli import privacy_words, told_name
from streamer.console.people.accounts import account_line
from streamer.contract.messages import Feedback
from streamer.errors import ConfigurationError, UnavailableError
from streamer.indexing import fingerprints
from streamer.privacy import erasing_card
from streamer.settings import Settings
from streamer.starting.wiring import open_review_store
from streamer.store import Erasure, Erasures, LogBounds, ReviewStore
from streamer.store.console_traces import erase_console_traces, find_console_traces
from streamer.store.proposals import Proposal
from streamer.store.snoozes import Snooze
from streamer.store.verdict_traces import find_verdict_traces
from streamer.stream.scoring import claiming as claiming_module
from streamer.stream.scoring.claiming import Claiming
from streamer.stream.scoring.resume import Resumption
from tests.store.helpers import NOW_MS

NOW = datetime(2026, 1, 6, tzinfo=UTC)


def reviews_of(redis_url: str, namespace: str) -> ReviewStore:
    return open_review_store(Settings(redis_url=redis_url, namespace=namespace))  # type: ignore[arg-type]


def proposal(number: int, **changes: Any) -> Proposal:
    told: dict[str, Any] = {"kind": "promotion", "head": "", "reason": "why", "proposed_by": "mona"}
    return Proposal(**{"id": f"p-{number}", "proposed_ms": number} | told | changes)


def test_a_merchants_snooze_from_an_alert_of_the_card_stays_and_names_the_alert_no_more(
    redis_url: str, redis_namespace: str
) -> None:
    """It is a decision on all cards that pay there; what was typed may say whose alert it was."""
    shared: dict[str, Any] = {
        **{"reason": "r", "comment": "as card-1 said", "by": "lea", "alert_id": "a-1"},
        **{"at_ms": NOW_MS, "until_ms": NOW_MS + 1_000},
    }

    async def work() -> None:
        reviews = reviews_of(redis_url, redis_namespace)
        for kind, what in (("card", "card-1"), ("merchant", "m-1"), ("card", "card-2")):
            alert_id = "a-2" if what == "card-2" else "a-1"
            told = shared | {"kind": kind, "what": what, "alert_id": alert_id}
            assert await reviews.snoozes.put(Snooze(**told))
        found = await find_console_traces(reviews.client, {"card-1"}, {"a-1"})
        assert set(found.snoozes) == {"card:card-1", "merchant:m-1"}
        await erase_console_traces(reviews.client, found)
        left = await reviews.snoozes.now(NOW_MS)
        assert set(left) == {"merchant:m-1", "card:card-2"}
        kept = left["merchant:m-1"]
        assert (kept.alert_id, kept.comment, kept.by, kept.until_ms) == (
            "",
            "",
            "lea",
            NOW_MS + 1_000,
        )
        await reviews.snoozes.let_go(NOW_MS + 1_000)
        assert await reviews.snoozes.now(0) == {}
        await reviews.close()

    asyncio.run(work())


def test_a_merchant_that_was_put_off_anew_or_comes_again_meanwhile_stays_as_it_is_by_then(
    redis_url: str, redis_namespace: str
) -> None:
    """m-1 from an alert of another card, m-2 no more, m-3 for longer from the same alert."""
    shared: dict[str, Any] = {"reason": "r", "comment": "c", "by": "lea", "kind": "merchant"}

    def put_off(what: str, alert_id: str, until_ms: int) -> Snooze:
        return Snooze(what=what, alert_id=alert_id, at_ms=1, until_ms=until_ms, **shared)

    async def work() -> None:
        reviews = reviews_of(redis_url, redis_namespace)
        key = reviews.client.keys.review("snoozes")
        for what in ("m-1", "m-2", "m-3"):
            assert await reviews.snoozes.put(put_off(what, "a-1", NOW_MS))
        found = await find_console_traces(reviews.client, {"card-1"}, {"a-1"})
        assert len(found.snoozes) == 3
        anew = put_off("m-1", "a-2", NOW_MS + 5)
        longer = put_off("m-3", "a-1", NOW_MS + 5)
        commands: list[tuple[Any, ...]] = [
            ("HSET", key, f"merchant:{each.what}", msgspec.json.encode(each))
            for each in (anew, longer)
        ]
        commands.append(("HDEL", key, "merchant:m-2"))
        await reviews.client.pipelined(commands, atomic=True)
        await erase_console_traces(reviews.client, found)
        stripped = msgspec.structs.replace(longer, alert_id="", comment="")
        assert await reviews.snoozes.now(NOW_MS) == {
            "merchant:m-1": anew,
            "merchant:m-3": stripped,
        }
        await reviews.close()

    asyncio.run(work())


def test_a_verdict_that_names_a_waiting_payment_alone_is_found_by_what_stands_for_the_payment(
    redis_url: str, redis_namespace: str
) -> None:
    async def work() -> None:
        reviews = reviews_of(redis_url, redis_namespace)
        client, keys = reviews.client, reviews.client.keys
        commands: list[tuple[Any, ...]] = [("SADD", keys.partitions, "verdicts:0")]
        for number, transaction_id in enumerate(("t-1", "t-2"), 1):
            said = Feedback(transaction_id, None, "fraud", "reviewer", NOW)
            value = msgspec.json.encode(said)
            stream = keys.feedback("verdicts", 0)
            commands.append(("XADD", stream, f"{number}-0", "feedback", value))
        await client.pipelined(commands, atomic=False)
        prints = set(fingerprints(["t-2"]).tolist())
        found = await find_verdict_traces(client, {"card-1"}, (), prints)
        assert found.transactions == {"t-2"}
        assert (await find_verdict_traces(client, {"card-1"}, ())).n == 0
        await reviews.close()

    asyncio.run(work())


def test_what_is_to_be_forgotten_is_pushed_out_of_the_list_by_nothing(
    redis_url: str, redis_namespace: str
) -> None:
    """200 others: what is done makes room first, what is approved and waits comes last."""

    async def work() -> None:
        proposals = reviews_of(redis_url, redis_namespace).proposals
        assert await Erasures(proposals.client).put(
            Erasure(id="p-1", card_id="card-1", proposed_ms=1)
        )

        async def made(number: int, state: Any, **changes: Any) -> None:
            assert await proposals.put(proposal(number, **changes)) is not None
            done = await proposals.decide(f"p-{number}", state, "lea", number, "")
            assert done.proposal is not None
            await proposals.acknowledged(done.proposal)

        await made(1, "approved", kind="erase")
        await made(2, "approved")
        await made(3, "declined")
        for number in range(4, 202):
            await made(number, "approved")
        # What nobody is to carry out makes room first, and then the oldest that somebody is.
        ids = {each.id for each in await proposals.all()}
        assert (len(ids), "p-3" in ids, "p-2" in ids) == (200, False, True)
        await made(202, "approved")
        ids = {each.id for each in await proposals.all()}
        assert (len(ids), "p-2" in ids, "p-1" in ids) == (200, False, True)
        assert await proposals.carried_out("p-1", "ana", 500) is not None
        await proposals.client.close()

    asyncio.run(work())


def test_approved_erasures_whose_card_is_forgotten_or_gone_make_room(
    redis_url: str, redis_namespace: str
) -> None:
    """200 of them, and of one alone the card is known still: the next takes the place of another."""

    async def work() -> None:
        proposals = reviews_of(redis_url, redis_namespace).proposals
        made = [
            proposal(number, kind="erase", state="approved", decided_by="lea", decided_ms=number)
            for number in range(200)
        ]
        fields = [part for each in made for part in (each.id, msgspec.json.encode(each))]
        key = proposals.client.keys.review("proposals")
        await proposals.client.pipelined([("HSET", key, *fields)], atomic=False)
        left = Erasure(id="p-0", card_id="card-1", proposed_ms=1)
        assert await Erasures(proposals.client).put(left)
        assert await proposals.put(proposal(200)) is not None
        ids = {each.id for each in await proposals.all()}
        assert {"p-0", "p-1", "p-200"} & ids == {"p-0", "p-200"}
        await proposals.client.close()

    asyncio.run(work())


def test_neither_the_name_that_was_told_nor_the_user_of_the_machine_approves() -> None:
    made = proposal(1, proposed_by="mona", user="deploy")
    assert [made.is_of(who) for who in ("MONA", "Deploy", "lea", "")] == [True, True, False, False]
    for who, counts in (("mona", False), ("DEPLOY", False), ("lea", True), ("", False)):
        decided = msgspec.structs.replace(made, state="approved", decided_by=who)
        assert decided.is_approved is counts, who
    # Of the console nobody else made it.
    assert not proposal(2).is_of("")


def test_who_proposes_says_who_they_are_in_the_console_where_it_has_accounts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(told_name, "who", lambda: "deploy@here")
    assert told_name.told_name(Settings(), "") == "deploy"
    assert told_name.told_name(Settings(), "mona") == "mona"
    accounts = tmp_path / "accounts"
    line = account_line("mona", ("operator",), "correct horse battery")
    accounts.write_text(f"{line}\n{line.replace('mona', 'nils')}:disabled\n")
    settings = Settings(console_accounts_file=accounts, redis_url="redis://127.0.0.1:1/0")  # type: ignore[arg-type]

    async def nobody(*_: object) -> bool:
        return False

    monkeypatch.setattr(told_name, "_is_bound", nobody)
    assert told_name.told_name(settings, "mona") == "mona"
    for given in ("", "nils", "noor", "mo na", "x" * 65):
        with pytest.raises(ConfigurationError, match="--as must be"):
            told_name.told_name(settings, given)


def test_a_partition_that_was_never_saved_is_given_the_time_of_a_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its owner has looked for erasures by then; one that is saved says so itself."""
    monkeypatch.setattr(erasing_card, "LOOKED_S", 0.4)
    settings = Settings()
    erasure = Erasure(id="e", card_id="c", proposed_ms=1, begun_ms=2)
    saved, never = SimpleNamespace(offset=5), SimpleNamespace(offset=None)
    records = {(settings.transactions_topic, 0): saved, (settings.transactions_topic, 1): never}

    async def partitions() -> Any:
        return records

    async def done() -> dict[str, int]:
        return {erasure.done_name(settings.transactions_topic, 0): 3}

    store: Any = SimpleNamespace(partitions=partitions, erasures=SimpleNamespace(done=done))
    began = time.monotonic()
    found = asyncio.run(erasing_card._all_done(settings, store, erasure, 30.0))
    assert found == [f"{settings.transactions_topic}/0"]
    assert time.monotonic() - began >= 0.4
    records.popitem()
    began = time.monotonic()
    asyncio.run(erasing_card._all_done(settings, store, erasure, 30.0))
    assert time.monotonic() - began < 0.4


def test_whoever_claims_a_partition_has_the_key_of_aliases_before_its_losses_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Redis is away as the key is read: the claim is made again, and its losses are told once."""
    steps: list[str] = []
    going_on = Resumption(7, None)
    monkeypatch.setattr(claiming_module, "resume", lambda *_: going_on)
    faults = iter((UnavailableError("away"), None))

    async def read() -> None:
        steps.append("key")
        if fault := next(faults):
            raise fault

    async def claimed(*_: object) -> Any:
        steps.append("claim")
        return SimpleNamespace(generation=1, offset=None)

    async def nothing(*_: object) -> Any:
        return None

    class Told(Claiming):
        async def _ask(self, function: Any, *_: Any) -> Any:
            return LogBounds(0, 9) if function is logs.log else None

        async def _load(self, *_: Any) -> Any:
            published = SimpleNamespace(published=(), overflowed=())
            return SimpleNamespace(state=published)

        def _declare(self, *_: Any) -> None:
            steps.append("losses")

        _check_mirrors = nothing

    logs: Any = SimpleNamespace(log=object(), committed=object())
    kit: Any = SimpleNamespace(
        settings=SimpleNamespace(feedback_topic="verdicts"),
        tracing=None,
        owner="w1",
        clock=SimpleNamespace(now_ms=lambda: NOW_MS),
        store=SimpleNamespace(identify=nothing, partition=nothing, claim=claimed),
    )
    membership = SimpleNamespace(wait=nothing)
    held: Any = SimpleNamespace(membership=membership, redis_answered=lambda: None, assigned={})
    claiming = Told(kit, held, logs, read)
    monkeypatch.setattr(claiming_module, "_wanted", lambda *_: None)
    with pytest.raises(UnavailableError):
        asyncio.run(claiming.claim("t", 3))
    assert asyncio.run(claiming.claim("t", 3)).offset == 7
    assert steps == ["claim", "key", "claim", "key", "losses"]
    claiming.close()


def test_it_is_told_where_kafka_does_not_say_whether_it_compacts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    empty = SimpleNamespace(n=0)
    report: Any = SimpleNamespace(
        erasure_id="erase-1",
        found=SimpleNamespace(held=[], console=empty, verdicts=empty),
        partitions=[],
        n_tombstones=0,
        unknown=["scores"],
        on_topics={},
    )
    privacy_words.tell_erased(report, {"words": []}, as_json=False)
    assert "Kafka does not say whether it compacts scores" in capsys.readouterr().out
    privacy_words.tell_erased(report, {"words": []}, as_json=True)
    assert '"compaction_unknown": [' in capsys.readouterr().out


def test_a_command_sends_its_proposal_again_for_as_long_as_an_audit_entry_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Kafka takes the third; who has no time left is told after the first."""
    sent: list[str] = []

    class Slow:
        def __init__(self, _: Settings) -> None:
            self.n = 0

        async def send(self, topic: str, value: bytes, key: str) -> None:
            sent.append(key)
            self.n += 1
            if self.n < 3:
                raise UnavailableError("slow")

        def close(self) -> None:
            sent.append("closed")

    async def acknowledged(made: Proposal) -> None:
        sent.append(f"acknowledged {made.id}")

    monkeypatch.setattr(erasing_card, "Outbox", Slow)
    monkeypatch.setattr(erasing_card, "prepare_console_topics", lambda _: None)
    reviews: Any = SimpleNamespace(proposals=SimpleNamespace(acknowledged=acknowledged))
    asyncio.run(erasing_card.send_proposal(Settings(), reviews, proposal(1)))
    assert sent == ["p-1", "p-1", "p-1", "closed", "acknowledged p-1"]
    sent.clear()
    hurried = Settings(audit_timeout_s=1e-9)
    with pytest.raises(UnavailableError):
        asyncio.run(erasing_card.send_proposal(hurried, reviews, proposal(2)))
    assert sent == ["p-2", "closed"]


def test_a_name_of_the_provider_is_one_to_propose_by(
    redis_url: str, redis_namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def bind() -> None:
        reviews = reviews_of(redis_url, redis_namespace)
        assert await reviews.bound_names.bind("digest", "olena") == "olena"
        await reviews.close()

    asyncio.run(bind())
    monkeypatch.setattr(told_name, "who", lambda: "deploy@here")
    settings = Settings(redis_url=redis_url, namespace=redis_namespace).model_copy(  # type: ignore[arg-type]
        update={"oidc_issuer": "https://login.example"}
    )
    assert told_name.told_name(settings, "olena") == "olena"
    with pytest.raises(ConfigurationError, match="somebody who may log in"):
        told_name.told_name(settings, "")
