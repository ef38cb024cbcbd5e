"""A forked worker is to its test what one that began with an interpreter would be."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from streamer.errors import UnavailableError
from tests.rig import warm
from tests.rig.ports import NOWHERE
from tests.rig.waiting import DEADLINE_S, wait_until
from tests.rig.warm import WarmProcess, can_be_warm
from tests.stream.harness import ROOT, child_env

WORKER = ("-m", "streamer", "worker")
# It waits for a broker until it is asked to end.
PATIENT = {
    "STREAMER_KAFKA_BOOTSTRAP_SERVERS": NOWHERE,
    "STREAMER_REDIS_URL": f"redis://{NOWHERE}/0",
    "STREAMER_STARTUP_TIMEOUT_S": "3600",
}
OWNER = """
import sys
from tests.rig.test_warm import patient
worker = patient().start()
print(worker.pid, flush=True)
sys.stdin.read()
"""


def patient() -> WarmProcess:
    return WarmProcess(WORKER, name="the worker", env=child_env(PATIENT), cwd=ROOT)


@pytest.mark.parametrize("arguments", [("--help",), ("worker",)], ids=["0", "2"])
def test_output_and_exit_code_are_those_of_a_process_of_its_own(arguments: tuple[str, ...]) -> None:
    """Of a command that ends well, and of one whose settings are wrong."""
    argv, env = ("-m", "streamer", *arguments), child_env({"STREAMER_ALERT_BUDGET": "3"})
    with WarmProcess(argv, name="a command", env=env, cwd=ROOT) as forked:
        code = forked.wait(DEADLINE_S)
        alone = subprocess.run(
            [sys.executable, *argv],
            env=env,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert (code, forked.log_tail(1_000)) == (alone.returncode, alone.stdout.rstrip("\n"))
        assert not forked.is_running()


def test_it_is_stopped_goes_on_and_is_killed_as_a_child_would_be() -> None:
    """What it says of itself is its own: its number, its variables, its session."""
    with patient() as worker:
        own = Path(f"/proc/{worker.pid}")
        wait_until(lambda: "worker starts" in worker.log_tail(), worker.log_tail)
        assert f":{worker.pid}:" in worker.log_tail()
        assert os.getsid(worker.pid) == worker.pid
        worker.send_signal(signal.SIGSTOP)
        wait_until(lambda: "\nState:\tT" in (own / "status").read_text(), "it stands still")
        assert worker.is_running()
        with pytest.raises(UnavailableError, match="must end within"):
            worker.wait(0.1)
        worker.send_signal(signal.SIGCONT)
        worker.send_signal(signal.SIGKILL)
        assert worker.wait(DEADLINE_S) == -signal.SIGKILL
        assert not own.exists() or "\nState:\tZ" in (own / "status").read_text()
        # Nobody is hit by what comes too late.
        worker.send_signal(signal.SIGKILL)
    with patient() as worker:
        wait_until(lambda: "worker starts" in worker.log_tail(), worker.log_tail)
        worker.stop(DEADLINE_S)
        assert worker.returncode == 0, worker.log_tail()


def test_none_outlives_the_process_that_asked_for_it() -> None:
    """Killed itself, so that it can clean nothing up."""
    with subprocess.Popen(
        [sys.executable, "-c", OWNER],
        env=child_env({}),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        assert owner.stdout is not None
        status = Path(f"/proc/{owner.stdout.readline().strip()}/status")
        assert status.exists()
        owner.kill()
    wait_until(lambda: not status.exists() or "\nState:\tZ" in status.read_text(), "its end")


def test_what_changes_how_it_starts_begins_with_an_interpreter() -> None:
    assert can_be_warm(WORKER)
    assert set(warm._MODULES) == {"streamer", "tests.faults.crashing", "tests.faults.noting"}
    for argv in (("-c", "pass"), ("-m", "faust", "worker"), ("-m", "tests.faults.limited")):
        assert not can_be_warm(argv)
