"""The demo from end to end, kept, with its worker killed, and told to stop."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import psutil
import pytest

from tests.rig.waiting import DEADLINE_S, wait_until
from tests.stream.harness import ROOT, child_env

# It gives up by itself, and says why, after less than this without any progress.
_WHOLE_S = 5 * DEADLINE_S

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start_demo(tmp_path: Path) -> Iterator[Start]:
    """Starts `streamer demo` with a temporary folder of its own."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, stderr: IO[bytes] | int = subprocess.PIPE) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamer", "demo", "--json", *arguments],
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=child_env({}) | {"TMPDIR": str(tmp_path)},
            cwd=ROOT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _children(process: subprocess.Popen[str]) -> list[psutil.Process]:
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _worker(process: subprocess.Popen[str]) -> psutil.Process | None:
    """Return the demo's worker once it has become one, and has opened its port."""
    for child in _children(process):
        try:
            is_worker = child.cmdline()[1:4] == ["-m", "streamer", "worker"]
            if is_worker and any(c.status == "LISTEN" for c in child.net_connections("tcp")):
                return child
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return None


def _wait_worker(process: subprocess.Popen[str]) -> psutil.Process:
    """Return the demo's worker; fail with what the demo said if that has ended."""

    def found() -> psutil.Process | None:
        assert process.poll() is None, process.communicate()
        return _worker(process)

    worker: psutil.Process = wait_until(found, "the worker starts")
    return worker


def _n_scored(worker: psutil.Process) -> float:
    """Return how many payments a worker has scored; 0 where it does not answer."""
    total = 0.0
    # One port has the metrics, the other what operators ask.
    for each in worker.net_connections("tcp"):
        if each.status != "LISTEN":
            continue
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{each.laddr.port}/metrics") as answer:
                text = answer.read().decode()
        except OSError:
            continue
        found = re.findall(r"^streamer_transactions_scored_total\{.*\} (\S+)$", text, re.MULTILINE)
        total += sum(map(float, found))
    return total


def _summary(process: subprocess.Popen[str]) -> dict[str, object]:
    out, err = process.communicate(timeout=_WHOLE_S)
    assert process.returncode == 0, err
    summary: dict[str, object] = json.loads(out)
    return summary


def test_a_kept_demo_is_sound_shows_where_to_look_and_ctrl_c_leaves_nothing_behind(
    start_demo: Start, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Every payment accounted for, learned once, no alert twice, every verdict stored once."""
    folder = tmp_path_factory.mktemp("kept")
    out, said = folder / "alerts.jsonl", folder / "said"
    with said.open("wb") as file:
        options = ["--duration", "6", "--rate", "2000", "--keep", "--alerts", str(out)]
        demo = start_demo(*options, stderr=file)
    wait_until(
        lambda: "Nobody judges any more" in said.read_text() or demo.poll() is not None,
        said.read_text,
        _WHOLE_S,
    )
    page = said.read_text()
    url = re.search(r"reviewers' console: http://(\S+)", page)
    assert url is not None, page
    assert "STREAMER_KAFKA_BOOTSTRAP_SERVERS=" in page
    assert "log in as mona" in page
    with urllib.request.urlopen(f"http://{url[1]}/readyz") as answer:
        assert answer.status == 200
    worker = _wait_worker(demo)
    wait_until(lambda: _n_scored(worker) > 12_000, "payments go on")
    children = _children(demo)
    assert len(children) >= 4
    demo.send_signal(signal.SIGINT)
    summary = _summary(demo)
    assert summary["sound"] is True
    assert summary["sent"] == summary["consumed"] == summary["transactions_seen"] == 12_000
    assert summary["worker_restarts"] == 0
    assert summary["alerts"] == summary["ledger"]["alerted"]  # type: ignore[index]
    verdicts: dict[str, int] = summary["verdicts"]  # type: ignore[assignment]
    assert verdicts["reviews"] > 0
    assert verdicts["stored"] == verdicts["reviews"] + verdicts["chargebacks"]
    # Chargebacks on payments of the warm-up find nothing that waits for them.
    assert 0 < verdicts["learned"] <= verdicts["stored"]
    alerts = [json.loads(line) for line in out.read_text().splitlines()]
    assert len({each["alert_id"] for each in alerts}) == len(alerts) == summary["alerts"]
    assert said.read_text().endswith("stopping\n")
    assert [child for child in children if child.is_running()] == []
    assert list(tmp_path.iterdir()) == []


def test_a_worker_killed_in_the_middle_is_started_again_and_nothing_is_lost(
    start_demo: Start,
) -> None:
    """Exit code 0, one restart, no alert twice."""
    demo = start_demo("--duration", "8", "--rate", "2000")
    worker = _wait_worker(demo)
    # Payments come for 8 s, whatever the machine: the first is scored in the middle of it.
    wait_until(lambda: _n_scored(worker) > 0, "the worker scores")
    worker.kill()
    summary = _summary(demo)
    assert summary["sound"] is True
    assert summary["worker_restarts"] == 1
    assert summary["duplicate_alerts"] == 0
    verdicts: dict[str, int] = summary["verdicts"]  # type: ignore[assignment]
    assert verdicts["learned"] <= verdicts["stored"]
    assert verdicts["stored"] == verdicts["reviews"] + verdicts["chargebacks"]
    assert summary["alerts"] == summary["ledger"]["alerted"]  # type: ignore[index]


def test_sigterm_during_a_demo_leaves_no_child_process_and_no_file(
    start_demo: Start, tmp_path: Path
) -> None:
    """One line on standard error and exit code 1."""
    demo = start_demo("--duration", "60")
    _wait_worker(demo)
    children = _children(demo)
    assert len(children) >= 3
    demo.send_signal(signal.SIGTERM)
    out, err = demo.communicate(timeout=DEADLINE_S)
    assert demo.returncode == 1
    assert (out, err) == ("", "streamer: interrupted\n")
    assert [child for child in children if child.is_running()] == []
    assert list(tmp_path.iterdir()) == []
