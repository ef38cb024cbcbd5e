"""The model alone passes river's own checks, and finds what lies far from all centers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import river.checks
from river import stats

import streamer


def blobs(n: int, n_features: int = 6) -> list[tuple[dict[str, float], bool]]:
    """Return four heaps of observations; one in fifty lies eight deviations about its heap."""
    rng = np.random.default_rng(3)
    centers = rng.uniform(-10, 10, (4, n_features))
    is_odd = rng.random(n) < 0.02
    X = centers[rng.integers(4, size=n)] + rng.normal(size=(n, n_features))
    X[is_odd] += rng.normal(0, 8, (is_odd.sum(), n_features))
    return [
        ({f"f{i}": float(value) for i, value in enumerate(row)}, bool(odd))
        for row, odd in zip(X, is_odd, strict=True)
    ]


OBSERVATIONS = blobs(300)


def small() -> streamer.OnlineKMeans:
    return streamer.OnlineKMeans(n_clusters=4, warmup=60, max_features=8)


def named_checks() -> Iterator[Any]:
    """River's checks of a detector, on heaps: its own data set would have to be downloaded."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(river.checks, "_yield_datasets", lambda *_, **__: iter([OBSERVATIONS]))
        for check in river.checks.yield_checks(small()):
            yield pytest.param(check, id=check.__name__)


@pytest.mark.parametrize("check", list(named_checks()))
def test_river_finds_nothing_wrong(check: Any) -> None:
    check(small())


def test_there_are_as_many_checks_as_river_has_of_detectors() -> None:
    assert len(list(named_checks())) >= 20


def test_what_lies_far_from_all_heaps_scores_above_what_lies_in_one() -> None:
    detector, of_odd, of_usual = small(), stats.Mean(), stats.Mean()
    for number, (x, is_odd) in enumerate(blobs(1_500)):
        score = detector.score_one(x)
        detector.learn_one(x)
        if number >= 300:
            (of_odd if is_odd else of_usual).update(score)
    assert of_odd.get() > 0.9
    # Shares of what was less unusual: half on average.
    assert of_usual.get() == pytest.approx(0.5, abs=0.05)


def test_nothing_is_unusual_before_the_warm_up_is_full() -> None:
    detector = small()
    for x, _ in OBSERVATIONS[:59]:
        detector.learn_one(x)
    far = {"f0": 1e9}
    assert detector.score_one(far) == 0.0
    detector.learn_one(OBSERVATIONS[59][0])
    assert detector.score_one(far) > 0.999


def test_asking_teaches_nothing_and_the_same_stream_gives_the_same_scores() -> None:
    asked, alone = small(), small()
    for x, _ in OBSERVATIONS[:200]:
        for _ in range(3):
            asked.score_one(x)
        asked.learn_one(x)
        alone.learn_one(x)
    assert [asked.score_one(x) for x, _ in OBSERVATIONS[200:]] == [
        alone.score_one(x) for x, _ in OBSERVATIONS[200:]
    ]


def test_what_is_missing_or_infinite_takes_no_part() -> None:
    detector = small()
    for x, _ in OBSERVATIONS:
        detector.learn_one(x)
    x = OBSERVATIONS[0][0]
    without = detector.score_one({name: x[name] for name in ("f0", "f1")})
    for none in (None, math.nan, math.inf):
        assert detector.score_one(x | dict.fromkeys(("f2", "f3", "f4", "f5"), none)) == without
    assert detector.score_one(x | {"never seen": 1e9}) == detector.score_one(x)


@pytest.mark.parametrize(
    ("x", "told"),
    [
        ({"f0": "red"}, "feature 'f0' must be a number, got 'red'"),
        (
            {f"g{i}": 1.0 for i in range(9)},
            "at most 8 features, got another, 'g8'; set max_features",
        ),
    ],
)
def test_what_cannot_be_learned_is_told(x: dict[str, Any], told: str) -> None:
    with pytest.raises(streamer.ConfigurationError, match=told):
        small().learn_one(x)
