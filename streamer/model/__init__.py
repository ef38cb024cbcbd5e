"""The model: online k-means as a mergeable, decaying sum.  numpy only.

Reading order: `model_config`, `sums` (what is learned), `scorer`, `thresholds` and `confidence` (what
scores, derived from the sums), `scores` and `scored` (how, and what comes of it), `kmeans` and
`histogram` (the arithmetic), `bounds` (what nobody can teach), `recent` (the payments that ranks come
from), `budget` (which share is to alert, by the hour), `lanes` and `census` (what shares it, what is
missed), `learned_rows` and `learning` (from a batch, and from a delta to the next version),
`feature_histogram`, `drift` and `reference` (what has moved), `odds`, `taught_odds`, `input_scale`,
`judged` and `trial` (the odds that verdicts teach), `calibration` (the probability that is told),
`expected_loss` (what it lets lose), `influence` (what one verdict does to them), `delays` (when frauds
are found), `codec` (bytes and the content-addressed id).
"""

from streamer.model.bounds import may_teach
from streamer.model.budget import N_HOURS, achieved_per_hour, achieved_share, hour_of
from streamer.model.calibration import N_CALIBRATION_BINS, calibration_place
from streamer.model.census import Census, Estimate, census_of, count_judged, estimate
from streamer.model.delays import ALERTED, OTHERS, Delays, count_delays, delays_of
from streamer.model.drift import MOVED_PSI, Drift, drift_of, stability_index
from streamer.model.expected_loss import (
    NEVER_WORTH,
    NO_LOSS,
    estimated_currencies,
    told_at,
)
from streamer.model.feature_histogram import count_features
from streamer.model.hashing import uniform_hash, unit_hash
from streamer.model.histogram import N_BINS, distance_position, loss_position
from streamer.model.influence import Influence, influence_of
from streamer.model.judged import learn_verdicts
from streamer.model.lanes import (
    MAIN,
    QUIET,
    RESERVE,
    SAMPLE,
    WHOLE,
    Split,
    lanes_of,
    split_of,
    stake_of,
)
from streamer.model.learning import Counted, advance, delta_limit, learn, learn_warming
from streamer.model.model_config import ModelConfig
from streamer.model.odds import (
    ABOVE,
    BELOW,
    FOUND_OUT,
    N_STEPS,
    LogOdds,
    basis_size,
    bend_of,
    function_of,
    input_of,
    odds_position,
    standardised,
)
from streamer.model.scored import N_WITH_LOSS, Room, Scored
from streamer.model.scorer import Ranking, Scorer
from streamer.model.scores import FEATURE, HOUR, Lines, Ruler, score_rows
from streamer.model.silhouette import simplified_silhouettes
from streamer.model.sums import Sums
from streamer.model.taught_odds import trial_precisions
from streamer.model.thresholds import distances_at, losses_at, odds_at

__all__ = [
    "ABOVE",
    "ALERTED",
    "BELOW",
    "FEATURE",
    "FOUND_OUT",
    "HOUR",
    "MAIN",
    "MOVED_PSI",
    "NEVER_WORTH",
    "NO_LOSS",
    "N_BINS",
    "N_CALIBRATION_BINS",
    "N_HOURS",
    "N_STEPS",
    "N_WITH_LOSS",
    "OTHERS",
    "QUIET",
    "RESERVE",
    "SAMPLE",
    "WHOLE",
    "Census",
    "Counted",
    "Delays",
    "Drift",
    "Estimate",
    "Influence",
    "Lines",
    "LogOdds",
    "ModelConfig",
    "Ranking",
    "Room",
    "Ruler",
    "Scored",
    "Scorer",
    "Split",
    "Sums",
    "achieved_per_hour",
    "achieved_share",
    "advance",
    "basis_size",
    "bend_of",
    "calibration_place",
    "census_of",
    "count_delays",
    "count_features",
    "count_judged",
    "delays_of",
    "delta_limit",
    "distance_position",
    "distances_at",
    "drift_of",
    "estimate",
    "estimated_currencies",
    "function_of",
    "hour_of",
    "influence_of",
    "input_of",
    "lanes_of",
    "learn",
    "learn_verdicts",
    "learn_warming",
    "loss_position",
    "losses_at",
    "may_teach",
    "odds_at",
    "odds_position",
    "score_rows",
    "simplified_silhouettes",
    "split_of",
    "stability_index",
    "stake_of",
    "standardised",
    "told_at",
    "trial_precisions",
    "uniform_hash",
    "unit_hash",
]
