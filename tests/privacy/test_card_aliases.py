"""Aliases: the same everywhere, and of a card that was forgotten nobody's any more."""

from __future__ import annotations

import gc
import json
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.contract.card_aliases import AliasKey, _bits, is_alias
from streamer.errors import InvariantError

CARDS = st.lists(st.text(min_size=1, max_size=12), min_size=2, max_size=12, unique=True)


def drawn(seed: int) -> AliasKey:
    return AliasKey.drawn(np.random.default_rng(seed).bytes)


@settings(max_examples=15)
@given(cards=CARDS, seed=st.integers(0, 99), n=st.integers(1, 6))
def test_forgetting_cards_changes_no_others_alias(cards: list[str], seed: int, n: int) -> None:
    key = drawn(seed)
    before = {card: key.alias(card) for card in cards}
    assert len(set(before.values())) == len(cards)
    gone, rest = cards[:n], cards[n:]
    left = key
    for card in gone:
        left = left.without(card)
    assert {card: left.alias(card) for card in rest} == {card: before[card] for card in rest}
    again = AliasKey.decoded(left.encoded())
    for card in gone:
        # It pays again, and is called otherwise, by whoever reads the key that is stored.
        assert left.alias(card) != before[card]
        assert again.alias(card) == left.alias(card)
        assert is_alias(left.alias(card))
    assert left.n_nodes <= 2 + 64 * n


@settings(max_examples=15)
@given(cards=CARDS, seed=st.integers(0, 99))
def test_no_node_that_is_left_leads_to_a_card_that_was_forgotten(
    cards: list[str], seed: int
) -> None:
    """All that is left is looked at: a node makes the leaves that begin with its bits, no others."""
    left = drawn(seed)
    for card in cards:
        left = left.without(card)
    first = left.trees[0]
    for card in cards:
        bits = _bits(card)
        assert not any(bits >> (64 - depth) == place for depth, place in first)


def test_a_card_may_be_forgotten_again_and_again() -> None:
    key = drawn(1)
    called = []
    for _ in range(4):
        called.append(key.alias("card-1"))
        key = key.without("card-1")
    assert len({*called, key.alias("card-1")}) == 5
    assert key.alias("card-2") == drawn(1).alias("card-2")
    assert len(key.trees) == 5


@pytest.mark.parametrize("stored", [b"", b"[]x", b'[[[0,"zz","00"]]]', json.dumps([[1]]).encode()])
def test_what_is_no_key_is_told(stored: bytes) -> None:
    with pytest.raises(InvariantError, match="must be as it was stored"):
        AliasKey.decoded(stored)
    with pytest.raises(InvariantError, match="a tree for every card"):
        AliasKey([]).alias("card-1")


def test_a_key_that_nobody_has_any_more_is_gone_at_once() -> None:
    """After gc.freeze nothing collects cycles: what a key has made must not hold it."""
    key = drawn(1)
    assert key.alias("card-1") == key.alias("card-1")
    there = weakref.ref(key)
    gc.disable()
    try:
        del key
        assert there() is None
    finally:
        gc.enable()
