"""The circuit breaker: nobody waits for a Redis that has not answered a few times in a row."""

from __future__ import annotations

import asyncio
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.embedded import EmbeddedRedis
from streamer.errors import InvariantError, UnavailableError
from streamer.store.breaker import Breaker, BreakerStatus
from tests.rig.ports import stable_port
from tests.rig.waiting import DEADLINE_S
from tests.store.helpers import NOW_MS, opened, raw, run

TOPIC = "transactions"


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


async def until(condition):
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 - any condition
            await asyncio.sleep(0.01)


def broken(clock: Clock, n_failures: int) -> Breaker:
    breaker = Breaker(np.random.default_rng(0), clock)
    for _ in range(n_failures):
        assert breaker.admits()
        breaker.failed("no answer")
        clock.now_s += breaker.retry_in_s
    return breaker


def test_it_opens_at_the_third_failure_in_a_row_and_one_answer_closes_it():
    clock = Clock()
    breaker = broken(clock, 2)
    breaker.answered()
    for _ in range(2):
        breaker.failed("no answer")
        assert breaker.status.state == "closed"
    breaker.failed("no answer")
    assert breaker.status.state == "open"
    assert breaker.status.opened_at == 100.0
    assert not breaker.admits()


def test_half_open_lets_one_call_try_at_a_time():
    clock = Clock()
    breaker = broken(clock, 3)
    assert breaker.status.state == "half-open"
    assert [breaker.admits() for _ in range(3)] == [True, False, False]
    breaker.abandoned()
    assert [breaker.admits() for _ in range(2)] == [True, False]
    breaker.answered()
    assert [breaker.admits() for _ in range(3)] == [True] * 3
    assert breaker.status == BreakerStatus("closed", 0, None, mended_at=clock.now_s)


def test_it_says_since_when_there_have_been_answers_again():
    """Never, before there was a failure; then from the first answer on, whatever is answered later."""
    clock = Clock()
    breaker = Breaker(np.random.default_rng(0), clock)
    breaker.answered()
    assert breaker.status.mended_at == -math.inf
    breaker.failed("no answer")
    clock.now_s = 107.0
    breaker.answered()
    clock.now_s = 109.0
    breaker.answered()
    assert breaker.status.mended_at == 107.0


def test_pauses_double_from_a_quarter_second_to_five_and_vary():
    """The longest are 0.25, 0.5, 1, 2, 4, 5, 5 s; each is cut by up to a half."""
    clock = Clock()
    breaker = broken(clock, 2)
    pauses = []
    for _ in range(7):
        assert breaker.admits()
        breaker.failed("no answer")
        pauses.append(breaker.retry_in_s)
        clock.now_s += breaker.retry_in_s
    for pause_s, longest_s in zip(pauses, (0.25, 0.5, 1, 2, 4, 5, 5), strict=True):
        assert longest_s / 2 <= pause_s <= longest_s
    assert breaker.status.opened_at == 100.0
    assert pauses[-1] != pauses[-2]


@given(st.lists(st.sampled_from(["ask", "answered", "failed", "abandoned", "wait"]), max_size=60))
def test_whatever_happens_one_call_at_most_tries_and_no_pause_exceeds_the_bound(events):
    clock = Clock()
    breaker = Breaker(np.random.default_rng(1), clock)
    n_trying = 0
    for event in events:
        if event == "wait":
            clock.now_s += 1.0
        elif event == "ask":
            was_closed = breaker.status.state == "closed"
            if breaker.admits() and not was_closed:
                n_trying += 1
        elif n_trying or breaker.status.state == "closed":
            getattr(breaker, event)(*(["no answer"] if event == "failed" else []))
            n_trying = 0
        assert n_trying <= 1
        assert breaker.retry_in_s <= 5.0


def test_a_server_that_never_answers_costs_three_timeouts_and_then_none():
    """Ten calls, each of which would wait 0.2 s; the message still says what is wrong."""

    async def scenario():
        n_connections = 0

        async def silent(reader, writer):
            nonlocal n_connections
            n_connections += 1
            await reader.read()
            writer.close()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        clock = Clock()
        async with opened(
            f"redis://127.0.0.1:{port}", "n", timeout_s=0.2, monotonic=clock
        ) as store:
            for _ in range(10):
                with pytest.raises(UnavailableError, match=f"127.0.0.1:{port} must answer"):
                    await store.head()
            await until(lambda: n_connections == 3)
            assert store.calls == {"done": 0, "unanswered": 3, "refused": 0, "not tried": 7}
            assert (store.breaker.state, store.breaker.failures) == ("open", 3)
            assert not store.is_up
            clock.now_s += 0.25
            calls = await asyncio.gather(*(store.head() for _ in range(5)), return_exceptions=True)
            assert all(isinstance(error, UnavailableError) for error in calls)
            await until(lambda: n_connections == 4)
        server.close()
        await server.wait_closed()

    run(scenario())


def test_it_closes_by_itself_when_the_server_is_back():
    async def scenario():
        port = stable_port()
        first = EmbeddedRedis(port=port)
        first.start()
        clock = Clock()
        url = f"redis://127.0.0.1:{port}/0"
        async with opened(url, "n", monotonic=clock) as store:
            await store.check_server()
            first.stop()
            for _ in range(5):
                with pytest.raises(UnavailableError):
                    await store.ping()
            with EmbeddedRedis(port=port):
                with pytest.raises(UnavailableError, match="not asked again for 0"):
                    await store.ping()
                clock.now_s += 0.25
                await store.ping()
                assert (store.is_up, store.breaker.state) == (True, "closed")

    run(scenario())


def test_a_try_that_is_cancelled_leaves_the_next_one_free():
    """The server hangs up on everybody, but for the try that is cancelled: that one it lets wait."""

    async def scenario():
        n_connections, hangs = 0, False

        async def serve(reader, writer):
            nonlocal n_connections
            n_connections += 1
            if hangs:
                await reader.read()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        clock = Clock()
        async with opened(f"redis://127.0.0.1:{port}", "n", monotonic=clock) as store:
            for _ in range(3):
                with pytest.raises(UnavailableError):
                    await store.head()
            await until(lambda: n_connections == 3)
            clock.now_s, hangs = clock.now_s + 0.25, True
            trying = asyncio.create_task(store.head())
            await until(lambda: n_connections == 4)
            # Python 3.11's wait_for, by which redis-py sends, loses one that comes as it ends.
            await until(lambda: trying.done() or not trying.cancel())
            assert trying.cancelled()
            hangs = False
            with pytest.raises(UnavailableError):
                await store.head()
            assert store.calls["unanswered"] == 4
        server.close()
        await server.wait_closed()

    run(scenario())


def test_a_server_that_refuses_writes_is_there_and_reads_go_on(redis_url, namespace):
    """Out of memory, a key of another type: answers all of them, so nothing opens."""

    async def scenario():
        with EmbeddedRedis() as server:
            url = f"redis://127.0.0.1:{server.port}/0"
            async with opened(url, namespace) as store, raw(url) as redis:
                await store.claim(TOPIC, 0, "w1", NOW_MS)
                await redis.set(f"streamer:{{{namespace}}}:cards:{TOPIC}:0", "x")
                await redis.config_set("maxmemory", 1)
                for _ in range(5):
                    with pytest.raises(UnavailableError, match="out of memory"):
                        await store.claim(TOPIC, 0, "w1", NOW_MS)
                    with pytest.raises(InvariantError, match="WRONGTYPE"):
                        await store.load_entities(TOPIC, 0, {"cards": ["c-1"]})
                assert store.is_up
                assert store.breaker.state == "closed"
                assert (await store.partition(TOPIC, 0)).generation == 1

    run(scenario())
