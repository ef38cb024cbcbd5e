"""`streamer retrain` against a real Redis and Kafka: fit, gate against the head, store."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from redis import Redis

from streamer.cli.recent_payments import copy_recent
from streamer.datafiles import write_rows
from streamer.embedded import EmbeddedKafka
from streamer.model.codec import decode_version, state_id
from streamer.model.sums import SETTLED
from streamer.settings import load_settings
from streamer.simulator import Simulator, SimulatorConfig
from streamer.starting.wiring import model_config
from streamer.store.keys import Keys
from tests.cli.test_commands import run
from tests.stream.harness import Service

SETTINGS = {"warmup_transactions": "500", "n_clusters": "4", "alert_budget": "0.02"}
POLICY = (
    "min_transactions = 5_000\nmin_payments = 1_000\nmax_worst_5000 = 3.0\nmax_budget_ratio = 1.5\n"
    "max_psi = 20.0\n"
)


@pytest.fixture
def service(kafka: EmbeddedKafka, redis_url: str) -> Iterator[Service]:
    made = Service(kafka.bootstrap_servers, redis_url, **SETTINGS).create_topics()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """A version fitted to payments of before, those that came after, and a policy."""
    directory = tmp_path_factory.mktemp("retrain")
    simulator = Simulator(SimulatorConfig(seed=3))
    before, after = directory / "before.parquet", directory / "after.parquet"
    write_rows(before, [simulator.generate(6_000).rows()])
    write_rows(after, [simulator.generate(8_000).rows()])
    head, policy = directory / "head.safetensors", directory / "gate.toml"
    fitted = run("fit", str(before), "--out", str(head), "--k", "4", **SETTINGS)
    assert fitted.exit_code == 0, fitted.stderr
    policy.write_text(POLICY)
    return head, after, policy


def command(service: Service, *arguments: str) -> Result:
    settings = {name.removeprefix("STREAMER_").lower(): v for name, v in service.env.items()}
    return run(*arguments, **settings)


def with_head(service: Service, head: Path) -> str:
    result = command(service, "model", "import", str(head), "--promote")
    assert result.exit_code == 0, result.stderr
    return service.ask(lambda store: store.head()).id


def retrained(service: Service, *arguments: str) -> tuple[int, dict[str, Any]]:
    result = command(service, "retrain", *arguments, "--name", "nightly", "--json")
    assert result.stdout, result.stderr
    return result.exit_code, json.loads(result.stdout)


def stored(service: Service) -> set[str]:
    return {version.id for version in service.ask(lambda store: store.versions())}


def test_a_version_that_passes_is_stored_and_noted_and_the_head_stays(
    service: Service, past: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    head, after, policy = past
    head_id = with_head(service, head)
    written = tmp_path / "id"
    arguments = ("--from", str(after), "--policy", str(policy), "--id-to", str(written))
    code, told = retrained(service, *arguments)
    assert (code, told["stored"], told["payments"]) == (0, True, 8_000)
    assert written.read_text() == told["version"]
    assert told["version"] in stored(service)
    assert service.ask(lambda store: store.head()).id == head_id
    [entry, *_] = service.ask(lambda store: store.lineage(10))
    assert (entry["reason"], entry["why"], entry["gate"]) == ("retrain", "nightly", "passed")
    assert (entry["version"], entry["against"]) == (told["version"], head_id)
    # It is no change of the head: there is nothing to go back from but the import.
    refused = command(service, "model", "rollback", "--reason", "x")
    assert "a version must have been promoted" in refused.stderr


def test_a_version_that_the_gate_refuses_is_noted_and_not_stored(
    service: Service, past: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    head, after, _ = past
    with_head(service, head)
    strict, out = tmp_path / "strict.toml", tmp_path / "refused.safetensors"
    strict.write_text(POLICY.replace("5_000", "8_001"))
    before = stored(service)
    code, told = retrained(
        service, "--from", str(after), "--policy", str(strict), "--out", str(out)
    )
    assert (code, told["stored"], told["gate"]["passed"]) == (1, False, False)
    assert stored(service) == before
    assert out.stat().st_size
    [entry, *_] = service.ask(lambda store: store.lineage(1))
    assert (entry["reason"], entry["gate"]) == ("retrain", "refused by learned")


def test_without_drift_nothing_is_done_and_with_it_something_is(
    service: Service, past: tuple[Path, Path, Path]
) -> None:
    head, after, policy = past
    with_head(service, head)
    arguments = ("--from", str(after), "--policy", str(policy), "--if-drifted")
    code, told = retrained(service, *arguments)
    assert (code, told["version"], told["drifted"]) == (0, None, [])
    config = model_config(load_settings({f"STREAMER_{k.upper()}": v for k, v in SETTINGS.items()}))
    sums, header = decode_version(head.read_bytes(), config)
    # All that is known now lies in one bin.
    now = sums.feature_histograms.copy()
    now[:, 0], now[:, 1:] = sums.feature_histograms.sum(axis=1), 0.0
    moved = replace(
        sums,
        reference_histograms=sums.feature_histograms,
        feature_histograms=now,
        reference_at=1_000,
        reference_due=SETTLED,
    )
    service.ask(lambda store: store.put_version(moved, header))
    # A promotion would freeze the reference anew.
    redis = Redis.from_url(service.env["STREAMER_REDIS_URL"])
    redis.set(Keys(service.settings.namespace).head, state_id(moved))
    redis.close()
    code, told = retrained(service, *arguments)
    assert code == 0
    assert len(told["drifted"]) == 17
    assert told["stored"]


def test_recent_payments_of_the_topic_are_fitted(
    service: Service, past: tuple[Path, Path, Path]
) -> None:
    """What is no payment is counted."""
    head, _, policy = past
    with_head(service, head)
    records = list(Simulator(SimulatorConfig(seed=5)).generate(6_000).records())
    service.produce([*records, (b"x", b"not a payment")])
    result = command(
        service, "retrain", "--from-kafka", "--hours", "1", "--policy", str(policy),
        "--name", "nightly", "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert "6,000 payments of " in result.stderr
    assert "1 messages refused" in result.stderr
    assert json.loads(result.stdout)["payments"] == 6_000


def test_partitions_are_merged_in_the_order_of_time_between_two_times(
    service: Service, tmp_path: Path
) -> None:
    """Of more records than are asked for, the newest; of what came later or before, none."""
    service.produce(Simulator(SimulatorConfig(seed=5)).generate(2_000).records())
    now_ms = time.time_ns() // 1_000_000
    out = tmp_path / "payments.jsonl"

    def copied(since_ms: int, until_ms: int, most: int) -> list[datetime]:
        n = copy_recent(service.settings, tmp_path, out, since_ms, until_ms, most).n_payments
        lines = out.read_bytes().splitlines()
        times = [datetime.fromisoformat(json.loads(line)["timestamp"]) for line in lines]
        assert len(times) == n
        assert sorted(times) == times
        return times

    everything = copied(now_ms - 3_600_000, now_ms, 1_000_000)
    assert len(everything) == 2_000
    assert copied(now_ms - 3_600_000, now_ms, 500) == everything[-500:]
    assert copied(now_ms + 60_000, now_ms + 120_000, 1_000_000) == []
    assert copied(now_ms - 7_200_000, now_ms - 3_600_000, 1_000_000) == []


def test_without_a_head_there_is_nothing_to_gate_against(
    service: Service, past: tuple[Path, Path, Path]
) -> None:
    _, after, _ = past
    result = command(service, "retrain", "--from", str(after), "--name", "nightly")
    assert result.exit_code == 2
    assert "got 'head'" in result.stderr


def test_it_asks_for_one_source() -> None:
    result = run("retrain", "--name", "x", **SETTINGS)
    assert result.exit_code == 2
    assert "give either --from FILE or --from-kafka" in result.stderr
