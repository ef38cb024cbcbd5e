"""``streamer dev``: what it prints can be done, and nothing is left of it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import psutil
import pytest

from tests.rig.waiting import DEADLINE_S, wait_until
from tests.stream.harness import child_env


@pytest.fixture
def output(tmp_path: Path) -> Iterator[IO[bytes]]:
    with (tmp_path / "output").open("ab+") as file:
        yield file


def _said(output: IO[bytes]) -> str:
    return Path(output.name).read_text()


def _command(page: str, heading: str) -> str:
    """Return the text that a person would copy from below a heading."""
    found = re.search(rf"^{re.escape(heading)}:\n\n(.*?)\n\n", page, re.MULTILINE | re.DOTALL)
    assert found is not None, page
    return found[1]


def test_the_page_can_be_followed_and_ctrl_c_leaves_nothing(output: IO[bytes]) -> None:
    """Publish as it says, look at status and dead letters as it says, then end it."""
    command = [sys.executable, "-m", "streamer", "dev", "--rate", "500", "--workers", "1"]
    stack = subprocess.Popen(command, stdout=output, stderr=output, env=child_env({}))
    try:
        # Longer than it waits itself: it would say better why.
        wait_until(lambda: "Ctrl-C ends" in _said(output), lambda: _said(output), 2 * DEADLINE_S)
        page = _said(output)
        exports = dict(re.findall(r"^  export (\w+)=(\S+)$", page, re.MULTILINE))
        assert len(exports) == 3
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environ = child_env(exports) | {"PATH": path}

        def run(text: str) -> str:
            done = subprocess.run(
                ["/bin/bash", "-c", text],
                env=environ,
                capture_output=True,
                text=True,
                timeout=DEADLINE_S,
            )
            assert done.returncode in (0, 1), done.stdout + done.stderr
            assert "Traceback" not in done.stderr
            return done.stdout

        run(_command(page, "Publish a payment, and one that is no payment"))

        def dead_letters() -> bool:
            return "missing_field" in run("streamer dlq list --json")

        wait_until(dead_letters, lambda: _said(output))
        status = _command(page, "What is there, and what is wrong").replace("--watch", "--json")

        def is_ready() -> bool:
            told = json.loads(run(status))
            return [each["is_ready"] for each in told["endpoints"]] == [True]

        wait_until(is_ready, lambda: run(status))
        wait_until(lambda: " scored, " in _said(output), lambda: _said(output))
        children = psutil.Process(stack.pid).children(recursive=True)
        assert children
        stack.send_signal(signal.SIGINT)
        assert stack.wait(DEADLINE_S) == 0
    finally:
        stack.kill()
        stack.wait()
    assert not [each for each in children if each.is_running()]
    assert _said(output).rstrip().endswith("stopping")
