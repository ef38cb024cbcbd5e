"""Two commits on one machine: ``python -m load.compare BASE HEAD --scenario FILE``.

Each commit's worker runs from a tree of its own, everything around it from this one: what is
measured is the product alone.  Rounds are interleaved, the second commit first in every other one, and
a ratio is that of one round.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from load.brokers import BROKERS, running
from load.compare_table import compared, markdown
from load.machine import describe_machine, without_openblas
from load.open_stage import PROJECT
from load.scenario import run_scenario
from load.scenario_figures import ScenarioFigures
from load.scenario_file import read_scenario
from streamer.errors import ConfigurationError, UnavailableError
from streamer.settings import child_environment

__all__ = ["main", "trees"]

_COMPILED: Final = Path("streamer") / "__pycache__" / "compiled"


@click.command()
@click.argument("base")
@click.argument("head")
@click.option(
    "--scenario",
    "scenario_path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path(__file__).parent / "scenarios" / "steady.toml",
)
@click.option("--broker", type=click.Choice(BROKERS), default="apache", show_default=True)
@click.option("--rounds", "n_rounds", type=click.IntRange(1), default=5, show_default=True)
@click.option("--json", "json_path", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--markdown", "table_path", type=click.Path(dir_okay=False, path_type=Path))
def main(
    base: str,
    head: str,
    scenario_path: Path,
    broker: str,
    n_rounds: int,
    json_path: Path | None,
    table_path: Path | None,
) -> None:
    """Measure the commits BASE and HEAD in turn over one scenario."""
    try:
        scenario = read_scenario(scenario_path)
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from None
    commits = {"base": commit_of(base), "head": commit_of(head)}
    about = describe_machine() | {
        "date": datetime.now(UTC).date().isoformat(),
        "broker": broker,
        "scenario": scenario_path.name,
        "seed": str(scenario.seed),
        **commits,
    }
    about["measured_by"] = about.pop("commit")
    rounds: list[dict[str, ScenarioFigures]] = []
    loads = [os.getloadavg()[0]]
    with trees(commits) as where, running(broker) as bootstrap_servers:
        for number in range(1, n_rounds + 1):
            done: dict[str, ScenarioFigures] = {}
            for side in commits if number % 2 else reversed(commits):
                name = f"{side}-{number}"
                done[side], _ = run_scenario(bootstrap_servers, scenario, name, where[side])
                loads.append(os.getloadavg()[0])
                click.echo(f"round {number}: {side} {_said(done[side])}", err=True)
            rounds.append({side: done[side] for side in commits})
            about |= {"rounds": str(number), "load": f"{min(loads):.0f} to {max(loads):.0f}"}
            # What was measured stays, also where somebody ends it before the last round.
            if json_path is not None:
                json_path.write_text(_as_json(rounds, about, loads), "utf-8")
    lines = [markdown(compared(rounds)), "", *(f"- {name}: {told}" for name, told in about.items())]
    if table_path is not None:
        table_path.write_text("\n".join(lines) + "\n", "utf-8")
    for line in lines:
        click.echo(line)


def commit_of(name: str) -> str:
    """Return the short hash of a commit that has a name here."""
    command = ["git", "rev-parse", "--short", "--verify", "--quiet", f"{name}^{{commit}}"]
    answer = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise click.BadParameter(f"must be a commit, got {name}; see `git log`")
    return answer.stdout.strip()


@contextmanager
def trees(commits: dict[str, str]) -> Iterator[dict[str, Path]]:
    """Check each commit out within the block, its kernels compiled; return where, by side.

    Whoever ends this process, but by SIGKILL, leaves no worktree behind.
    """
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with tempfile.TemporaryDirectory() as folder:
        where = {side: Path(folder) / side for side in commits}
        try:
            for side, tree in where.items():
                _git("worktree", "add", "--detach", str(tree), commits[side])
                _compile(tree)
            yield where
        finally:
            for tree in where.values():
                if tree.exists():
                    _git("worktree", "remove", "--force", str(tree))
            signal.signal(signal.SIGTERM, before)


def _compile(tree: Path) -> None:
    """Compile a tree's kernels, those that are not the same as here."""
    if (PROJECT / _COMPILED).is_dir():
        shutil.copytree(PROJECT / _COMPILED, tree / _COMPILED, dirs_exist_ok=True)
    command = [sys.executable, "-m", "streamer.compiled"]
    environment = without_openblas(child_environment({}))
    answer = subprocess.run(
        command, cwd=tree, env=environment, capture_output=True, text=True, check=False
    )
    if answer.returncode:
        raise UnavailableError(f"the kernels of {tree.name} must compile, got:\n{answer.stderr}")


def _git(*arguments: str) -> None:
    command = ["git", *arguments]
    answer = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise UnavailableError(f"`{' '.join(command)}` must go well, got:\n{answer.stderr}")


def _said(figures: ScenarioFigures) -> str:
    told = ", ".join(f"{name} {ms:.1f}" for name, ms in figures.alerts.items())
    return f"{figures.per_second:,.0f}/s, {figures.cpu_us:.1f} µs, ms: {told}"


def _as_json(
    rounds: list[dict[str, ScenarioFigures]], about: dict[str, str], loads: list[float]
) -> str:
    result: dict[str, Any] = {
        "about": about,
        "loads": loads,
        "compared": [msgspec.to_builtins(each) for each in compared(rounds)],
        "rounds": [
            {side: msgspec.to_builtins(each) for side, each in done.items()} for done in rounds
        ],
    }
    return json.dumps(result, indent=2) + "\n"


if __name__ == "__main__":
    main()
