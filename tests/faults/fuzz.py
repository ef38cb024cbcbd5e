"""Fuzzed messages through a real worker: ``python -m tests.faults.fuzz [--messages 100000]``.

Once as payments of the contract, once in every layout through a declared intake with a registry beside
it; ``--intake`` chooses one preset and its layout instead.  Every offset must be on exactly one of two
topics, scores or dead letters, or be counted as passed over (a refund, a deletion), the ledger must say
the same, the worker must be the one that was started, and its memory must not grow after a while.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from streamer.contract.ledger import Ledger
from streamer.contract.messages import Source
from streamer.embedded import EmbeddedRedis
from streamer.intake.readings import PASSED_OVER
from tests.faults.fuzzed import Record, fuzzed, fuzzed_layouts
from tests.faults.layouts import DECLARED
from tests.faults.reading import read_topic
from tests.intake.test_schemas import AVRO
from tests.rig.apache_kafka import ApacheKafka
from tests.stream.harness import Service, Worker
from tests.stream.registry import serving

__all__ = ["Fuzzing", "fuzz", "mapped"]

# Sent in parts, so that memory is looked at in between.
_PART: Final = 10_000
# Parts after which tables, caches and compiled code have their size.
_WARM_UP: Final = 3
# What is bounded is full by then: its growth up to the bound would hide another one.
_SMALL: Final = {"label_capacity": "2000", "duplicate_window_offsets": "2000"}
# The records of a fetch with some enormous ones, alive while memory is looked at.
_MAY_GROW_MB: Final = 40.0


@dataclass(frozen=True, slots=True)
class Fuzzing:
    """What came of it; ``faults`` is empty where all is well."""

    ledger: Ledger
    resident_mb: list[float]
    took_s: float
    faults: list[str]


class _ScoreSource(msgspec.Struct):
    source: Source


@contextmanager
def mapped(preset: str | None = None) -> Iterator[dict[str, str]]:
    """Yield the settings of an intake that maps, `DECLARED` or a preset, with a registry beside it."""
    with tempfile.TemporaryDirectory() as folder, serving() as url:
        (Path(folder) / "payment.avsc").write_text(json.dumps(AVRO))
        declared = Path(folder) / "intake.toml"
        declared.write_text(DECLARED.replace("payment.avsc", f"{folder}/payment.avsc"))
        yield {"intake": preset or str(declared), "schema_registry_url": url}


def fuzz(
    bootstrap: str, redis_url: str, messages: Iterator[Record], settings: dict[str, str]
) -> Fuzzing:
    """Send messages to a worker of their own, with ``settings``, and look at what becomes of them."""
    settings = {"scores_enabled": "true", **_SMALL, **settings}
    with Service(bootstrap, redis_url, n_partitions=4, **settings) as service:
        service.create_topics()
        worker = service.worker().wait_ready()
        resident_mb: list[float] = []
        started = time.monotonic()
        for part in _parts(messages):
            service.produce(part)
            service.wait_consumed()
            resident_mb.append(_resident_mb(worker))
        took_s = time.monotonic() - started
        return Fuzzing(service.totals(), resident_mb, took_s, _faults(service, worker, resident_mb))


def _parts(messages: Iterator[Record]) -> Iterator[list[Record]]:
    while part := list(islice(messages, _PART)):
        yield part


def _resident_mb(worker: Worker) -> float:
    lines = Path(f"/proc/{worker.child.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def _faults(service: Service, worker: Worker, resident_mb: list[float]) -> list[str]:
    settings, ledger = service.settings, service.totals()
    decode = msgspec.json.Decoder(_ScoreSource).decode
    sources = [decode(value).source for value in read_topic(service, settings.scores_topic)]
    scored = Counter((source.partition, source.offset) for source in sources)
    letters = [headers for _, headers in service.dead_letters()]
    dead = Counter(
        (int(headers["streamer-source-partition"]), int(headers["streamer-source-offset"]))
        for headers in letters
    )
    every = {(p, offset) for p, n in enumerate(service.n_sent) for offset in range(n)}
    found = scored + dead
    n_passed_over = sum(
        worker.metric("streamer_records_passed_over_total", reason=reason) for reason in PASSED_OVER
    )
    checks = {
        "the worker must be alive": worker.child.is_running() and worker.get("/readyz")[0] == 200,
        "no message may make the intake fail": all(
            headers["streamer-reason"] != "unreadable" for headers in letters
        ),
        "every offset must be on a topic or passed over": set(found) <= every
        and len(every) - len(found) == ledger.skipped + ledger.repeated,
        "the ledger must hold what was passed over": ledger.skipped == n_passed_over,
        "no offset may come twice": max(found.values()) == 1,
        "the ledger must balance": ledger.imbalance == 0,
        "the ledger must hold what was sent": ledger.consumed == len(every),
        "the ledger must hold what was scored": ledger.scored == len(scored),
        "the ledger must hold the dead letters": ledger.dead_lettered == len(dead),
        "memory must be flat": max(resident_mb[_WARM_UP:], default=0.0)
        <= resident_mb[min(_WARM_UP, len(resident_mb)) - 1] + _MAY_GROW_MB,
    }
    return [what for what, is_so in checks.items() if not is_so]


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.fuzz", description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--intake", action="append", metavar="PRESET", help="plain, declared, or a preset's name"
    )
    options = parser.parse_args()
    n_faults = 0
    with ApacheKafka() as kafka, EmbeddedRedis() as redis:
        for name in options.intake or ("plain", "declared"):
            result = _run(name, kafka.bootstrap_servers, redis.url, options.messages, options.seed)
            print(f"{name}, seed {options.seed}: {result.ledger}")
            print(f"{options.messages / result.took_s:,.0f} messages/s, {result.took_s:.0f} s")
            print("resident MB: " + " ".join(f"{mb:.0f}" for mb in result.resident_mb))
            print(
                "\n".join(result.faults) or "every offset accounted for, memory flat, worker alive"
            )
            n_faults += len(result.faults)
    return 1 if n_faults else 0


def _run(name: str, bootstrap: str, redis_url: str, n: int, seed: int) -> Fuzzing:
    if name == "plain":
        return fuzz(bootstrap, redis_url, fuzzed(n, seed), {})
    if name == "declared":
        with mapped() as settings:
            return fuzz(bootstrap, redis_url, fuzzed_layouts(n, seed), settings)
    with mapped(name) as settings:
        messages = fuzzed_layouts(n, seed, ("contract", name, name, name))
        return fuzz(bootstrap, redis_url, messages, settings)


if __name__ == "__main__":
    sys.exit(main())
