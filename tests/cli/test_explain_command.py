"""`streamer explain` and `replay --explain`: from files, from a worker's topics, and mistakes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from streamer.embedded import EmbeddedKafka
from streamer.explaining.alerts import alert_id
from streamer.model import Scorer
from streamer.model.codec import VersionHeader, encode_version, state_id
from streamer.settings import load_settings
from streamer.starting.wiring import model_config
from tests.builders import batch, payment, pipeline_config
from tests.cli.test_commands import run
from tests.pipeline.helpers import ordinary, trained
from tests.pipeline.helpers import run as process_all
from tests.stream.harness import Service

SETTINGS = {"n_clusters": "4", "warmup_transactions": "300", "alert_budget": "0.02"}
WRONG_IDS = ["transactions", "transactions-1", "transactions-x-1", "-1-2", "t-1-2-", "t-1-2@", ""]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """A file of alerts, the model version that scored them, and the id of the last alert."""
    folder = tmp_path_factory.mktemp("explain")
    sums = trained().sums
    # Features are weighed as the command's settings have it.
    of_command = model_config(load_settings({}))
    names = "subjects", "of_amounts", "agreement_floor"
    weighed = {name: getattr(of_command, name) for name in names}
    config = pipeline_config()
    model = replace(config.model, **weighed)
    config = replace(config, model=model)
    version = Scorer.of(state_id(sums), sums, model)
    odd = payment(99, after_s=7_200, card_id="card-1", merchant_id="shop-1", amount=5_000.0)
    alerts = process_all([batch([*ordinary(60, seed=3), odd])], config, version).alerts
    alerts_path, model_path = folder / "alerts.jsonl", folder / "model.safetensors"
    alerts_path.write_bytes(b"".join(msgspec.json.encode(alert) + b"\n" for alert in alerts))
    header = VersionHeader("", "2026-01-05T12:00:00Z", "merge", model.hash)
    model_path.write_bytes(encode_version(sums, header, model.feature_names))
    return alerts_path, model_path, alerts[-1].alert_id


@pytest.fixture(scope="module")
def service(kafka: EmbeddedKafka, redis_url: str) -> Iterator[Service]:
    """A worker that has alerted."""
    with Service(kafka.bootstrap_servers, redis_url) as service:
        service.create_topics().worker().wait_ready()
        for seed in ("1", "2"):
            arguments = ["simulate", "--topic", "--rate", "2000", "--duration", "1"]
            result = run(*arguments, "--seed", seed, **_settings(service))
            assert result.exit_code == 0, result.stderr
        service.wait_consumed(4_000)
        yield service


def _settings(service: Service) -> dict[str, str]:
    return {name.removeprefix("STREAMER_").lower(): value for name, value in service.env.items()}


def test_an_alert_is_explained_from_files(files: tuple[Path, Path, str]) -> None:
    """Without Kafka and Redis, for people and for machines."""
    alerts, model, alert_id = files
    arguments = ("explain", alert_id, "--alerts", str(alerts), "--model", str(model))
    shown = run(*arguments, **SETTINGS)
    assert shown.exit_code == 0, shown.stderr
    assert f"critical {alert_id}  5,000.00 EUR with card-1 at shop-1" in shown.stdout
    assert "Reproduced bit for bit by the model version that scored it." in shown.stdout
    told = json.loads(alerts.read_text().splitlines()[0])["counterfactual"]["sentence"]
    assert told.startswith("No alert at an amount of ")
    assert told in shown.stdout
    assert "The amount of 5,000.00 EUR is high" in shown.stdout
    explanation = json.loads(run(*arguments, "--json", **SETTINGS).stdout)
    assert explanation["is_reproduced"] is True
    parts = [part["contribution"] for part in explanation["parts"]]
    total = math.fsum([explanation["base"], *parts, explanation["remainder"]])
    assert total == pytest.approx(explanation["alert"]["distance_sq"], rel=1e-15)
    for part in explanation["parts"]:
        assert part["feature"] in shown.stdout


def test_an_alert_explains_itself_without_kafka_redis_and_version(
    files: tuple[Path, Path, str],
) -> None:
    """The same parts as by its version, and settings of no matter."""
    alerts, model, alert_id = files
    arguments = ("explain", alert_id, "--alerts", str(alerts))
    nowhere = {"redis_url": "redis://127.0.0.1:1/0", "kafka_bootstrap_servers": "127.0.0.1:1"}
    shown = run(*arguments, **nowhere)
    assert shown.exit_code == 0, shown.stderr
    assert "Reproduced bit for bit from the parameters in the alert." in shown.stdout
    by_alert = json.loads(run(*arguments, "--json", **nowhere).stdout)
    by_version = json.loads(run(*arguments, "--model", str(model), "--json", **SETTINGS).stdout)
    assert by_alert["computed_from"] == "parameters"
    assert by_version["computed_from"] == "version"
    assert by_alert["recomputed"].items() >= by_version["recomputed"].items()
    for name in ("parts", "remainder", "base", "ranked_value", "threshold_value"):
        assert by_alert[name] == by_version[name]


def test_an_altered_alert_is_told_with_both_numbers_and_one_that_was_cut_is_one_line_and_2(
    files: tuple[Path, Path, str], tmp_path: Path
) -> None:
    """A distance that is another is 1; parameters that are no longer theirs cannot be computed with."""
    alerts, _, alert_id = files
    altered = [json.loads(line) for line in alerts.read_bytes().splitlines()]
    altered[-1]["distance_sq"] = math.nextafter(altered[-1]["distance_sq"], math.inf)
    path = tmp_path / "altered.jsonl"
    path.write_text("".join(json.dumps(alert) + "\n" for alert in altered), "utf-8")
    result = run("explain", alert_id, "--alerts", str(path))
    assert result.exit_code == 1
    assert "NOT reproduced from the parameters in the alert: distance_sq" in result.stdout
    (line,) = result.stderr.splitlines()
    assert line.startswith("streamer: the score was not reproduced: distance_sq is ")
    assert "the alert was altered on the way" in line
    altered[-1]["parameters"] = altered[-1]["parameters"][:-8]
    path.write_text("".join(json.dumps(alert) + "\n" for alert in altered), "utf-8")
    result = run("explain", alert_id, "--alerts", str(path))
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"streamer: parameters of {alert_id} must be as they were sent, got ")
    assert "--by-version" in line


def test_an_alert_of_before_is_explained_by_its_version(
    files: tuple[Path, Path, str], tmp_path: Path
) -> None:
    """One without parameters; without the version too it needs Redis, which is not there."""
    alerts, model, alert_id = files
    older = [json.loads(line) for line in alerts.read_bytes().splitlines()]
    for alert in older:
        del alert["parameters"]
    path = tmp_path / "older.jsonl"
    path.write_text("".join(json.dumps(alert) + "\n" for alert in older), "utf-8")
    arguments = ("explain", alert_id, "--alerts", str(path))
    shown = run(*arguments, "--model", str(model), **SETTINGS)
    assert shown.exit_code == 0, shown.stderr
    assert "Reproduced bit for bit by the model version" in shown.stdout
    missing = run(*arguments, **SETTINGS | {"redis_url": "redis://127.0.0.1:1/0"})
    assert missing.exit_code == 1
    assert "Redis" in missing.stderr.splitlines()[-1]


def test_a_score_that_is_not_reproduced_says_so_and_why(
    files: tuple[Path, Path, str], tmp_path: Path
) -> None:
    """Exit code 1, both numbers, and the likely cause: here, settings that differ."""
    alerts, model, alert_id = files
    altered = [json.loads(line) for line in alerts.read_bytes().splitlines()]
    altered[-1]["distance_sq"] = math.nextafter(altered[-1]["distance_sq"], math.inf)
    path = tmp_path / "altered.jsonl"
    path.write_text("".join(json.dumps(alert) + "\n" for alert in altered), "utf-8")
    arguments = ("explain", alert_id, "--alerts", str(path), "--model", str(model))
    result = run(*arguments, **SETTINGS | {"alert_budget": "0.01"})
    assert result.exit_code == 1
    assert "NOT reproduced" in result.stdout
    (line,) = result.stderr.splitlines()
    assert line.startswith("streamer: the score was not reproduced: distance_sq is ")
    assert "the settings have changed since" in line


@pytest.mark.parametrize("alert_id", WRONG_IDS)
def test_an_id_that_is_none_is_one_line_and_2(alert_id: str) -> None:
    result = run("explain", "--", alert_id)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("streamer: ALERT_ID must be TOPIC-PARTITION-OFFSET, such as ")


def test_an_alert_that_a_file_lacks_and_a_version_of_another_alert(
    files: tuple[Path, Path, str], tmp_path: Path
) -> None:
    """Both one line and 2."""
    alerts, model, alert_id = files
    missing = run("explain", "transactions-0-999", "--alerts", str(alerts), **SETTINGS)
    other = alerts.read_text("utf-8").replace(state_id(trained().sums), "f" * 64)
    path = tmp_path / "other.jsonl"
    path.write_text(other, "utf-8")
    foreign = run("explain", alert_id, "--alerts", str(path), "--model", str(model), **SETTINGS)
    for result, told in ((missing, "transactions-0-999, which is none of its"), (foreign, "fffff")):
        assert result.exit_code == 2
        (line,) = result.stderr.splitlines()
        assert told in line


def test_replay_explains_every_alert_with_the_version_that_scored_it(tmp_path: Path) -> None:
    """As many as alerts, in the same order, every one reproduced and summing to its distance²."""
    payments, alerts, out = (tmp_path / name for name in ("p.parquet", "a.jsonl", "e.jsonl"))
    run("simulate", "--rate", "3000", "--duration", "1", "--out", str(payments))
    arguments = ("replay", str(payments), "--alerts", str(alerts), "--explain", str(out))
    result = run(*arguments, **SETTINGS)
    assert result.exit_code == 0, result.stderr
    explained = [json.loads(line) for line in out.read_bytes().splitlines()]
    assert [e["alert"] for e in explained] == [
        json.loads(line) for line in alerts.read_bytes().splitlines()
    ]
    n = len(explained)
    assert n > 10
    assert f"{n} alerts explained, {n} reproduced bit for bit" in result.stderr
    assert len({e["alert"]["model_version"] for e in explained}) > 1
    for e in explained:
        assert e["is_reproduced"] is True
        total = math.fsum([*(part["contribution"] for part in e["parts"]), e["remainder"]])
        assert total == pytest.approx(e["alert"]["distance_sq"], rel=1e-15)


def test_alerts_of_a_worker_are_explained_in_another_process(service: Service) -> None:
    """Bit for bit, by the version in Redis and by what they carry."""
    alerts = service.alerts()
    assert len(alerts) > 5
    cases = ((["--by-version"], "version"), ([], "parameters"))
    for alert, (options, source) in zip(
        (alerts[0], alerts[len(alerts) // 2], alerts[-1]), [*cases, cases[0]], strict=True
    ):
        result = run("explain", alert.alert_id, *options, "--json", **_settings(service))
        assert result.exit_code == 0, result.stderr
        explanation = json.loads(result.stdout)
        assert explanation["is_reproduced"] is True
        assert explanation["computed_from"] == source
        assert explanation["alert"] == json.loads(msgspec.json.encode(alert))


def test_what_the_fuse_held_back_is_found_too_whatever_its_epoch(service: Service) -> None:
    """On the overflow topic, of a partition that was set back once."""
    alert = service.alerts()[0]
    source = msgspec.structs.replace(alert.source, epoch=1)
    held_back = msgspec.structs.replace(alert, alert_id=alert_id(source), source=source)
    overflow = service.settings.overflow_topic
    service.produce([(b"k", msgspec.json.encode(held_back))], overflow, source.partition)
    result = run("explain", held_back.alert_id, "--json", **_settings(service))
    assert result.exit_code == 0, result.stderr
    assert held_back.alert_id.endswith("@1")
    assert json.loads(result.stdout)["alert"]["source"]["epoch"] == 1


def test_without_the_version_the_alert_speaks_for_itself(service: Service) -> None:
    """In a namespace whose versions do not include the alert's, as after they were trimmed.

    By its parameters it is exact all the same; by the version it tells its reasons alone.
    """
    elsewhere = _settings(service) | {"namespace": "another", "model_versions_kept": "2"}
    alerts = service.alerts()
    for old in (next(a for a in alerts if a.sampled == is_drawn) for is_drawn in (False, True)):
        exact = run("explain", old.alert_id, **elsewhere)
        assert exact.exit_code == 0, exact.stderr
        assert "Reproduced bit for bit from the parameters in the alert." in exact.stdout
        result = run("explain", old.alert_id, "--by-version", **elsewhere)
        assert result.exit_code == 1
        for told in (exact, result):
            assert old.reasons[0].sentence[:40] in told.stdout
        assert "Not recomputed" in result.stdout
        (line,) = result.stderr.splitlines()
        assert "STREAMER_MODEL_VERSIONS_KEPT are kept (now 2)" in line
        assert old.model_version[:12] in line


def test_an_alert_that_is_not_on_the_topic_is_one_line_and_2(service: Service) -> None:
    """With how many were read; and a partition that the topic has not got."""
    topic = service.settings.transactions_topic
    absent = run("explain", f"{topic}-0-999999", **_settings(service))
    beyond = run("explain", f"{topic}-7-1", **_settings(service))
    n = sum(alert.source.partition == 0 for alert in service.alerts() + service.overflow())
    for result, told in (
        (absent, f"none of the {n:,} alerts on their partitions 0"),
        (beyond, "got 2"),
    ):
        assert result.exit_code == 2
        (line,) = result.stderr.splitlines()
        assert told in line


def test_without_kafka_it_is_one_line_and_1() -> None:
    unreachable = {"kafka_bootstrap_servers": "127.0.0.1:1"}
    result = run("explain", "transactions-0-1", **unreachable)
    assert result.exit_code == 1
    assert "must be readable" in result.stderr.splitlines()[-1]
