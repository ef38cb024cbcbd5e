"""Real Prometheus and Alertmanager watch a real worker: faults are seen to fire and to resolve."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streamer.embedded import EmbeddedKafka, EmbeddedRedis
from tests.ops import monitoring
from tests.ops.monitoring import Monitoring
from tests.rig.ports import HOST
from tests.rig.requirements import require
from tests.rig.waiting import wait_until
from tests.stream.harness import Record, Service, payments

# Minutes are seconds here, and the machine may be ten times slower.
LONG_S = 240.0
BAD: list[Record] = [(b"card", b'{"card_id": "card"}')] * 5


@contextmanager
def _traffic(service: Service, bad: threading.Event) -> Iterator[None]:
    """Payments for as long as the block runs, and with ``bad`` set some that are none."""
    stop = threading.Event()
    records = payments(20_000)

    def send() -> None:
        at = 0
        while not stop.wait(0.2):
            service.produce(records[at : at + 20] + (BAD if bad.is_set() else []))
            at = (at + 20) % len(records)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_faults_are_seen_to_fire_and_to_resolve(kafka: EmbeddedKafka, tmp_path: Path) -> None:
    """Every rule evaluates; bad messages, then Redis away, each have their alert and its end."""
    require(monitoring.missing())
    bad = threading.Event()
    soon = {"redis_timeout_s": "1"}
    with EmbeddedRedis() as redis, Service(kafka.bootstrap_servers, redis.url, **soon) as service:
        worker = service.create_topics().worker().wait_ready()
        target = f"{HOST}:{worker.port}"
        with _traffic(service, bad), Monitoring(tmp_path, [target]) as watch:

            def expect(name: str, is_firing: bool) -> None:
                wait_until(
                    lambda: (name in watch.firing()) == is_firing,
                    lambda: f"{name} {is_firing}: {sorted(watch.firing())}\n{worker.log()}",
                    LONG_S,
                )

            wait_until(
                lambda: {rule["health"] for rule in watch.rules()} == {"ok"},
                lambda: str([rule for rule in watch.rules() if rule["health"] != "ok"]),
                LONG_S,
            )
            ratio = "streamer:payments_dead_lettered:ratio_rate5m"
            wait_until(lambda: watch.query(f"{ratio} == 0"), lambda: f"{ratio} is 0", LONG_S)
            assert "StreamerDeadLetterSurge" not in watch.firing()
            bad.set()
            expect("StreamerDeadLetterSurge", is_firing=True)
            bad.clear()
            expect("StreamerDeadLetterSurge", is_firing=False)

            assert "StreamerBreakerOpen" not in watch.firing()
            redis.process.send_signal(signal.SIGSTOP)
            expect("StreamerBreakerOpen", is_firing=True)
            redis.process.send_signal(signal.SIGCONT)
            expect("StreamerBreakerOpen", is_firing=False)
            assert {rule["health"] for rule in watch.rules()} == {"ok"}
