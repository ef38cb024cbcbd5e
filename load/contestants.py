"""Who is measured over the transactions topic, and how far it is; the worker itself."""

from __future__ import annotations

import sys
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from load.machine import cpu_seconds
from streamer.settings import Settings

__all__ = ["THE_WORKER", "WORKER", "Contestant", "consumed", "scrape", "total"]

WORKER: Final = "worker"

_CONSUMED: Final = "streamer_transactions_consumed_total"
_TIMEOUT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Contestant:
    """One way of consuming the transactions topic.

    ``progress`` returns how many records it has finished with; ``has_ledger`` says whether its
    checkpoints must add up to the backlog at the end.  ``environment`` is what its own has beyond
    everybody's.  ``cpu_seconds`` gets its process id.  It may stand still
    for ``patience_s``, its start included.
    """

    name: str
    has_ledger: bool
    command: Callable[[Path], list[str]]
    progress: Callable[[Settings, Path], int]
    environment: Mapping[str, str] = field(default_factory=dict)
    cpu_seconds: Callable[[int], float] = cpu_seconds
    patience_s: float = 60.0


def scrape(settings: Settings) -> str:
    """Return what a worker's ``/metrics`` says; nothing while it does not answer yet."""
    url = f"http://127.0.0.1:{settings.web_port}/metrics"
    with suppress(OSError), urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:
        text: str = answer.read().decode()
        return text
    return ""


def total(exposition: str, name: str) -> int:
    """Return a counter's sum over all its series; 0 where there is none.

    >>> total('a_total{partition="0"} 5.0\\na_total 1.0\\na_total_of_others 9.0', "a_total")
    6
    """
    lines = [line for line in exposition.splitlines() if line.startswith((f"{name}{{", f"{name} "))]
    return sum(int(float(line.rpartition(" ")[2])) for line in lines)


def consumed(exposition: str) -> int:
    """Return the records consumed over all partitions."""
    return total(exposition, _CONSUMED)


def _scraped(settings: Settings, _: Path) -> int:
    return consumed(scrape(settings))


THE_WORKER: Final = Contestant(
    WORKER, True, lambda _: [sys.executable, "-m", "streamer", "worker"], _scraped
)
