"""What a person does with the rig: start Apache Kafka by hand; and tests where a server is missing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from tests.rig import jars
from tests.rig.ports import stable_port
from tests.rig.requirements import require
from tests.rig.waiting import DEADLINE_S

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_apache_kafka_started_by_hand_says_where_it_is_and_ends_with_its_data(
    apache_kafka_installed: None, signum: signal.Signals, tmp_path: Path
) -> None:
    """On the port asked for; both signals end it with 0, and no file is left."""
    port = stable_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.rig", "--port", str(port)],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == f"bootstrap servers: 127.0.0.1:{port}\n"
        assert "Ctrl-C" in process.stdout.readline()
        admin = AdminClient({"bootstrap.servers": f"127.0.0.1:{port}"})
        assert admin.list_topics(timeout=DEADLINE_S).brokers
        process.send_signal(signum)
        assert process.wait(DEADLINE_S) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert list(tmp_path.glob("streamer-rig-*")) == []


def test_without_its_jars_apache_kafka_is_missing_and_the_reason_says_what_to_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An empty cache, and a machine without Java."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert "make rig" in (jars.missing() or "")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "java" in (jars.missing() or "")


def test_a_missing_server_skips_and_where_services_are_required_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both say what is missing; nothing missing is neither."""
    require(None)
    monkeypatch.delenv("REQUIRE_SERVICES", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no such server"):
        require("no such server")
    monkeypatch.setenv("REQUIRE_SERVICES", "1")
    with pytest.raises(pytest.fail.Exception, match="no such server"):
        require("no such server")
