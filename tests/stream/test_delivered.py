"""Which position a checkpoint names: it passes no alert that a recovery still has to see."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamer.stream.publishing.delivered import _MAX_RUNS, Delivered


def delivered(*pairs: tuple[int, int]) -> Delivered:
    result = Delivered()
    for offset, place in pairs:
        result.add(offset, place)
    return result


def test_one_new_alert_does_not_move_the_position_past_those_of_an_earlier_life() -> None:
    """Places 4 to 6 are alerts of offsets 90 to 92 from before a crash; 50 alerts now, at place 7.

    A checkpoint at 60 must still name 4: one killed behind it scores 90 again.
    """
    alerts = delivered((50, 7))
    assert alerts.position(60, 4, is_waiting=True) == 4
    # What was delivered meanwhile counts once nothing is waited for any more.
    assert alerts.position(93, 4, is_waiting=False) == 8


def test_while_something_is_waited_for_the_beginning_stays_the_beginning() -> None:
    alerts = delivered((50, 7))
    assert alerts.position(60, None, is_waiting=True) is None


def test_a_position_behind_the_last_one_is_taken_all_the_same() -> None:
    """The alerts topic is a new one: its places begin again."""
    assert delivered((50, 0)).position(50, 900, is_waiting=True) == 0


def test_a_long_time_without_a_checkpoint_takes_no_more_room() -> None:
    alerts = delivered(*((10 * i, i) for i in range(100_000)))
    assert len(alerts) <= _MAX_RUNS
    assert alerts.position(1_000_000, None, is_waiting=False) == 100_000


@given(
    st.lists(st.integers(0, 500), max_size=1_500),
    st.lists(st.integers(0, 500), max_size=20),
    st.integers(0, 500),
)
def test_no_position_passes_an_alert_that_is_still_needed(
    offsets: list[int], earlier: list[int], next_offset: int
) -> None:
    """Whatever was delivered in whatever order, behind an earlier life's alerts from place 0 on."""
    topic = earlier + offsets
    alerts = delivered(*((offset, len(earlier) + i) for i, offset in enumerate(offsets)))
    is_waiting = any(offset >= next_offset for offset in earlier)
    position = alerts.position(next_offset, 0, is_waiting=is_waiting)
    assert position is not None
    needed = min((i for i, offset in enumerate(topic) if offset >= next_offset), default=len(topic))
    assert position <= needed
    if offsets and len(offsets) <= _MAX_RUNS and not is_waiting:
        assert position == needed
