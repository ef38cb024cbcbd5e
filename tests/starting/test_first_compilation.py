"""An installation by pip compiles the loops before a worker is waited for, once, and says so."""

from __future__ import annotations

import subprocess
from pathlib import Path

import click
import pytest

from streamer.cli import first_start
from streamer.compiled.folders import Folders
from streamer.starting import first_compilation
from streamer.starting.first_compilation import compile_first


class Runs:
    """Stands for the process, which has tests of its own (`test_rehearsal`)."""

    def __init__(self, code: int = 0) -> None:
        self.code = code
        self.times = 0

    def __call__(self, command: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
        self.times += 1
        return subprocess.CompletedProcess(command, self.code)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    made = Runs()
    monkeypatch.setattr(first_compilation.subprocess, "run", made)
    return made


def test_it_is_done_once_and_told_before(runs: Runs, tmp_path: Path) -> None:
    folders = Folders(tmp_path / "package", tmp_path / "home")
    told: list[str] = []
    compile_first(told.append, folders)
    compile_first(told.append, folders)
    assert runs.times == 1
    assert told == ["compiling the loops, once after installation: a minute or two of a core"]
    assert [path.parent.name for path in tmp_path.rglob("whole-*")] == ["home"]


def test_what_was_compiled_at_installation_lies_where_that_put_it(
    runs: Runs, tmp_path: Path
) -> None:
    folders = Folders(tmp_path / "package", tmp_path / "home")
    folders.install()
    compile_first(lambda _: None, folders)
    assert [path.parent.name for path in tmp_path.rglob("whole-*")] == ["package"]


def test_another_release_compiles_again(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = Folders(tmp_path / "package", tmp_path / "home")
    compile_first(lambda _: None, folders)
    monkeypatch.setattr(first_compilation, "_MARKER", "whole-of-another")
    compile_first(lambda _: None, folders)
    assert runs.times == 2


def test_a_failure_is_tried_again_and_a_place_that_keeps_nothing_not_at_all(
    runs: Runs, tmp_path: Path
) -> None:
    runs.code = 1
    folders = Folders(tmp_path / "package", tmp_path / "home")
    compile_first(lambda _: None, folders)
    compile_first(lambda _: None, folders)
    assert runs.times == 2
    compile_first(lambda _: None, Folders(tmp_path / "package", None))
    assert runs.times == 2


def test_without_the_servers_nothing_is_compiled_before_that_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(first_compilation, "compile_first", asked.append)
    monkeypatch.setattr(first_start, "find_spec", lambda _: None)
    first_start.prepare()
    assert asked == []
    monkeypatch.setattr(first_start, "find_spec", lambda name: name)
    first_start.prepare()
    (tell,) = asked
    told: list[str] = []
    monkeypatch.setattr(click, "echo", lambda line, err: told.append(f"{line} {err}"))
    tell("a line")  # type: ignore[operator]
    assert told == ["a line True"]
