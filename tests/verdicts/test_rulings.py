"""Which verdict stands: by origin, then by time, whatever comes first."""

from __future__ import annotations

from itertools import permutations

import msgspec
import pytest

from streamer.contract.messages import Feedback
from streamer.errors import InvariantError
from streamer.verdicts import Rulings, overrules

DECODER = msgspec.json.Decoder(Feedback)


def verdict(what: str, origin: str = "reviewer", hour: int = 12, number: int = 1) -> Feedback:
    """Return a verdict on a transaction of card-1."""
    return DECODER.decode(
        msgspec.json.encode(
            {
                "transaction_id": f"t-{number}",
                "card_id": "card-1",
                "merchant_id": "shop-1",
                "verdict": what,
                "origin": origin,
                "decided_at": f"2026-01-06T{hour:02d}:00:00Z",
            }
        )
    )


def test_a_chargeback_stands_against_every_reviewer() -> None:
    early, late = verdict("fraud", "chargeback", 1), verdict("legitimate", "reviewer", 23)
    assert overrules(early, late)
    assert not overrules(late, early)


def test_of_one_origin_the_later_stands_and_of_one_instant_the_fraud() -> None:
    assert overrules(verdict("legitimate", hour=13), verdict("fraud", hour=12))
    assert overrules(verdict("fraud"), verdict("legitimate"))
    assert not overrules(verdict("legitimate"), verdict("fraud"))


def test_the_same_verdict_again_overrules_nothing() -> None:
    assert not overrules(verdict("fraud"), verdict("fraud"))


def test_whatever_the_order_the_same_one_stands() -> None:
    every = [
        verdict("fraud", hour=9),
        verdict("legitimate", hour=10),
        verdict("legitimate", "chargeback", 3),
        verdict("fraud", "chargeback", 2),
    ]
    for order in permutations(every):
        standing = order[0]
        for each in order[1:]:
            standing = each if overrules(each, standing) else standing
        assert standing == every[2]


def test_the_longest_held_make_room_and_are_named_for_removal() -> None:
    rulings = Rulings(2)
    for number in range(4):
        rulings.put(verdict("fraud", number=number))
    assert len(rulings) == 2
    assert set(rulings.take_changed()) == {"t-2", "t-3"}
    assert rulings.take_removed() == ["t-0", "t-1"]
    assert (rulings.take_changed(), rulings.take_removed()) == ({}, [])


def test_what_is_saved_loads_into_another() -> None:
    one, other = Rulings(10), Rulings(10)
    for number in range(3):
        one.put(verdict("fraud", number=number))
    other.load(one.take_changed())
    assert [other.get(f"t-{n}") for n in range(3)] == [one.get(f"t-{n}") for n in range(3)]
    assert other.take_changed() == {}


@pytest.mark.parametrize("stored", [b"", b"{}", b"\xff", b"[1"])
def test_stored_rulings_that_are_none_are_refused_in_words(stored):
    with pytest.raises(InvariantError, match="stored rulings must be verdicts"):
        Rulings(10).load({"t-1": stored})
