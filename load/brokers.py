"""The brokers that a measurement can ask for by name, each a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from streamer.embedded import ChildProcess
from streamer.embedded.server import HOST, free_port
from streamer.embedded.tansu import EmbeddedKafka

__all__ = ["BROKERS", "running"]

BROKERS: Final = ("apache", "embedded")

_PROJECT: Final = Path(__file__).parent.parent
# The first start fetches 54 MB of jars.
_READY_TIMEOUT_S: Final = 900.0
_GRACE_S: Final = 60.0


@contextmanager
def running(name: str) -> Iterator[str]:
    """Run a broker within the block, which gets its address; its data go with it.

    Apache Kafka is started as a person would start it, by the rig's own command: what measures knows
    nothing of the tests.
    """
    if name == "embedded":
        with EmbeddedKafka() as kafka:
            yield kafka.bootstrap_servers
        return
    port = free_port()
    command = [sys.executable, "-m", "tests.rig", "--lives-long", "--port", str(port)]
    broker = ChildProcess(command, name="Apache Kafka", cwd=_PROJECT)
    with broker:
        try:
            broker.wait_ready(
                lambda: "bootstrap servers:" in broker.log_tail(),
                "what it prints once it answers",
                _READY_TIMEOUT_S,
            )
            yield f"{HOST}:{port}"
        finally:
            broker.stop(grace_s=_GRACE_S)
