"""An erasure in Redis: with a checkpoint or not at all, and never undone by what lay there before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from streamer.contract.ledger import Ledger
from streamer.contract.pseudonyms import pseudonym
from streamer.errors import FencedError
from streamer.features.packed import names_of
from streamer.indexing import fingerprints
from streamer.pipeline import PartitionState
from streamer.privacy.card_names import known_names
from streamer.settings import load_settings
from streamer.store import Checkpoint, Erasure
from streamer.store.erasures import Forgotten
from streamer.stream.partitions.assignments import Assigned
from tests.builders import pipeline_config, state_of
from tests.store.helpers import NOW_MS, delta, opened, raw, run

TOPIC = "transactions"


def asked(begun_ms: int = 5, erasure_id: str = "erase-1") -> Erasure:
    return Erasure(id=erasure_id, card_id="card-1", proposed_ms=1, begun_ms=begun_ms)


def saving(
    base: int | None, offset: int, generation: int, n_seen: int = 0, **changes: object
) -> Checkpoint:
    begun = Checkpoint(
        topic=TOPIC,
        partition=0,
        generation=generation,
        base_offset=base,
        next_offset=offset,
        ledger=Ledger(consumed=offset, scored=offset),
        alerts_position=None,
        delta=delta(n_seen) if n_seen else delta(0),
        entities={},
        owner="w1",
        now_ms=NOW_MS,
    )
    return replace(begun, **changes)  # type: ignore[arg-type]


def test_what_was_stored_goes_with_the_checkpoint_and_what_came_since_stays(
    redis_url: str, redis_namespace: str
) -> None:
    """Card 7 was erased and has paid again since; card 8 is its habit in another currency."""

    async def work() -> None:
        async with opened(redis_url, redis_namespace) as store, raw(redis_url) as client:
            record = await store.claim(TOPIC, 0, "w1", NOW_MS)
            old = {"cards": {"7": b"old", "8": b"old", "9": b"other"}, "card_verdicts": {"7": b"v"}}
            await store.checkpoint(saving(None, 10, record.generation, entities=old))
            assert await store.erasures.put(asked())
            turn = asked().turn
            one = saving(
                10,
                10,
                record.generation,
                entities={"cards": {"7": b"new"}},
                erased={"cards": ["7", "8", "77"], "card_verdicts": ["7"]},
                erasures=(turn,),
            )
            # Offered again after an answer that was lost it changes nothing.
            for _ in range(2):
                await store.checkpoint(one)
            key = f"streamer:{{{redis_namespace}}}:"
            assert await client.hgetall(f"{key}cards:{TOPIC}:0") == {b"7": b"new", b"9": b"other"}
            assert await client.hgetall(f"{key}card_verdicts:{TOPIC}:0") == {}
            assert await store.erasures.done() == {asked().done_name(TOPIC, 0): NOW_MS}
            # Whoever has lost the partition erases nothing.
            await store.claim(TOPIC, 0, "w2", NOW_MS)
            with pytest.raises(FencedError):
                await store.checkpoint(replace(one, erased={"cards": ["9"]}, erasures=("x",)))
            assert await client.hget(f"{key}cards:{TOPIC}:0", "9") == b"other"
            assert await store.erasures.forgotten("card-1", NOW_MS, 1_000) is None
            await store.erasures.finish(asked(), NOW_MS, 1_000)
            assert await store.erasures.all() == []
            assert await store.erasures.done() == {}
            # Who asks for the card is told when; what is stored names none.
            assert await store.erasures.forgotten("card-1", NOW_MS, 1_000) == Forgotten(
                "erase-1", NOW_MS
            )
            assert await store.erasures.forgotten("card-2", NOW_MS, 1_000) is None
            noted = await client.hgetall(f"{key}erasures:finished")
            assert not any(b"card-1" in part for each in noted.items() for part in each)
            # A second later it is past its time, and goes with the next that is done.
            other = msgspec.structs.replace(asked(), id="erase-2", card_id="card-2")
            await store.erasures.finish(other, NOW_MS + 1_001, 1_000)
            later_ms = NOW_MS + 1_001
            assert await store.erasures.forgotten("card-1", NOW_MS, 1_000) is None
            told = await store.erasures.forgotten("card-2", later_ms, 1_000)
            assert told == Forgotten("erase-2", later_ms)
            # Where nothing more is done it goes as somebody asks, whichever card they ask for.
            assert await store.erasures.forgotten("card-2", later_ms + 1_000, 1_000) == told
            assert await store.erasures.forgotten("card-3", later_ms + 1_001, 1_000) is None
            assert await client.hgetall(f"{key}erasures:finished") == {}

    run(work())


def test_only_what_has_begun_is_for_workers_and_a_turn_more_is_another(
    redis_url: str, redis_namespace: str
) -> None:
    async def work() -> None:
        async with opened(redis_url, redis_namespace) as store:
            await store.erasures.put(asked(0))
            assert await store.erasures.begun() == []
            await store.erasures.put(asked(5))
            await store.erasures.put(asked(6))
            [begun] = await store.erasures.begun()
            assert begun.turn != asked(5).turn
            for n in range(199):
                assert await store.erasures.put(asked(0, f"erase-{n + 2}"))
            assert not await store.erasures.put(asked(0, "one-too-many"))
            assert await store.erasures.put(asked(7))

    run(work())


def test_one_that_is_under_way_is_not_dropped(redis_url: str, redis_namespace: str) -> None:
    async def work() -> None:
        async with opened(redis_url, redis_namespace) as store:
            begun, noted, new = asked(5, "a"), replace_alias(asked(0, "b")), asked(0, "c")
            for each in (begun, noted, new):
                await store.erasures.put(each)
            dropped = [await store.erasures.drop(each) for each in ("a", "b", "c", "d")]
            assert dropped == [False, False, True, True]
            assert {each.id for each in await store.erasures.all()} == {"a", "b"}

    run(work())


def replace_alias(erasure: Erasure) -> Erasure:
    return msgspec.structs.replace(erasure, alias="alias-1")


def test_the_key_of_aliases_is_drawn_once_and_only_becomes_less(
    redis_url: str, redis_namespace: str
) -> None:
    async def work() -> None:
        async with opened(redis_url, redis_namespace) as store:
            aliases = store.erasures.aliases
            first, again = await aliases.read(), await aliases.read()
            assert first.encoded() == again.encoded()
            left = await aliases.forget("card-1")
            now = await aliases.read()
            assert now.encoded() == left.encoded() != first.encoded()
            assert now.alias("card-1") != first.alias("card-1")
            assert now.alias("card-2") == first.alias("card-2")

    run(work())


def assigned(state: PartitionState) -> Assigned:
    return Assigned(
        topic=TOPIC,
        partition=0,
        state=state,
        generation=1,
        start_offset=0,
        base_offset=10,
        alerts_position=None,
        has_stored=True,
        checkpointed_at=0.0,
    )


def test_a_card_that_is_being_erased_is_not_read_from_where_it_still_lies() -> None:
    """Before the checkpoint that erases it holds, neither Redis nor a checkpoint under way counts."""
    state = state_of(pipeline_config())
    held, cards = assigned(state), state.tables.cards
    mine, other = names_of(fingerprints(["card-1", "card-2"]))
    row = np.zeros(1, cards.kind.row)
    row["payments_1d"] = 3.0
    packed = row.view(np.uint8).tobytes()

    held.erasing["turn"] = {"cards": [mine]}
    wanted = {cards: [mine, other]}
    # Nothing under way: the other is for Redis, this one for nobody.
    assert held.load_pending(wanted) == {cards: [other]}
    # A checkpoint from before is under way, which has both as they were.
    held.pending = saving(10, 20, 1, entities={"cards": {mine: packed, other: packed}})
    assert held.load_pending(wanted) == {}
    assert cards.unknown(fingerprints(["card-1"])) == [mine]
    assert cards.unknown(fingerprints(["card-2"])) == []
    # The one that erases it has what it has done since, and that counts.
    held.pending = saving(20, 30, 1, entities={"cards": {mine: packed}}, erasures=("turn",))
    assert held.load_pending({cards: [mine]}) == {}
    assert cards.unknown(fingerprints(["card-1"])) == []
    assert held.has_progress
    held.saved(held.pending)
    assert held.erasing == {}
    assert held.load_pending({cards: [mine]}) == {cards: [mine]}


def test_a_cards_aliases_are_destroyed_under_every_key_of_pseudonyms(
    redis_url: str, redis_namespace: str, tmp_path: Path
) -> None:
    """While the key is changed a card has two pseudonyms; alerts of before have the alias of one."""
    (tmp_path / "keys").write_text("new:nnnnnnnnnnnnnnnn\nold:oooooooooooooooo\n")
    settings = load_settings({"STREAMER_ALERT_CARD_KEYS_FILE": str(tmp_path / "keys")})

    async def work() -> None:
        async with opened(redis_url, redis_namespace) as store:
            aliases = store.erasures.aliases
            names = await known_names(settings, "card-1", aliases, ["noted"])
            assert names.pseudonyms == (
                pseudonym("card-1", b"n" * 16),
                pseudonym("card-1", b"o" * 16),
            )
            assert names.shown == names.pseudonyms[0]
            before = await aliases.read()
            assert names.aliases == (*(before.alias(each) for each in names.pseudonyms), "noted")
            await aliases.forget(*names.published)
            after = await known_names(settings, "card-1", aliases)
            assert not set(after.aliases) & set(names.aliases)

    run(work())
