"""docs/partitions.md: cards, sums and alerts as the transactions topic grows under a worker."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from redis import Redis

from streamer.serving.partitioners import murmur2
from streamer.simulator import Simulator, SimulatorConfig
from streamer.store.keys import Keys
from tests.pipeline.moved_cards import moved
from tests.rig.apache_kafka import ApacheKafka
from tests.rig.topics import add_partitions
from tests.stream.harness import Record, Service, wait_until


def by_card(service: Service, records: Sequence[Record]) -> None:
    """Publish payments where a producer of Java puts them."""
    found: dict[int, list[Record]] = defaultdict(list)
    for key, value in records:
        assert key is not None
        found[(murmur2(key) & 0x7FFFFFFF) % service.n_partitions].append((key, value))
    for partition, theirs in sorted(found.items()):
        service.produce(theirs, partition=partition)


def test_cards_that_move_begin_anew_and_nothing_is_lost_or_alerted_twice(
    apache_kafka: ApacheKafka, redis_url: str
) -> None:
    """The new partitions know nobody at first; scores go to a topic that has grown with the others."""
    payments = Simulator(SimulatorConfig(seed=3, n_customers=200))
    service = Service(apache_kafka.bootstrap_servers, redis_url, scores_enabled="true")
    with service.create_topics():
        settings, admin = service.settings, apache_kafka.admin()
        worker = service.worker().wait_ready()
        by_card(service, first := list(payments.generate(1_500).records()))
        service.wait_consumed()
        for topic in (
            settings.scores_topic,
            settings.overflow_topic,
            settings.alerts_topic,
            settings.transactions_topic,
        ):
            add_partitions(admin, topic, 4)
        service.n_partitions, service.n_sent = 4, [*service.n_sent, 0, 0]
        by_card(service, list(payments.generate(1_500).records()))
        service.wait_consumed()
        total = service.assert_exact()
        assert total.scored == 3_000
        assert total.alerted > 0
        assert worker.child.is_running()

        # What is known of a card stays where it was, and what comes is counted where it comes.
        topic = settings.transactions_topic
        with Redis.from_url(redis_url) as redis:
            keys = [Keys(settings.namespace).entities("cards", topic, p) for p in range(4)]
            known = [set(redis.hkeys(key)) for key in keys]
        assert known[0] & known[2]
        assert known[1] & known[3]
        assert not (known[0] | known[2]) & (known[1] | known[3])

        # Sent again after the move, a payment is on a partition that has not seen it.
        again = next(r for r in first if r[0] is not None and moved(r[0].decode()))
        by_card(service, [again])
        wait_until(lambda: service.totals().consumed == 3_001, worker.log)
        assert service.totals().repeated == 0
