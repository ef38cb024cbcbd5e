"""One broker of Apache Kafka: a folder with its data, fixed ports and a JVM that can be killed.

Each is broker and controller at once.  Its folder outlives the process, so a broker that starts
again finds its log and its part of the quorum.
"""

from __future__ import annotations

import shutil
import signal
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from streamer.embedded import ChildProcess
from tests.rig.jars import bootstrap_checkpoint, java_command
from tests.rig.ports import HOST, stable_port

__all__ = ["Broker", "Listener", "kafka_uuid"]

# A controlled shutdown moves the leaders to other brokers first.
_STOP_GRACE_S: Final = 30.0


@dataclass(frozen=True)
class Listener:
    """One port of a broker for clients; ``advertised_port`` is for a proxy in front of it."""

    name: str
    protocol: str
    port: int = field(default_factory=stable_port)
    advertised_port: int | None = None
    settings: Mapping[str, str] = field(default_factory=dict)


class Broker:
    """Broker number ``node_id``; its first listener is the one the brokers use among themselves."""

    def __init__(
        self,
        node_id: int,
        folder: Path,
        listeners: list[Listener],
        heap_mb: int,
        *,
        lives_long: bool = False,
    ) -> None:
        self.node_id = node_id
        self.listeners = {listener.name: listener for listener in listeners}
        self.controller_port = stable_port()
        self._folder = folder
        self._child: ChildProcess | None = None
        self._heap_mb = heap_mb
        self._lives_long = lives_long

    @property
    def process(self) -> ChildProcess:
        """The JVM."""
        assert self._child is not None, f"broker {self.node_id} must be started first"
        return self._child

    @property
    def is_running(self) -> bool:
        """True from `start` until the process has ended."""
        return self._child is not None and self._child.is_running()

    def format(self, cluster_id: str, properties: Mapping[str, str]) -> None:
        """Write the settings and an empty folder of data."""
        data = self._folder / "data"
        data.mkdir(parents=True)
        shutil.copy(bootstrap_checkpoint(), data)
        identity = {
            "version": "1",
            "cluster.id": cluster_id,
            "node.id": str(self.node_id),
            "directory.id": kafka_uuid(),
        }
        (data / "meta.properties").write_text(_lines(identity))
        own = {"node.id": str(self.node_id), "log.dirs": str(data), **self._listener_settings()}
        self._settings_path.write_text(_lines({**own, **properties}))

    def start(self) -> None:
        """Start the JVM; it is not ready yet."""
        settings, lives_long = str(self._settings_path), self._lives_long
        command = java_command(self._heap_mb, "kafka.Kafka", settings, lives_long=lives_long)
        # Only PATH: the broker's own scripts read variables such as KAFKA_OPTS, the JVM others.
        self._child = ChildProcess(
            command,
            name=f"broker {self.node_id} of Apache Kafka",
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
            cwd=self._folder,
        ).start()

    def stop(self) -> None:
        """Shut down in good order; the data stay."""
        if self._child is not None:
            self._child.stop(grace_s=_STOP_GRACE_S)

    def kill(self) -> None:
        """End it with SIGKILL, as a power cut would, and wait for the end."""
        if self.is_running:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(_STOP_GRACE_S)

    @property
    def _settings_path(self) -> Path:
        return self._folder / "server.properties"

    def _listener_settings(self) -> dict[str, str]:
        listeners = list(self.listeners.values())
        bound = [f"{each.name}://{HOST}:{each.port}" for each in listeners]
        told = [f"{each.name}://{HOST}:{each.advertised_port or each.port}" for each in listeners]
        protocols = [f"{each.name}:{each.protocol}" for each in listeners]
        settings = {
            "listeners": ",".join([*bound, f"CONTROLLER://{HOST}:{self.controller_port}"]),
            "advertised.listeners": ",".join(told),
            "listener.security.protocol.map": ",".join([*protocols, "CONTROLLER:PLAINTEXT"]),
            "inter.broker.listener.name": listeners[0].name,
        }
        for each in listeners:
            prefix = f"listener.name.{each.name.lower()}."
            settings |= {prefix + name: value for name, value in each.settings.items()}
        return settings


def kafka_uuid() -> str:
    """A random identifier as Kafka writes it: 16 bytes in base64 without padding."""
    return urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")


def _lines(properties: Mapping[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in properties.items())
