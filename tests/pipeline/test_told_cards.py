"""The reserve alerts a card once a day, whatever a batch, a crash or another lane does."""

from __future__ import annotations

import numpy as np

from streamer.arrays import Integers
from streamer.durations import DAY_MS, HOUR_MS
from streamer.model import MAIN, QUIET, RESERVE, Split
from streamer.pipeline.pacing import paced
from streamer.pipeline.told_cards import is_told, no_cards, note_told, packed, unpacked

NONE, NEW, KNOWN = (0.5, 0.5), (0.5, 0.9999), (0.9999, 0.5)
"""Ranks of what ranks and of the distance: above no line, the reserve's, and the main one."""


def lanes_of(
    ranks: list[tuple[float, float]],
    cards: list[int],
    hours: list[float],
    told: Integers,
    is_out: list[bool] | None = None,
) -> list[int]:
    """Return the lanes of payments at 1% with 60% for what ranks and 20% for the distance."""
    scores, distance_ranks = np.array(ranks).T.copy()
    n = len(cards)
    lanes = np.full(n, QUIET) if is_out is None else np.where(is_out, MAIN, QUIET)
    asked, of_all = np.full(n, 0.01), (lanes, np.zeros(n), np.empty(n))
    known = scores, distance_ranks, np.arange(n), asked, asked, 50.0, Split(0.6, 0.2, 0.0)
    times_ms = (np.array(hours) * HOUR_MS).astype(np.int64)
    paced(0.0, *of_all, *known, np.array(cards), times_ms, told, np.zeros(0), 0.0)
    found: list[int] = lanes.tolist()
    return found


def test_a_burst_on_one_card_alerts_once_a_day_and_leaves_room_for_the_others() -> None:
    """Six payments above the reserve's line; card 7 again after an hour, and after a day."""
    lanes = lanes_of([NEW] * 6, [7, 7, 8, 7, 7, 7], [0, 1, 1, 23.9, 24, 25], no_cards())
    assert lanes == [RESERVE, QUIET, RESERVE, QUIET, RESERVE, QUIET]


def test_what_ranks_alerts_a_card_all_the_same_and_tells_the_reserve_nothing() -> None:
    lanes = lanes_of([NEW, KNOWN, KNOWN, NEW, NONE], [7, 7, 8, 8, 9], [0, 1, 1, 2, 2], no_cards())
    assert lanes == [RESERVE, MAIN, MAIN, RESERVE, QUIET]


def test_what_is_on_a_topic_stays_there_and_its_card_is_known_from_then_on() -> None:
    lanes = lanes_of([NEW] * 3, [7, 7, 7], [0, 1, 2], no_cards(), [True, True, False])
    assert lanes == [RESERVE, RESERVE, QUIET]


def test_cards_are_known_over_batches_and_out_of_what_was_saved() -> None:
    told = no_cards()
    assert lanes_of([NEW], [7], [0], told) == [RESERVE]
    assert packed(told) == (7, 0)
    loaded = unpacked(packed(told))
    assert loaded.tobytes() == told.tobytes()
    assert lanes_of([NEW, NEW], [8, 7], [1, 1], loaded) == [RESERVE, QUIET]
    assert packed(loaded) == (7, 0, 8, HOUR_MS)


def test_of_more_than_128_cards_those_of_longest_ago_are_let_go() -> None:
    """130 cards, one a second, and the first of them again behind the last: 1 and 2 have no room."""
    told = no_cards()
    for card in range(128):
        note_told(told, card, 1_000 * card)
    note_told(told, 0, 500_000)
    for card in (128, 129):
        note_told(told, card, 1_000 * card)
    known = [card for card in range(130) if is_told(told, card, 200_000)]
    assert known == [0, *range(3, 130)]


def test_a_card_that_was_told_of_in_the_future_is_known_for_a_day_before_it() -> None:
    told = no_cards()
    note_told(told, 7, 2 * DAY_MS)
    assert [is_told(told, 7, day * DAY_MS) for day in (0, 1, 2)] == [False, False, True]
    assert is_told(told, 7, DAY_MS + 1)
    assert not is_told(told, 8, 2 * DAY_MS)
