"""Commands are imported when they are asked for, and a worker's start imports what it needs only."""

from __future__ import annotations

import gc
import subprocess
import sys

import click
import pytest

from streamer.cli import _COMMANDS, main
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


def test_the_list_of_commands_says_of_each_the_first_sentence_of_its_help() -> None:
    """It is written down a second time, so that the list needs no command."""
    context = click.Context(main)
    for name, (_, summary) in _COMMANDS.items():
        command = main.get_command(context, name)
        assert command is not None
        assert summary.rstrip(".") == command.get_short_help_str(limit=1_000).rstrip(".")
    # Cut to the width, as click does.
    formatter = click.HelpFormatter(width=60)
    main.format_commands(context, formatter)
    lines = formatter.getvalue().splitlines()
    assert "  check-config  Print every setting, its value and..." in lines
    assert len(lines) == 1 + len(_COMMANDS)


def test_no_list_of_commands_is_cut_at_80_columns() -> None:
    """Click leaves two columns free; of the sub-commands it makes the list itself."""
    context = click.Context(main)
    groups = [main, *(main.get_command(context, name) for name in _COMMANDS)]
    lists = [group.get_help(click.Context(group, terminal_width=78)) for group in groups if group]
    assert [text for text in lists if "..." in text.partition("Commands:")[2]] == []


def test_a_worker_starts_without_what_other_commands_need() -> None:
    modules = imported("import streamer.cli.worker_command, streamer.stream.run_worker")
    assert "faust" in modules
    assert not modules & NOT_FOR_A_WORKER
    assert not {"streamer.cli.demo_command", "streamer.cli.evaluate_command"} & modules


@pytest.mark.parametrize("arguments", [["--help"], ["worker", "--help"], ["check-config"]])
def test_what_computes_nothing_does_not_load_the_compiler(arguments: list[str]) -> None:
    modules = imported(f"from streamer.cli import main; main({arguments}, standalone_mode=False)")
    assert "streamer.cli.lazy" in modules
    assert not {"numba", "llvmlite", "numpy"} & modules


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
