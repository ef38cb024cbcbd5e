"""What the drift report tells and draws, of a version whose amounts went up."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from streamer.contract.codes import CURRENCIES
from streamer.drifting import drift_findings, drift_page
from streamer.features import FEATURE_NAMES
from streamer.model import Sums, count_features
from streamer.model.codec import VersionHeader, encode_version
from streamer.model.recent import rows_of
from streamer.model.sums import SETTLED
from streamer.settings import load_settings
from streamer.starting.wiring import model_config
from tests.cli.test_commands import run

CONFIG = model_config(load_settings({}))
EUR = CURRENCIES.index("EUR")
LINEAGE = [
    {"transactions_seen": "900000", "at": "2026-11-28T10:00:00Z"},
    {"transactions_seen": "640000", "at": "2026-11-20T10:00:00Z"},
]


def version(now_eur: float = 52.0, due: int = SETTLED) -> Sums:
    """Return a state with amounts around 38 EUR in the reference and ``now_eur`` now."""
    sums = Sums.zero(CONFIG)
    sums.currency_weights[EUR] = 1.0
    sums.reference_currency_means[EUR] = np.log(40.0)
    which = np.full(20_000, EUR)
    for histograms, eur in (
        (sums.reference_histograms, 38.0),
        (sums.feature_histograms, now_eur),
    ):
        X = np.random.default_rng(0).normal(1.0, 0.5, (20_000, len(FEATURE_NAMES)))
        X[:, 0] += np.log(eur) - 1.0
        count_features(histograms, X, which, sums.reference_currency_means, CONFIG.spread_floors)
    return replace(
        sums,
        reference_at=640_000,
        reference_due=due,
        transactions_seen=1_000_000,
        recent_rows=latest(),
    )


def latest() -> np.ndarray:
    """Return three payments of 10, 20 and 80 EUR, of which the last counts for eight."""
    X = np.full((3, len(FEATURE_NAMES)), np.nan)
    X[:, 0] = np.log([10.0, 20.0, 80.0])
    V = np.full((3, len(CONFIG.context_names)), np.nan)
    return rows_of(X, V, np.full(3, EUR), np.array([1.0, 1.0, 8.0]))


def test_what_moved_comes_first_with_its_limits_and_the_time_of_the_reference() -> None:
    found = drift_findings("ab" * 32, version(), CONFIG, LINEAGE)
    assert found["moved"] == ["amount"]
    assert [each["level"] for each in found["features"]] == ["moved", *["steady"] * 16]
    assert found["reference_frozen_at"] == "2026-11-20T10:00:00Z"
    assert found["remembered"] == {"reference": 20_000, "now": 20_000}
    # 1.628 sqrt(1/20,000 + 1/20,000)
    assert found["limits"]["ks_by_chance"] == pytest.approx(0.01628)
    json.dumps(found, allow_nan=False)


def test_the_latest_payments_are_told_in_money_each_by_its_weight() -> None:
    """Of a weight of 10, 80 EUR has 8: the median; 5% lie below 10 EUR or at it."""
    [amount] = [
        each
        for each in drift_findings("ab" * 32, version(), CONFIG)["features"]
        if each["feature"] == "amount"
    ]
    assert (amount["latest"]["low"], amount["latest"]["median"]) == (
        pytest.approx(10.0, rel=1e-6),
        pytest.approx(80.0, rel=1e-6),
    )
    assert amount["latest"]["sentence"].endswith("nine of ten from 10.00 EUR to 80.00 EUR")
    shares = amount["bins"]["now"]
    # The bin with 52 EUR has the most: edges and shares are of the same bins.
    place = int(np.argmax(shares[1:]))
    low, high = np.exp(amount["bins"]["edges"][place : place + 2])
    assert low < 52.0 < high


def test_before_the_reference_has_settled_nothing_is_said_to_have_moved() -> None:
    found = drift_findings("ab" * 32, version(due=960_000), CONFIG)
    assert (found["reference"], found["moved"]) == ("provisional", [])
    assert {each["level"] for each in found["features"]} == {"not settled"}
    assert "Nothing counts as moved yet" in drift_page(found)


def test_the_page_has_a_plot_for_each_feature_no_script_and_asks_nobody() -> None:
    page = drift_page(drift_findings("ab" * 32, version(), CONFIG, LINEAGE))
    assert page.count("<svg ") == len(FEATURE_NAMES)
    assert "1 of 17 features has moved, most of all amount." in page
    assert "frozen after 640,000 payments, on 2026-11-20 10:00 UTC, 360,000 payments ago" in page
    assert not re.search(r"<script|https?://|src=|href=", page)


def test_the_command_reads_a_file_and_writes_the_page(tmp_path: Path) -> None:
    path, page = tmp_path / "version.safetensors", tmp_path / "drift.html"
    header = VersionHeader("", "2026-11-29T00:00:00Z", "fit", CONFIG.hash)
    path.write_bytes(encode_version(version(), header, CONFIG.feature_names))
    result = run("drift", "report", str(path), "--html", str(page), "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["moved"] == ["amount"]
    assert "most of all amount" in page.read_text(encoding="utf-8")
    refused = run("drift", "report", str(path), "--html", str(tmp_path / "no" / "drift.html"))
    assert refused.exit_code == 2
    assert "directory of drift.html must exist" in refused.stderr


def test_a_version_without_a_reference_is_told_as_one_and_not_given_to_evidently(
    tmp_path: Path,
) -> None:
    path = tmp_path / "version.safetensors"
    header = VersionHeader("", "2026-11-29T00:00:00Z", "fit", CONFIG.hash)
    path.write_bytes(encode_version(Sums.zero(CONFIG), header, CONFIG.feature_names))
    told = run("drift", "report", str(path))
    assert "There is no reference yet, after 0 payments." in told.stdout
    refused = run("drift", "report", str(path), "--evidently", str(tmp_path / "e.html"))
    assert refused.exit_code == 2
    assert "must have a reference" in refused.stderr
