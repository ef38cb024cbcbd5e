"""A partition that stands still is named, with what to do; one that has nothing to read is not."""

from __future__ import annotations

import math
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from streamer.settings import Settings
from streamer.store import BreakerStatus
from streamer.stream.checkpoints.lateness import late_checkpoints
from streamer.stream.health.health import Health
from streamer.stream.kafka.fetch_state import FetchState
from streamer.stream.kafka.membership import Membership
from streamer.stream.kafka.progress import STALLED_AFTER_S, Progress, Stall

PAYMENTS, VERDICTS = TP("transactions", 0), TP("fraud-feedback", 0)
LIMIT_S = int(STALLED_AFTER_S)


def followed(*states: tuple[int, FetchState], reading: int = 1) -> Progress:
    """One state a second, from second 0 on: ``(position, what the client knows)``."""
    progress = Progress()
    for now, (position, state) in enumerate(states):
        progress.note(float(now), PAYMENTS, reading, position, state)
    return progress


def idle(second: int) -> FetchState:
    return FetchState(0, 1_000 + second, is_waiting=False)


def test_an_idle_partition_is_well_for_as_long_as_its_fetches_are_answered() -> None:
    progress = followed(*[(7, idle(second)) for second in range(10 * LIMIT_S)])
    assert progress.stalls(10 * LIMIT_S + 0.0) == []


def test_a_partition_whose_fetches_are_not_answered_stands_still_though_no_lag_is_known() -> None:
    """Answered in seconds 0 to 9: in second 39 it is 30 s ago, in second 40 longer."""
    states = [(7, idle(min(second, 9))) for second in range(LIMIT_S + 10)]
    progress = followed(*states)
    assert progress.stalls(9.0 + LIMIT_S) == []
    assert progress.stalls(10.0 + LIMIT_S) == [Stall(PAYMENTS, 9.0, None)]


def test_a_partition_that_was_never_answered_stands_still_from_its_claim_on() -> None:
    unknown = FetchState(None, 0, is_waiting=False)
    progress = followed(*[(7, unknown)] * (LIMIT_S + 2))
    assert progress.stalls(LIMIT_S + 1.0) == [Stall(PAYMENTS, 0.0, None)]


def test_records_that_wait_behind_the_same_place_are_a_stall() -> None:
    """They came in second 5, after minutes of idleness that do not count."""
    before = [(7, idle(second)) for second in range(5)]
    waiting = [(7, FetchState(3, 2_000 + n, is_waiting=False)) for n in range(LIMIT_S + 1)]
    progress = followed(*before, *waiting)
    assert progress.stalls(4.0 + LIMIT_S) == []
    assert progress.stalls(5.0 + LIMIT_S) == [Stall(PAYMENTS, 4.0, 3)]


def test_a_partition_that_is_far_behind_and_moves_is_well() -> None:
    moving = [(n, FetchState(9_000, 1_000 + n, is_waiting=False)) for n in range(3 * LIMIT_S)]
    assert followed(*moving).stalls(3.0 * LIMIT_S) == []


def test_an_answer_that_waits_for_the_worker_is_no_fetch_that_hangs() -> None:
    """A worker that works off 5 records a minute asks for no more meanwhile."""
    slow = [(n // 12, FetchState(50, 1_000, is_waiting=True)) for n in range(3 * LIMIT_S)]
    assert followed(*slow).stalls(3.0 * LIMIT_S) == []


def test_a_clock_that_is_set_back_is_no_fetch_that_hangs() -> None:
    states = [(7, FetchState(0, 9_000 - n, is_waiting=False)) for n in range(2 * LIMIT_S)]
    assert followed(*states).stalls(2.0 * LIMIT_S) == []


def test_a_new_claim_begins_anew_and_what_is_not_read_is_not_judged() -> None:
    """A partition whose claim waits for Redis is told of as that, by the claims."""
    unknown = FetchState(None, 0, is_waiting=False)
    progress = followed(*[(7, unknown)] * (LIMIT_S + 2))
    progress.note(LIMIT_S + 2.0, PAYMENTS, 2, 7, unknown)
    assert progress.stalls(LIMIT_S + 2.0) == []
    progress.keep([])
    assert progress.stalls(10.0 * LIMIT_S) == []


def health_of(
    tp: TP,
    state: FetchState,
    leader: int | None = 1,
    redis_failures: int = 0,
    oldest: Any = None,
    mended_at: float = -math.inf,
    unclaimed: Iterable[TP] = (),
) -> Health:
    """A worker in second 100, with a partition that has been the same since second 0."""
    progress = Progress()
    for now in (0.0, 50.0, 100.0):
        progress.note(now, tp, 1, 7, state)
    error = "Redis at db:6379/0 must answer, got: timeout" if redis_failures else ""
    opened_at = 40.0 if redis_failures else None
    kit: Any = SimpleNamespace(
        settings=Settings(),
        clock=SimpleNamespace(monotonic=lambda: 100.0),
        publisher=SimpleNamespace(oldest=oldest),
        store=SimpleNamespace(
            breaker=BreakerStatus("open", redis_failures, opened_at, error, mended_at)
        ),
    )
    held: Any = SimpleNamespace(
        assigned={},
        membership=Membership(10.0),
        is_redis_up=not redis_failures,
        redis_error="",
        unsaved_since={},
    )
    claims: Any = SimpleNamespace(faults={}, waiting=dict.fromkeys(unclaimed, ""))
    watch: Any = SimpleNamespace(progress=progress, leader=lambda _: leader)
    claiming: Any = SimpleNamespace(notices=[])
    health = Health(kit, held, claims, claiming, watch)
    health.startup = None
    return health


@pytest.mark.parametrize(
    ("leader", "what"),
    [
        (None, "Kafka does not know it any more; create its topic again"),
        (-1, "it has no leader; start a broker that holds it"),
        (3, "broker 3 leads it; look at that broker and at the way to it"),
    ],
)
def test_health_says_which_partition_since_when_and_what_to_do(
    leader: int | None, what: str
) -> None:
    """Of the verdicts as well as of the payments."""
    for tp in (PAYMENTS, VERDICTS):
        (fault,) = health_of(tp, FetchState(0, 0, is_waiting=False), leader).faults()
        assert fault == (
            f"partition 0 of {tp.topic} must answer fetches, got no answer for 100 s: {what}"
        )


def test_health_says_what_a_partition_with_records_waits_for() -> None:
    """The dead letter topic has kept a message waiting since second 60."""
    behind = FetchState(12, 5, is_waiting=True)
    (fault,) = health_of(VERDICTS, behind, oldest=("fraud-feedback-dlq", 60.0)).faults()
    assert fault.startswith(
        "partition 0 of fraud-feedback must advance, got none for 100 s with 12 records waiting: "
        "topic fraud-feedback-dlq has not taken a message for 40 s"
    )


def test_verdicts_that_wait_for_redis_are_a_warning_and_no_fault() -> None:
    """Nothing is dropped to catch up, and no other worker could do better."""
    behind = FetchState(12, 5, is_waiting=True)
    health = health_of(VERDICTS, behind, redis_failures=9)
    assert health.faults() == []
    (warning,) = health.warnings()
    assert warning == (
        "scoring goes on from memory and checkpoints wait, for 60 s: "
        "Redis at db:6379/0 must answer, got: timeout"
    )
    assert len(health_of(PAYMENTS, behind, redis_failures=9).faults()) == 1


def test_verdicts_have_half_a_minute_to_be_claimed_when_redis_is_back() -> None:
    """Their next try is due within seconds. Where Redis was not away, nothing is to be waited for."""
    idle_now, back = FetchState(0, 1_100, is_waiting=True), 100.0 - STALLED_AFTER_S

    def faults(tp: TP, mended_at: float) -> list[str]:
        return health_of(PAYMENTS, idle_now, mended_at=mended_at, unclaimed=[tp]).faults()

    assert faults(VERDICTS, back) == []
    waits = ["partition 0 of fraud-feedback waits to be claimed"]
    assert faults(VERDICTS, back - 1.0) == faults(VERDICTS, -math.inf) == waits
    assert faults(PAYMENTS, back) == ["partition 0 of transactions waits to be claimed"]


def late(mended_at: float) -> list[str]:
    """Partitions in second 100.5 with a checkpoint due every 5 s, waiting since second 40 or 51."""
    kit: Any = SimpleNamespace(
        settings=Settings(checkpoint_interval_s=5.0),
        clock=SimpleNamespace(monotonic=lambda: 100.5),
        store=SimpleNamespace(breaker=BreakerStatus("closed", 0, None, mended_at=mended_at)),
    )
    held: Any = SimpleNamespace(
        redis_error="Redis at db:6379/0 is out of memory", unsaved_since={0: 40.5, 1: 51.0}
    )
    return late_checkpoints(kit, held)


def test_a_checkpoint_that_a_full_redis_refuses_is_late_after_ten_intervals_and_says_why() -> None:
    """Redis answers, so nothing else shows it."""
    assert late(-math.inf) == [
        "partition 0 must be checkpointed every 5 s, got none for 60 s: "
        "Redis at db:6379/0 is out of memory"
    ]


def test_a_checkpoint_that_waited_for_redis_is_late_ten_intervals_after_redis_came_back() -> None:
    """50 s: until then it is only about to be made."""
    assert late(51.0) == []
    assert late(50.0) == late(-math.inf)
