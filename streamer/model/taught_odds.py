"""The odds that a version has of its verdicts, and whether they may rank."""

from __future__ import annotations

from typing import Final

from streamer.model.input_scale import scale_of
from streamer.model.model_config import ModelConfig
from streamer.model.odds import LogOdds, coefficients
from streamer.model.sums import Sums
from streamer.model.trial import DISTANCE, ODDS, average_precision

__all__ = ["may_rank", "odds_of", "trial_precisions"]

# Where alerts alone are judged, the frauds that are known are those that whatever ranked had found: in
# the trial the distance is far ahead while it ranks.  Odds that over all payments were ahead of it had
# a third to a half of its precision there (decision 0039).
_CLEARLY_WORSE: Final = 0.25


def odds_of(sums: Sums, config: ModelConfig) -> LogOdds | None:
    """Return the odds; None until verdicts have said on which scale their inputs lie."""
    if not sums.input_weights.size:
        return None
    return LogOdds(
        *scale_of(sums),
        coefficients(sums.odds_gram, sums.odds_moment, config.n_inputs),
    )


def may_rank(sums: Sums, config: ModelConfig) -> bool:
    """Return whether the odds have learned enough, and did not rank recent verdicts clearly worse."""
    if sums.trial[ODDS, 1].sum() < config.odds_min_frauds:
        return False
    precisions = trial_precisions(sums)
    return precisions["odds"] > _CLEARLY_WORSE * precisions["distance"]


def trial_precisions(sums: Sums) -> dict[str, float]:
    """Return the average precision of distance and odds on recent verdicts, 0 without frauds."""
    named = (("distance", DISTANCE), ("odds", ODDS))
    return {name: average_precision(*sums.trial[detector]) for name, detector in named}
