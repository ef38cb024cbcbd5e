"""From producing a payment to reading its alert back: ``python -m load.bench_latency --broker apache``.

A worker with default settings has scored 40,000 payments; then payments come at a steady rate, and a
reader takes the alerts off their topic as they come.  Broker, Redis and worker are processes of their
own; generator and reader share this one.  The generator sends as payment systems do that lose nothing:
idempotently, each payment at once.  Without that librdkafka puts no bound on requests under way and
sends one payment in each, which a single connection to Kafka does not carry at 2,000/s: payments then
wait for seconds before a worker can see them.  The share that alerts is larger than by default, so that
there are alerts enough for a 99th percentile.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from threading import Event, Thread
from typing import Any, Final

import click
import msgspec
import numpy as np
from confluent_kafka import OFFSET_END, Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from load.brokers import BROKERS, running
from load.contestants import consumed, scrape
from load.machine import describe_machine, without_openblas
from streamer.arrays import Floats
from streamer.embedded import ChildProcess
from streamer.embedded.server import free_port
from streamer.embedded.valkey import EmbeddedRedis
from streamer.errors import UnavailableError
from streamer.settings import Settings, child_environment, load_settings
from streamer.simulator import Simulator, SimulatorConfig
from streamer.stream.kafka.feeder import Feeder
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.topics import create_topics, topic_names
from streamer.stream.publishing.alert_headers import SOURCE_TIMESTAMP_HEADER

__all__ = ["main", "percentiles"]

_N_PARTITIONS: Final = 4
_WARM: Final = 40_000
_PATIENCE_S: Final = 180.0
_GRACE_S: Final = 60.0
_POLL_S: Final = 0.2
_AT_ONCE: Final[dict[str, Any]] = {"linger.ms": 0, "enable.idempotence": True}


class _Scored(msgspec.Struct):
    """What is read of an alert."""

    scored_at: datetime


class _Reader(Thread):
    """Takes alerts as they come; of each when it was produced, scored and read (ms)."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        own = {"group.id": "latency", "enable.auto.commit": False, "fetch.wait.max.ms": 10}
        self._consumer = Consumer(librdkafka_config(settings, **own))
        topic = settings.alerts_topic
        ends = [TopicPartition(topic, p, OFFSET_END) for p in range(_N_PARTITIONS)]
        self._consumer.assign(ends)
        self._decoder = msgspec.json.Decoder(_Scored)
        self._is_over = Event()
        self.times_ms: list[tuple[int, float, float]] = []

    def run(self) -> None:
        while not self._is_over.is_set():
            message: Any = self._consumer.poll(_POLL_S)
            if message is None or message.error() is not None:
                continue
            read_ms = time.time() * 1000
            produced_ms = int(dict(message.headers())[SOURCE_TIMESTAMP_HEADER])
            scored_ms = self._decoder.decode(message.value()).scored_at.timestamp() * 1000
            self.times_ms.append((produced_ms, scored_ms, read_ms))
        self._consumer.close()

    def finish(self) -> None:
        """Read what may still be on its way, and no more."""
        time.sleep(1.0)
        self._is_over.set()
        self.join()


@click.command()
@click.option("--broker", type=click.Choice(BROKERS), required=True)
@click.option("--rate", "rates", type=click.IntRange(1), multiple=True, default=(200, 2_000))
@click.option("--seconds", type=click.IntRange(5), default=60, show_default=True)
@click.option("--alert-share", type=click.FloatRange(0, 0.5), default=0.02, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(
    broker: str, rates: tuple[int, ...], seconds: int, alert_share: float, as_json: bool
) -> None:
    """Measure each rate for so many seconds."""
    common = {
        "STREAMER_KAFKA_SESSION_TIMEOUT_S": "6",
        "STREAMER_TOPIC_PARTITIONS": str(_N_PARTITIONS),
        "STREAMER_ALERT_BUDGET": str(alert_share),
        "STREAMER_WEB_HOST": "127.0.0.1",
        "STREAMER_WEB_PORT": str(free_port()),
        "STREAMER_ADMIN_PORT": "0",
    }
    results = {}
    with running(broker) as servers, EmbeddedRedis() as redis:
        places = {"STREAMER_KAFKA_BOOTSTRAP_SERVERS": servers, "STREAMER_REDIS_URL": redis.url}
        settings = load_settings(common | places)
        admin = AdminClient(librdkafka_config(settings))
        create_topics(admin, dict.fromkeys(topic_names(settings), _N_PARTITIONS), 1)
        environment = without_openblas(child_environment(common | places))
        command = [sys.executable, "-m", "streamer", "worker"]
        with ChildProcess(command, name="worker", env=environment) as worker:
            simulator = Simulator(SimulatorConfig(seed=1))
            _warm_up(settings, simulator, worker)
            for rate in rates:
                results[f"{rate}/s"] = _measure(settings, simulator, rate, seconds)
            worker.stop(grace_s=_GRACE_S)
    if as_json:
        click.echo(json.dumps({"about": describe_machine(), "ms": results}, indent=2))
        return
    for name, found in results.items():
        click.echo(f"{name}: " + ", ".join(f"{what} {ms:.1f}" for what, ms in found.items()))


def _warm_up(settings: Settings, simulator: Simulator, worker: ChildProcess) -> None:
    feeder = Feeder(librdkafka_config(settings), settings.transactions_topic)
    feeder.send(simulator.generate(_WARM).records())
    feeder.finish()
    deadline = time.monotonic() + _PATIENCE_S
    while consumed(scrape(settings)) < _WARM:
        if time.monotonic() > deadline:
            raise UnavailableError(f"the worker must score {_WARM}, got:\n{worker.log_tail()}")
        time.sleep(_POLL_S)


def _measure(settings: Settings, simulator: Simulator, rate: int, seconds: int) -> dict[str, float]:
    records = list(simulator.generate(rate * seconds).records())
    producer = Producer(librdkafka_config(settings, **_AT_ONCE))
    stored_ms: list[float] = []
    reader = _Reader(settings)
    reader.start()
    for key, value in _paced(records, rate):
        producer.produce(
            settings.transactions_topic,
            value,
            key,
            on_delivery=lambda _, message: stored_ms.append(message.latency() * 1000),
        )
        producer.poll(0)
    producer.flush()
    reader.finish()
    return percentiles(np.array(reader.times_ms[len(reader.times_ms) // 20 :]), stored_ms)


def _paced(records: list[tuple[bytes, bytes]], rate: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield each record when it is due."""
    start = time.monotonic()
    for i, record in enumerate(records):
        time.sleep(max(start + i / rate - time.monotonic(), 0.0))
        yield record


def percentiles(times_ms: Floats, stored_ms: Sequence[float] = ()) -> dict[str, float]:
    """Return what it took, in ms; ``times_ms`` (n, 3) when each was produced, scored and read.

    ``stored_ms`` (m,) is what it took until the producer had Kafka's word for each payment.

    >>> found = percentiles(np.array([[0.0, 3.0, 10.0], [0.0, 3.0, 20.0]]))
    >>> found["p50"], found["p50 until scored"], found["p50 from then on"]
    (15.0, 3.0, 12.0)
    """
    produced, scored, read = times_ms.T
    found: dict[str, float] = {"alerts": float(len(times_ms))}
    for name, took in (
        ("", read - produced),
        (" until stored", np.array(stored_ms)),
        (" until scored", scored - produced),
        (" from then on", read - scored),
    ):
        for percent in (50, 99) if len(took) else ():
            found[f"p{percent}{name}"] = float(np.percentile(took, percent))
    return found


if __name__ == "__main__":
    main()
