"""One card out of a partition's memory, and out of what is saved of it: as if it had never paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from streamer.contract.messages import Feedback
from streamer.indexing import fingerprints
from streamer.pipeline import PartitionState, PipelineConfig, card_entities, erase_card
from streamer.pipeline.told_cards import note_told, packed
from streamer.pipeline.waves import packed_waves, unpacked_waves
from streamer.verdicts import UnjudgedBuffer
from tests.builders import batch, payment, pipeline_config, state_of
from tests.pipeline.helpers import run, trained
from tests.verdicts.test_buffer import waiting

CARD, OTHER = "card-of-mine", "card-of-mine-2"


def verdict(transaction_id: str, card_id: str | None) -> Feedback:
    decided = datetime(2026, 1, 6, tzinfo=UTC)
    return Feedback(transaction_id, card_id, "fraud", "reviewer", decided)


def paid(cards: Sequence[str], first: int = 0) -> list[dict]:
    return [
        payment(
            first + i, 60.0 * (first + i), card_id=card, merchant_id=f"m-{i % 3}", amount=20.0 + i
        )
        for i, card in enumerate(cards)
    ]


class Saved:
    """What Redis has of a buffer after its checkpoints."""

    def __init__(self) -> None:
        self.fields: dict[str, bytes] = {}

    def checkpoint(self, buffer: UnjudgedBuffer) -> None:
        self.fields |= buffer.take_changed()
        for name in buffer.take_removed():
            self.fields.pop(name, None)

    def has(self, text: str) -> bool:
        return any(text.encode() in value for value in self.fields.values())


def test_of_the_payments_that_wait_none_is_left_not_even_those_that_wait_no_more() -> None:
    """Three checkpoints of 40 payments; of the first segment's one of the card was let go of before.

    Its row lies there until the segment is written anew, and only who reads Redis knows of it.
    """
    buffer, saved = UnjudgedBuffer(1, 1_000), Saved()
    rng = np.random.default_rng(3)
    for step in range(3):
        ids = [f"t-{step}-{i}" for i in range(40)]
        # Larger ones first, so that they are not merged.
        parties = [(CARD if i % 10 == 0 else f"card-{i}", "m-1") for i in range(40)]
        buffer.add(rng.random(40), waiting(ids, np.arange(40), None, 1_000 * step, parties=parties))
        saved.checkpoint(buffer)
    [slot] = buffer.slots(["t-0-0"])
    buffer.remove(np.array([slot]))
    saved.checkpoint(buffer)
    assert len(buffer) == 119
    others = {f"t-{step}-{i}" for step in range(3) for i in range(40) if i % 10}
    numbers = [
        int(name.partition(":")[0]) for name, v in saved.fields.items() if CARD.encode() in v
    ]

    gone = buffer.erase(CARD, numbers)
    assert sorted(gone.tolist()) == sorted(
        fingerprints([f"t-{s}-{i}" for s in range(3) for i in range(0, 40, 10)][1:]).tolist()
    )
    assert not bytes(buffer._table.names._content).count(CARD.encode())
    saved.checkpoint(buffer)
    assert not saved.has(CARD)
    again = UnjudgedBuffer(1, 1_000)
    again.load(saved.fields)
    assert len(again) == len(buffer) == len(others)
    assert all(slot is not None for slot in again.slots(sorted(others)))
    [kept] = again.slots(["t-2-11"])
    assert again.parties(kept) == ("card-11", "m-1")
    # Nothing of it is there: nothing is written.
    assert len(buffer.erase(CARD, [])) == 0
    saved.checkpoint(buffer)
    assert len(buffer) == len(others)


def partition() -> tuple[PipelineConfig, PartitionState, int]:
    """Return a partition that three cards have paid in, 20 times each, and its next offset."""
    config = replace(pipeline_config(), with_features=True)
    state = state_of(config)
    values = paid([CARD, OTHER, "card-3"] * 20)
    run([batch(values)], config, trained(), state)
    return config, state, len(values)


def features(value: dict, offset: int, config: PipelineConfig, state: PartitionState) -> dict:
    """Return what of a payment's features is of its card."""
    [outcome] = run([batch([value], offset)], config, trained(), state).outcomes
    [row] = outcome.features
    return {name: number for name, number in row.features.items() if name.startswith("card_")}


def test_a_card_that_pays_again_is_new_and_another_is_as_it_was() -> None:
    config, state, offset = partition()
    state.verdicts.rulings.put(verdict("t-0", CARD))
    state.verdicts.rulings.put(verdict("t-3", None))
    state.verdicts.rulings.put(verdict("t-1", OTHER))
    state.verdicts.rulings.put(verdict("u-9", "what-alerts-call-it"))
    (card,) = fingerprints([CARD]).tolist()
    note_told(state.told, card, 5)
    note_told(state.told, 77, 5)
    prints = fingerprints([OTHER])
    before = state.tables.cards.records[state.tables.cards.rows(prints)].copy()

    erased = erase_card(state, CARD, ["what-alerts-call-it"], ["t-3"])
    assert erased.n_states >= 1
    assert erased.n_rulings == 3
    assert [state.verdicts.rulings.get(each) for each in ("t-0", "t-3", "u-9")] == [None] * 3
    assert state.verdicts.rulings.get("t-1") is not None
    assert sorted(state.verdicts.rulings.take_removed()) == ["t-0", "t-3", "u-9"]
    assert packed(state.told)[:2] == (77, 5)
    assert card not in packed(state.told)
    assert str(card) in erased.entities["cards"]
    assert len(erased.entities["cards"]) == len(card_entities(CARD)["cards"])
    after = state.tables.cards.records[state.tables.cards.rows(prints)]
    assert (before == after).all()

    [own] = paid([CARD], first=offset)
    fresh = {**own, "card_id": "never-seen", "transaction_id": "t-new"}
    found = features(own, offset, config, state)
    assert found
    assert found == features(fresh, offset + 1, config, state)
    # It is no accident: a card that has paid has others.
    known = {**own, "card_id": OTHER, "transaction_id": "t-known"}
    assert found != features(known, offset + 2, config, state)


def test_waves_forget_the_card_and_keep_the_merchants() -> None:
    _, state, _ = partition()
    card, other = fingerprints([CARD, OTHER]).tolist()
    # Its own wave; a merchant's that it alone was in; another card's.
    state.waves[0] = card, -1, 10, 3, card
    state.waves[1] = 99, 4, 10, 1, card
    state.waves[2] = other, -1, 10, 2, other
    erase_card(state, CARD, (), ())
    assert card not in state.waves
    assert state.waves[1].tolist() == [99, 4, 10, 1, -4]
    assert state.waves[2].tolist() == [other, -1, 10, 2, other]
    assert (unpacked_waves(packed_waves(state.waves)) != card).all()
