"""What the model is built with.  Every constant has its reason beside it."""

from __future__ import annotations

import hashlib
from dataclasses import astuple, dataclass
from functools import cache
from typing import Literal

__all__ = ["AlertHours", "ModelConfig", "RankBy"]

AlertHours = Literal["risk", "equal"]
RankBy = Literal["probability", "expected_loss"]


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Parameters of scoring and learning; two workers must agree on them to share a model.

    ``half_life`` is counted in transactions: after so many new ones, what was learned before weighs
    half.  ``score_half_life`` is the same for the sample that ranks and threshold come from; it
    is shorter, because the threshold has to keep an agreed workload while the traffic drifts.
    ``math.inf`` switches either decay off.
    """

    feature_names: tuple[str, ...]
    spread_floors: tuple[float, ...]
    sides: tuple[int, ...]
    """Per feature, which deviations from a center count: 1 those above, -1 those below, 0 both."""
    n_currencies: int
    context_names: tuple[str, ...] = ()
    """What is known around a payment: inputs of the odds beside the features and the distance."""
    subjects: tuple[str, ...] = ()
    """Per feature what it measures, for `agreement`; empty if no two measure the same."""
    of_amounts: tuple[str | None, ...] = ()
    """Per feature whether it measures the payment's amount, "own", what "several" make up, or none, for
    `quiet_tail`; empty if none does."""
    n_clusters: int = 16
    half_life: float = 200_000
    score_half_life: float = 20_000
    warmup: int = 5_000
    alert_budget: float = 0.005
    """Share of traffic that may alert; with ``alerts_per_hour`` the share that it may not exceed."""
    alerts_per_hour: float | None = None
    """Alerts per hour of event time, over all partitions."""
    alert_hours: AlertHours = "risk"
    """Whether alerts come when the risk is there, or every hour has the same share of its payments."""
    reserve_share: float = 0.0
    """Share of the budget that the distance ranks while the odds do, before its yield is known
    (`lanes`); 0 switches it off."""
    sample_share: float = 0.0
    """Share of the budget for payments drawn from below the line; 0 switches it off."""
    rank_by: RankBy = "probability"
    """What ranks while the odds do: they, or the loss that they let expect (`expected_loss`)."""
    currency_values: tuple[tuple[int, float], ...] = ()
    """Index of a currency, and what a unit of it is worth in the reference currency."""
    review_cost: float = 0.0
    """What a review costs, in the reference currency: an expected loss below it is worth none."""
    review_spend_per_day: float = 0.0
    """What the reviews of a day of event time may cost; 0 for as much as ``alert_budget`` gives."""
    random_seed: int = 0
    n_starts: int = 1
    """The first centers are the best of so many seedings.  Four instead of one gained 0.002 of
    silhouette with 16 clusters, which no worker need wait for, and 0.015 with 3: `fit` takes four."""
    clip_deviations: float = 10.0
    """Beyond this many standard deviations a value is as strange as it can get, and teaches no more."""
    variance_prior_weight: float = 50.0
    """A cluster of few payments borrows the spread of all traffic, with the weight of this many."""
    variance_floor_share: float = 0.05
    """No cluster is taken to be tighter than this share of the overall variance."""
    dying_share: float = 0.02
    """A cluster with less than this share of the average weight is re-seeded."""
    linear_beyond: float = 2.0
    """From this many standard deviations on a feature's addend grows linearly, no longer squared
    (Huber 1964), so that one extreme feature does not outrank several unusual ones."""
    belief_share: float = 0.01
    """A center with this share of the traffic is believed by half, see `Scorer`."""
    maturity_weight: float = 1_000.0
    """A feature counts in full once it was known in this many payments, before that in proportion."""
    expectation_floor: float = 1.0
    """Added to what is expected of a squared distance, so that one known feature is not blown up."""
    agreement_floor: float = 10.0
    """Added to each feature's lift (`agreement`): one that comes with others no more than by chance, 1,
    counts half of what one of lift 34 does.  `math.inf`: all count alike."""
    expectation_prior_weight: float = 1_000.0
    """The weight, in payments, of what is expected of a feature before anything was learned of it."""
    currency_min_weight: float = 30.0
    """A currency seen less often than this has no usual amount yet: its amount feature is neutral."""

    card_daily_lessons: float = 20.0
    """Payments of one card that teach, of those that still weigh of its day; `math.inf` for all."""
    center_leash: float = 1.5
    """So many deviations a center may be from its anchor; `math.inf`: no bound."""
    variance_leash: float = 0.7
    """By so much ln variance may differ from the anchor's; `math.inf`: no bound."""
    anchor_half_lives: float = 2.0
    """Half-life of the anchors, in those of the centers."""

    odds_half_life: float = 500_000
    """After so many verdicts, what the odds learned before weighs half."""
    trial_half_life: float = 50_000
    """The same for the comparison of the odds with the distance."""
    lane_half_life: float = 1_000
    """After so many judged alerts, what the lanes yielded before weighs half: of a reserve of a tenth
    a hundred, half of which tell its precision within a fifth."""
    census_half_life: float = 20_000
    """The same for what is estimated of recall: a sample of a tenth has 2,000 in it."""
    odds_min_frauds: float = 25.0
    """Frauds that must have been judged before the odds may rank."""

    @property
    def n_inputs(self) -> int:
        """Inputs of the odds: the features, what verdicts say, ln distance²."""
        return self.n_features + len(self.context_names) + 1

    @property
    def n_features(self) -> int:
        return len(self.feature_names)

    @property
    def hash(self) -> str:
        """A short name of this configuration, for the header of a model version."""
        return _hash(self)


@cache
def _hash(config: ModelConfig) -> str:
    # Every version names it, and `astuple` takes a millisecond.
    return hashlib.sha256(repr(astuple(config)).encode()).hexdigest()[:16]
