"""The features topic: what a worker writes there is what was scored, and what a file's pass writes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest

from streamer.contract.messages import FeatureRow, Transaction
from streamer.embedded import EmbeddedKafka
from streamer.features import FEATURE_NAMES
from tests.cli.test_commands import run
from tests.stream.harness import Service, payments

N = 3_000


@pytest.fixture
def service(kafka: EmbeddedKafka, redis_url: str) -> Iterator[Service]:
    made = Service(
        kafka.bootstrap_servers, redis_url, n_partitions=1, features_enabled="true"
    ).create_topics()
    yield made
    made.stop()


def test_a_worker_writes_the_features_that_a_pass_over_the_file_writes(
    service: Service, tmp_path: Path
) -> None:
    """Each payment once, by card and time, to the bit; what is unknown is null."""
    records = payments(N)
    worker = service.worker().wait_ready()
    service.produce(records)
    worker.wait_scored(N)
    worker.terminate()
    messages = service.read(service.settings.features_topic)
    rows = [msgspec.json.decode(message.value() or b"", type=FeatureRow) for message in messages]
    sent = [msgspec.json.decode(value or b"", type=Transaction) for _, value in records]
    assert [row.transaction_id for row in rows] == [each.transaction_id for each in sent]
    assert [message.key() for message in messages] == [each.card_id.encode() for each in sent]
    assert [row.event_timestamp for row in rows] == [_to_ms(each.timestamp) for each in sent]
    assert {tuple(row.features) for row in rows} == {FEATURE_NAMES}
    unknown = sum(value is None for row in rows for value in row.features.values())
    assert 0 < unknown < N * len(FEATURE_NAMES) / 2
    file, out = tmp_path / "payments.jsonl", tmp_path / "features.parquet"
    file.write_bytes(b"\n".join(value or b"" for _, value in records))
    settings = {name.removeprefix("STREAMER_").lower(): v for name, v in service.env.items()}
    done = run("features", str(file), "--parquet", str(out), **settings)
    assert done.exit_code == 0, done.stderr
    table = pq.read_table(out).to_pydict()
    for name in ("transaction_id", "card_id", "merchant_id", "currency", "event_timestamp"):
        assert table[name] == [getattr(row, name) for row in rows]
    for name in FEATURE_NAMES:
        assert table[name] == [row.features[name] for row in rows]


def test_without_the_setting_nothing_is_written(service: Service) -> None:
    worker = service.worker(features_enabled="false").wait_ready()
    service.produce(payments(100))
    worker.wait_scored(100)
    worker.terminate()
    assert service.read(service.settings.features_topic) == []


def _to_ms(moment: datetime) -> datetime:
    """Return a time as the pipeline counts it, in milliseconds."""
    utc = moment.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)
