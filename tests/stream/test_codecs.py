"""Compressed records are scored, whatever codec the producer chose."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import Producer

from streamer.stream.kafka.kafka_config import librdkafka_config
from tests.rig.waiting import DEADLINE_S
from tests.stream.harness import Record, Service, payments

CODECS = ("gzip", "snappy", "lz4", "zstd")


def _produce(service: Service, codec: str, records: list[Record]) -> None:
    """Publish payments in one compressed batch per partition."""
    producer = Producer(
        librdkafka_config(
            service.settings, **{"compression.type": codec, "linger.ms": 200, "acks": "all"}
        )
    )
    for i, (key, value) in enumerate(records):
        producer.produce(service.settings.transactions_topic, value, key, i % 2)
        service.n_sent[i % 2] += 1
    assert producer.flush(DEADLINE_S) == 0


@pytest.mark.parametrize("broker", ["apache_kafka", "kafka"])
def test_records_of_every_codec_are_scored(
    broker: str, redis_url: str, request: pytest.FixtureRequest
) -> None:
    """One codec after the other on one topic, to a worker that is there and to one that comes."""
    server: Any = request.getfixturevalue(broker)
    all_payments = payments(800)
    with Service(server.bootstrap_servers, redis_url) as service:
        service.create_topics()
        worker = service.worker().wait_ready()
        slices = iter([all_payments[i : i + 100] for i in range(0, 800, 100)])
        for codec in CODECS:
            _produce(service, codec, next(slices))
            assert service.wait_consumed().scored == sum(service.n_sent), codec
        assert worker.terminate() == 0
        for codec in CODECS:
            _produce(service, codec, next(slices))
        service.successor()
        service.wait_consumed()
        assert service.assert_exact().scored == 800
