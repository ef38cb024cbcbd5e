"""Some seeds of the simulation, and that it sees what it is meant to see."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from tests.simulation.connection import _Pipeline
from tests.simulation.edges import run_seed
from tests.simulation.loop import OPERATOR
from tests.simulation.mutants import MUTANTS
from tests.simulation.search import caught_by
from tests.simulation.stories import STORIES, story_of

ROOT = Path(__file__).parents[2]
UNANSWERED = "operator cannot: Redis at simulated must answer"
# Small seeds are many, and tell each story once; full ones are few, with the product's own model.
N_SMALL = 320
N_FULL = 24
N_CHUNKS = 8
# The first seeds that catch; where the simulation has changed since, the search goes on from there.
CATCHING = {
    "commit_before_the_redis_step": 5,
    "no_fencing": 13,
    "a_retried_checkpoint_is_applied_twice": 69,
    "alert_position_forgets_earlier_lives": 13,
    "recovery_reads_no_alerts": 2,
    "checkpoint_before_the_alerts_are_out": 4,
    "head_is_not_watched": 1,
    "canary_is_not_watched": 33,
    "pending_checkpoint_is_given_up": 2,
    "histories_are_not_looked_up": 15,
    "late_histories_are_not_merged": 2,
    "repeats_are_forgotten": 39,
    "fuse_forgets_earlier_lives": 70,
    "no_heartbeat_is_asked_for": 59,
    "reset_does_not_declare": 1,
    "reset_goes_by_an_old_end": 21,
    "reset_goes_by_an_old_topic": 111,
    "reset_begins_no_epoch": 1,
    "reset_of_verdicts_is_not_noticed": 13,
    "topic_id_is_not_compared": 2,
    "log_of_a_checkpoint_is_not_looked_at": 10,
    "end_of_the_log_is_not_looked_at": 2,
    "deleted_records_are_not_declared": 16,
    "first_claim_names_no_topic": 21,
    "older_epoch_is_taken": 53,
    "older_redis_is_taken": 2,
}


@pytest.mark.parametrize("chunk", range(N_CHUNKS))
def test_nothing_is_lost_and_nothing_happens_twice(chunk: int) -> None:
    """Ledger, alerts, verdicts and states hold through every fault that these seeds draw."""
    size = N_SMALL // N_CHUNKS
    seeds = range(chunk * size, (chunk + 1) * size)
    assert not _failures(seeds, is_small=True), "to replay: python -m tests.simulation --seeds 1"


@pytest.mark.parametrize("chunk", range(N_CHUNKS))
def test_the_model_that_scores_learns_once_too(chunk: int) -> None:
    """The same with the product's own numbers: what the small worlds leave out."""
    size = N_FULL // N_CHUNKS
    seeds = range(chunk * size, (chunk + 1) * size)
    command = "to replay: python -m tests.simulation --size full --seeds 1"
    assert not _failures(seeds, is_small=False), command


def _failures(seeds: range, *, is_small: bool) -> dict[str, str]:
    results = (run_seed(seed, is_small=is_small) for seed in seeds)
    return {f"--first {r.scenario.seed}": r.failure for r in results if r.failure}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_broken_protocol_is_caught(mutant: str) -> None:
    """A seed that the product passes fails with one step of the protocol left out."""
    assert caught_by(mutant, CATCHING.get(mutant, 0)) is not None


def test_the_seeds_of_this_file_tell_every_story() -> None:
    """And each story has the product under it, not only a mutant."""
    told = [story_of(seed) for seed in range(N_SMALL)]
    for story in STORIES.values():
        assert story in told


def test_a_seed_runs_the_same_in_another_process() -> None:
    """Step by step, whatever the order in which that process's sets and dictionaries come."""
    here = run_seed(3)
    code = "from tests.simulation.edges import run_seed; print(*run_seed(3).events, sep='\\n')"
    there = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    assert there.stdout.splitlines() == here.events
    assert len(here.events) > 10


def test_a_reset_that_redis_does_when_its_operator_has_gone_is_no_fault() -> None:
    """Redis hangs as the step arrives, so that the command fails, and then does it.

    In which seeds an operator comes so far changes with every request that a worker makes.
    """
    resets: list[int] = []
    execute = _Pipeline.execute

    async def hanging(pipe: _Pipeline) -> list[Any]:
        redis = pipe._server

        def goes_on() -> None:
            redis.recover()
            [lineage] = (found for key, found in redis.data.items() if key.endswith(":lineage"))
            resets.append(sum(entry[b"reason"] == b"reset" for _, entry in lineage))

        is_step = pipe._process.name == OPERATOR and pipe._watched is not None
        if is_step and not resets:
            redis.hang()
            redis._loop.in_world(10.0, goes_on)
        return await execute(pipe)

    with patch.object(_Pipeline, "execute", hanging):
        for seed in range(20):
            resets.clear()
            result = run_seed(seed, STORIES["passed over"], is_small=True)
            assert result.failure is None
            if resets == [1] and any(UNANSWERED in told for told in result.events):
                return
    pytest.fail("no seed has a reset that was done and not answered")


def test_a_failing_seed_names_the_command_that_replays_it() -> None:
    """And that command fails in the same way and shows what happened."""
    command = [sys.executable, "-m", "tests.simulation", "--mutant", "recovery_reads_no_alerts"]
    many = subprocess.run(
        [*command, "--seeds", "12"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert many.returncode == 1
    told, replay, *_ = many.stdout.splitlines()
    arguments = replay.partition("python ")[2].split()
    one = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert one.returncode == 1
    assert told in one.stdout
    assert "FAILED" in one.stdout


def test_a_run_says_how_many_seeds_of_which_size_failed() -> None:
    """Both sizes, and the seconds that they took."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--seeds", "6", "--full", "2", "--skip-mutants"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    small, full, _ = done.stdout.splitlines()
    assert small.startswith("6 small seeds in ")
    assert full.startswith("2 full seeds in ")
    assert small.endswith(": 0 failed")
