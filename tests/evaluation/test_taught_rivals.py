"""Rivals: labels when they were told and not before, no look ahead, and the side that is suspicious."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from streamer.durations import DAY_MS
from streamer.errors import ConfigurationError
from streamer.evaluation import NO_LABELS, LabelPlan
from streamer.evaluation.label_plan import Which
from streamer.evaluation.material import Material, Told
from streamer.evaluation.protocols import window_of
from streamer.evaluation.resampling import METRICS, Sample, measure
from streamer.evaluation.rivals import RIVALS, require_rivals, rival_scores
from streamer.evaluation.rows import NEVER, NO_LABEL, Rows
from streamer.features import FEATURE_NAMES, FEATURES

N = 900
HOUR = 3_600_000
ABOVE = FEATURE_NAMES.index("amount_ratio_to_card")
BELOW = next(j for j, feature in enumerate(FEATURES) if feature.suspect == "below")


def rows_of(n: int = N, seed: int = 0, step_ms: int = 900_000) -> Rows:
    """Nine days, payments every quarter of an hour; one in ten is a fraud, as two features say."""
    rng = np.random.default_rng(seed)
    frauds = rng.random(n) < 0.1
    X = rng.normal(size=(n, len(FEATURE_NAMES)))
    X[:, ABOVE] += 4 * frauds
    X[:, BELOW] -= 4 * frauds
    times_ms = np.arange(n) * step_ms
    return Rows(
        times_ms=times_ms,
        cards=np.arange(n) % 9,
        amounts=np.exp(X[:, 0]),
        stakes=np.exp(X[:, 0]),
        scenarios=np.where(frauds, 0, -1),
        scenario_names=("x",),
        scores=np.ones(n),
        probabilities=np.full(n, np.nan),
        alerted=np.zeros(n, dtype=bool),
        held_back=np.zeros(n, dtype=bool),
        sample_weights=np.zeros(n),
        judged_ms=times_ms + DAY_MS,
        X=X.astype(np.float32),
        inputs=np.column_stack([X, X[:, 0]]).astype(np.float32),
    )


def material_of(rows: Rows, which: Which = "all") -> Material:
    window = window_of("prequential", rows)
    plan = LabelPlan(which, delay_ms=DAY_MS)
    return Material(rows, window, window.compared(rows), plan, 3, lambda n: None)


def small(judged_ms: list[int], scenarios: list[int]) -> Rows:
    rows = rows_of(len(judged_ms), step_ms=HOUR)
    rows.scenarios[:] = scenarios
    rows.judged_ms[:] = judged_ms
    return rows


def test_a_label_is_known_from_the_first_row_on_whose_clock_has_reached_it() -> None:
    """Rows are an hour apart. Row 0 is judged at 2.5 h: known to row 3; row 2 never; row 1 at once."""
    rows = small([5 * HOUR // 2, HOUR, NEVER, 9 * HOUR], [0, -1, -1, 0])
    told = Told.of(rows, LabelPlan("all"))
    assert told.before.tolist()[:2] == [2, 3]
    assert told.rows.tolist() == [1, 0, 3]
    assert told.frauds.tolist() == [False, True, True]
    assert [told.known_at(row)[0].tolist() for row in range(4)] == [[], [], [1], [0, 1]]


def test_what_nobody_has_judged_by_the_delay_counts_as_legitimate_until_a_chargeback() -> None:
    """A delay of 2 h. Row 0 comes back after 4 h; row 1 was an alert, judged after 1 h; row 2 nobody
    judges, and row 3 has no label at all."""
    rows = small([4 * HOUR, 2 * HOUR, NEVER, NEVER, NEVER, NEVER], [0, 0, 0, NO_LABEL, -1, -1])
    told = Told.of(rows, LabelPlan("selective", delay_ms=2 * HOUR))
    known, frauds = told.known_at(3)
    assert dict(zip(known.tolist(), frauds.tolist(), strict=True)) == {0: False, 1: True}
    known, frauds = told.known_at(4)
    assert dict(zip(known.tolist(), frauds.tolist(), strict=True)) == {0: True, 1: True, 2: False}


def test_no_rival_looks_ahead() -> None:
    """With the last hundred rows altered, features and labels, those before have the same scores.

    They begin in the week that the second fit of LightGBM scores.
    """
    rows = rows_of()
    cut = N - 100
    later = rows_of(seed=9)
    altered = replace(
        rows,
        amounts=np.concatenate([rows.amounts[:cut], later.amounts[cut:]]),
        scenarios=np.concatenate([rows.scenarios[:cut], later.scenarios[cut:]]),
        X=np.concatenate([rows.X[:cut], later.X[cut:]]),
        inputs=np.concatenate([rows.inputs[:cut], later.inputs[cut:]]),
    )
    one, two = (rival_scores(material_of(of, "selective"), RIVALS) for of in (rows, altered))
    for name in RIVALS:
        assert one[name].scores.shape == (N,)
        np.testing.assert_array_equal(one[name].scores[:cut], two[name].scores[:cut], name)
        assert (one[name].scores[cut:] != two[name].scores[cut:]).any()


def test_rivals_that_are_taught_tell_frauds_from_others() -> None:
    """In the last two days: by then LightGBM has been fitted to a week of labels."""
    rows, frauds = rows_of(), rows_of().frauds
    for name, rival in rival_scores(material_of(rows), RIVALS).items():
        behind = np.arange(N) >= 700
        right, wrong = rival.scores[behind & frauds], rival.scores[behind & ~frauds]
        share = (right[:, None] > wrong[None, :]).mean()
        # The amount says nothing here, and k-means of river hardly anything: one feature in many.
        if name in ("amount", "half_space_trees", "river_kmeans"):
            continue
        assert share > 0.8, name


def test_the_tails_are_of_the_suspicious_sides_and_the_three_largest_count() -> None:
    """Of 24 payments of the first day 23 are lower in three features: three times −ln of 2 in 25.

    A value as high as none before has 1 in 25, and what is high where low is suspicious adds nothing.
    """
    rows = rows_of(48, step_ms=HOUR)
    rows.X[:] = np.nan
    for j in (ABOVE, 0, 2):
        rows.X[:24, j] = np.arange(24)
        rows.X[24, j] = 23
        rows.X[25, j] = 99
    rows.X[:24, BELOW] = np.arange(24)
    rows.X[25, BELOW] = 99
    material = material_of(rows)
    scores = rival_scores(material, ("tails",))["tails"].scores
    assert scores[24] == pytest.approx(3 * math.log(25 / 2))
    assert scores[25] == pytest.approx(3 * math.log(25))


def test_without_labels_those_that_learn_are_refused_before_anything_runs() -> None:
    with pytest.raises(ConfigurationError, match="labels must be all or selective for lightgbm"):
        require_rivals(("amount", "lightgbm_weekly"), with_labels=NO_LABELS.teaches)
    require_rivals(("amount",), with_labels=False)


def test_weeks_are_ranked_by_themselves_and_averaged() -> None:
    """Scores of the second week are all higher; in each week its one fraud is first: perfect, and 1."""
    sample = Sample(
        frauds=np.array([True, False, True, False]),
        cards=np.arange(4),
        periods=np.array([0, 0, 7, 7]),
        scenarios=np.array([0, -1, 0, -1]),
        scenario_names=("x",),
        folds=np.array([0, 0, 1, 1]),
    )
    scores = np.array([2.0, 1.0, 9.0, 8.0])
    rng = np.random.default_rng(0)
    figures = measure(scores, sample, budget=0.5, rng=rng, n_resamples=3)
    assert figures.values["auc_roc"] == figures.values["average_precision"] == 1.0
    turned = measure(np.array([1.0, 2.0, 9.0, 8.0]), sample, budget=0.5, rng=rng, n_resamples=3)
    assert [of_week["auc_roc"] for of_week in turned.folds] == [0.0, 1.0]
    assert turned.values["auc_roc"] == 0.5
    assert turned.folds[0].keys() == set(METRICS)
