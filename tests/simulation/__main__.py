"""``python -m tests.simulation``: run seeds, then see that every mutant is caught."""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context

from tests.simulation.edges import run_seed
from tests.simulation.mutants import MUTANTS
from tests.simulation.scenario import Story
from tests.simulation.search import caught_by
from tests.simulation.split_mutants import SPLIT_MUTANTS, caught_beyond
from tests.simulation.split_world import run_beyond
from tests.simulation.world import Result

_CHUNK = 20
_PROGRESS_EVERY_S = 5.0
_FAILURES_SHOWN = 20


def main() -> int:
    options = _options()
    seeds = range(options.first, options.first + options.seeds)
    is_small = options.size == "small"
    if options.beyond:
        return _beyond(seeds, options, is_small)
    if options.mutant is not None:
        mutant, story = MUTANTS[options.mutant]
        with mutant():
            return _report(seeds, options, _results(seeds, story, is_small))
    if len(seeds) == 1:
        return _report(seeds, options, _results(seeds, None, is_small))
    with ProcessPoolExecutor(len(os.sched_getaffinity(0)), mp_context=get_context("fork")) as pool:
        run = partial(_brief, is_small=is_small)
        status = _report(seeds, options, pool.map(run, seeds, chunksize=_CHUNK))
        if options.full:
            some = range(options.first, options.first + options.full)
            options.size = "full"
            status |= _report(some, options, pool.map(partial(_brief, is_small=False), some))
        if not options.skip_mutants:
            find = partial(caught_by, first=options.first)
            status |= _report_mutants(MUTANTS, pool.map(find, MUTANTS))
    took = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu_s = sum(usage.ru_utime + usage.ru_stime for usage in took)
    print(f"{cpu_s:.1f} s of processor time in all")
    return status


def _beyond(seeds: range, options: argparse.Namespace, is_small: bool) -> int:
    """Run seeds of what lies beyond one Redis, and its mutants."""
    if options.mutant is not None:
        mutant, story = SPLIT_MUTANTS[options.mutant]
        with mutant():
            found = (run_beyond(seed, story, is_small=is_small) for seed in seeds)
            return _report(seeds, options, found)
    if len(seeds) == 1:
        return _report(seeds, options, [run_beyond(seeds[0], is_small=is_small)])
    with ProcessPoolExecutor(len(os.sched_getaffinity(0)), mp_context=get_context("fork")) as pool:
        run = partial(_brief_beyond, is_small=is_small)
        struck: Counter[str] = Counter()
        status = _report(seeds, options, _counted(pool.map(run, seeds, chunksize=_CHUNK), struck))
        print(", ".join(f"{name} {n:,}" for name, n in sorted(struck.items())), flush=True)
        if options.full:
            some = range(options.first, options.first + options.full)
            options.size = "full"
            full = pool.map(partial(_brief_beyond, is_small=False), some)
            status |= _report(some, options, _counted(full, struck))
        if not options.skip_mutants:
            find = partial(caught_beyond, first=options.first)
            status |= _report_mutants(SPLIT_MUTANTS, pool.map(find, SPLIT_MUTANTS))
    return status


def _counted(results: Iterable[Result], struck: Counter[str]) -> Iterator[Result]:
    """Add up what has happened in all seeds."""
    for result in results:
        struck.update(result.counts)
        yield result


def _brief_beyond(seed: int, *, is_small: bool) -> Result:
    return replace(run_beyond(seed, is_small=is_small), events=[], cause=None)


def _brief(seed: int, *, is_small: bool) -> Result:
    """Run a seed in a process of the pool, which sends back no more than is printed."""
    return replace(run_seed(seed, is_small=is_small), events=[], cause=None)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--seeds", type=int, default=1_000, help="how many seeds")
    parser.add_argument(
        "--size",
        choices=("small", "full"),
        default="small",
        help="small: fewer payments, and a model that only counts; full: the product's model",
    )
    parser.add_argument("--full", type=int, default=0, help="how many seeds of full size then")
    parser.add_argument("--mutant", help="run the seeds against a broken protocol")
    parser.add_argument("--skip-mutants", action="store_true", help="seeds alone")
    parser.add_argument(
        "--beyond",
        action="store_true",
        help="partitions and head in slots of their own (docs/decisions/0071), and its mutants",
    )
    options = parser.parse_args()
    known = SPLIT_MUTANTS if options.beyond else MUTANTS
    if options.mutant is not None and options.mutant not in known:
        parser.error(f"--mutant must be one of {', '.join(known)}, got {options.mutant}")
    return options


def _results(seeds: Iterable[int], story: Story | None, is_small: bool) -> Iterator[Result]:
    return (run_seed(seed, story, is_small=is_small) for seed in seeds)


def _report(seeds: range, options: argparse.Namespace, results: Iterable[Result]) -> int:
    """Print what came of ``seeds``: each failure with the command that replays it."""
    replay = f"python -m tests.simulation --size {options.size} --seeds 1"
    if options.beyond:
        replay += " --beyond"
    if options.mutant is not None:
        replay += f" --mutant {options.mutant}"
    started = told_at = time.perf_counter()
    n_failed, n_steps, cpu_s, only = 0, 0, 0.0, None
    for n_done, result in enumerate(results, start=1):
        n_steps += result.n_steps
        cpu_s += result.cpu_s
        if result.failure is not None:
            n_failed += 1
            only = result
            if n_failed <= _FAILURES_SHOWN:
                print(f"seed {result.scenario.seed}: {result.failure}")
                print(f"  to replay: {replay} --first {result.scenario.seed}", flush=True)
        now = time.perf_counter()
        if now - told_at >= _PROGRESS_EVERY_S:
            told_at = now
            rate = n_done / (now - started)
            print(
                f"{n_done:,} of {len(seeds):,} seeds, {rate:.0f} a second, {n_failed} failed",
                file=sys.stderr,
                flush=True,
            )
    took_s = time.perf_counter() - started
    print(
        f"{len(seeds):,} {options.size} seeds in {took_s:.1f} s, {len(seeds) / took_s:.0f} a second "
        f"and {len(seeds) / cpu_s:.0f} a second of one processor, {n_steps:,} steps: "
        f"{n_failed} failed",
        flush=True,
    )
    if len(seeds) == 1 and only is not None:
        print(only.scenario, *only.events, sep="\n")
        if only.cause is not None:
            traceback.print_exception(only.cause)
    return int(n_failed > 0)


def _report_mutants(mutants: Mapping[str, object], found: Iterable[Result | None]) -> int:
    n_caught = 0
    for name, result in zip(mutants, found, strict=True):
        how = "NOT CAUGHT" if result is None else f"seed {result.scenario.seed}: {result.failure}"
        print(f"  {name}: {how}", flush=True)
        n_caught += result is not None
    print(f"{n_caught} of {len(mutants)} mutants caught")
    return int(n_caught < len(mutants))


if __name__ == "__main__":
    sys.exit(main())
