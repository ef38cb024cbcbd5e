"""Faults of the brokers, and what producers send: codecs, transactions, the same once more."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from streamer.stream.kafka.topics import topic_names
from tests.faults.checker import Report
from tests.faults.site import KAFKA, Site, fault
from tests.faults.stand import Slot, Stand
from tests.rig.apache_kafka import ApacheKafka
from tests.rig.topics import add_partitions, elect_uncleanly, end_offset, leader, place_topic
from tests.rig.transactions import open_transaction
from tests.stream.harness import payments

__all__: list[str] = []

_GONE_S = 20.0


@fault("broker restarted in good order", brokers=KAFKA)
def restarted(site: Site) -> Report:
    kafka = site.kafka()
    stand = site.stand(bootstrap=kafka.bootstrap_servers).load()
    kafka.stop_broker()
    kafka.start_broker()
    stand.fault_is_over()
    return stand.finish()


@fault("broker killed, back after 20 s", brokers=KAFKA)
def killed(site: Site) -> Report:
    kafka = site.kafka()
    stand = site.stand(bootstrap=kafka.bootstrap_servers).load()
    kafka.kill()
    time.sleep(_GONE_S)
    kafka.start_broker()
    stand.fault_is_over()
    return stand.finish(run_on_s=5)


@fault("broker frozen 15 s", brokers=KAFKA)
def frozen(site: Site) -> Report:
    kafka = site.kafka()
    stand = site.stand(bootstrap=kafka.bootstrap_servers).load()
    kafka.pause()
    time.sleep(15)
    kafka.resume()
    stand.fault_is_over()
    return stand.finish(run_on_s=5)


def _of_three(site: Site) -> tuple[ApacheKafka, Stand]:
    kafka = site.kafka(3)
    stand = site.stand(bootstrap=kafka.bootstrap_servers, n_replicas=3)
    return kafka, stand.load()


@fault("leader changes in a cluster of three", brokers=KAFKA)
def leader_changes(site: Site) -> Report:
    """The leader of partition 0 is killed, comes back, and the next leader is shut down."""
    kafka, stand = _of_three(site)
    first = leader(kafka.admin(), stand.traffic.topic)
    assert first is not None
    kafka.kill(first)
    kafka.wait_leaders()
    time.sleep(5)
    kafka.start_broker(first)
    second = leader(kafka.admin(), stand.traffic.topic)
    assert second is not None
    kafka.stop_broker(second)
    kafka.wait_leaders()
    stand.fault_is_over()
    kafka.start_broker(second)
    return stand.finish(run_on_s=5)


@fault("a follower of the alerts killed, then the worker", brokers=KAFKA)
def follower_killed(site: Site) -> Report:
    """Until the follower counts as dead, its leader has alerts that nobody sees or acknowledges.

    All else lies on the leader alone, and goes on.  The worker gives alerts up, claims, and is killed.
    """
    kafka = site.kafka(
        3,
        broker_session_timeout_ms=30_000,
        min_insync_replicas=1,
        offsets_topic_num_partitions=1,
        offsets_topic_replication_factor=1,
    )
    stand, admin = site.stand(bootstrap=kafka.bootstrap_servers), kafka.admin()
    stand.service.committed()
    leads = leader(admin, "__consumer_offsets")
    assert leads is not None
    follower, settings = (leads + 1) % 3, stand.service.settings
    doubled = settings.alerts_topic, settings.overflow_topic
    for topic in {*topic_names(settings), settings.scores_topic}:
        place_topic(admin, topic, [leads, follower] if topic in doubled else [leads])
    slot = stand.load().slots[0]
    kafka.kill(follower)
    stand.until(lambda: _said(slot, "did not take an alert in time"), "an alert given up")
    slot.running.kill()
    stand.wait_restart(slot, 2)
    stand.until(lambda: _said(slot, "a follower has yet to copy"), "a claim that waits")
    kafka.start_broker(follower)
    stand.fault_is_over()
    return stand.finish(run_on_s=5)


def _said(slot: Slot, words: str) -> bool:
    return words in slot.running.log()


@fault("all three brokers gone 15 s", brokers=KAFKA)
def all_gone(site: Site) -> Report:
    kafka, stand = _of_three(site)
    for i in range(3):
        kafka.kill(i)
    time.sleep(15)
    kafka.start()
    stand.fault_is_over()
    return stand.finish(run_on_s=5)


@fault("unclean election: the log's end is lost", brokers=KAFKA)
def unclean_election(site: Site) -> Report:
    """A replica that lacks the latest records becomes the leader; others take their offsets.

    The service had scored those records, and must score the ones in their place as well.
    """
    kafka = site.kafka(3)
    stand = site.stand(
        bootstrap=kafka.bootstrap_servers, n_partitions=1, n_replicas=2, min_insync=1
    )
    _elect_without_the_latest(kafka, stand.load())
    # Before others take the lost offsets: afterwards nobody could tell.
    stand.reset([0], to=str(end_offset(kafka.admin(), stand.traffic.topic, 0)))
    stand.traffic.reconnect()
    stand.traffic.start(500)
    stand.fault_is_over()
    return stand.finish(run_on_s=5)


@fault("Redis emptied and the log's end lost", brokers=KAFKA, redis="emptied")
def emptied_and_cut(site: Site) -> Report:
    """Neither has what the group had committed: what Redis held is lost, the new end is read."""
    kafka, redis = site.kafka(3), site.redis("aof-always")
    stand = site.stand(
        redis.url, kafka.bootstrap_servers, n_partitions=1, n_replicas=2, min_insync=1
    )

    def empty_redis() -> None:
        offsets = stand.service.offsets()
        stand.until(lambda: stand.service.committed() == offsets, "everything is committed")
        redis.kill()
        redis.forget()

    _elect_without_the_latest(kafka, stand.load(), empty_redis)
    redis.start()
    stand.reset([0], to="end")
    stand.traffic.reconnect()
    stand.traffic.start(500)
    stand.fault_is_over()
    return stand.finish(run_on_s=5, with_alert_counts=False)


def _elect_without_the_latest(
    kafka: ApacheKafka, stand: Stand, meanwhile: Callable[[], None] = lambda: None
) -> None:
    """Make the replica the leader that lacks the last 1,000 records; they have been processed."""
    stand.traffic.stop()
    admin, topic = kafka.admin(), stand.traffic.topic
    replicas = [r - 1 for r in admin.list_topics(topic).topics[topic].partitions[0].replicas]
    first = leader(admin, topic)
    assert first is not None
    behind = next(r for r in replicas if r != first)
    kafka.kill(behind)
    kafka.wait_leaders()
    stand.traffic.send(1_000)
    stand.settle()
    meanwhile()
    kafka.kill(first)
    kafka.start_broker(behind)
    elect_uncleanly(admin, topic)
    kafka.start_broker(first)
    stand.traffic.started_anew([0])


@fault("partitions added to the transactions topic, then to the alerts topic", brokers=KAFKA)
def partitions_added(site: Site) -> Report:
    """Producers use the new partitions as soon as they see them."""
    kafka = site.kafka()
    stand = site.stand(bootstrap=kafka.bootstrap_servers).load()
    settings = stand.service.settings
    add_partitions(kafka.admin(), settings.transactions_topic, 6)
    stand.traffic.n_partitions = stand.service.n_partitions = 6
    time.sleep(20)
    for topic in stand.output_topics():
        add_partitions(kafka.admin(), topic, 6)
    stand.fault_is_over()
    return stand.finish(run_on_s=10)


def _compressed(codec: str) -> None:
    @fault(f"records compressed with {codec}")
    def run(site: Site) -> Report:
        stand = site.stand(mix=replace(site.mix, codec=codec)).load()
        stand.fault_is_over()
        return stand.finish()

    del run


for _codec in ("gzip", "snappy", "lz4", "zstd"):
    _compressed(_codec)


@fault("transactions, a third of them aborted", brokers=KAFKA)
def aborted(site: Site) -> Report:
    stand = site.stand(mix=replace(site.mix, aborted=0.33)).load()
    stand.fault_is_over()
    return stand.finish(run_on_s=5)


@fault("a transaction open for 8 s, then aborted", brokers=KAFKA)
def left_open(site: Site) -> Report:
    """Nothing behind the open transaction's first record is read before it is decided."""
    stand = site.stand().load()
    service = stand.service
    client = {"bootstrap.servers": service.settings.kafka_bootstrap_servers}
    strangers = payments(200, seed=77)
    with open_transaction(client, stand.traffic.topic, strangers, partition=0) as producer:
        time.sleep(8)
        producer.abort_transaction(30)
    stand.traffic.never_happened(strangers)
    stand.fault_is_over()
    return stand.finish()


@fault("the same payments sent again")
def repeated(site: Site) -> Report:
    """The latest 400 of each partition come a second and a third time, a restart between them."""
    stand = site.stand().load()
    stand.traffic.stop()
    stand.traffic.repeat(400)
    stand.settle()
    slot = stand.slots[0]
    slot.running.kill()
    stand.wait_restart(slot, 2)
    stand.traffic.repeat(400)
    stand.traffic.start(500)
    stand.fault_is_over()
    return stand.finish()
