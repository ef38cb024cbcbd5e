"""How much one client may ask: worked by hand, and never more than that in any order of questions."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamer.serving import rate_limits
from streamer.serving.rate_limits import ClientRates, RateLimits

S = 1_000_000_000


def test_a_bucket_of_10_that_2_a_second_flow_into() -> None:
    limits = RateLimits(rate=2, burst=10)
    # Full to begin with: 10, then 4 of them are left.
    assert limits.wait_ns("a", 6, 0) == 0
    # 7 are wanted and 4 are there: the other 3 have come in 1.5 s; nothing was taken.
    assert limits.wait_ns("a", 7, 0) == 1.5 * S
    assert limits.wait_ns("a", 7, int(1.5 * S) - 1) == 1
    assert limits.wait_ns("a", 7, int(1.5 * S)) == 0
    # Empty now; another client has a bucket of its own.
    assert limits.wait_ns("a", 1, int(1.5 * S)) == S // 2
    assert limits.wait_ns("b", 10, int(1.5 * S)) == 0
    # After an hour there are 10 and no more.
    assert limits.wait_ns("a", 10, 3_600 * S) == 0
    assert limits.wait_ns("a", 1, 3_600 * S) == S // 2


def test_what_was_taken_for_a_question_before_is_given_back_where_the_rest_is_not_there() -> None:
    limits = RateLimits(rate=1, burst=5)
    assert limits.wait_ns("a", 1, 0) == 0
    assert limits.wait_ns("a", 5, 0, held=1) == 0
    # 2 are there after 2 s.  One is taken, four more are wanted: of five, three have yet to come.
    assert limits.wait_ns("a", 1, 2 * S) == 0
    assert limits.wait_ns("a", 5, 2 * S, held=1) == 3 * S
    assert limits.wait_ns("a", 2, 2 * S) == 0


def test_a_rate_that_does_not_divide_a_second_tells_the_next_whole_nanosecond() -> None:
    limits = RateLimits(rate=3, burst=1)
    assert limits.wait_ns("a", 1, 0) == 0
    assert limits.wait_ns("a", 1, 0) == 333_333_334


@given(
    st.integers(1, 50),
    st.integers(1, 20),
    st.lists(st.tuples(st.integers(0, 3 * S), st.integers(1, 20)), max_size=60),
)
def test_in_any_time_there_are_never_more_than_rate_times_time_and_the_burst(
    rate: int, burst: int, asked: list[tuple[int, int]]
) -> None:
    limits, now, granted = RateLimits(rate, burst), 0, list[tuple[int, int]]()
    for pause, wanted in asked:
        now, n = now + pause, min(wanted, burst)
        # As a request does: one before its body is read, and then as many as there are.
        if limits.wait_ns("a", 1, now) == 0:
            if wait := limits.wait_ns("a", n, now, held=1):
                now += wait
                assert limits.wait_ns("a", n, now) == 0
            granted.append((now, n))
    for i, (since, _) in enumerate(granted):
        total = 0
        for until, n in granted[i:]:
            total += n
            assert total * S <= rate * (until - since) + burst * S


def test_who_has_a_full_bucket_is_forgotten_and_so_is_who_asked_longest_ago() -> None:
    limits = RateLimits(rate=1, burst=2)
    for i in range(3):
        limits.wait_ns(str(i), 1, 0)
    assert len(limits._buckets) == 3
    limits.wait_ns("late", 2, 1 * S)
    assert list(limits._buckets) == ["late"]
    for i in range(rate_limits.MOST_CLIENTS + 5):
        limits.wait_ns(str(i), 2, 1 * S)
    assert len(limits._buckets) == rate_limits.MOST_CLIENTS


@given(
    st.integers(1, 20),
    st.integers(1, 20),
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 3 * S), st.integers(1, 20)), max_size=60
    ),
)
def test_what_the_limit_of_all_or_of_one_does_not_give_is_taken_from_neither(
    rate: int, burst: int, asked: list[tuple[str, int, int]]
) -> None:
    """Refusals change nothing: who is granted what is as if nobody had been refused."""
    both = ClientRates(RateLimits(rate, burst), RateLimits(rate, burst))
    calm = ClientRates(RateLimits(rate, burst), RateLimits(rate, burst))
    now, granted = 0, list[tuple[int, int]]()
    for client, pause, wanted in asked:
        now, n = now + pause, min(wanted, burst)
        # As a request does: one before its body is read, and then as many as there are.
        if both.wait_ns(client, 1, now)[0] == 0 and both.wait_ns(client, n, now, held=1)[0] == 0:
            granted.append((now, n))
            assert calm.wait_ns(client, n, now)[0] == 0
    for first in range(len(granted)):
        total = 0
        for at, n in granted[first:]:
            total += n
            assert total * S <= rate * (at - granted[first][0]) + burst * S
