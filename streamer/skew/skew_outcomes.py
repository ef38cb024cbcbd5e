"""An answer beside the score that the stream gave to the same payment: equal, or different by what.

What is compared are bits: a feature, a score or a distance that differs in the last of them differs.

The answer was computed from the state as of a checkpoint, which says where that ended.  Payments of the
card or of the merchant between there and the payment itself move the state on; so a difference is put
down to them only where they were, and only in what they can move: those of the merchant move features
of the merchant alone.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, get_args

from streamer.contract.decision_message import Decision
from streamer.contract.messages import FeatureRow, Score

__all__ = ["OUTCOMES", "UNSCORED", "Between", "Order", "Outcome", "differing", "outcome_of"]

Outcome = Literal[
    "equal",
    "newer_version",
    "older_version",
    "other_version",
    "other_line",
    "state_moved",
    "odds_moved",
    "without_state",
    "other_partition",
    "other_payment",
    "unwitnessed",
    "unexplained",
    "never_met",
    "given_up",
]
Order = Literal["newer", "older", "unknown"]
"""Of the version that scored, against the one that answered."""

OUTCOMES: Final[dict[Outcome, str]] = {
    "equal": "same features, version, score and decision",
    "newer_version": "same features, scored by a newer version",
    "older_version": "same features, scored by an older version",
    "other_version": "same features, another version, and the history tells no more which is newer",
    "other_line": "same score; the stream's line was moved by pace, reserve or sample",
    "state_moved": "other payments of card or merchant came between, or the payment itself had come",
    "odds_moved": "same features and distance; verdicts have moved the log-odds",
    "without_state": "answered without what is kept of the card",
    "other_partition": "answered with another partition's or epoch's state, which is not explained",
    "other_payment": "the payment counts at another time, merchant or currency than was asked about",
    "unwitnessed": "different; what came between was not read",
    "unexplained": "different, and nothing came between",
    "never_met": "the stream gave no score in time",
    "given_up": "no room for more answers that wait, or for scores that came before them",
}
"""What each means.  The last two are of answers that were not compared."""
UNSCORED: Final[frozenset[Outcome]] = frozenset({"never_met", "given_up"})
assert tuple(OUTCOMES) == get_args(Outcome)  # noqa: S101

_OF_MERCHANT: Final = "merchant"


class Between(NamedTuple):
    """What came between the state of the answer and the payment.

    ``till`` is a payment at the same merchant in the same currency.  ``is_known`` is whether everything
    between was read, and ``is_past`` whether the payment itself was in the state already.
    """

    card: bool
    till: bool
    merchant: bool
    is_known: bool
    is_past: bool


def outcome_of(
    decision: Decision, score: Score, row: FeatureRow, between: Between, order: Order
) -> Outcome:
    """Return what the two are to each other; ``order`` counts where their versions differ."""
    features = differing(decision, row)
    if features:
        return _of_features(decision, row, features, between)
    if decision.answer.model_version != score.model_version:
        if order == "unknown":
            return "other_version"
        return "newer_version" if order == "newer" else "older_version"
    answer = decision.answer
    if answer.distance != score.distance or answer.ranked_by != score.ranked_by:
        return "unexplained"
    told = answer.score, answer.log_odds, answer.probability, answer.expected_loss
    if told != (score.score, score.log_odds, score.probability, score.expected_loss):
        return _of_odds(decision, row, answer.log_odds != score.log_odds, between)
    return "equal" if (answer.decision == "alert") == score.alerted else "other_line"


def differing(decision: Decision, row: FeatureRow) -> list[str]:
    """Return the names of the features that are not the same to the bit."""
    names = decision.features.keys() | row.features.keys()
    return sorted(
        name for name in names if _bits(decision.features, name) != _bits(row.features, name)
    )


def _bits(features: dict[str, float | None], name: str) -> str | None:
    """Return what tells one value from any other; 0 from -0, too."""
    value = features.get(name)
    return "missing" if name not in features else None if value is None else value.hex()


def _of_features(
    decision: Decision, row: FeatureRow, features: list[str], between: Between
) -> Outcome:
    asked = decision.event_timestamp, decision.merchant_id, decision.currency
    if asked != (row.event_timestamp, row.merchant_id, row.currency):
        return "other_payment"
    if elsewhere := _elsewhere(decision, row):
        return elsewhere
    if between.is_past or between.card:
        return "state_moved"
    if between.till and all(_OF_MERCHANT in name for name in features):
        return "state_moved"
    return "unexplained" if between.is_known else "unwitnessed"


def _of_odds(
    decision: Decision, row: FeatureRow, log_odds_differ: bool, between: Between
) -> Outcome:
    if not log_odds_differ:
        return "unexplained"
    if elsewhere := _elsewhere(decision, row):
        return elsewhere
    if between.is_past or between.card or between.merchant:
        return "state_moved"
    # What verdicts say of card and merchant is on no topic.
    return "odds_moved" if between.is_known else "unwitnessed"


def _elsewhere(decision: Decision, row: FeatureRow) -> Outcome | None:
    """Return what it is where the answer knew nothing of the payment's partition."""
    place, source = decision.state, row.source
    if decision.answer.mode != "normal" or place is None:
        return "without_state"
    is_same = (place.partition, place.epoch) == (source.partition, source.epoch)
    return None if is_same else "other_partition"
