"""Random `kill -9` of workers on Apache Kafka: ``python -m tests.faults.chaos [--kills 100]``.

One seed gives the same payments, victims and pauses; what the machine does in between differs.  Some
kills come a moment after a start, some into a checkpoint, some into a rebalance that another one has
caused.  The exit code is 1 when a figure that must be 0 is not.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Final

import numpy as np

from tests.faults.checker import Report
from tests.faults.stand import Stand
from tests.faults.traffic import Mix
from tests.rig.apache_kafka import ApacheKafka
from tests.rig.redis import DebianRedis

__all__ = ["chaos"]

_RATE: Final = 500.0
# Of the pauses between kills: most are long enough for some work, some shorter than a start.
_SHORTEST_S, _LONGEST_S = 0.2, 5.0
_EVERY: Final = 10


def chaos(n_kills: int, seed: int, n_workers: int) -> Report:
    """Kill and count, and print how it goes."""
    rng = np.random.default_rng(seed)
    with (
        ApacheKafka() as kafka,
        DebianRedis() as redis,
        Stand(kafka.bootstrap_servers, redis.url, seed=seed, n_partitions=6, mix=Mix()) as stand,
    ):
        stand.load(n_workers, rate=_RATE)
        started = time.monotonic()
        for n in range(1, n_kills + 1):
            time.sleep(float(rng.uniform(_SHORTEST_S, _LONGEST_S)))
            _kill(stand, int(rng.integers(n_workers)))
            if n % _EVERY == 0:
                _say(stand, n, time.monotonic() - started)
        stand.fault_is_over()
        report = stand.finish(run_on_s=5)
        for note in stand.notes:
            print(f"  {note[:400]}", flush=True)
        return report


def _kill(stand: Stand, victim: int) -> None:
    """Kill a worker; one that ended by itself in this moment is the supervisor's to start."""
    child = stand.slots[victim].running.child
    if child.is_running():
        stand.slots[victim].running.kill()


def _say(stand: Stand, n_kills: int, elapsed_s: float) -> None:
    total = stand.service.totals()
    print(
        f"{elapsed_s:5.0f} s  {n_kills} kills  sent {len(stand.traffic.sent):,}  "
        f"consumed {total.consumed:,}  scored {total.scored:,}",
        flush=True,
    )


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    report = chaos(options.kills, options.seed, options.workers)
    print(f"seed {options.seed}: {report}")
    return 0 if report.figures.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
