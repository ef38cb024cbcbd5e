"""``streamer simulate --topic --verdicts``: payments, and what is found out about them."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from streamer.embedded import EmbeddedKafka
from tests.rig.waiting import DEADLINE_S
from tests.stream.harness import ROOT, Service, child_env, wait_until


def test_alerts_are_judged_until_it_is_asked_to_end(
    kafka: EmbeddedKafka, redis_url: str, tmp_path: Path
) -> None:
    """As the first process of a container, where SIGTERM does nothing by itself."""
    options = ["--topic", "--rate", "1000", "--duration", "43200", "--verdicts", "0"]
    with (
        Service(kafka.bootstrap_servers, redis_url) as service,
        (tmp_path / "said").open("wb+") as said,
    ):
        worker = service.create_topics().worker().wait_ready()
        simulator = subprocess.Popen(
            [sys.executable, "-m", "streamer", "simulate", *options],
            cwd=ROOT,
            env=child_env(service.env),
            stderr=said,
        )
        try:
            wait_until(
                lambda: worker.metric("streamer_verdicts_received_total", verdict="fraud") > 0,
                lambda: (tmp_path / "said").read_text() + worker.log(),
            )
            simulator.send_signal(signal.SIGTERM)
            assert simulator.wait(DEADLINE_S) == 0
        finally:
            simulator.kill()
            simulator.wait()
        assert "verdicts sent" in (tmp_path / "said").read_text()
