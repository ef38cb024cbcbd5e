"""Commands are imported when they are asked for, and a worker's start imports what it needs only."""

from __future__ import annotations

import gc
import subprocess
import sys

import click

from streamer.cli import main
from streamer.cli.lazy import uncollected
from tests.rig.waiting import DEADLINE_S

NOT_FOR_A_WORKER = {"river", "pyarrow", "sklearn", "matplotlib", "streamer.simulator"}


def imported(code: str) -> set[str]:
    """Return the modules that a fresh interpreter has after ``code``."""
    result = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=True,
    )
    return set(result.stdout.split())


def test_every_command_is_found_under_its_name() -> None:
    context = click.Context(main)
    names = main.list_commands(context)
    assert {"demo", "worker", "check-config", "partition"} <= set(names)
    for name in names:
        command = main.get_command(context, name)
        assert command is not None
        assert command.name == name
    assert main.get_command(context, "nothing") is None


def test_a_worker_starts_without_what_other_commands_need() -> None:
    modules = imported("import streamer.cli.worker, streamer.stream.run")
    assert "faust" in modules
    assert not modules & NOT_FOR_A_WORKER
    assert not {"streamer.cli.demo", "streamer.cli.evaluate"} & modules


def test_the_collector_rests_within_and_is_as_before_afterwards() -> None:
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
