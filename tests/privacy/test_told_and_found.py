"""What an export says in words, and where else a card is found: raw messages, groups, what is held."""

from __future__ import annotations

import asyncio
import math
import uuid
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from streamer.contract.card_aliases import AliasKey
from streamer.contract.codes import CURRENCY_INDEX
from streamer.embedded import EmbeddedKafka
from streamer.errors import InvariantError, UnavailableError
from streamer.features import CARDS
from streamer.features.kinds import CARD_VERDICTS
from streamer.pages.example_alert import example_alert
from streamer.privacy.card_names import CardNames, cards_in
from streamer.privacy.card_words import card_state, card_verdicts
from streamer.privacy.export_text import export_text
from streamer.privacy.topics_of_card import topics_of_card
from streamer.settings import Settings, load_settings
from streamer.starting.wiring import open_review_store
from streamer.store import Erasure, Joint
from streamer.store.console_traces import erase_console_traces, find_console_traces
from streamer.store.proposals import Proposal
from streamer.store.snoozes import Snooze
from streamer.stream.kafka.topics import create_topics
from streamer.stream.publishing.tombstones import compacted, send_tombstones
from streamer.stream.scoring.aliasing import with_alias
from streamer.stream.scoring.following_erasures import FollowingErasures

T_MS = 1_767_614_400_000.0


def packed(**fields: Any) -> bytes:
    row = np.zeros(1, CARDS.row)
    for name, value in fields.items():
        row[name] = value
    return row.view(np.uint8).tobytes()


def test_a_cards_state_is_said_in_words() -> None:
    """Ten payments of e^3, half an hour before noon on average, last seen at 52.52, 13.405."""
    angle = 11.5 / 24 * 2 * math.pi
    visits = np.zeros(52, np.uint8)
    visits[[1, 5, 30]] = 4
    told = card_state(
        packed(
            time_ms=T_MS,
            payments_1h=1.0,
            payments_30d=10.0,
            payments=10.0,
            logs=30.0,
            logs_sq=90.0,
            spent_1d=20.0,
            high_series=0.5,
            hours_x=9.0 * math.cos(angle),
            hours_y=9.0 * math.sin(angle),
            present_ms=T_MS,
            latitude=525_200_000,
            longitude=134_050_000,
            currency=CURRENCY_INDEX["EUR"] + 1,
            place_payments=(8, 4, 0),
            visits=visits,
        )
    )
    words = " ".join(told["words"])
    assert told["currency"] == "EUR"
    assert told["last_payment_at"] == "2026-01-05T12:00:00.000Z"
    assert "usually pays about 20.09 EUR" in words
    assert "mostly pays around 11:30" in words or "mostly pays around 11:29" in words
    assert "present at 52.52000, 13.40500" in words
    assert "4.0 of its payments named one of its merchants, in 2 of 24 slots" in words
    assert "above it by 0.5" in words
    other = card_state(packed(time_ms=-1.0, payments=2.0, logs=2.0, logs_sq=2.0), "USD")
    assert other["currency"] == "USD"
    assert other["last_payment_at"] is None
    assert len(other["words"]) == 2
    young = card_state(packed(time_ms=T_MS))
    assert (young["currency"], len(young["words"])) == (None, 1)
    with pytest.raises(InvariantError, match="must have"):
        card_state(b"short")
    verdicts = np.zeros(1, CARD_VERDICTS.row)
    verdicts["time_ms"], verdicts["verdicts"] = -1.0, 2.0
    assert "2.0 verdicts" in card_verdicts(verdicts.view(np.uint8).tobytes())["words"][0]


def record(content: Any, **more: Any) -> dict[str, Any]:
    return {"place": "t/0/1", "at": "2026-01-05T12:00:00.000Z", "content": content} | more


def test_the_text_of_an_export_has_what_its_json_has() -> None:
    alert = msgspec.to_builtins(example_alert())
    feedback = {
        "transaction_id": "t-1",
        "verdict": "fraud",
        "origin": "reviewer",
        "decided_at": "now",
    }
    state = {
        "partition": "transactions/0",
        "card": [card_state(packed(time_ms=T_MS))],
        "verdicts_on_it": {"words": ["About 2 verdicts."]},
        "payments_waiting_for_a_verdict": [
            {"paid_at": "then", "merchant_id": None, "alerted": True}
        ],
        "standing_verdicts": [feedback],
        "alerted_by_the_reserve_within_a_day": True,
        "waves": 2,
    }
    letter = {"headers": {"streamer-reason": "not_json"}}
    document = {
        "card": "card-1",
        "known_as": ["alias-1"],
        "made_at": "now",
        "note": "All of it.",
        "read": [{"store": "Redis", "what": "x", "up_to": "offset 3", "saved_at": "then"}],
        "state": [state],
        "verdicts": {"fraud-feedback/0": [feedback]},
        "lessons": {"transactions/0": [{}]},
        "console": {
            "alerts": [alert],
            "open": 1,
            "of_its_alerts": {"streamer:{n}:review:claim:a-1": "noor"},
            "logs": {},
            "put_off": [],
        },
        "topics": {
            "alerts": [record(alert)],
            "scores": [record({"transaction_id": "t-1", "score": 0.5})],
            "dead letters": [record(None, text="{card-1", **letter)],
            "audit": [record({"actor": {"name": "mona"}, "action": "open"})],
        },
        "mentions": {"audit": [{"place": "a/0/7", "at": "then"}]},
        "not_read": ["The transactions topic."],
    }
    text = export_text(document)
    for part in (
        "Also known as alias-1",
        "then at no merchant, alerted",
        "on t-1 it is known that it is fraud",
        "2 waves of alerts",
        "the reserve alerted within a day",
        alert["reasons"][0]["sentence"],
        "1 of them taught the model something",
        "claim:a-1: noor",
        "t-1 scored 0.5",
        "mona: open (granted)",
        "offset 3, saved at then",
        "not_json: ",
        "audit: then a/0/7",
    ):
        assert part in text, part


def test_a_card_is_a_word_of_its_own() -> None:
    names = CardNames("card-1", ("p" * 8,), ("alias-9",))
    assert names.shown == "p" * 8
    assert names.are_in(None, b'{"card_id":"card-1"}')
    assert names.are_in(b"alias-9", None)
    assert not names.are_in(b"card-11", b"a card-1-2, xcard-1")
    assert cards_in([{"a": [{"card_id": "card-1"}], "card_id": 17}]) == {"card-1"}
    assert cards_in({"a": "card-1", "other_card_ids": None}) == set()
    # Its fields say whose it is, and its key where they say nothing.
    assert names.own(b"card-1", b'{"transaction_id":"t-1"}')
    assert not names.own(b"card-1", b'{"card_id":"card-2"}')
    assert names.own(None, b'{"card_id": "card-1", broken')
    assert not names.own(None, b'{"merchant_id": "card-1", broken')
    assert names.own(b"alias-9", None)


@pytest.fixture
def settings(kafka: EmbeddedKafka, redis_url: str, redis_namespace: str) -> Settings:
    unique = uuid.uuid4().hex[:10]
    names = ("alerts", "overflow", "dead_letters", "feedback", "scores", "features", "audit")
    env = {f"STREAMER_{name.upper()}_TOPIC": f"{name}-{unique}" for name in names}
    env |= {"STREAMER_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers}
    env |= {"STREAMER_REDIS_URL": redis_url, "STREAMER_NAMESPACE": redis_namespace}
    env |= {"STREAMER_FEEDBACK_DEAD_LETTERS_TOPIC": f"fdlq-{unique}"}
    made = load_settings(env)
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    wanted = made.alerts_topic, made.dead_letters_topic, made.scores_topic, made.audit_topic
    create_topics(admin, dict.fromkeys(wanted, 1), 1)
    return made


def test_dead_letters_and_audit_entries_are_found_by_what_they_have_of_it(
    settings: Settings,
) -> None:
    """Another card's messages, whose id begins the same, are none of them."""
    alert = msgspec.json.encode(example_alert())
    card = example_alert().transaction.card_id
    alert_id = example_alert().alert_id
    listed = {"action": "view queue", "details": {"alerts": f"x {alert_id}"}}
    entries = [listed, {"subject": {"id": alert_id}}, {"details": {}}, {"card": {"id": card}}, []]
    producer = Producer({"bootstrap.servers": settings.kafka_bootstrap_servers})
    producer.produce(settings.alerts_topic, alert, card.encode())
    producer.produce(settings.alerts_topic, alert.replace(card.encode(), b"x" + card.encode()))
    broken = [("streamer-reason", b"not_json")]
    producer.produce(settings.dead_letters_topic, f"{{{card}".encode(), headers=broken)
    producer.produce(settings.dead_letters_topic, f'{{"card_id":"{card}"'.encode(), headers=broken)
    producer.produce(settings.dead_letters_topic, b"\xff\xfe")
    producer.produce(settings.scores_topic, b'{"transaction_id":"t-9"}', card.encode())
    for entry in entries:
        producer.produce(settings.audit_topic, msgspec.json.encode(entry))
    assert producer.flush(30) == 0
    names = CardNames(card)
    found = topics_of_card(settings, names, ["no-topic"])
    assert found.alert_ids == {alert_id}
    assert found.mentioned().keys() == {"dead letters"}
    assert "t-9" in found.transactions
    assert len(found.told("alerts")) == 1
    [letter] = found.told("dead letters")
    assert letter["text"] == f'{{"card_id":"{card}"'
    assert letter["headers"] == {"streamer-reason": "not_json"}
    assert len(found.told("audit")) == 3
    assert not found.scans["topic no-topic"].is_there
    assert found.scans["alerts"].last_offsets == {0: 1}
    assert found.told("nothing") == []

    assert compacted(settings, []) == (set(), set())
    assert compacted(settings, [settings.scores_topic])[0] == set()
    assert send_tombstones(settings, [(settings.scores_topic, 0, card.encode())]) == 1
    scores = topics_of_card(settings, names).scans["scores"].records
    assert [each.value for each in scores] == [b'{"transaction_id":"t-9"}', None]
    away = settings.model_copy(update={"kafka_bootstrap_servers": "127.0.0.1:1"})
    assert compacted(away, []) == (set(), set())


def test_a_merchant_that_is_called_as_the_card_takes_nobodys_records(settings: Settings) -> None:
    """Card "17" has a merchant's, a payment's and an entry's number for its name: none is its own."""
    theirs = {"transaction_id": "17", "card_id": "card-2", "merchant_id": "17", "amount": 17}
    alert = {"alert_id": "0/17", "transaction": theirs}
    own = {"alert_id": "0/18", "transaction": theirs | {"transaction_id": "t-1", "card_id": "17"}}
    entries = [
        {"sequence": 17, "card": {"id": "card-2"}, "subject": {"kind": "alert", "id": "0/17"}},
        {"sequence": 18, "card": {"id": "card-2"}, "details": {"subject": "merchant 17"}},
        {"sequence": 19, "subject": {"kind": "merchant", "id": "17"}},
        {"sequence": 20, "card": {"id": "17"}},
        {"sequence": 21, "subject": {"kind": "card", "id": "17"}},
    ]
    producer = Producer({"bootstrap.servers": settings.kafka_bootstrap_servers})
    for value in (alert, own):
        producer.produce(settings.alerts_topic, msgspec.json.encode(value))
    # A sender that takes the merchant for a key.
    producer.produce(settings.scores_topic, msgspec.json.encode(theirs), b"17")
    for value in (msgspec.json.encode(theirs), b"{17", b'{"card_id":"17"'):
        producer.produce(settings.dead_letters_topic, value)
    for entry in entries:
        producer.produce(settings.audit_topic, msgspec.json.encode(entry))
    assert producer.flush(30) == 0
    found = topics_of_card(settings, CardNames("17"))
    assert (found.alert_ids, found.transactions) == ({"0/18"}, {"t-1"})
    assert [each["content"]["alert_id"] for each in found.told("alerts")] == ["0/18"]
    assert found.told("scores") == []
    assert [each["text"] for each in found.told("dead letters")] == ['{"card_id":"17"']
    assert [each["content"]["sequence"] for each in found.told("audit")] == [20, 21]
    # Where they lie, and nothing of what they say.
    for records in found.mentioned().values():
        assert all(each.keys() == {"place", "at"} for each in records)
    assert len(found.mentioned()["dead letters"]) == 2


def test_what_is_held_and_judged_together_goes_with_the_alert(settings: Settings) -> None:
    alert = example_alert()
    card, alert_id = alert.transaction.card_id, alert.alert_id

    async def work() -> None:
        reviews = open_review_store(settings)
        try:
            await reviews.alerts.add([(alert, msgspec.json.encode(alert))], 1)
            await reviews.waves.tick([alert_id], "lea", 60_000, 5)
            await reviews.waves.note(Joint("k-1", "w-1", "fraud", "lea", 1, [alert_id]))
            await reviews.waves.note(Joint("k-2", "w-2", "fraud", "lea", 1, ["another"]))
            snooze = Snooze(
                kind="card",
                what=card,
                reason="r",
                comment=card,
                by="lea",
                at_ms=1,
                until_ms=9,
                alert_id="x",
            )
            said = {"kind": "snooze", "head": "x", "reason": "r", "proposed_by": "lea"}
            for each in ("p-1", "p-2"):
                made = Proposal(id=each, proposed_ms=1, snooze=snooze, **said)  # type: ignore[arg-type]
                await reviews.proposals.put(made)
            # What is declined keeps no card, erased or not.
            await reviews.proposals.decide("p-2", "declined", "lars", 2, "")
            found = await find_console_traces(reviews.client, [card])
            assert found.proposals.keys() == {"p-1"}
            assert found.alert_ids == {alert_id}
            assert (len(found.joint), len(found.held), found.n_open) == (1, 1, 1)
            await erase_console_traces(reviews.client, found)
            left = await find_console_traces(reviews.client, [card], [alert_id])
            assert left.n == 0
            assert [each.snooze for each in await reviews.proposals.all()] == [None, None]
            assert await reviews.alerts.was_here(alert_id)
            # Found on the topic, by a console that is behind not yet: it does not bring it back.
            late = msgspec.structs.replace(alert, alert_id="late-1")
            behind = await find_console_traces(reviews.client, [card], ["late-1"])
            await erase_console_traces(reviews.client, behind)
            assert await reviews.alerts.add([(late, msgspec.json.encode(late))], 2) == 0
            assert await reviews.waves.joint("lea", "k-2") is not None
            key = reviews.client.keys.review("alert", "broken")
            await reviews.client.pipelined([("SET", key, b"no alert")], atomic=False)
            with pytest.raises(InvariantError, match="must be an alert"):
                await find_console_traces(reviews.client, [card])
        finally:
            await reviews.close()

    asyncio.run(work())


def test_an_alias_stands_in_the_alert_and_in_its_cards_wave() -> None:
    key = AliasKey.drawn(np.random.default_rng(1).bytes)
    of_alert = {"wave_id": "card-0123456789abcdef", "other_card_ids": ["before"]}
    alert = msgspec.structs.replace(example_alert(), **of_alert)
    shown = with_alias(alert, key)
    assert shown.other_card_ids == [key.alias("before")]
    assert shown.transaction.card_id == key.alias(alert.transaction.card_id)
    assert shown.wave_id is not None
    assert shown.wave_id.startswith("card-")
    assert shown.wave_id != alert.wave_id
    # All of a wave have one name still, and a merchant's keeps its own.
    assert with_alias(alert, key).wave_id == shown.wave_id
    shop = msgspec.structs.replace(alert, wave_id="merchant-1")
    assert with_alias(shop, key).wave_id == "merchant-1"


def test_a_worker_waits_for_redis_and_says_nothing_of_what_it_never_read() -> None:
    """A partition of which nothing is saved has no checkpoint that an erasure could go with."""
    erasure = Erasure(id="e", card_id="card-1", proposed_ms=1, begun_ms=2)
    begun: list[Any] = [UnavailableError("away"), [erasure], []]
    read: list[str] = []

    async def answer() -> Any:
        found = begun.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    async def done() -> dict[str, int]:
        return {}

    async def take_up() -> None:
        read.append("key")

    async def work() -> None:
        erasures = SimpleNamespace(begun=answer, done=done)
        never = SimpleNamespace(
            topic="t", partition=0, erased={"gone:1"}, state=SimpleNamespace(next_offset=None)
        )
        kit = SimpleNamespace(store=SimpleNamespace(erasures=erasures))
        held = SimpleNamespace(assigned={0: never}, lock=asyncio.Lock())
        aliasing = SimpleNamespace(read=take_up)
        following = FollowingErasures(kit, held, aliasing, read.append)  # type: ignore[arg-type]
        for _ in range(3):
            await following.look()
        # Also where nothing is under way: an erasure may have come and gone.
        assert read == ["key", "key"]
        assert never.erased == set()

    asyncio.run(work())
