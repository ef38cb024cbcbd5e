"""Some seeds of the simulation, and that it sees what it is meant to see."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.edges import run_seed
from tests.simulation.mutants import MUTANTS
from tests.simulation.scenario import STORIES, Scenario
from tests.simulation.search import caught_by

ROOT = Path(__file__).parents[2]
# Each story is told once.
N_SEEDS = 64
N_CHUNKS = 8
# The first seeds that catch; where the simulation has changed since, the search goes on from there.
CATCHING = {
    "commit_before_the_redis_step": 1,
    "no_fencing": 2,
    "a_retried_checkpoint_is_applied_twice": 13,
    "alert_position_forgets_earlier_lives": 5,
    "checkpoint_before_the_alerts_are_out": 2,
    "head_is_not_watched": 9,
    "histories_are_not_looked_up": 3,
    "repeats_are_forgotten": 8,
    "no_heartbeat_is_asked_for": 3,
    "alerts_wait_for_ever": 3,
    "dropped_partition_is_saved": 3,
}


@pytest.mark.parametrize("chunk", range(N_CHUNKS))
def test_nothing_is_lost_and_nothing_happens_twice(chunk: int) -> None:
    """Ledger, model, alerts and states hold through every fault that these seeds draw."""
    size = N_SEEDS // N_CHUNKS
    results = map(run_seed, range(chunk * size, (chunk + 1) * size))
    failures = {result.scenario.seed: result.failure for result in results if result.failure}
    assert not failures, "to replay: python -m tests.simulation --seeds 1 --first SEED"


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_broken_protocol_is_caught(mutant: str) -> None:
    """A seed that the product passes fails with one step of the protocol left out."""
    assert caught_by(mutant, CATCHING.get(mutant, 0)) is not None


def test_the_seeds_of_this_file_tell_every_story() -> None:
    """And each story has the product under it, not only a mutant."""
    told = [Scenario.of(seed) for seed in range(N_SEEDS)]
    for story in STORIES.values():
        assert any(set(story.faults) <= set(scenario.faults) for scenario in told)


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
        timeout=120,
    )
    assert there.stdout.splitlines() == here.events
    assert len(here.events) > 10


def test_a_failing_seed_names_the_command_that_replays_it() -> None:
    """And that command fails in the same way and shows what happened."""
    command = [sys.executable, "-m", "tests.simulation", "--mutant", "recovery_reads_no_alerts"]
    many = subprocess.run(
        [*command, "--seeds", "12"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert many.returncode == 1
    [line] = [text for text in many.stdout.splitlines() if "python -m" in text]
    arguments = line.partition("python ")[2].split()
    one = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert one.returncode == 1
    assert many.stdout.splitlines()[0] in one.stdout
    assert "FAILED" in one.stdout
