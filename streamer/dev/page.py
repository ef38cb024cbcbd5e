"""What is printed when the stack is up: the addresses, and what to try, ready to be copied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

__all__ = ["page_of"]

_PUBLISH: Final = """python - <<'END'
from datetime import UTC, datetime
import json, os
from confluent_kafka import Producer
producer = Producer({"bootstrap.servers": os.environ["STREAMER_KAFKA_BOOTSTRAP_SERVERS"]})
payment = {"transaction_id": "mine-1", "card_id": "my-card", "amount": 4999.00,
           "currency": "EUR", "timestamp": datetime.now(UTC).isoformat()}
producer.produce("transactions", json.dumps(payment), payment["card_id"])
producer.produce("transactions", b'{"card_id": "my-card"}', "my-card")  # a dead letter
producer.flush()
END"""

_READ: Final = """python - <<'END'
import json, os
from confluent_kafka import Consumer
consumer = Consumer({"bootstrap.servers": os.environ["STREAMER_KAFKA_BOOTSTRAP_SERVERS"],
                     "group.id": "me", "auto.offset.reset": "earliest"})
consumer.subscribe(["fraud-alerts"])
for message in consumer.consume(5, timeout=20):
    alert = json.loads(message.value())
    print(alert["alert_id"], alert["severity"], alert["reasons"][0]["sentence"])
END"""

_JUDGE: Final = """python - <<'END'
import json, os
from confluent_kafka import Producer
producer = Producer({"bootstrap.servers": os.environ["STREAMER_KAFKA_BOOTSTRAP_SERVERS"]})
producer.produce("fraud-feedback", json.dumps({"alert_id": "ALERT_ID", "is_fraud": True}))
producer.flush()
END"""


def page_of(
    environment: Mapping[str, str],
    worker_urls: Sequence[str],
    worker_pids: Sequence[int],
    prometheus_url: str | None,
) -> str:
    """Return the page."""
    workers = " ".join(f"--worker {url}" for url in worker_urls)
    lines = ["In another terminal, in this folder:", ""]
    lines += ["  source .venv/bin/activate"]
    lines += [f"  export {name}={value}" for name, value in environment.items()]
    lines += ["", "Addresses:", ""]
    lines += [
        f"  worker {pid}: {url}/readyz  {url}/metrics"
        for url, pid in zip(worker_urls, worker_pids, strict=True)
    ]
    if prometheus_url is not None:
        lines.append(f"  Prometheus: {prometheus_url}/alerts")
    for title, command in (
        ("What is there, and what is wrong", f"streamer status {workers} --watch"),
        ("Publish a payment, and one that is no payment", _PUBLISH),
        ("Read alerts", _READ),
        ("Why was that alerted?", "streamer explain ALERT_ID"),
        ("Send a verdict", _JUDGE),
        ("Look at dead letters", "streamer dlq list\nstreamer dlq show PARTITION/OFFSET"),
        ("Kill a worker, and see that nothing is lost", f"kill -9 {worker_pids[0]}"),
    ):
        lines += ["", f"{title}:", ""]
        lines += [
            f"  {line}" if not command.startswith("python") else line
            for line in command.splitlines()
        ]
    return "\n".join([*lines, "", "Ctrl-C ends all of it."])
