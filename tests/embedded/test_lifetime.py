"""Servers never outlive the process that started them, however it ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis

from streamer.embedded import ChildProcess, EmbeddedRedis
from streamer.errors import InvariantError, UnavailableError
from tests.rig.waiting import DEADLINE_S, wait_until

PARENT = """
import json, signal, sys, threading
from streamer.embedded import EmbeddedServers

# Where the tests run in the background or under nohup, "ignored" has been inherited.
signal.signal(signal.SIGINT, signal.default_int_handler)
servers = EmbeddedServers()
if "in-thread" in sys.argv:
    thread = threading.Thread(target=servers.start)
    thread.start()
    thread.join()
else:
    servers.start()
try:
    # Inside the try: whoever reads the line may send the signal before it is left.
    print(json.dumps({"pids": [servers.kafka.pid, servers.redis.pid]}), flush=True)
    signal.pause()
except KeyboardInterrupt:
    alive = servers.kafka.process.is_running() and servers.redis.process.is_running()
    print(json.dumps({"alive_at_interrupt": alive}), flush=True)
"""


def is_gone(pid: int) -> bool:
    """True once the process has ended; an orphan that nobody has reaped yet counts as ended."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


class Parent:
    """A process that has started both servers, in a session of its own like a terminal's."""

    def __init__(self, scratch: Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PARENT, *arguments],
            stdout=subprocess.PIPE,
            env={**os.environ, "TMPDIR": str(scratch), "HOME": str(scratch)},
            start_new_session=True,
            text=True,
        )
        self.server_pids: list[int] = self.read()["pids"]
        # psutil compares the start time, so a reused process id is never signalled.
        self._servers = [psutil.Process(pid) for pid in self.server_pids]

    def read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        # What a failed test has left behind.
        for process in self._servers:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def start_parent(tmp_path: Path) -> Iterator[Callable[..., Parent]]:
    parents: list[Parent] = []

    def start(*arguments: str) -> Parent:
        parents.append(Parent(tmp_path, *arguments))
        return parents[-1]

    yield start
    for parent in parents:
        parent.close()


@pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells a child of its parent's death"
)
@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_parent_ended_by_a_signal_leaves_no_server_and_no_file(
    signum: signal.Signals, start_parent: Callable[..., Parent], tmp_path: Path
) -> None:
    parent = start_parent()
    assert not any(is_gone(pid) for pid in parent.server_pids)
    parent.process.send_signal(signum)
    parent.process.wait(DEADLINE_S)
    wait_until(lambda: all(map(is_gone, parent.server_pids)), "the servers end with their parent")
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells a child of its parent's death"
)
def test_servers_started_from_a_thread_live_as_long_as_the_process_and_no_longer(
    start_parent: Callable[..., Parent],
) -> None:
    parent = start_parent("in-thread")
    # The thread that called start() ended before the parent printed anything.
    assert not any(is_gone(pid) for pid in parent.server_pids)
    parent.process.kill()
    wait_until(lambda: all(map(is_gone, parent.server_pids)), "the servers end with their parent")


def test_ctrl_c_in_the_terminal_reaches_the_user_first(
    start_parent: Callable[..., Parent],
) -> None:
    parent = start_parent()
    # A terminal signals the whole foreground group, to which no server belongs.
    assert parent.process.pid not in map(os.getpgid, parent.server_pids)
    os.killpg(parent.process.pid, signal.SIGINT)
    assert parent.read() == {"alive_at_interrupt": True}
    assert parent.process.wait(DEADLINE_S) == 0
    wait_until(lambda: all(map(is_gone, parent.server_pids)), "the servers end at a normal exit")


def test_a_server_started_in_a_finished_thread_still_answers() -> None:
    server = EmbeddedRedis()
    thread = threading.Thread(target=server.start)
    thread.start()
    thread.join()
    with redis.Redis.from_url(server.url) as client:
        assert client.ping()
    server.stop()


def test_a_forgotten_child_is_killed_when_it_is_collected() -> None:
    child = ChildProcess(["sleep", "600"], name="sleeper").start()
    pid = child.pid
    del child
    assert is_gone(pid)


def test_the_program_replaces_the_launcher_under_the_same_process_id() -> None:
    with ChildProcess(["sleep", "600"], name="sleeper") as child:
        wait_until(lambda: psutil.Process(child.pid).name() == "sleep", "the launcher execs")
        assert child.is_running()
        assert child.returncode is None
    assert child.returncode == -signal.SIGTERM


def test_a_child_that_ignores_the_request_is_killed_after_the_grace_period() -> None:
    script = (
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print('deaf', flush=True); signal.pause()"
    )
    child = ChildProcess([sys.executable, "-c", script], name="deaf child").start()
    wait_until(lambda: "deaf" in child.log_tail(), "it ignores SIGTERM")
    child.stop(grace_s=0.1)
    assert child.returncode == -signal.SIGKILL
    child.stop()


def test_the_log_tail_is_the_last_lines_of_both_outputs() -> None:
    script = (
        "import sys\n"
        "for i in range(5000): print('line', i)\n"
        "sys.stdout.flush()\n"
        "sys.exit('the end')"
    )
    with ChildProcess([sys.executable, "-c", script], name="writer") as child:
        assert child.wait(DEADLINE_S) == 1
    assert child.log_tail(3) == "line 4998\nline 4999\nthe end"


def test_a_log_file_asked_for_is_appended_to_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "worker.log"
    path.write_text("of an earlier run\n")
    with ChildProcess(["echo", "hello"], name="echo", log_path=path) as child:
        child.wait(DEADLINE_S)
    assert child.log_tail() == "hello"
    assert path.read_text() == "of an earlier run\nhello\n"


def test_the_environment_given_is_the_childs_whole_environment() -> None:
    with ChildProcess(["/usr/bin/env"], name="env", env={"ONLY": "this"}) as child:
        child.wait(DEADLINE_S)
    assert [line for line in child.log_tail().splitlines() if line[:3] != "LC_"] == ["ONLY=this"]


def test_broken_pipes_end_the_child_as_they_would_end_it_in_a_shell() -> None:
    script = "set -o pipefail; yes | head -n 1 > /dev/null; echo code $?"
    with ChildProcess(["bash", "-c", script], name="shell") as child:
        child.wait(DEADLINE_S)
    assert child.log_tail() == f"code {128 + signal.SIGPIPE}"


def test_waiting_for_an_end_that_does_not_come_is_an_error() -> None:
    with (
        ChildProcess(["sleep", "600"], name="sleeper") as child,
        pytest.raises(UnavailableError, match=r"sleeper must end within 0\.05 s"),
    ):
        child.wait(0.05)


def test_a_child_is_not_started_twice_at_once_but_again_after_its_end() -> None:
    with ChildProcess(["sleep", "600"], name="sleeper") as child:
        with pytest.raises(InvariantError, match="must be stopped"):
            child.start()
        first = child.pid
        child.stop()
        assert child.start().pid != first


def test_a_child_never_started_has_no_process_id() -> None:
    child = ChildProcess(["true"], name="nothing")
    child.stop()
    assert child.log_tail() == ""
    with pytest.raises(InvariantError, match="nothing must be started first"):
        _ = child.pid


def test_a_failure_to_start_is_raised_to_the_caller_and_the_next_start_works(
    tmp_path: Path,
) -> None:
    with pytest.raises(FileNotFoundError):
        ChildProcess(["true"], name="lost", cwd=tmp_path / "missing").start()
    with ChildProcess(["true"], name="found", cwd=tmp_path) as child:
        assert child.wait(DEADLINE_S) == 0
