"""The worker beside others that do the same job: ``python -m load.peers``; see load/README.md.

Rounds are interleaved and each begins with another entrant, so that a busy minute of the machine
meets everyone.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from load.brokers import BROKERS, running
from load.headline_rounds import Scene
from load.machine import describe_machine
from load.peers.entrants import ENTRANTS, Entrant, chosen, rotated
from load.peers.job_check import Truth, payments_of
from load.peers.peer_plot import draw
from load.peers.peer_runs import PeerRun, made_ready, run
from load.peers.peer_table import bars, figures_of, markdown

__all__ = ["main"]

_NAMES = tuple(each.name for each in ENTRANTS)


@click.command()
@click.option("--broker", type=click.Choice(BROKERS), default="apache", show_default=True)
@click.option("--rounds", "n_rounds", type=click.IntRange(1), default=5, show_default=True)
# Bytewax writes the alerts of up to 16,000 payments together, and must have got beyond those.
@click.option("--payments", type=click.IntRange(200_000), default=500_000, show_default=True)
@click.option("--cards", type=click.IntRange(1, 1_000_000), default=2_000, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option(
    "--peers",
    default=",".join(_NAMES),
    help="Names with commas between; streamer always takes part.  All: " + ", ".join(_NAMES),
)
@click.option("--json", "json_path", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--add",
    "is_added",
    is_flag=True,
    help="Add rounds to those in the file of --json, for a machine that is free for minutes only.",
)
@click.option("--plot", "plot_path", type=click.Path(dir_okay=False, path_type=Path))
def main(
    broker: str,
    n_rounds: int,
    payments: int,
    cards: int,
    seed: int,
    peers: str,
    json_path: Path | None,
    is_added: bool,
    plot_path: Path | None,
) -> None:
    """Measure everyone in turn over one topic, and print the table."""
    if is_added and json_path is None:
        raise click.UsageError("--add needs --json with a file that has rounds")
    entrants = chosen(_named(peers))
    about = describe_machine() | made_ready(entrants)
    about |= {
        "date": datetime.now(UTC).date().isoformat(),
        "broker": broker,
        "payments": str(payments),
        "cards": str(cards),
        "seed": str(seed),
    }
    before = _before(json_path, about) if is_added and json_path is not None else _Stored(about)
    rounds, loads = before.runs, [*before.loads, os.getloadavg()[0]]
    with running(broker) as bootstrap_servers:
        scene = Scene(bootstrap_servers, payments)
        click.echo(f"{broker} broker: filling the topic with {payments:,} payments", err=True)
        scene.fill(cards, seed)
        truth = Truth.of(payments_of(payments, cards, seed))
        for _ in range(n_rounds):
            rounds.append(_round(entrants, scene, truth, len(rounds) + 1))
            loads.append(os.getloadavg()[0])
            about["rounds"] = str(len(rounds))
            about["load"] = f"{min(loads):.0f} to {max(loads):.0f}"
            # What was measured stays, also where somebody ends it before the last round.
            if json_path is not None:
                json_path.write_text(_as_json(rounds, about, loads), "utf-8")
    _print(rounds, about)
    if plot_path is not None:
        draw(figures_of(rounds), about, plot_path)


def _before(path: Path, about: dict[str, str]) -> _Stored:
    """Return the rounds in a file; those of another commit, machine or topic are refused."""
    stored = msgspec.json.decode(path.read_bytes(), type=_Stored)
    differing = [n for n in about if n != "date" and about[n] != stored.about.get(n, about[n])]
    if differing:
        raise click.UsageError(
            f"rounds to be added must be as those in {path}, got another {', '.join(differing)}"
        )
    return stored


class _Stored(msgspec.Struct):
    about: dict[str, str]
    runs: list[dict[str, PeerRun]] = []
    loads: list[float] = []


def _named(peers: str) -> list[str]:
    names = [name.strip() for name in peers.split(",") if name.strip()]
    unknown = [name for name in names if name not in _NAMES]
    if unknown:
        raise click.BadParameter(f"must be of {', '.join(_NAMES)}, got {', '.join(unknown)}")
    return names


def _round(entrants: list[Entrant], scene: Scene, truth: Truth, number: int) -> dict[str, PeerRun]:
    done = {}
    for entrant in rotated(entrants, number):
        started = time.monotonic()
        measured = done[entrant.name] = run(entrant, scene, truth, number)
        window = measured.window
        click.echo(
            f"round {number}: {entrant.name} {window.per_second:,.0f}/s over {window.seconds:.1f} s, "
            f"{window.cpu_us_per_record:.1f} µs, {measured.n_alerts} alerts of {measured.n_done}; "
            f"took {time.monotonic() - started:.0f} s",
            err=True,
        )
    return done


def _print(rounds: list[dict[str, PeerRun]], about: dict[str, str]) -> None:
    click.echo(markdown(figures_of(rounds)))
    for name, spread in bars(rounds).items():
        click.echo(f"{name}: {spread.median:.2f} ({spread.low:.2f} to {spread.high:.2f})")
    for name, value in about.items():
        click.echo(f"{name}: {value}")


def _as_json(rounds: list[dict[str, PeerRun]], about: dict[str, str], loads: list[float]) -> str:
    result: dict[str, Any] = {
        "about": about,
        "loads": loads,
        "figures": {name: asdict(each) for name, each in figures_of(rounds).items()},
        "bars": {name: asdict(each) for name, each in bars(rounds).items()},
        "runs": [{name: asdict(each) for name, each in done.items()} for done in rounds],
    }
    return json.dumps(result, indent=2) + "\n"


if __name__ == "__main__":
    main()
