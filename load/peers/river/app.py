"""A plain loop over confluent-kafka: consume, decode, score, produce; cards in a dict."""

from __future__ import annotations

import signal
import sys

import orjson
from confluent_kafka import Consumer, Producer
from job import SESSION_S, Card, Count, Job, alert_of, visit
from models import model_of

_MAX_RECORDS = 4_000


def main(job: Job) -> None:
    """Score until the process is told to end."""
    count, model = Count(job.count), model_of(job.model)
    cards: dict[str, Card] = {}
    producer = Producer({"bootstrap.servers": job.broker})
    consumer = Consumer(
        {
            "bootstrap.servers": job.broker,
            "group.id": job.group,
            "auto.offset.reset": "earliest",
            "session.timeout.ms": SESSION_S * 1_000,
        }
    )
    consumer.subscribe([job.topic])
    try:
        while True:
            for message in consumer.consume(_MAX_RECORDS, timeout=0.1):
                if message.error() is not None:
                    continue
                payment = orjson.loads(message.value())
                card_id = payment["card_id"]
                card, x = visit(cards.get(card_id), payment)
                cards[card_id] = card
                score = model.score(x)
                if score > model.threshold:
                    alert = orjson.dumps(alert_of(payment, card, score))
                    producer.produce(job.alerts, alert, card_id)
                count.add()
            producer.poll(0)
    finally:
        producer.flush()
        consumer.close()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    main(Job.from_environment())
