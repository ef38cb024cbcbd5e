"""What a rate of payments takes, by arithmetic on what was measured: ``python -m load.sizing``.

Prints the page `docs/sizing.md`; with ``--per-second`` and ``--cards`` the table for those alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import click

__all__ = ["CONSTANTS", "EXAMPLES", "Constant", "Needs", "Prices", "main", "needs", "page"]

_GB: Final = 1e9
_MB: Final = 1e6


class Constant(NamedTuple):
    """A figure with its unit, what it is, and what measures it."""

    value: float
    unit: str
    what: str
    source: str


CONSTANTS: Final[dict[str, Constant]] = {
    "worker_cpu_us": Constant(
        13.3,
        "µs",
        "processor time of a worker for a payment",
        "`python -m load.scale`",
    ),
    "worker_mb": Constant(
        464.0, "MB", "memory of a worker of 10,000 cards", "`python -m load.memory`"
    ),
    "card_bytes": Constant(
        248.0,
        "bytes",
        "memory of a worker for a card, its merchants included",
        "`python -m load.memory`",
    ),
    "card_redis_bytes": Constant(
        269.0, "bytes", "memory of Redis for a card", "`python -m load.memory`"
    ),
    "label_redis_bytes": Constant(
        186.0,
        "bytes",
        "memory of Redis for a payment that waits for its label",
        "`python -m load.bench_labels`",
    ),
    "redis_in_bytes": Constant(
        594.0, "bytes", "that Redis gets for a payment", "`python -m load.scale`"
    ),
    "redis_cpu_us": Constant(
        0.84, "µs", "processor time of Redis for a payment", "`python -m load.scale`"
    ),
    "redis_most": Constant(
        255_000.0,
        "payments/s",
        "that one Redis saves at most: workers merge into one head, one at a time",
        "`python -m load.redis_end`",
    ),
    "payment_bytes": Constant(
        246.0, "bytes", "of a payment in Kafka, before compression", "`load.generator`"
    ),
    "alert_bytes": Constant(7_300.0, "bytes", "of an alert in Kafka", "decision 0064"),
}
# Chosen, not measured.
_BUSY: Final = 0.6
_WAITING_LABELS: Final = 100_000
_ALERT_SHARE: Final = 0.005
_REPLICAS: Final = 3
_PARTITIONS_PER_WORKER: Final = 4
_LEAST_PARTITIONS: Final = 16
_REDIS_ROOM: Final = 2.0


# Payments a second, and cards.
EXAMPLES: Final = ((1_000.0, 1e6), (100_000.0, 2e7), (1_000_000.0, 1e8))


class Prices(NamedTuple):
    """Of a month: a processor with the memory that comes with it, and a gigabyte of Redis."""

    processor: float = 30.0
    redis_gb: float = 10.0


class Needs(NamedTuple):
    """What ``per_second`` payments of ``cards`` take."""

    per_second: float
    cards: float
    workers: int
    partitions: int
    worker_mb: float
    redis_gb: float
    redis_mb_s: float
    redis_busy: float
    n_redis: int
    kafka_mb_s: float
    alerts_per_s: float
    per_month: float


def needs(per_second: float, cards: float, prices: Prices) -> Needs:
    """Return what it takes at `_BUSY` of the processors, with one worker to spare.

    Each of ``n_redis`` serves a part of the cards under a namespace and topics of its own.
    """
    of = {name: constant.value for name, constant in CONSTANTS.items()}
    workers = math.ceil(per_second * of["worker_cpu_us"] / 1e6 / _BUSY) + 1
    most = max(_PARTITIONS_PER_WORKER * workers, _LEAST_PARTITIONS)
    partitions = 2 ** math.ceil(math.log2(most))
    redis_bytes = cards * of["card_redis_bytes"]
    redis_bytes += partitions * _WAITING_LABELS * of["label_redis_bytes"]
    redis_gb = redis_bytes * _REDIS_ROOM / _GB
    kafka_bytes = (of["payment_bytes"] + _ALERT_SHARE * of["alert_bytes"]) * _REPLICAS
    redis_busy = per_second * of["redis_cpu_us"] / 1e6
    return Needs(
        per_second,
        cards,
        workers,
        partitions,
        of["worker_mb"] + cards / workers * of["card_bytes"] / _MB,
        redis_gb,
        per_second * of["redis_in_bytes"] / _MB,
        redis_busy,
        max(math.ceil(max(redis_busy, per_second / of["redis_most"]) / _BUSY), 1),
        per_second * kafka_bytes / _MB,
        per_second * _ALERT_SHARE,
        workers * prices.processor + redis_gb * prices.redis_gb,
    )


def page(found: Sequence[Needs], prices: Prices) -> str:
    """Return the page as Markdown."""
    rows = "\n".join(map(_row, found))
    constants = "\n".join(
        f"| `{name}` | {c.value:,g} {c.unit} | {c.what} | {c.source} |"
        for name, c in CONSTANTS.items()
    )
    template = Path(__file__).with_name("sizing_page.md").read_text("utf-8")
    return template.format(rows=rows, constants=constants, p=prices, busy=_BUSY, spare=_REDIS_ROOM)


def _row(n: Needs) -> str:
    cells = [
        f"{n.per_second:,.0f}",
        f"{n.cards:,.0f}",
        f"{n.workers:,}",
        f"{n.partitions:,}",
        f"{n.worker_mb:,.0f} MB",
        f"{n.redis_gb:,.1f} GB",
        f"{n.redis_mb_s:,.1f} MB/s",
        f"{n.redis_busy:.1%}",
        f"{n.n_redis}",
        f"{n.kafka_mb_s:,.1f} MB/s",
        f"{n.alerts_per_s:,.0f}",
        f"{n.per_month:,.0f}",
    ]
    return f"| {' | '.join(cells)} |"


@click.command()
@click.option("--per-second", type=click.FloatRange(0, min_open=True))
@click.option("--cards", type=click.FloatRange(1), default=1e6, show_default=True)
@click.option("--processor-price", type=click.FloatRange(0), default=30.0, show_default=True)
@click.option("--redis-gb-price", type=click.FloatRange(0), default=10.0, show_default=True)
def main(
    per_second: float | None, cards: float, processor_price: float, redis_gb_price: float
) -> None:
    """Print what a rate takes; without one, the page for three of them."""
    prices = Prices(processor_price, redis_gb_price)
    asked = EXAMPLES if per_second is None else [(per_second, cards)]
    found = [needs(*each, prices) for each in asked]
    if per_second is None:
        click.echo(page(found, prices), nl=False)
        return
    for name, value in found[0]._asdict().items():
        click.echo(f"{name.replace('_', ' '):>16}  {value:,.4g}")


if __name__ == "__main__":
    main()
