"""``python -m tests.simulation``: run seeds, then see that every mutant is caught."""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from tests.simulation.edges import run_seed
from tests.simulation.mutants import MUTANTS
from tests.simulation.search import caught_by
from tests.simulation.world import Result

_CHUNK = 10


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--seeds", type=int, default=1_000, help="how many seeds")
    parser.add_argument("--mutant", choices=MUTANTS, help="run the seeds against a broken protocol")
    parser.add_argument("--skip-mutants", action="store_true", help="seeds alone")
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.seeds)
    if options.mutant is not None:
        mutant, story = MUTANTS[options.mutant]
        with mutant():
            results = (run_seed(seed, story) for seed in seeds)
            return _report(seeds, results, f" --mutant {options.mutant}")
    if len(seeds) == 1:
        return _report(seeds, map(run_seed, seeds))
    with ProcessPoolExecutor(len(os.sched_getaffinity(0)), mp_context=get_context("fork")) as pool:
        status = _report(seeds, pool.map(run_seed, seeds, chunksize=_CHUNK))
        if not options.skip_mutants:
            find = partial(caught_by, first=options.first)
            status |= _report_mutants(pool.map(find, MUTANTS))
    return status


def _report(seeds: range, results: Iterable[Result], argument: str = "") -> int:
    """Print what came of ``seeds``, with the command that replays the first failure."""
    started = time.perf_counter()
    n_failed, n_steps, first = 0, 0, None
    for result in results:
        n_steps += result.n_steps
        if result.failure is not None:
            n_failed += 1
            first = first or result
            print(f"seed {result.scenario.seed}: {result.failure}", flush=True)
    took_s = time.perf_counter() - started
    print(
        f"{len(seeds)} seeds in {took_s:.1f} s, {len(seeds) / took_s:.1f} a second, "
        f"{n_steps:,} steps: {n_failed} failed"
    )
    if first is None:
        return 0
    if len(seeds) == 1:
        print(first.scenario, *first.events, sep="\n")
        if first.cause is not None:
            traceback.print_exception(first.cause)
    else:
        command = f"python -m tests.simulation --first {first.scenario.seed} --seeds 1{argument}"
        print(f"to replay the first: {command}")
    return 1


def _report_mutants(found: Iterable[Result | None]) -> int:
    results = dict(zip(MUTANTS, found, strict=True))
    for name, result in results.items():
        how = "NOT CAUGHT" if result is None else f"seed {result.scenario.seed}: {result.failure}"
        print(f"  {name}: {how}")
    n_caught = sum(result is not None for result in results.values())
    print(f"{n_caught} of {len(results)} mutants caught")
    return int(n_caught < len(results))


if __name__ == "__main__":
    sys.exit(main())
