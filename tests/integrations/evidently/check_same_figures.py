"""Our PSI and KS beside Evidently's, of the same samples, and the page that it makes of a version."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pandas as pd
import pytest
from evidently import DataDefinition, Dataset, Report
from evidently.metrics import ValueDrift
from scipy import stats

from streamer.drifting import drift_findings
from streamer.drifting.evidently_page import BINS, evidently_report
from streamer.features import FEATURE_NAMES
from streamer.model import ModelConfig, Sums, count_features
from streamer.model.codec import VersionHeader, encode_version
from streamer.model.drift import kolmogorov_smirnov, stability_index
from streamer.model.sums import SETTLED
from streamer.settings import load_settings
from streamer.starting.wiring import model_config

CONFIG: ModelConfig = model_config(load_settings({}))
PACE, SPEED = FEATURE_NAMES.index("card_pace_ratio"), FEATURE_NAMES.index("travel_speed")
N = 20_000


@pytest.fixture(autouse=True)
def nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("Evidently connected to something")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def samples() -> tuple[np.ndarray, np.ndarray]:
    """Return two samples of bins 0 to 11, each of which has at least a thousandth of either."""
    rng = np.random.default_rng(5)
    before = rng.binomial(11, 0.45, N) % 12
    now = rng.binomial(11, 0.55, N) % 12
    few = np.repeat(np.arange(12), 30)
    return np.concatenate([before, few]), np.concatenate([now, few])


def counts(bins: np.ndarray) -> np.ndarray:
    return np.bincount(bins, minlength=12).astype(float)[np.newaxis]


def theirs(before: np.ndarray, now: np.ndarray, method: str, *, is_category: bool) -> float:
    kind = "categorical_columns" if is_category else "numerical_columns"
    definition = DataDefinition(**{kind: ["bin"]})
    told = [values.astype(str) if is_category else values.astype(float) for values in (before, now)]
    sides = [
        Dataset.from_pandas(pd.DataFrame({"bin": each}), data_definition=definition)
        for each in told
    ]
    metric = Report([ValueDrift(column="bin", method=method)]).run(sides[1], sides[0]).dict()
    return float(metric["metrics"][0]["value"])


def test_psi_is_evidentlys_where_no_bin_is_empty() -> None:
    """Over the same bins, which Evidently takes where they are categories."""
    before, now = samples()
    assert min(counts(before).min(), counts(now).min()) > 1e-4 * len(before)
    ours = float(stability_index(counts(before), counts(now))[0])
    assert ours > 0.2
    assert theirs(before, now, "psi", is_category=True) == pytest.approx(ours, rel=1e-12)


def test_ks_is_that_of_which_evidently_tells_the_p_value() -> None:
    """Evidently tells no statistic; scipy, which it asks, has ours, and so has Evidently's p."""
    before, now = samples()
    # A thousandth of the payments moved: else p is 0 in a float.
    near = np.where(np.arange(len(before)) % 60 == 0, now, before)
    ours = float(kolmogorov_smirnov(counts(before), counts(near))[0])
    asked = stats.ks_2samp(before, near)
    assert asked.statistic == pytest.approx(ours, abs=1e-12)
    n = len(before) * len(near) / (len(before) + len(near))
    p = float(stats.kstwo.sf(ours, np.round(n)))
    assert 1e-6 < p < 1 - 1e-6
    assert theirs(before, near, "ks", is_category=False) == pytest.approx(p, rel=1e-9)


def version() -> Sums:
    """Return a state whose pace has moved, and whose speed is known half as often."""
    sums = Sums.zero(CONFIG)
    sums.currency_weights[0] = 1.0
    sums.reference_currency_means[0] = np.log(40.0)
    rng = np.random.default_rng(0)
    for histograms, shift in ((sums.reference_histograms, 0.0), (sums.feature_histograms, 0.6)):
        X = rng.normal(1.0, 0.5, (N, len(FEATURE_NAMES)))
        X[:, 0] += np.log(40.0) - 1.0
        X[:, PACE] += shift
        if shift:
            X[::2, SPEED] = np.nan
        which = np.zeros(N, dtype=np.int64)
        count_features(histograms, X, which, sums.reference_currency_means, CONFIG.spread_floors)
    return replace(sums, reference_at=640_000, reference_due=SETTLED)


def test_evidentlys_report_tells_the_same_psi_of_every_feature() -> None:
    """To a hundredth of it, or 0.02: shares are of 5,000 rows there, and both raise empty bins."""
    found = drift_findings("0" * 64, version(), CONFIG)
    told = {}
    for metric in evidently_report(found).dict()["metrics"]:
        if "column" in metric["config"]:
            told[metric["config"]["column"]] = float(metric["value"])
    ours = {each["feature"]: each["psi"] for each in found["features"]}
    assert found["moved"] == ["travel_speed", "card_pace_ratio"]
    assert {name: told[name + BINS] for name in ours} == pytest.approx(ours, rel=0.01, abs=0.02)


def test_the_command_writes_evidentlys_page(
    tmp_path: Path, streamer: Callable[..., CompletedProcess[str]]
) -> None:
    """One file that asks nobody for anything but itself."""
    path, page = tmp_path / "version.safetensors", tmp_path / "evidently.html"
    header = VersionHeader("", "2026-11-29T00:00:00Z", "fit", CONFIG.hash)
    path.write_bytes(encode_version(version(), header, CONFIG.feature_names))
    done = streamer("drift", "report", str(path), "--evidently", str(page))
    assert done.returncode == 0, done.stderr
    assert f"written: {page}" in done.stderr
    assert "2 of 17 features have moved, most of all travel_speed." in done.stdout
    text = page.read_text(encoding="utf-8")
    assert "card_pace_ratio (bins)" in text
    assert not re.search(r"<(script|link)[^>]+(src|href)=.http", text)
