"""What Kafka would not take: made to fit where that is possible, else the end of the worker."""

from __future__ import annotations

from confluent_kafka.admin import AdminClient

from streamer.stream.kafka.kafka_config import librdkafka_config
from tests.rig.apache_kafka import ApacheKafka
from tests.rig.waiting import DEADLINE_S
from tests.stream.harness import Service, payments


def test_a_record_that_fills_the_broker_s_limit_blocks_nothing(
    apache_kafka: ApacheKafka, redis_url: str
) -> None:
    """899,900 bytes of value under a key of 148,500: accepted on the way in, so it must come out."""
    with Service(apache_kafka.bootstrap_servers, redis_url) as service:
        service.create_topics().worker().wait_ready()
        service.produce([(bytes(148_500), bytes(899_900)), *payments(300)])
        service.wait_consumed()
        assert service.assert_exact().dead_lettered == 1
        ((letter, headers),) = service.dead_letters()
        assert letter.key() == bytes(148_500)
        assert 700_000 < len(letter.value()) < 899_900 - 148_500
        assert headers["streamer-shortened-from-bytes"] == "899900"


def test_a_topic_deleted_under_the_worker_ends_it_with_its_name(
    apache_kafka: ApacheKafka, redis_url: str
) -> None:
    """Nothing behind the dead letter can be declared done, and waiting would help nobody."""
    with Service(apache_kafka.bootstrap_servers, redis_url) as service:
        worker = service.create_topics().worker().wait_ready()
        service.produce([(b"k", b"bad"), *payments(300)])
        service.wait_consumed()
        topic = service.settings.dead_letters_topic
        admin = AdminClient(librdkafka_config(service.settings))
        admin.delete_topics([topic])[topic].result()
        service.produce([(b"k", b"bad")])
        assert worker.child.wait(DEADLINE_S) == 1, worker.log()
        assert f"topic {topic} must take every message, got " in worker.log()
