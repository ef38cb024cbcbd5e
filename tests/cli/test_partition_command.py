"""``streamer partition`` against a real Kafka and a real Redis."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from streamer.contract.ledger import Ledger
from streamer.model import Sums
from streamer.settings import Settings, load_settings
from streamer.starting.wiring import model_config, open_store
from streamer.store import Checkpoint, LogIdentity
from streamer.stream.kafka.partition_log import log_bounds
from tests.cli.test_commands import run
from tests.rig.apache_kafka import ApacheKafka
from tests.rig.topics import create_topic, recreate_topic, truncate
from tests.rig.waiting import DEADLINE_S

N_RECORDS = 50
NOW_MS = 1_700_000_000_123


class Partition:
    """One partition of 50 records, 40 of which were read by ``w1``."""

    def __init__(self, kafka: ApacheKafka, redis_url: str, topic: str, namespace: str) -> None:
        self.kafka, self.topic = kafka, topic
        self.variables = {
            "kafka_bootstrap_servers": kafka.bootstrap_servers,
            "redis_url": redis_url,
            "namespace": namespace,
            "transactions_topic": topic,
            "create_topics": "true",
        }
        self.admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
        create_topic(self.admin, topic)
        self.publish(N_RECORDS)
        asyncio.run(self._checkpoint(40))

    @property
    def settings(self) -> Settings:
        return load_settings({f"STREAMER_{k.upper()}": v for k, v in self.variables.items()})

    def publish(self, n_records: int) -> None:
        producer = Producer({"bootstrap.servers": self.kafka.bootstrap_servers, "log_level": 0})
        for i in range(n_records):
            producer.produce(self.topic, str(i).encode())
        assert producer.flush(DEADLINE_S) == 0

    def run(self, *arguments: str, **changes: str):
        return run("partition", *arguments, **(self.variables | changes))

    def show(self) -> dict:
        [row] = json.loads(self.run("show", "--json").stdout)
        return row

    async def _checkpoint(self, offset: int) -> None:
        store = open_store(self.settings)
        try:
            record = await store.claim(self.topic, 0, "w1", NOW_MS)
            bounds = log_bounds(self.settings, self.topic, 0, offset)
            await store.checkpoint(
                Checkpoint(
                    topic=self.topic,
                    partition=0,
                    generation=record.generation,
                    base_offset=None,
                    next_offset=offset,
                    ledger=Ledger(consumed=offset, scored=offset),
                    alerts_position=None,
                    delta=Sums.zero(model_config(self.settings)),
                    entities={},
                    owner="w1",
                    now_ms=NOW_MS,
                    log=LogIdentity(0, bounds.topic_id, bounds.end),
                )
            )
        finally:
            await store.close()

    def lineage(self) -> list[dict[str, str]]:
        async def ask() -> list[dict[str, str]]:
            store = open_store(self.settings)
            try:
                return await store.lineage(10)
            finally:
                await store.close()

        return asyncio.run(ask())


@pytest.fixture
def read_to_40(
    apache_kafka: ApacheKafka,
    redis_url: str,
    unique_topic: Callable[..., str],
    redis_namespace: str,
) -> Partition:
    return Partition(apache_kafka, redis_url, unique_topic(), redis_namespace)


def test_show_has_offset_lag_owner_and_the_whole_ledger(read_to_40: Partition) -> None:
    row = read_to_40.show()
    assert (row["offset"], row["lag"], row["owner"], row["generation"]) == (40, 10, "w1", 1)
    assert row["ledger"]["scored"] == 40
    assert row["ledger"]["imbalance"] == 0
    assert row["log"]["now"]["end"] == row["log"]["end"] == 50
    assert len(row["log"]["topic_id"]) == 22
    text = read_to_40.run("show").stdout
    assert f"{read_to_40.topic}/0: consumed 40, scored 40, imbalance 0" in text
    assert "w1" in text


def test_show_does_without_kafka(read_to_40: Partition) -> None:
    result = read_to_40.run("show", "--json", kafka_bootstrap_servers="127.0.0.1:1")
    assert result.exit_code == 0
    [row] = json.loads(result.stdout)
    assert (row["offset"], row["lag"]) == (40, None)
    assert "no lag" in result.stderr


def test_a_skip_says_what_it_passes_over_and_asks(read_to_40: Partition) -> None:
    """Without an answer nothing changes; with --yes 8 records are lost."""
    arguments = ("reset", "0", "--to", "48", "--reason", "poison")
    result = read_to_40.run(*arguments)
    assert result.exit_code == 1
    assert "8 records are declared lost (operator): 40 to 47." in result.stdout
    assert read_to_40.show()["offset"] == 40
    result = read_to_40.run(*arguments, "--yes", "--who", "ann")
    assert result.exit_code == 0, result.stderr
    row = read_to_40.show()
    assert (row["offset"], row["lag"], row["generation"], row["epoch"]) == (48, 2, 2, 0)
    assert (row["ledger"]["consumed"], row["ledger"]["lost"]) == (48, 8)
    assert row["ledger"]["imbalance"] == 0
    entry = read_to_40.lineage()[0]
    assert (entry["reason"], entry["why"], entry["who"]) == ("reset", "poison", "ann")


def test_a_topic_made_anew_begins_another_epoch(read_to_40: Partition) -> None:
    """Of the old log's 50 records 10 were not read."""
    recreate_topic(read_to_40.admin, read_to_40.topic)
    read_to_40.publish(60)
    result = read_to_40.run("reset", "0", "--to", "beginning", "--reason", "recreated", "--yes")
    assert result.exit_code == 0, result.stderr
    assert "10 records are declared lost (recreated): 40 to 49." in result.stdout
    row = read_to_40.show()
    assert (row["offset"], row["lag"], row["epoch"]) == (0, 60, 1)
    assert row["ledger"]["lost"] == 10
    assert row["log"]["topic_id"] == row["log"]["now"]["topic_id"]


def test_a_step_back_in_the_same_log_is_refused_unless_it_is_meant(read_to_40: Partition) -> None:
    arguments = ("reset", "0", "--to", "30", "--reason", "again please", "--yes")
    result = read_to_40.run(*arguments)
    assert result.exit_code == 2
    assert "10 records of the same log have been read before" in result.stderr
    result = read_to_40.run(*arguments, "--again")
    assert result.exit_code == 0, result.stderr
    assert "Up to 10 records are read, learned and alerted again." in result.stdout
    row = read_to_40.show()
    assert (row["offset"], row["epoch"], row["ledger"]["lost"]) == (30, 1, 0)


def test_what_retention_deleted_has_that_cause(read_to_40: Partition) -> None:
    truncate(read_to_40.admin, read_to_40.topic, 0, 45)
    result = read_to_40.run("reset", "0", "--to", "beginning", "--reason", "retention", "--yes")
    assert result.exit_code == 0, result.stderr
    assert "5 records are declared lost (retention): 40 to 44." in result.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("reset", "0", "--to", "51", "--reason", "x"), "from 0 to 50"),
        (("reset", "7", "--to", "end", "--reason", "x"), "one of the 1 of topic"),
        (("reset", "0", "--to", "end", "--reason", " "), "--reason must say why"),
        (
            ("reset", "0", "--to", "end", "--reason", "x", "--topic", "nowhere"),
            "--topic must be",
        ),
        (("show", "--topic", "nowhere"), "got nowhere"),
    ],
)
def test_a_mistake_is_one_line_and_2(
    read_to_40: Partition, arguments: tuple[str, ...], words: str
) -> None:
    result = read_to_40.run(*arguments)
    assert result.exit_code == 2
    assert words in result.stderr


def test_a_partition_of_another_namespace_is_not_touched(read_to_40: Partition) -> None:
    result = read_to_40.run(
        "reset", "0", "--to", "end", "--reason", "x", "--yes", namespace="somebody-elses"
    )
    assert result.exit_code == 2
    assert "STREAMER_NAMESPACE 'somebody-elses'" in result.stderr
