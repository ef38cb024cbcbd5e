"""Whose turn it is: partitions of a backlog, a late one, one that has caught up."""

from __future__ import annotations

from streamer.stream.kafka.turns import PATIENCE_S, PIECE, Standing, Turns

READY, QUEUED, AWAITED, IDLE = Standing.READY, Standing.QUEUED, Standing.AWAITED, Standing.IDLE


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_partitions_of_a_backlog_take_turns_of_one_piece_however_fetches_end() -> None:
    """Fetches end in the middle of a piece: its partition goes on with the rest of it."""
    turns, standings = Turns(Time()), {0: READY, 1: READY, 2: READY}
    half, order = PIECE // 2, []
    at = {0: 0, 1: half, 2: 0}
    for _ in range(6):
        partition = turns.next(standings)
        first = at[partition]
        at[partition] += half
        turns.took(partition, first, at[partition])
        order.append(partition)
    assert order == [0, 0, 1, 2, 2, 0]


def test_who_has_nothing_to_read_is_passed_over_and_keeps_nobody_waiting() -> None:
    """The last of a log that does not end with a piece is not waited for either."""
    turns = Turns(Time())
    assert turns.next({0: IDLE, 1: READY}) == 1
    turns.took(1, 0, 7)
    assert turns.next({0: READY, 1: IDLE}) == 0
    assert turns.next({0: IDLE, 1: IDLE}) is None


def test_what_is_late_is_waited_for_once_and_again_when_something_of_it_has_come() -> None:
    time = Time()
    turns = Turns(time)
    waiting = {0: AWAITED, 1: AWAITED, 2: READY}
    assert turns.next(waiting) is None
    time.now = PATIENCE_S - 0.01
    assert turns.next(waiting) is None
    time.now = PATIENCE_S
    assert turns.next(waiting) == 2
    turns.took(2, 0, PIECE)
    assert turns.next(waiting) == 2
    assert turns.next({0: READY, 1: AWAITED, 2: READY}) == 0
    turns.took(0, 0, PIECE)
    assert turns.next({0: AWAITED, 1: AWAITED, 2: READY}) == 2
    turns.took(2, 2 * PIECE, 3 * PIECE)
    assert turns.next({0: AWAITED, 1: AWAITED, 2: READY}) is None


def test_a_batch_that_waits_to_be_scored_is_waited_for_as_long_as_it_takes() -> None:
    time = Time()
    turns = Turns(time)
    assert turns.next({0: QUEUED, 1: READY}) is None
    time.now = 100 * PATIENCE_S
    assert turns.next({0: QUEUED, 1: READY}) is None
    assert turns.next({0: READY, 1: READY}) == 0
