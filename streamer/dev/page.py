"""What is printed when the stack is up: the addresses, and what to try, ready to be copied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from streamer.dev.stack import PEOPLE, Stack

__all__ = ["page_of", "page_of_stack"]

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
from confluent_kafka import OFFSET_END, Consumer, TopicPartition
servers = os.environ["STREAMER_KAFKA_BOOTSTRAP_SERVERS"]
consumer = Consumer({"bootstrap.servers": servers, "group.id": "me"})
n = len(consumer.list_topics("fraud-alerts").topics["fraud-alerts"].partitions)
consumer.assign([TopicPartition("fraud-alerts", p, OFFSET_END) for p in range(n)])
for message in consumer.consume(5, timeout=120):
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


def page_of_stack(stack: Stack) -> str:
    """Return the page of a stack that is up."""
    return page_of(
        stack.environment,
        stack.worker_urls,
        stack.worker_pids,
        stack.monitoring,
        stack.redis.pid,
        _console_lines(stack),
    )


def _console_lines(stack: Stack) -> list[str]:
    if not stack.console_url:
        return ["no console: it needs the extra `console`"]
    people = ", ".join(f"{name} ({role})" for name, role in PEOPLE)
    return [
        f"reviewers' console: {stack.console_url}",
        f"  log in as {people}; password {stack.password}",
    ]


def page_of(
    environment: Mapping[str, str],
    worker_urls: Sequence[str],
    worker_pids: Sequence[int],
    monitoring: Mapping[str, str],
    redis_pid: int,
    console: Sequence[str] = (),
) -> str:
    """Return the page.  ``monitoring`` has the addresses of Prometheus and Alertmanager by name.

    ``console`` are lines on the reviewers' console, none where it does not run.
    """
    workers = " ".join(f"--worker {url}" for url in worker_urls)
    lines = ["In another terminal, in this folder:", ""]
    lines += ["  source .venv/bin/activate"]
    lines += [f"  export {name}={value}" for name, value in environment.items()]
    lines += ["", "Addresses:", ""]
    lines += [
        f"  worker {pid}: {url}/readyz  {url}/metrics"
        for url, pid in zip(worker_urls, worker_pids, strict=True)
    ]
    lines += [f"  {name}: {url}" for name, url in monitoring.items()]
    lines += [f"  {line}" for line in console]
    for title, command in (
        ("What is there, and what is wrong", f"streamer status {workers} --watch"),
        ("Publish a payment, and one that is no payment", _PUBLISH),
        ("Wait for the next five alerts", _READ),
        ("Why was that alerted?", "streamer explain ALERT_ID"),
        ("Send a verdict", _JUDGE),
        ("See that it has been stored", "streamer partition show --topic fraud-feedback"),
        ("Look at dead letters", "streamer dlq list\nstreamer dlq show PARTITION/OFFSET"),
        ("Kill a worker, and see that nothing is lost", f"kill -9 {worker_pids[0]}"),
        (
            "Stop Redis, which pages after a minute; ops/runbooks/alerts.md#streamerbreakeropen",
            f"kill -STOP {redis_pid}",
        ),
        ("Let Redis go on", f"kill -CONT {redis_pid}"),
    ):
        lines += ["", f"{title}:", ""]
        lines += [
            f"  {line}" if not command.startswith("python") else line
            for line in command.splitlines()
        ]
    return "\n".join([*lines, "", "Ctrl-C ends all of it."])
