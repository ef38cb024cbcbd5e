"""Mixed faults for as long as is wanted: ``python -m tests.faults.soak [--minutes 30]``.

Between the faults the memory and the open files of each worker are watched.  What a worker keeps of
payments, their labels and fingerprints, is bounded, and the bounds are set so low here that they are
reached in the first minutes: 100,000 payments of a partition would take 20 minutes at this rate, and a
worker that still fills its tables looks like one that leaks.  From then on the later half of what was
measured may lie at most a tenth above the earlier one.  The exit code is 1 when it does, or when a
figure is not 0.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np

from tests.faults.checker import Report
from tests.faults.stand import Stand
from tests.rig.apache_kafka import ApacheKafka
from tests.rig.proxy import Proxy
from tests.rig.redis import DebianRedis

__all__ = ["Usage", "soak"]

_RATE: Final = 500.0
_MEASURE_S: Final = 5.0
_N_PARTITIONS: Final = 6
# Payments of a partition that wait for their label, and offsets within which a repeat is known.
_KEPT: Final = 2_000
# Fingerprints are kept for two windows, which 83 payments a second of a partition fill in 48 s.  Caches
# and compiled code have their size by then too.
_WARM_UP_S: Final = 120.0
_MAY_GROW: Final = 1.10
_FEW_FILES: Final = 10


@dataclass(slots=True)
class Usage:
    """Memory and open files of processes over time, by process id."""

    started: dict[int, float] = field(default_factory=dict)
    samples: dict[int, list[tuple[float, float, int]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def measure(self, pid: int) -> None:
        """Take one sample of a process; nothing where it has ended."""
        now = time.monotonic()
        age_s = now - self.started.setdefault(pid, now)
        try:
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            n_files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        except OSError:
            return
        resident = [line.split()[1] for line in lines if line.startswith("VmRSS:")]
        if resident:
            self.samples[pid].append((age_s, int(resident[0]) / 1024, n_files))

    def grown(self, warm_up_s: float = _WARM_UP_S) -> list[str]:
        """Return what has grown in processes that lived for long after their warm-up."""
        found = []
        for pid, samples in self.samples.items():
            late = [(mb, files) for age, mb, files in samples if age >= warm_up_s]
            if len(late) < 10:
                continue
            half = len(late) // 2
            was, now = (median(mb for mb, _ in part) for part in (late[:half], late[half:]))
            if now > was * _MAY_GROW:
                found.append(f"worker {pid} grew from {was:.0f} to {now:.0f} MB")
            had, has = (median(n for _, n in part) for part in (late[:half], late[half:]))
            if has > had + _FEW_FILES:
                found.append(f"worker {pid} holds {has:.0f} files open, {had:.0f} before")
        return found


def soak(minutes: float, seed: int, n_workers: int) -> tuple[Report, list[str]]:
    """Disturb and count, and print how it goes; return what grew as well."""
    rng, usage = np.random.default_rng(seed), Usage()
    with ApacheKafka() as kafka, DebianRedis("aof-always") as redis, Proxy(redis.port) as proxy:
        faults = _faults(kafka, redis, proxy)
        url = f"redis://127.0.0.1:{proxy.port}/0"
        with Stand(
            kafka.bootstrap_servers,
            url,
            seed=seed,
            n_partitions=_N_PARTITIONS,
            are_noting=True,
            label_capacity=str(_KEPT),
            duplicate_window_offsets=str(_KEPT),
        ) as stand:
            stand.load(n_workers, rate=_RATE)
            started = time.monotonic()
            while (elapsed_s := time.monotonic() - started) < minutes * 60:
                name = list(faults)[int(rng.integers(len(faults)))]
                print(f"{elapsed_s:6.0f} s  {name}  {stand.service.totals()}", flush=True)
                faults[name](stand, rng)
                _watch(stand, usage, float(rng.uniform(10.0, 40.0)))
            stand.fault_is_over()
            return stand.finish(run_on_s=5), usage.grown()


def _watch(stand: Stand, usage: Usage, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for slot in stand.slots:
            usage.measure(slot.running.child.pid)
        time.sleep(_MEASURE_S)


def _faults(
    kafka: ApacheKafka, redis: DebianRedis, proxy: Proxy
) -> dict[str, Callable[[Stand, np.random.Generator], None]]:
    """Return what may happen; the worker in the first slot is left alone, so that it grows old."""

    def killed(stand: Stand, rng: np.random.Generator) -> None:
        stand.slots[int(rng.integers(1, len(stand.slots)))].running.kill()

    def frozen(stand: Stand, rng: np.random.Generator) -> None:
        worker = stand.slots[-1].running
        worker.pause()
        time.sleep(float(rng.uniform(2.0, 15.0)))
        worker.resume()

    def redis_killed(stand: Stand, rng: np.random.Generator) -> None:
        redis.kill()
        time.sleep(float(rng.uniform(0.0, 15.0)))
        redis.start()

    def redis_hung(stand: Stand, rng: np.random.Generator) -> None:
        redis.pause()
        time.sleep(float(rng.uniform(1.0, 15.0)))
        redis.resume()

    def redis_cut(stand: Stand, rng: np.random.Generator) -> None:
        proxy.cut_answer_to(b"EXEC")

    def broker_killed(stand: Stand, rng: np.random.Generator) -> None:
        kafka.kill()
        time.sleep(float(rng.uniform(0.0, 15.0)))
        kafka.start_broker()

    return {
        "worker killed": killed,
        "worker frozen": frozen,
        "Redis killed": redis_killed,
        "Redis hung": redis_hung,
        "Redis cut off": redis_cut,
        "broker killed": broker_killed,
    }


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=3)
    options = parser.parse_args()
    report, grown = soak(options.minutes, options.seed, options.workers)
    print(f"seed {options.seed}: {report}")
    print("\n".join(grown) or "memory and open files: flat")
    return 0 if report.figures.is_clean and not grown else 1


if __name__ == "__main__":
    sys.exit(main())
