"""Where one Redis ends: the arithmetic by hand, and a recorded checkpoint sent again by others."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable

import hiredis
import pytest
import redis

from load.redis_end_figures import Counters, Saving, end_of, saving_figures
from load.saved_steps import NAMESPACE, Question, recorded, topic_of
from load.sent_again import send_again
from streamer.embedded.valkey import EmbeddedRedis
from streamer.errors import InvariantError
from streamer.store.keys import Keys


def test_figures_are_of_the_checkpoints_that_were_let_through() -> None:
    """Three offered of 500 payments in 2 s, one of them in vain: 2 done in 1 s of the thread's time."""
    saved = [Saving(0.010, 1), Saving(0.020, 2), Saving(0.400, 6, is_saved=False)]
    found = saving_figures(
        saved,
        Counters(4.0, 1_000_000, 0),
        Counters(5.0, 9_000_000, 500_000),
        seconds=2.0,
        n_payments=500,
        offered_per_s=750.0,
    )
    assert found == pytest.approx(
        {
            "offered payments/s": 750.0,
            "payments/s": 500.0,
            "checkpoints/s": 1.0,
            "tries a checkpoint": 3.0,
            "given up": 1.0,
            "p50, ms": 20.0,
            "p99, ms": 400.0,
            "Redis busy": 0.5,
            "Redis, CPU ms a checkpoint": 500.0,
            "Redis, CPU µs a payment": 1_000.0,
            "Redis, MB/s in": 4.0,
            "Redis, MB/s out": 0.25,
        }
    )


def test_a_window_in_which_nothing_was_done_is_none() -> None:
    nothing = Counters(0.0, 0, 0)
    with pytest.raises(InvariantError, match="a checkpoint must be done within the window"):
        saving_figures([], nothing, nothing, seconds=1.0, n_payments=1, offered_per_s=1.0)


def test_an_end_is_where_less_is_saved_than_comes_and_where_waiting_grows() -> None:
    """Eight workers keep up again by luck, after four did not: that counts for nothing."""
    rows = [
        (1, 50.0, 50.0, 20.0),
        (8, 400.0, 399.0, 80.0),
        (2, 100.0, 96.0, 50.0),
        (4, 200.0, 180.0, 61.0),
    ]
    assert end_of(rows) == {
        "most payments/s": 399.0,
        "workers that it keeps up with": 2,
        "p99 turns up at": 4,
    }
    assert end_of(rows[:1])["p99 turns up at"] == 0


def packed(*commands: str) -> bytes:
    """Return commands as they go over the wire."""
    return b"".join(hiredis.pack_command(tuple(command.split())) for command in commands)


def within(seconds: float) -> Callable[[], float]:
    return lambda: time.monotonic() + seconds


def test_a_recorded_checkpoint_is_sent_again_for_workers_of_their_own() -> None:
    """Each under its topic's keys and on one head: as many merges as were let through."""
    with EmbeddedRedis() as server, redis.Redis.from_url(server.url) as client:
        questions = asyncio.run(recorded(server.port, 400, n_cards=100, n_before=6_000))
        assert all(question.n_replies for question in questions)
        said = b"".join(question.sent for question in questions)
        # The head is read, and is the one that another of these has written.
        asked = r"\$3\r\n{}\r\n\$\d+\r\n[^\r]*model:version:([0-9a-f]{{64}})"
        read, written = (re.findall(asked.format(name).encode(), said) for name in ("GET", "SET"))
        assert read == written
        client.flushall()
        done = [
            each for n in (1, 2) for each in send_again(server.port, questions, n, 0.0, within(0.5))
        ]
        keys = Keys(NAMESPACE)
        offsets = [
            client.hget(keys.partition(topic_of(n), p), "offset") for n in (1, 2) for p in range(4)
        ]
        n_merges = client.xlen(keys.lineage)
    assert None not in offsets
    assert all(each.is_saved and each.n_tries == 1 for each in done)
    assert len(done) == n_merges > 1


def test_whoever_is_overtaken_each_time_tries_again_and_gives_up_in_the_end() -> None:
    """A key that is written after it was watched: EXEC does nothing, and the answer is none."""
    overtaken = [
        Question(packed("WATCH a"), 1, 0.0),
        Question(packed("SET a 1"), 1, 0.0),
        Question(packed("MULTI", "SET b 1", "EXEC"), 3, 0.0),
    ]
    with EmbeddedRedis() as server, redis.Redis.from_url(server.url) as client:
        [first, *_] = send_again(server.port, overtaken, 1, 0.0, within(5.0))
        assert not first.is_saved
        assert first.n_tries > 1
        assert client.get("b") is None
        refused = [Question(packed("SET a"), 1, 0.0)]
        with pytest.raises(InvariantError, match="Redis must take what the store sends"):
            send_again(server.port, refused, 1, 0.0, within(0.5))
