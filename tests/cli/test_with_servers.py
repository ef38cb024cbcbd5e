"""Commands that talk to Kafka or Redis, against real ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamer.embedded import EmbeddedKafka
from streamer.features import FEATURE_NAMES
from streamer.model.codec import decode_version
from streamer.starting.wiring import model_config
from tests.cli.test_commands import run
from tests.stream.harness import Service


@pytest.fixture(scope="module")
def service(kafka: EmbeddedKafka, redis_url: str) -> Iterator[Service]:
    """A namespace with versions, made by a worker from what `simulate --topic` published."""
    with Service(kafka.bootstrap_servers, redis_url) as service:
        service.create_topics().worker().wait_ready()
        arguments = ["simulate", "--topic", "--rate", "2000", "--duration", "1"]
        result = run(*arguments, **_settings(service))
        assert result.exit_code == 0, result.stderr
        assert "2,000 payments published" in result.stderr
        service.wait_consumed(2_000)
        yield service


def _settings(service: Service) -> dict[str, str]:
    return {name.removeprefix("STREAMER_").lower(): value for name, value in service.env.items()}


def test_model_list_has_the_versions_newest_first(service: Service) -> None:
    """One head, which is what Redis says, and as many seen as were published."""
    versions = json.loads(run("model", "list", "--json", **_settings(service)).stdout)
    assert [v["is_head"] for v in versions].count(True) == 1
    assert versions[0]["is_head"]
    assert versions[0]["transactions_seen"] == 2_000
    text = run("model", "list", **_settings(service))
    assert text.exit_code == 0
    assert "(head)" in text.stdout


def test_model_show_tells_where_a_version_comes_from_and_its_centers(service: Service) -> None:
    """By `head`, by id or by the beginning of an id."""
    shown = json.loads(run("model", "show", "head", "--json", **_settings(service)).stdout)
    assert (shown["status"], shown["transactions_seen"]) == ("learning", 2_000)
    assert (shown["reason"], shown["warmup"]) == ("merge", None)
    assert len(shown["centers"]) == 4
    assert shown["drift"]["reference"] == "provisional"
    assert len(shown["drift"]["features"]) == len(FEATURE_NAMES)
    by_prefix = run("model", "show", shown["version"][:12], **_settings(service))
    assert by_prefix.exit_code == 0
    assert shown["version"] in by_prefix.stdout.replace("\n", "")
    assert "(provisional reference)" in by_prefix.stdout
    assert shown["drift"]["features"][0]["sentence"] in by_prefix.stdout


def test_model_lessons_of_a_namespace_without_verdicts_are_none(service: Service) -> None:
    assert json.loads(run("model", "lessons", "--json", **_settings(service)).stdout) == []
    text = run("model", "lessons", **_settings(service))
    assert text.exit_code == 0
    assert "probability" in text.stdout


def test_model_export_writes_what_the_codec_reads(service: Service, tmp_path: Path) -> None:
    """A safetensors file with the head's state."""
    path = tmp_path / "model.safetensors"
    result = run("model", "export", "head", str(path), **_settings(service))
    assert result.exit_code == 0, result.stderr
    head = service.ask(lambda store: store.head())
    assert head.id in result.stderr
    assert path.stat().st_size > 1_000
    sums, header = decode_version(path.read_bytes(), model_config(service.settings))
    assert sums.transactions_seen == 2_000
    assert header == head.header


def test_an_unknown_version_is_one_line_and_2(service: Service) -> None:
    """The line names what was asked for."""
    result = run("model", "show", "ffffffffffff", **_settings(service))
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("streamer: ")
    assert "ffffffffffff" in line
