"""The server killed, Redis killed and frozen, under load: no wrong answer, no 500, all in time."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from tests.rig.redis import DebianRedis
from tests.rig.waiting import DEADLINE_S, wait_until
from tests.serving.stored_service import StoredService, made_up
from tests.serving.test_native_door import Door
from tests.serving.test_serve_command import free_port, is_ready

pytestmark = pytest.mark.alone

N_LEARNED = 4_000
PAYMENTS = made_up(5, N_LEARNED + 40)
# Of answers without the network; on a machine that is busy there is some time beside it.
SERVE_DEADLINE_S = 4.0
SLACK_S = 4.0
AWAY = "redis-unavailable"


@dataclass(slots=True)
class Answered:
    """What one request got: ``seconds`` it took, and when it was done."""

    index: int
    status: int
    told: Any
    seconds: float
    at: float


@dataclass(slots=True)
class Load:
    """Clients that ask one after the other until they are told to stop; what they got, in order."""

    door: Door
    values: list[bytes]
    n_clients: int = 4
    answered: list[Answered] = field(default_factory=list)
    n_unconnected: int = 0
    _stopped: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Load:
        self._threads = [
            threading.Thread(target=self._ask, args=(i,)) for i in range(self.n_clients)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(DEADLINE_S)

    def _ask(self, first: int) -> None:
        index = first
        while not self._stopped.is_set():
            index = (index + 1) % len(self.values)
            began = time.monotonic()
            try:
                status, told, _ = self.door.ask("/v1/score", self.values[index])
            except (OSError, HTTPException):
                self.n_unconnected += 1
                self._stopped.wait(0.02)
                continue
            now = time.monotonic()
            self.answered.append(Answered(index, status, told, now - began, now))

    def wait_more(self, n: int, mode: str | None = None) -> None:
        """Wait for so many more answers, of that mode."""
        before = len(self.answered)
        wait_until(
            lambda: (
                sum(
                    mode is None or (a.status == 200 and a.told["mode"] == mode)
                    for a in self.answered[before:]
                )
                >= n
            ),
            f"{n} answers, {mode or 'any'}",
        )


class Stage:
    """A Redis of its own with what a service left in it, and `streamer serve` as a process."""

    def __init__(self, folder: Path) -> None:
        self.redis = DebianRedis("aof-always").start()
        self.service = StoredService(self.redis.url, "outages")
        self.door = Door(free_port())
        self._log = folder / "serve.log"
        self._process: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        async def learn() -> None:
            await self.service.claim()
            await self.service.stream(PAYMENTS[:N_LEARNED])
            await self.service.store.close()

        asyncio.run(learn())

    def start(self, **settings: str) -> None:
        env = {
            "PATH": os.environ["PATH"],
            "STREAMER_REDIS_URL": self.redis.url,
            "STREAMER_NAMESPACE": "outages",
            "STREAMER_N_CLUSTERS": str(self.service.settings.n_clusters),
            "STREAMER_WARMUP_TRANSACTIONS": str(self.service.settings.warmup_transactions),
            "STREAMER_SERVE_PORT": str(self.door.port),
            "STREAMER_SERVE_GRPC_PORT": "0",
            "STREAMER_SERVE_DEADLINE_S": str(SERVE_DEADLINE_S),
        } | {f"STREAMER_{name.upper()}": value for name, value in settings.items()}
        with self._log.open("ab") as told:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "streamer", "serve"], env=env, stdout=told, stderr=told
            )
        assert is_ready(self.door, self._process), self.log()

    def log(self) -> str:
        return self._log.read_text()

    def end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(DEADLINE_S)
            self._process = None

    def close(self) -> None:
        self.end(signal.SIGKILL)
        if self.redis.process.is_running():
            self.redis.resume()
        self.redis.close()

    def right(self) -> dict[str, list[float | None]]:
        """The score of each payment in either mode, as the stream's own parts have it."""
        following = PAYMENTS[N_LEARNED:]
        return {
            "normal": [self.service.scored_next(each).scores[0].score for each in following],
            AWAY: [self.service.scored_as_new(each).scores[0].score for each in following],
        }


@pytest.fixture
def stage(debian_redis_installed: None, tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    try:
        made.prepare()
        yield made
    finally:
        made.close()


def check(load: Load, right: dict[str, list[float | None]]) -> None:
    """No answer is wrong in its mode, none is a 500, and all came within the deadline."""
    for each in load.answered:
        assert each.status in (200, 503), each.told
        assert each.seconds < SERVE_DEADLINE_S + SLACK_S
        if each.status == 200:
            mode = each.told["mode"]
            assert each.told["score"] == right[mode][each.index]
            assert ("state_age_s" in each.told) <= (mode == "normal")


def away(stage: Stage, begin: Callable[[], object], end: Callable[[], object]) -> Load:
    """Ask while Redis goes away and comes back, and check all that was answered."""
    values = [value for _, value in PAYMENTS[N_LEARNED:]]
    right = stage.right()
    with Load(stage.door, values) as load:
        load.wait_more(20, "normal")
        begin()
        gone = time.monotonic()
        load.wait_more(40, AWAY)
        end()
        load.wait_more(20, "normal")
    check(load, right)
    late = [each for each in load.answered if each.status == 503]
    assert late == [], late[:3]
    first = next(each for each in load.answered if each.told["mode"] == AWAY)
    assert first.at - gone < SERVE_DEADLINE_S + SLACK_S
    assert "Traceback" not in stage.log()
    return load


def test_a_redis_that_is_killed_and_comes_back_costs_no_answer(stage: Stage) -> None:
    stage.start()
    away(stage, stage.redis.kill, stage.redis.start)


def test_a_redis_that_hangs_is_given_up_in_time_to_answer_without_it(stage: Stage) -> None:
    stage.start()
    load = away(stage, stage.redis.pause, stage.redis.resume)
    # Who waited for it was late by a third of the deadline, or two; then the breaker is open.
    alone = [each for each in load.answered if each.told["mode"] == AWAY]
    assert max(each.seconds for each in alone) > 0.3 * SERVE_DEADLINE_S
    assert sorted(each.seconds for each in alone)[len(alone) // 2] < 0.2 * SERVE_DEADLINE_S


def test_a_redis_that_comes_back_empty_is_away_until_it_is_restored(stage: Stage) -> None:
    stage.start()
    right, values = stage.right(), [value for _, value in PAYMENTS[N_LEARNED:]]
    with Load(stage.door, values) as load:
        load.wait_more(20, "normal")
        stage.redis.kill()
        load.wait_more(10, AWAY)
        stage.redis.forget()
        stage.redis.start()
        load.wait_more(300)
    check(load, right)
    assert load.answered[-1].told["mode"] == AWAY


def test_a_version_that_is_looked_for_while_redis_hangs_is_given_up_at_the_deadline(
    stage: Stage,
) -> None:
    stage.start()
    stage.redis.pause()
    began = time.monotonic()
    status, told, _ = stage.door.ask("/v1/score?version=0", PAYMENTS[N_LEARNED][1])
    assert time.monotonic() - began < SERVE_DEADLINE_S + SLACK_S
    assert (status, told["error"]["reason"]) == (503, "late")


def test_where_nobody_is_to_answer_without_state_it_is_503_and_says_when_to_come_back(
    stage: Stage,
) -> None:
    stage.start(serve_without_state="refuse")
    stage.redis.kill()
    status, told, headers = stage.door.ask("/v1/score", PAYMENTS[N_LEARNED][1])
    assert (status, told["error"]["reason"], headers["retry-after"]) == (503, "unavailable", "1")
    stage.redis.start()
    wait_until(lambda: stage.door.ask("/v1/score", PAYMENTS[N_LEARNED][1])[0] == 200, "answers")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_server_that_is_ended_and_started_again_gives_the_same_answers(
    stage: Stage, number: signal.Signals
) -> None:
    stage.start()
    right = stage.right()
    with Load(stage.door, [value for _, value in PAYMENTS[N_LEARNED:]]) as load:
        load.wait_more(20, "normal")
        stage.end(number)
        n_before = len(load.answered)
        wait_until(lambda: load.n_unconnected > 5, "nobody answers")
        stage.start()
        load.wait_more(20, "normal")
    check(load, right)
    assert all(each.status == 200 for each in load.answered[:n_before])
