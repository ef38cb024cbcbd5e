"""`streamer challenger`: what it starts, lists and refuses, against a real Redis."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest
from click.testing import Result
from safetensors.numpy import load, save

from streamer.embedded import EmbeddedKafka
from streamer.model import Sums
from streamer.model.codec import VersionHeader, encode_version, state_id
from streamer.settings import load_settings
from streamer.starting.wiring import model_config
from tests.cli.test_commands import audited_by, run

SMALL = {"n_clusters": "4", "warmup_transactions": "300"}


@pytest.fixture
def settings(redis_url: str, kafka: EmbeddedKafka) -> dict[str, str]:
    own = {"redis_url": redis_url, "namespace": f"test-{uuid.uuid4().hex[:10]}"}
    return SMALL | own | audited_by(kafka)


def version_of(path: Path, **settings: str) -> str:
    """Write a version of these settings, and return its id."""
    config = model_config(load_settings({f"STREAMER_{n.upper()}": v for n, v in settings.items()}))
    sums = Sums.zero(config)
    header = VersionHeader("", "2026-11-29T00:00:00.000Z", "fit", config.hash)
    path.write_bytes(encode_version(sums, header, config.feature_names))
    return state_id(sums)


def complaint(result: Result) -> str:
    assert result.exit_code == 2, (result.exit_code, result.stdout, result.stderr)
    (line,) = result.stderr.splitlines()
    return str(line)


def test_challengers_are_listed_with_what_they_differ_in(
    settings: dict[str, str], tmp_path: Path
) -> None:
    fitted = tmp_path / "model.safetensors"
    version = version_of(fitted, **SMALL | {"n_clusters": "8"})
    eight = ("--change", "n_clusters=8", "--change", "half_life_transactions=50000")
    for arguments in (
        ("k8", *eight, "--version", str(fitted)),
        ("few", "--only-features", "amount, card_payments_1h"),
        ("plain", "--distance-only"),
    ):
        result = run("challenger", "start", *arguments, **settings)
        assert result.exit_code == 0, result.stderr
    listed = json.loads(run("challenger", "list", "--json", **settings).stdout)
    assert [each["name"] for each in listed] == ["few", "k8", "plain"]
    assert listed[1]["challenge"] == {
        "changes": {"n_clusters": 8, "half_life": 50_000.0},
        "begins_with": version,
    }
    assert listed[1]["version"] == version
    text = run("challenger", "list", **settings).stdout
    assert "half_life=50000, n_clusters=8, begins with" in text
    compared = run("challenger", "compare", "k8", **settings)
    assert "compared on 0 payments" in compared.stdout
    assert "overlap unknown" in compared.stdout
    fourth = run("challenger", "start", "d", "--distance-only", **settings)
    assert "at most 3 challengers must run, got few, k8, plain and d" in complaint(fourth)
    stopped = run("challenger", "stop", "k8", **settings)
    assert "k8 stopped, after 0 transactions" in stopped.stderr
    again = run("challenger", "stop", "k8", **settings)
    assert "challenger must be one that runs (few, plain), got k8" in complaint(again)


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ((), "--change, --version, --only-features or --distance-only must be given"),
        (("--change", "n_clusters=4"), "must be given, and alter something"),
        (("--change", "clusters=4"), "STREAMER_CLUSTERS is not a setting"),
        (("--change", "label_capacity=4"), "must be of the model's settings, got label_capacity"),
        (("--change", "alert_budget=0.1"), "alert_budget must be the main line's"),
        (("--change", "n_clusters=300"), "STREAMER_WARMUP_TRANSACTIONS must be at least"),
        (("--only-features", "amount,wealth"), "got wealth"),
        (("--version", "ffff"), "must be one of the 0 stored, got 'ffff'"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_what_no_challenger_can_be_is_refused_in_a_line(
    settings: dict[str, str], arguments: tuple[str, ...], fault: str
) -> None:
    result = run("challenger", "start", "one", *arguments, **settings)
    assert fault in complaint(result)
    assert json.loads(run("challenger", "list", "--json", **settings).stdout) == []


def test_a_version_of_other_clusters_features_or_format_is_refused_with_what_differs(
    settings: dict[str, str], tmp_path: Path
) -> None:
    fitted = tmp_path / "model.safetensors"
    version_of(fitted, **SMALL | {"n_clusters": "8"})

    def refused(*more: str) -> str:
        return complaint(
            run("challenger", "start", "one", "--version", str(fitted), *more, **settings)
        )

    assert "must have 4 clusters (STREAMER_N_CLUSTERS), got 8" in refused()
    arrays = load(fitted.read_bytes())
    config = model_config(load_settings({"STREAMER_N_CLUSTERS": "4"}))
    header = VersionHeader("", "2026-11-29T00:00:00.000Z", "fit", config.hash)
    names = (*config.feature_names[:-1], "wealth")
    fitted.write_bytes(encode_version(Sums.zero(config), header, names))
    assert "a difference in: card_category_familiarity, wealth" in refused()
    fitted.write_bytes(save(arrays, {"format": "5"}))
    assert "model version format must be 6, got '5'" in refused()
