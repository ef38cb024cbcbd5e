"""Apache Kafka in KRaft mode, with one broker or three: where the guarantees are proved.

The ports stay the same over stops, kills and starts, and so do the data; a temporary folder holds
them until `close`.  Brokers are children: none outlives this process (see `ChildProcess`).

The settings are Kafka's own, but for what makes it small and quick: few partitions in the internal
topics, no waiting for more members of a group, and dead brokers noticed after 3 s instead of 9.
Topics are never created by being asked for.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Final, Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ClusterMetadata

from tests.rig.broker import Broker, Listener, kafka_uuid
from tests.rig.folders import DataFolder
from tests.rig.ports import HOST, accepts, stable_port
from tests.rig.waiting import DEADLINE_S, wait_until

__all__ = ["ApacheKafka"]

# A start takes 2 s here, three JVMs on two cores are slower, and so may the machine be.
_READY_TIMEOUT_S: Final = 2 * DEADLINE_S
_METADATA_TIMEOUT_S: Final = 2.0
_HEAP_MB: Final = {1: 400, 3: 256}
_SMALL_AND_QUICK: Final = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "auto.create.topics.enable": "false",
    "broker.heartbeat.interval.ms": "500",
    "broker.session.timeout.ms": "3000",
    "controller.quorum.election.timeout.ms": "500",
    "controller.quorum.fetch.timeout.ms": "1000",
    "file.delete.delay.ms": "1000",
    "group.initial.rebalance.delay.ms": "0",
    # Shorter than Kafka's 6 s, so that a test may choose how long a dead member is waited for.
    "group.min.session.timeout.ms": "1000",
    # The default of 128 MB comes out of the heap.
    "log.cleaner.dedupe.buffer.size": "4194304",
    "log.initial.task.delay.ms": "500",
    "log.retention.check.interval.ms": "1000",
    "num.io.threads": "4",
    "num.network.threads": "2",
    "offsets.topic.num.partitions": "5",
    "share.coordinator.state.topic.num.partitions": "1",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
    "transaction.state.log.num.partitions": "5",
}


class ApacheKafka:
    """A cluster on `bootstrap_servers`; broker ``i`` counts from 0, its node id from 1.

    ``listeners`` are ports beside the plain one; with three brokers each gets ports of its own.
    ``port`` is for the plain listener of the first broker.  With ``lives_long`` the JVM compiles in
    full what runs often, as it does in service.  Settings are Kafka's, written with underscores:
    ``ApacheKafka(message_max_bytes=20_000_000)``.
    """

    def __init__(
        self,
        n_brokers: int = 1,
        *,
        port: int | None = None,
        listeners: Sequence[Listener] = (),
        lives_long: bool = False,
        **broker_settings: str | int,
    ) -> None:
        assert n_brokers in _HEAP_MB, f"n_brokers must be 1 or 3, got {n_brokers}"
        self._cluster_id = kafka_uuid()
        self._folder: DataFolder | None = None
        self._broker_settings = broker_settings
        self._port = port
        self._listeners = listeners
        self._lives_long = lives_long
        self._n_brokers = n_brokers
        self.brokers: list[Broker] = []

    @property
    def bootstrap_servers(self) -> str:
        """The plain address of every broker, as a client's ``bootstrap.servers``."""
        return self.servers("PLAINTEXT")

    def servers(self, listener: str) -> str:
        """The addresses that every broker's listener of that name tells its clients."""
        own = [broker.listeners[listener] for broker in self.brokers]
        return ",".join(f"{HOST}:{each.advertised_port or each.port}" for each in own)

    def start(self) -> Self:
        """Start every broker that does not run and return when the cluster is whole."""
        if self._folder is None:
            self._format()
        started = [broker for broker in self.brokers if not broker.is_running]
        for broker in started:
            broker.start()
        for broker in started:
            self._wait_ready(broker)
        return self

    def stop(self) -> None:
        """Shut every broker down in good order; the data stay for the next `start`."""
        # All at once: the last of three has no quorum left and would wait for one.
        for broker in self.brokers:
            if broker.is_running:
                broker.process.send_signal(signal.SIGCONT)
                broker.process.send_signal(signal.SIGTERM)
        for broker in self.brokers:
            broker.stop()

    def close(self) -> None:
        """Kill every broker and remove the data; safe to call twice, or before `start`."""
        for broker in self.brokers:
            broker.kill()
        if self._folder is not None:
            self._folder.remove()

    def kill(self, i: int = 0) -> None:
        """End broker ``i`` with SIGKILL."""
        self.brokers[i].kill()

    def stop_broker(self, i: int = 0) -> None:
        """Shut broker ``i`` down in good order: its leaders move to other brokers first."""
        self.brokers[i].stop()

    def start_broker(self, i: int = 0) -> None:
        """Start broker ``i`` again, on its ports and with its data, and return when it answers."""
        self.brokers[i].start()
        self._wait_ready(self.brokers[i])

    def pause(self, i: int = 0) -> None:
        """Freeze broker ``i``: connections stay, nothing answers."""
        self.brokers[i].process.send_signal(signal.SIGSTOP)

    def resume(self, i: int = 0) -> None:
        """Let a frozen broker go on."""
        self.brokers[i].process.send_signal(signal.SIGCONT)

    def wait_leaders(self) -> None:
        """Return when every partition of every topic has a leader among the running brokers."""
        admin = self.admin()

        def led() -> bool:
            running = {each.node_id for each in self.brokers if each.is_running}
            found = _metadata(admin)
            return found is not None and _leaders(found) <= running

        wait_until(led, "every partition has a leader that runs")

    def admin(self, **extra: Any) -> AdminClient:
        """Return an admin client; it prints nothing about brokers that are away."""
        quiet = {"log_level": 0, "error_cb": lambda _error: None, "logger": _silent()}
        return AdminClient({"bootstrap.servers": self.bootstrap_servers, **quiet, **extra})

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _format(self) -> None:
        self._folder = DataFolder()
        for i in range(self._n_brokers):
            port = self._port if i == 0 and self._port is not None else stable_port()
            # Ports of a given listener are for the first broker; its companions choose their own.
            extra = [each if i == 0 else _elsewhere(each) for each in self._listeners]
            plain = Listener("PLAINTEXT", "PLAINTEXT", port)
            folder = self._folder.path / f"broker-{i + 1}"
            heap_mb = _HEAP_MB[self._n_brokers]
            listeners = [plain, *extra]
            self.brokers.append(
                Broker(i + 1, folder, listeners, heap_mb, lives_long=self._lives_long)
            )
        voters = [f"{each.node_id}@{HOST}:{each.controller_port}" for each in self.brokers]
        replicas = str(self._n_brokers)
        properties = {
            **_SMALL_AND_QUICK,
            "controller.quorum.voters": ",".join(voters),
            "default.replication.factor": replicas,
            "min.insync.replicas": str(self._n_brokers // 2 + 1),
            "offsets.topic.replication.factor": replicas,
            "share.coordinator.state.topic.replication.factor": replicas,
            "share.coordinator.state.topic.min.isr": str(self._n_brokers // 2 + 1),
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.min.isr": str(self._n_brokers // 2 + 1),
            **{name.replace("_", "."): str(v) for name, v in self._broker_settings.items()},
        }
        for broker in self.brokers:
            broker.format(self._cluster_id, properties)

    def _wait_ready(self, broker: Broker) -> None:
        """Return when this broker knows every broker that runs, and every partition has a leader."""
        port = broker.listeners["PLAINTEXT"].port
        admin = self.admin(**{"bootstrap.servers": f"{HOST}:{port}"})

        def ready() -> bool:
            running = {each.node_id for each in self.brokers if each.is_running}
            if not accepts(port) or (found := _metadata(admin)) is None:
                return False
            is_ours = found.cluster_id == self._cluster_id
            return is_ours and running <= set(found.brokers) and _is_led(found, self._n_brokers)

        broker.process.wait_ready(ready, f"metadata on {HOST}:{port}", _READY_TIMEOUT_S)


def _elsewhere(listener: Listener) -> Listener:
    assert listener.advertised_port is None, "advertised_port must be for one broker alone"
    return Listener(listener.name, listener.protocol, settings=listener.settings)


def _metadata(admin: AdminClient) -> ClusterMetadata | None:
    try:
        return admin.list_topics(timeout=_METADATA_TIMEOUT_S)
    except KafkaException:
        return None


def _leaders(found: ClusterMetadata) -> set[int]:
    topics: Iterable[Any] = found.topics.values()
    return {partition.leader for topic in topics for partition in topic.partitions.values()}


def _is_led(found: ClusterMetadata, n_brokers: int) -> bool:
    """Every partition has a leader, or brokers are missing that may hold it."""
    return len(found.brokers) < n_brokers or -1 not in _leaders(found)


def _silent() -> logging.Logger:
    logger = logging.Logger("rig")
    logger.addHandler(logging.NullHandler())
    return logger
