"""The protocol beyond one Redis: some seeds of it, its mutants, and its plan by hand."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.exceptions import ResponseError

from tests.simulation.loop import Process
from tests.simulation.merge_log import (
    NOTHING_MERGED,
    Entry,
    Gap,
    Plan,
    Tip,
    Watermark,
    planned,
)
from tests.simulation.simulated_redis import SimulatedRedis
from tests.simulation.slots import SlotConnection, SlotKeys
from tests.simulation.split_mutants import caught_beyond
from tests.simulation.split_world import SPLIT_STORIES, run_beyond, split_story

ROOT = Path(__file__).parents[2]
N_SEEDS = 16
# The first seeds that catch; where the simulation has changed since, the search goes on from there.
CATCHING = {
    "pending_is_thrown_away_at_claim": 0,
    "only_one_delta_waits": 0,
    "delta_apart_from_its_checkpoint": 0,
    "no_fence_in_the_slot": 1,
    "no_fence_in_the_head": 3,
    "repeated_payments_end_anywhere": 0,
    "nobody_settles": 0,
}


def entry(name: str, after: str, first: int, following: int) -> Entry:
    """Return an entry that taught each of its offsets."""
    return Entry(name, after, first, following, following, following - first, 1, "worker", 0)


CHAIN = [entry("4", "3", 30, 40), entry("5", "4", 40, 55), entry("6", "5", 55, 60)]
TIP = Tip("6", 60, 60)


def test_what_follows_the_watermark_is_merged_and_nothing_else() -> None:
    """Done and not heard of, it is merged again from where the head is: from nothing."""
    assert planned(Watermark("4", 40, 40), TIP, CHAIN).entries == tuple(CHAIN[1:])
    assert planned(Watermark("3", 30, 30), TIP, CHAIN).entries == tuple(CHAIN)
    assert planned(Watermark("6", 60, 60), TIP, CHAIN) == Plan()


def test_a_head_that_is_ahead_of_a_slot_is_caught_up_with() -> None:
    assert planned(Watermark("9", 75, 75), TIP, CHAIN) == Plan(repeat_to=75)


def test_what_the_slot_keeps_no_more_is_declared() -> None:
    """30 payments of which the head has 12: 18 are declared, the rest is merged."""
    plan = planned(Watermark("1", 12, 12), TIP, CHAIN)
    assert plan == Plan(tuple(CHAIN), Gap(12, 30, 18))


def test_what_lies_across_the_watermark_is_never_merged() -> None:
    """An entry of which the head has a part would teach that part twice."""
    plan = planned(Watermark("another's", 45, 45), TIP, CHAIN)
    assert plan == Plan((CHAIN[2],), Gap(45, 55, 10))


def test_a_slot_without_entries_lacks_nothing() -> None:
    assert planned(NOTHING_MERGED, Tip("", 0, 0), []) == Plan()
    assert planned(Watermark("6", 60, 60), TIP, []) == Plan()


@given(st.integers(1, 8), st.integers(0, 8), st.integers(1, 4), st.booleans())
def test_merged_and_declared_add_up_to_what_was_taught(
    n: int, n_merged: int, n_kept: int, is_known: bool
) -> None:
    """From any watermark on the same history, known or not, each payment is merged or declared once."""
    chain = [entry(str(i + 1), str(i), 10 * i, 10 * i + 10) for i in range(n)]
    n_merged = min(n, n_merged)
    tip, kept = Tip(str(n), 10 * n, 10 * n), chain[-n_kept:]
    name = str(n_merged) if is_known else "unknown"
    plan = planned(Watermark(name, 10 * n_merged, 10 * n_merged), tip, kept)
    n_declared = plan.gap.n_payments if plan.gap else 0
    assert 10 * n_merged + n_declared + sum(e.taught for e in plan.entries) == tip.learned


@pytest.mark.parametrize("chunk", range(4))
def test_each_payment_is_merged_once_whichever_slot_fails(chunk: int) -> None:
    """Head, ledger, alerts and states hold through every fault that these seeds draw."""
    size = N_SEEDS // 4
    failed = {
        f"--beyond --first {seed}": result.failure
        for seed in range(chunk * size, (chunk + 1) * size)
        if (result := run_beyond(seed)).failure
    }
    assert not failed, "to replay: python -m tests.simulation --seeds 1"


def test_the_product_s_own_model_is_merged_once_too() -> None:
    """A full seed: centers, histograms and thresholds in the deltas that wait for the head."""
    result = run_beyond(2, is_small=False)
    assert result.failure is None
    assert result.counts["merges"]


def test_slots_come_back_older_and_what_the_head_lacks_is_merged_again() -> None:
    """Else nothing of the above would be tried."""
    counts: Counter[str] = Counter()
    for seed in range(10):
        counts.update(run_beyond(seed, SPLIT_STORIES["older in turn"]).counts)
        if counts["head older than a slot, merged again"]:
            return
    pytest.fail(f"a head must come back older than its slots, got {counts}")


@pytest.mark.parametrize("mutant", CATCHING)
def test_a_protocol_broken_beyond_one_redis_is_caught(mutant: str) -> None:
    """A seed that the protocol passes fails with one step of it left out; the command tries all."""
    assert caught_beyond(mutant, CATCHING[mutant]) is not None


def test_the_seeds_tell_every_story() -> None:
    told = [split_story(seed) for seed in range(4 * len(SPLIT_STORIES))]
    assert [story for story in told if story is not None] == list(SPLIT_STORIES.values())


def test_a_command_across_two_slots_is_refused_as_a_cluster_does() -> None:
    """So that nothing here is atomic that would not be there."""
    keys, nobody = SlotKeys("simulation", "transactions", 0), Process("nobody")
    connection = SlotConnection(cast("SimulatedRedis", None), nobody, keys)
    with pytest.raises(ResponseError, match="CROSSSLOT"):
        connection.pipeline().execute_command("SET", keys.head, "1")


def test_beyond_has_a_command_that_replays_a_seed() -> None:
    command = [sys.executable, "-m", "tests.simulation", "--beyond", "--mutant"]
    done = subprocess.run(
        [*command, "watermark_before_the_head", "--seeds", "1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "--beyond --mutant watermark_before_the_head --first 0" in done.stdout
    assert "FAILED" in done.stdout
