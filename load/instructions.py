"""How many instructions a payment takes in each stage: ``python -m load.instructions``.

Seconds differ by a half from run to run on a shared machine; instructions do not.  Valgrind counts
them, and ``--check`` refuses a stage that takes a tenth more than `instructions.json` says.  What
changes the count and is no change of ours is set (numpy's matrix kernels, the hash seed) or noted in
the file, the Python that it was written with.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click

from load.instructions_counted import N_PAYMENTS, STAGES, WHOLE
from load.machine import describe_machine, without_openblas

__all__ = ["by_stage", "is_comparable", "main", "too_many"]

_FILE: Final = Path(__file__).with_suffix(".json")
_MOST: Final = 1.1
_REFS: Final = re.compile(r"I\s+refs:\s+([\d,]+)")
_SAME_EVERYWHERE: Final = {
    "OPENBLAS_CORETYPE": "Haswell",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
}
_VALGRIND: Final = (
    "valgrind",
    "--tool=cachegrind",
    "--cache-sim=no",
    "--cachegrind-out-file=/dev/null",
)


@click.command()
@click.option(
    "--check", is_flag=True, help="Fail where a stage takes a tenth more than the file says."
)
@click.option("--write", is_flag=True, help="Write the counts to the file.")
def main(check: bool, write: bool) -> None:
    """Count, which takes some two minutes, and print the counts beside those of the file."""
    if shutil.which("valgrind") is None:
        raise click.ClickException("valgrind must be installed; .ci/install-services does it")
    click.echo("counting under valgrind: some two minutes", err=True)
    found = by_stage(_counted())
    told = json.loads(_FILE.read_text("utf-8"))
    allowed: Mapping[str, int] = told["per_payment"]
    click.echo(
        "| instructions per payment | now | instructions.json | ratio |\n|---|---:|---:|---:|"
    )
    for name, n in found.items():
        click.echo(f"| {name} | {n:,} | {allowed[name]:,} | {n / allowed[name]:.3f} |")
    if write:
        about = {"about": describe_machine(), "per_payment": found}
        _FILE.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    if check and not is_comparable(told["about"]["python"]):
        click.echo(f"not checked: {_FILE.name} is of Python {told['about']['python']}", err=True)
    elif check and (faults := too_many(found, allowed)):
        raise click.ClickException("\n".join(faults))


def _counted() -> dict[str, int]:
    """Return the instructions of each part's process, with what came before it."""
    environment = without_openblas(os.environ) | _SAME_EVERYWHERE
    with tempfile.TemporaryDirectory() as folder:
        command = [*_VALGRIND, f"--log-file={folder}/%p", sys.executable]
        command += ["-m", "load.instructions_counted"]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
        children: dict[str, int] = json.loads(done.stdout)
        return {name: _refs(Path(folder, str(child))) for name, child in children.items()}


def _refs(log: Path) -> int:
    told = _REFS.search(log.read_text("utf-8"))
    assert told is not None, log.read_text("utf-8")  # noqa: S101 - valgrind writes it at the end
    return int(told[1].replace(",", ""))


def by_stage(counted: Mapping[str, int]) -> dict[str, int]:
    """Return the instructions per payment of each stage and of the whole.

    ``counted`` are those of processes that did nothing ("") and the stages up to each.
    """
    before, found = counted[""], {}
    for stage in STAGES:
        found[stage] = round((counted[stage] - before) / N_PAYMENTS)
        before = counted[stage]
    return found | {WHOLE: round((counted[WHOLE] - counted[""]) / N_PAYMENTS)}


def is_comparable(python: str) -> bool:
    """Whether counts of that Python are those of this: another minor version has other instructions."""
    return python.split(".")[:2] == list(platform.python_version_tuple()[:2])


def too_many(found: Mapping[str, int], allowed: Mapping[str, int]) -> list[str]:
    """Return a sentence for each stage that takes more than a tenth more than is ``allowed``.

    >>> too_many({"score": 1_101, "learn": 1_100}, {"score": 1_000, "learn": 1_000})
    ['score must take at most 1,100 instructions a payment, a tenth above instructions.json, got 1,101']
    """
    return [
        f"{name} must take at most {allowed[name] * _MOST:,.0f} instructions a payment, a tenth above "
        f"{_FILE.name}, got {n:,}"
        for name, n in found.items()
        if n > allowed[name] * _MOST
    ]


if __name__ == "__main__":
    main()
