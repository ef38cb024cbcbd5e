"""``streamer dev``: what it prints can be done, and nothing is left of it."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import psutil
import pytest
from click.testing import CliRunner
from confluent_kafka import Producer

from streamer.cli import main
from streamer.dev import people
from streamer.dev.notes import notes
from streamer.stream.kafka.feeder import Feeder
from tests.rig.ports import NOWHERE
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
        (log,) = map(Path, re.findall(r"^  (/\S+/worker-0\.log)$", page, re.MULTILINE))
        assert log.exists()
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
    assert not log.parent.exists()
    assert _said(output).rstrip().endswith("stopping")


MINE = """
transaction_id = "no"
card_id = "who.tok"
amount = {path = "sum", unit = "minor"}
currency = "ccy"
timestamp = "at"
"""


def test_payments_of_ones_own_form_are_read_where_none_are_simulated(
    output: IO[bytes], tmp_path: Path
) -> None:
    """A variable that is not used is named; the declaration is exported, for other commands."""
    (tmp_path / "mine.toml").write_text(MINE)
    command = [sys.executable, "-m", "streamer", "dev", "--workers", "1", "--no-traffic"]
    stack = subprocess.Popen(
        [*command, "--intake", "mine.toml"],
        stdout=output,
        stderr=output,
        cwd=tmp_path,
        env=child_env({"STREAMER_INTAKE": "stripe"}),
    )
    try:
        wait_until(lambda: "Ctrl-C ends" in _said(output), lambda: _said(output), 2 * DEADLINE_S)
        page = _said(output)
        assert "not used here: STREAMER_INTAKE of the environment" in page
        assert "nobody judges" in page
        exports = dict(re.findall(r"^  export (\w+)=(\S+)$", page, re.MULTILINE))
        assert exports["STREAMER_INTAKE"] == str(tmp_path / "mine.toml")
        producer = Producer({"bootstrap.servers": exports["STREAMER_KAFKA_BOOTSTRAP_SERVERS"]})
        paid = {"no": "1", "who": {"tok": "t"}, "sum": 1037, "ccy": "SEK"}
        producer.produce("transactions", json.dumps(paid | {"at": "2026-01-05T10:00:00Z"}), "t")
        assert producer.flush(DEADLINE_S) == 0
        wait_until(
            lambda: "0 payments sent, 1 scored, 0 alerts, 0 dead letters" in _said(output),
            lambda: _said(output),
        )
        stack.send_signal(signal.SIGINT)
        assert stack.wait(DEADLINE_S) == 0
    finally:
        stack.kill()
        stack.wait()


def test_a_declaration_beside_simulated_payments_is_refused() -> None:
    """They would all be dead letters."""
    done = CliRunner().invoke(main, ["dev", "--intake", "stripe"])
    assert done.exit_code == 2
    assert "--intake must be given with --no-traffic" in done.stderr


def test_the_notes_say_who_judges() -> None:
    logs = [Path("/logs/worker-0.log")]
    assert "judge every alert after 20 s" in notes(logs, 20, is_silent=False)
    assert "Nobody judges alerts but you" in notes(logs, math.inf, is_silent=False)
    assert "No payments are simulated" in notes(logs, 20, is_silent=True)


def test_traffic_that_a_broker_holds_up_does_not_hold_up_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The thread is left to end with the process."""
    monkeypatch.setattr(people, "_STOP_WITHIN_S", 0.05)
    traffic = people.Traffic({"bootstrap.servers": NOWHERE}, ("a", "b"), 1.0, 1, 1.0)
    is_over = threading.Event()
    monkeypatch.setattr(traffic, "run", is_over.wait)
    traffic.start()
    traffic.stop()
    assert traffic.is_alive()
    is_over.set()


def test_a_queue_that_is_full_for_ever_ends_with_the_feeder() -> None:
    """Nothing is waited for that no broker takes."""
    feeder = Feeder({"bootstrap.servers": NOWHERE, "log_level": 0}, "a")
    sending = threading.Thread(target=feeder.send, args=([(None, b"x")] * 200_001,), daemon=True)
    sending.start()
    wait_until(lambda: feeder.n_sent == 200_000, lambda: f"{feeder.n_sent} queued")
    assert sending.is_alive()
    feeder.is_stopped.set()
    sending.join(DEADLINE_S)
    assert not sending.is_alive()
