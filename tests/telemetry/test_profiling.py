"""Flame graphs: of what ran, into the file that the log names, one at a time, and nothing breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import TypeAlias

import pytest
import structlog
from pyinstrument import stack_sampler
from structlog.testing import capture_logs

from streamer.errors import ConfigurationError
from streamer.telemetry import profiling
from streamer.telemetry.profiling import Profiling
from tests.rig.waiting import DEADLINE_S

Task: TypeAlias = asyncio.Task[None]
# Many times what lies between two samples, on a quick machine too.
_N_TURNS = 500


@pytest.fixture(autouse=True)
def _default_logging() -> None:
    structlog.reset_defaults()


def _clock_costs(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pyinstrument find that reading the clock takes so long, on whatever machine."""
    monkeypatch.setattr(stack_sampler, "timing_overhead", lambda: {"walltime": seconds})
    stack_sampler.thread_locals.__dict__.clear()


@pytest.fixture(autouse=True)
def _quick_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    _clock_costs(1e-8, monkeypatch)


async def _busy_until(is_over: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not is_over():
            _count_to(20_000)
            await asyncio.sleep(0)


def _count_to(n: int) -> int:
    return sum(range(n))


async def _profiled(
    taken: Profiling, n_begins: int = 1, until: Callable[[Task], bool] = Task.done
) -> None:
    """Be busy until the profile has been taken, or for as long as ``until`` says."""
    for _ in range(n_begins):
        taken.begin()
    running = taken._running
    if running is not None:
        await _busy_until(lambda: until(running))


def test_the_page_names_the_functions_that_ran_and_loads_nothing(tmp_path: Path) -> None:
    """It may be opened on a machine without a network."""
    out = tmp_path / "profile.html"
    with capture_logs() as logs:
        asyncio.run(_profiled(Profiling(out, duration_s=0.3)))
    page = out.read_text()
    assert "_count_to" in page
    assert '<script src="http' not in page
    assert [(each["event"], each["file"]) for each in logs] == [
        ("profile begun", str(out)),
        ("profile written", str(out)),
    ]
    assert logs[1]["samples"] > 0


def test_advice_of_the_package_on_a_slow_clock_is_a_line_of_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """It would print it on standard error, where a worker's log is, which is JSON."""
    _clock_costs(1e-6, monkeypatch)
    with capture_logs() as logs:
        asyncio.run(_profiled(Profiling(tmp_path / "profile.html", duration_s=0.1)))
    assert capfd.readouterr() == ("", "")
    (told,) = (each for each in logs if each["event"] == "the profile slows what it shows")
    assert told["hint"].startswith("pyinstrument: the timer on your system has an overhead of 1000")


def test_a_second_one_is_refused_while_one_is_taken(tmp_path: Path) -> None:
    """Two profilers of one thread would be an error of the profiler's."""
    with capture_logs() as logs:
        asyncio.run(_profiled(Profiling(tmp_path / "one.html", duration_s=0.3), n_begins=2))
    assert [each["event"] for each in logs] == [
        "a profile is being taken",
        "profile begun",
        "profile written",
    ]


def test_a_worker_that_stops_writes_what_it_has(tmp_path: Path) -> None:
    """Its event loop cancels what still runs."""
    out, turns = tmp_path / "profile.html", count()
    asyncio.run(_profiled(Profiling(out), until=lambda _: next(turns) >= _N_TURNS))
    assert "_count_to" in out.read_text()


def test_without_a_file_it_is_in_the_folder_for_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Named after process and time."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    asyncio.run(_profiled(Profiling(None, duration_s=0.1)))
    (out,) = tmp_path.iterdir()
    assert (out.name[:9], out.suffix) == ("streamer-", ".html")


def test_a_file_that_cannot_be_written_is_refused_at_the_start_and_later_only_said(
    tmp_path: Path,
) -> None:
    """A worker does not end because somebody wanted to look at it."""
    with pytest.raises(ConfigurationError, match="--profile must be a file that can be written"):
        Profiling(tmp_path / "nowhere" / "profile.html")
    folder = tmp_path / "gone"
    folder.mkdir()
    taken = Profiling(folder / "profile.html", duration_s=0.1)
    folder.rmdir()
    with capture_logs() as logs:
        asyncio.run(_profiled(taken))
    assert [each["event"] for each in logs] == ["profile begun", "profile not written"]


def test_without_the_package_a_signal_is_answered_by_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And the worker goes on."""

    def missing(*_: str) -> None:
        raise ConfigurationError("this command needs pyinstrument")

    monkeypatch.setattr(profiling, "require", missing)
    with capture_logs() as logs:
        asyncio.run(_profiled(Profiling(None)))
    (line,) = logs
    assert (line["event"], line["error"]) == ("no profile", "this command needs pyinstrument")
