"""The scale of the odds' inputs follows the verdicts at first and then holds still, input by input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from streamer.model.feature_histogram import N_FEATURE_BINS, UNKNOWN
from streamer.model.input_scale import follow_scale, scale_of
from streamer.model.odds import N_STEPS
from streamer.model.sums import Sums
from tests.model.helpers import small_config

CONFIG = small_config()
H = CONFIG.n_inputs


def judged(weight: float, *, of_last: float | None = None) -> Sums:
    """Return sums of ``weight`` verdicts whose inputs have the mean 2 and the deviation 3."""
    weights = np.full(H, weight)
    if of_last is not None:
        weights[-1] = of_last
    histograms = np.zeros((CONFIG.n_features, N_FEATURE_BINS))
    # From -16 to 16 spread floors, 100 payments a bin; as many more did not say their amount.
    histograms[0, UNKNOWN + 1 :] = 100.0
    histograms[0, UNKNOWN] = 6_400.0
    return replace(
        Sums.zero(CONFIG),
        input_weights=weights,
        input_sums=2.0 * weights,
        input_sums_sq=13.0 * weights,
        feature_histograms=histograms,
    )


def test_before_enough_was_judged_the_scale_is_that_of_the_verdicts_and_nothing_steps() -> None:
    sums = judged(199_999.0)
    assert follow_scale(sums, CONFIG) is sums
    means, deviations, steps = scale_of(sums)
    assert means.tolist() == [2.0] * H
    assert deviations == pytest.approx([3.0] * H)
    assert np.isinf(steps).all()


def test_a_scale_once_frozen_is_moved_by_no_verdict() -> None:
    """200,000 are enough; what is judged afterwards moves the sums and not the scale."""
    frozen = follow_scale(judged(200_000.0), CONFIG)
    later = replace(frozen, input_sums=9.0 * frozen.input_sums)
    assert follow_scale(later, CONFIG) is later
    for mine, first in zip(scale_of(later), scale_of(frozen), strict=True):
        assert mine.tolist() == first.tolist()
    assert scale_of(later)[0].tolist() == [2.0] * H


def test_an_input_that_is_known_late_is_frozen_late() -> None:
    """A producer that begins to send coordinates: their scale is not that of what was never seen."""
    first = follow_scale(judged(200_000.0, of_last=10.0), CONFIG)
    assert (first.input_scale[1] > 0).tolist() == [*[True] * (H - 1), False]
    moved = replace(first, input_sums=first.input_sums * 2, input_weights=np.full(H, 200_000.0))
    then = follow_scale(moved, CONFIG)
    assert then.input_scale[:, :-1].tolist() == first.input_scale[:, :-1].tolist()
    assert then.input_scale[0, -1] == pytest.approx(20.0 * 2 / 200_000)


def test_amounts_step_where_the_upper_twentieth_hundredth_and_five_hundredth_begin() -> None:
    """Of 64 equal bins from -32 to 32 floors: 60.8, 63.36 and 63.872 bins from the lowest edge."""
    frozen = follow_scale(judged(200_000.0), CONFIG)
    floor = CONFIG.spread_floors[0]
    expected = [max((bins - 32) * floor, 2.0) for bins in (60.8, 63.36, 63.872)]
    assert scale_of(frozen)[2] == pytest.approx(expected)


def test_no_step_lies_below_the_average() -> None:
    """An average amount adds nothing: a histogram of small amounts puts its steps at the mean."""
    sums = judged(200_000.0)
    sums.feature_histograms[0] = 0.0
    sums.feature_histograms[0, UNKNOWN + 1] = 1.0
    assert scale_of(follow_scale(sums, CONFIG))[2].tolist() == [2.0] * N_STEPS


def test_without_a_known_amount_nothing_steps() -> None:
    sums = judged(200_000.0)
    sums.feature_histograms[0] = 0.0
    assert np.isinf(scale_of(follow_scale(sums, CONFIG))[2]).all()
