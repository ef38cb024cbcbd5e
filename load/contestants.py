"""Who is measured: the worker, stock Faust doing its work, stock Faust doing nothing."""

from __future__ import annotations

import sys
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from load.stock import ProgressFile
from streamer.settings import Settings

__all__ = [
    "CONTESTANTS",
    "RECEIVE",
    "STOCK",
    "WORKER",
    "Contestant",
    "consumed",
    "scrape",
    "total",
]

WORKER: Final = "worker"
STOCK: Final = "stock, same work"
RECEIVE: Final = "stock, receive only"

_CONSUMED: Final = "streamer_transactions_consumed_total"
_TIMEOUT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Contestant:
    """One way of consuming the transactions topic.

    ``share`` of the payments asked for makes its run about as long as the worker's.  ``progress``
    returns how many records it has finished with; ``has_ledger`` says whether its checkpoints must
    add up to the backlog at the end.  ``environment`` is what its own has beyond everybody's.
    """

    name: str
    share: float
    has_ledger: bool
    command: Callable[[Path], list[str]]
    progress: Callable[[Settings, Path], int]
    environment: Mapping[str, str] = field(default_factory=dict)


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


def _counted(_: Settings, counter: Path) -> int:
    return ProgressFile.read(counter)


def _stock(what: str) -> Callable[[Path], list[str]]:
    return lambda counter: [sys.executable, "-m", "load.stock", what, str(counter)]


CONTESTANTS: Final = (
    Contestant(WORKER, 1.0, True, lambda _: [sys.executable, "-m", "streamer", "worker"], _scraped),
    Contestant(STOCK, 1 / 25, True, _stock("score"), _counted),
    Contestant(RECEIVE, 1 / 5, False, _stock("receive"), _counted),
)
