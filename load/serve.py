"""How fast ``streamer serve`` answers: ``python -m load.serve``; with ``--overload`` and ``--rivals``.

Redis, server and what asks are processes of their own.  First as fast as it answers, from few and from
many connections, then at half of that from when each was due.
"""

from __future__ import annotations

import json
import statistics
from typing import Any, Final

import click
import msgspec

from load.answer_times import Asked
from load.machine import describe_machine
from load.serve_overload import overload
from load.serve_rivals import rivals
from load.served import Served, answers_to, serving_process, stored

__all__ = ["main"]

_MANY: Final = {1: 64, 100: 8}
_HALF: Final = 0.5


@click.command()
@click.option("--seconds", type=click.FloatRange(1), default=5.0, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option("--door", "doors", type=click.Choice(["rest", "grpc"]), multiple=True)
@click.option("--batch", "batches", type=click.IntRange(1, 1_000), multiple=True)
@click.option("--overload", "minutes", type=click.FloatRange(0.1), help="At twice the capacity.")
@click.option("--rivals", "beside", is_flag=True, help="MLflow and Ray Serve, in turn.")
@click.option("--json", "as_json", is_flag=True)
def main(
    seconds: float,
    rounds: int,
    doors: tuple[str, ...],
    batches: tuple[int, ...],
    minutes: float | None,
    beside: bool,
    as_json: bool,
) -> None:
    """Measure by each door and batch, in turn; how far it is goes to standard error."""
    doors, batches = doors or ("rest", "grpc"), batches or (1, 100)
    found: dict[str, Any] = {"about": describe_machine()}
    with stored() as (service, payments):
        if beside:
            found["rivals"] = rivals(service, payments, batches, rounds, seconds)
        else:
            with serving_process(service, payments) as served:
                if minutes is not None:
                    found["overload"] = overload(served, minutes)
                else:
                    found["answers"] = _measure(served, doors, batches, rounds, seconds)
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(found), indent=2))
        return
    for part in ("answers", "rivals", "overload"):
        for name, each in found.get(part, {}).items():
            click.echo(f"{name}: {each if isinstance(each, str) else _line(each)}")


def _measure(
    served: Served, doors: tuple[str, ...], batches: tuple[int, ...], rounds: int, seconds: float
) -> dict[str, list[Asked]]:
    found: dict[str, list[Asked]] = {}

    def note(name: str, door: str, batch: int, **how: Any) -> Asked:
        asked = answers_to(served, door, batch, name, seconds=seconds, **how)
        found.setdefault(name, []).append(asked)
        return asked

    for _ in range(rounds):
        for door in doors:
            for batch in batches:
                about = f"{door}, batches of {batch}"
                note(f"{about}, one connection", door, batch)
                many = _MANY.get(batch, 16)
                most = note(f"{about}, {many} connections", door, batch, connections=many)
                half = most.answers_per_s / batch * _HALF
                note(f"{about}, open at half of that", door, batch, per_second=half)
    return found


def _line(found: list[Asked] | dict[str, Any]) -> str:
    """Return medians over the rounds, in words."""
    if isinstance(found, dict):
        return ", ".join(f"{name} {value}" for name, value in found.items())
    told = [f"{statistics.median(each.answers_per_s for each in found):,.0f} answers/s"]
    for name in ("p50", "p95", "p99"):
        ms = [value for each in found if (value := getattr(each.answers, name)) is not None]
        told.append(f"{name} {statistics.median(ms):.2f} ms" if ms else f"{name} -")
    told.append(f"refused {max(each.refused_share for each in found):.1%}")
    told.append(f"asking busy {max(each.busy for each in found):.0%}")
    return ", ".join(told)


if __name__ == "__main__":
    main()
