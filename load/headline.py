"""The worker against the decode ceiling of the same minute: ``python -m load.headline``.

Each round runs both over one topic that was filled before, in an order that changes from round to
round, so that a busy minute of the machine meets either.  README.md says what is measured.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from load.brokers import BROKERS, running
from load.figures import Spread, Window, summarise
from load.headline_rounds import Scene, WorkerRun
from load.machine import describe_machine

__all__ = ["Round", "as_json", "figures", "main"]


@dataclass(frozen=True, slots=True)
class Round:
    """One ceiling and one worker, measured within a minute of each other."""

    ceiling: Window
    worker: WorkerRun

    @property
    def ratio(self) -> float:
        """The worker's rate as a share of the ceiling's."""
        return self.worker.window.per_second / self.ceiling.per_second


def figures(rounds: Sequence[Round]) -> dict[str, Spread]:
    """Return what the rounds came to; the ratio is that of each round, its median theirs."""
    return summarise(
        {
            "worker_per_s": [each.worker.window.per_second for each in rounds],
            "decode_ceiling_per_s": [each.ceiling.per_second for each in rounds],
            "ratio": [each.ratio for each in rounds],
            "cpu_us_per_payment": [each.worker.window.cpu_us_per_record for each in rounds],
            "ceiling_cpu_us_per_payment": [each.ceiling.cpu_us_per_record for each in rounds],
        }
    )


def as_json(spreads: dict[str, Spread]) -> dict[str, dict[str, float]]:
    """Return figures by the names that they have in a file.

    >>> as_json({"ratio": Spread(median=0.5, low=0.4, high=0.6)})
    {'ratio': {'median': 0.5, 'min': 0.4, 'max': 0.6}}
    """
    return {
        name: {"median": spread.median, "min": spread.low, "max": spread.high}
        for name, spread in spreads.items()
    }


@click.command()
@click.option("--broker", type=click.Choice(BROKERS), required=True)
@click.option("--rounds", "n_rounds", type=click.IntRange(1), default=5, show_default=True)
@click.option("--payments", type=click.IntRange(50_000), default=500_000, show_default=True)
@click.option(
    "--cards",
    type=click.IntRange(1, 1_000_000),
    default=2_000,
    show_default=True,
    help="Cards that take part; with a million nearly every payment is of a card not seen before.",
)
@click.option("--json", "json_path", type=click.Path(dir_okay=False, path_type=Path))
def main(broker: str, n_rounds: int, payments: int, cards: int, json_path: Path | None) -> None:
    """Measure worker and ceiling in turn, everything on, and print their ratio."""
    about = describe_machine() | {
        "date": datetime.now(UTC).date().isoformat(),
        "broker": broker,
        "rounds": str(n_rounds),
        "payments": str(payments),
        "cards": str(cards),
    }
    rounds: list[Round] = []
    with running(broker) as bootstrap_servers:
        scene = Scene(bootstrap_servers, payments)
        scene.fill(cards)
        for number in range(1, n_rounds + 1):
            rounds.append(_round(scene, number))
            _tell(number, rounds[-1])
    spreads = figures(rounds)
    for name, spread in spreads.items():
        click.echo(f"{name}: {spread.median:,.2f} ({spread.low:,.2f} to {spread.high:,.2f})")
    for name, value in about.items():
        click.echo(f"{name}: {value}")
    if json_path is not None:
        result: dict[str, Any] = {
            "about": about,
            **as_json(spreads),
            "runs": [asdict(each) for each in rounds],
        }
        json_path.write_text(json.dumps(result, indent=2) + "\n", "utf-8")


def _round(scene: Scene, number: int) -> Round:
    if number % 2:
        ceiling = scene.ceiling()
        return Round(ceiling, scene.worker(number))
    worker = scene.worker(number)
    return Round(scene.ceiling(), worker)


def _tell(number: int, done: Round) -> None:
    window = done.worker.window
    click.echo(
        f"round {number}: worker {window.per_second:,.0f}/s over {window.seconds:.1f} s, "
        f"{window.cpu_us_per_record:.1f} µs; ceiling {done.ceiling.per_second:,.0f}/s; "
        f"{done.worker.n_learned} of {done.worker.n_verdicts} verdicts learned",
        err=True,
    )


if __name__ == "__main__":
    main()
