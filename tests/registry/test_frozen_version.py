"""What a registered version does with payments, without MLflow."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from streamer.errors import ConfigurationError
from streamer.model.codec import VersionHeader, encode_version
from streamer.offline.offline_partition import OfflinePartition
from streamer.registry.frozen_version import FrozenVersion, scoring_settings
from streamer.registry.lineage_tags import figures_of, tags_of
from streamer.registry.mlflow_registry import Place
from streamer.settings import load_settings
from streamer.starting.wiring import pipeline_config
from tests.builders import batch
from tests.stream.harness import payments

ENV = {
    "STREAMER_WARMUP_TRANSACTIONS": "300",
    "STREAMER_N_CLUSTERS": "4",
    "STREAMER_ALERT_BUDGET": "0.02",
    "STREAMER_REDIS_URL": "redis://:secret@elsewhere:6379",
    "STREAMER_ALERT_CARD_KEY": "0123456789abcdef0123456789abcdef",
}


@pytest.fixture(scope="module")
def values() -> list[bytes]:
    return [value or b"" for _, value in payments(1_500, seed=2)]


@pytest.fixture(scope="module")
def folder(values: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A version that has learned the first thousand payments, and the settings beside it."""
    settings = load_settings(ENV)
    config = pipeline_config(settings)
    partition = OfflinePartition(config, 1_000, 1_000, 10_000)
    for _ in partition.run(batch(values[:1_000]), now_ms=0):
        pass
    header = VersionHeader("", "2026-01-05T12:00:00Z", "fit", config.model.hash)
    path = tmp_path_factory.mktemp("frozen")
    blob = encode_version(partition.sums, header, config.model.feature_names)
    (path / "version").write_bytes(blob)
    (path / "settings").write_text(json.dumps(scoring_settings(settings)))
    return path


def test_what_goes_with_a_version_has_no_secret_and_no_address(folder: Path) -> None:
    told = json.loads((folder / "settings").read_text())
    assert told["STREAMER_ALERT_BUDGET"] == "0.02"
    assert {name for name in told if "REDIS" in name or "KEY" in name} == set()


def test_a_frozen_version_scores_the_same_however_often_and_whatever_the_settings_here_are(
    folder: Path, values: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It depends on the payments before, which are given again: nothing is kept and nothing learned."""
    monkeypatch.setenv("STREAMER_ALERT_BUDGET", "0.1")
    frozen = FrozenVersion.load(folder / "version", folder / "settings")
    rows = [json.loads(value) for value in values]
    given = frozen.scores(rows)
    assert frozen.scores(rows) == given
    assert frozen.scores(rows[:700]) == given[:700]
    assert frozen.scores(rows[1:])[0]["score"] is not None
    assert [row["transaction_id"] for row in given] == [row["transaction_id"] for row in rows]
    (broken,) = frozen.scores([rows[0] | {"amount": "much", "merchant_id": float("nan")}])
    assert (broken["refused"], broken["score"]) == ("wrong_type", None)


def test_a_version_of_another_configuration_is_refused(folder: Path, tmp_path: Path) -> None:
    told = json.loads((folder / "settings").read_text())
    changed = tmp_path / "settings"
    changed.write_text(json.dumps(told | {"STREAMER_ALERT_BUDGET": "0.03"}))
    with pytest.raises(ConfigurationError, match="must be scored by the configuration"):
        FrozenVersion.load(folder / "version", changed)


def test_tags_name_what_is_known_and_the_gate_where_it_was_asked(folder: Path) -> None:
    frozen = FrozenVersion.load(folder / "version", folder / "settings")
    sums = frozen.version.sums
    header = VersionHeader("ab", "2026-01-05T12:00:00Z", "merge", "cd", {"t/1": 7, "t/0": 3})
    tags = tags_of("ef", sums, header, None)
    assert tags["streamer.version"] == "ef"
    assert tags["streamer.offsets"] == "t/0=3 t/1=7"
    assert not {name for name in tags if "gate" in name or "data" in name}
    rules = [{"rule": "recall", "figure": 0.5}, {"rule": "labels", "figure": None}]
    gate = {"passed": False, "against": "12", "rules": rules}
    told = tags_of("ef", sums, replace(header, offsets={}), gate)
    assert (told["streamer.gate"], told["streamer.gate_against"]) == ("failed", "12")
    assert "streamer.offsets" not in told
    assert figures_of(sums, gate)["gate.recall"] == 0.5
    assert "gate.labels" not in figures_of(sums, gate)


@pytest.mark.parametrize(
    "text", ["streamer", "streamer@", "@champion", "a/b", "a/1/2", "models:/a/1"]
)
def test_a_place_is_a_name_with_an_alias_or_a_number(text: str) -> None:
    with pytest.raises(ConfigurationError, match="must be NAME@ALIAS or NAME/NUMBER"):
        Place.of(text)
