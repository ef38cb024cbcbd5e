"""The messages on every topic, as msgspec structs: the contract with producers and reviewers.

The JSON Schemas in ``schemas/`` are generated from these structs (`json_schemas`) and a test holds
the two together.  Rules that follow from the contract:

* Producers may add fields first: unknown fields are accepted and ignored.
* A field that is optional here is neutral when missing; it is never read as zero.
* Consumers of alerts may rely on every field that has no default; new ones come with a default.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from streamer.codes import COUNTRIES, CURRENCIES

__all__ = [
    "Alert",
    "Amount",
    "Center",
    "CenterValue",
    "Counterfactual",
    "Feedback",
    "Reason",
    "Score",
    "Source",
    "Transaction",
    "json_schemas",
]

# Literal[] over a tuple is how msgspec takes a closed list of strings; a type checker cannot follow.
Currency = Literal[CURRENCIES]  # type: ignore[valid-type]
Country = Literal[COUNTRIES]  # type: ignore[valid-type]

Identifier = Annotated[str, Meta(min_length=1, max_length=128)]
# Beyond 1e12 of any currency an amount is a unit mistake, not a payment.
# 0 verifies a card: it is scored without the features of the amount.
Amount = Annotated[float, Meta(ge=0, le=1e12)]
Timestamp = Annotated[datetime, Meta(tz=True)]
Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]
# The length is what refuses a trailing line feed, which `$` lets pass.
CategoryCode = Annotated[str, Meta(pattern="^[0-9]{4}$", max_length=4)]
Channel = Annotated[str, Meta(min_length=1, max_length=32)]
Share = Annotated[float, Meta(ge=0, le=1)]

Severity = Literal["medium", "high", "critical"]
Mode = Literal["normal", "redis-unavailable"]
Ranking = Literal["distance", "log_odds"]


class Transaction(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One card payment, as a payment system publishes it on ``transactions`` (key: ``card_id``)."""

    transaction_id: Identifier
    card_id: Identifier
    amount: Amount
    currency: Currency
    timestamp: Timestamp
    merchant_id: Identifier | None = None
    mcc: CategoryCode | None = None
    country: Country | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    channel: Channel | None = None


class Source(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where the transaction lay in Kafka.

    ``epoch`` counts how often the partition was set back to offsets that it had had before, after
    which the same offset means another record.
    """

    topic: str
    partition: int
    offset: int
    epoch: int = 0


class Reason(msgspec.Struct, frozen=True):
    """One feature's part in the ranking.

    ``contribution`` is the feature's exact addend of ``distance_sq``, or of ``log_odds`` where the
    alert is ``ranked_by`` that; ``share`` is that addend divided by all addends that speak for fraud.
    The reasons of an alert, its ``other_contribution`` and its ``base_log_odds`` sum to what it is
    ranked by.
    """

    feature: str
    contribution: float
    share: Share
    value: float
    expected: float
    unit: str
    direction: Literal["above", "below"]
    sentence: str


class Counterfactual(msgspec.Struct, frozen=True):
    """The nearest smaller amount at which the same payment would not have been alerted."""

    amount: float
    currency: str
    sentence: str


class CenterValue(msgspec.Struct, frozen=True):
    """One coordinate of a center, in the unit that a payment person would use."""

    feature: str
    value: float
    unit: str


class Center(msgspec.Struct, frozen=True):
    """The nearest k-means center: what the model thought this payment was closest to."""

    index: int
    share_of_traffic: Share
    values: list[CenterValue]


class Alert(msgspec.Struct, frozen=True, omit_defaults=True):
    """One suspicious transaction, for a person to act on, on ``fraud-alerts`` (key: ``card_id``).

    What exceeds twice the budget is on ``fraud-alerts-overflow`` instead.

    ``threshold`` is of what ``ranked_by`` names: a distance, or log-odds.  ``probability`` of fraud and
    ``log_odds`` are there once the model has learned from verdicts.  ``features`` are all that was
    known of the payment, on the model's scale: with the model version they reproduce the score.
    """

    alert_id: str
    transaction: Transaction
    score: Share
    distance: float
    distance_sq: float
    threshold: float
    severity: Severity
    reasons: list[Reason]
    other_contribution: float
    nearest_center: Center
    model_version: str
    source: Source
    event_time: Timestamp
    scored_at: Timestamp
    mode: Mode
    counterfactual: Counterfactual | None = None
    ranked_by: Ranking = "distance"
    log_odds: float | None = None
    base_log_odds: float = 0.0
    probability: Share | None = None
    features: dict[str, float] = {}


class Score(msgspec.Struct, frozen=True, omit_defaults=True):
    """The score of one transaction, on ``transaction-scores`` (key: ``card_id``; off by default).

    ``log_odds`` is there once the model has learned from verdicts.
    """

    transaction_id: str
    card_id: str
    score: Share | None
    distance: float | None
    alerted: bool
    status: Literal["scored", "warming"]
    model_version: str
    source: Source
    log_odds: float | None = None
    ranked_by: Ranking = "distance"


class Feedback(msgspec.Struct, frozen=True):
    """A verdict on one transaction, on ``fraud-feedback`` (key: ``card_id``)."""

    transaction_id: Identifier
    card_id: Identifier
    verdict: Literal["fraud", "legitimate"]
    origin: Literal["reviewer", "chargeback"]
    decided_at: Timestamp
    merchant_id: Identifier | None = None


_TOPICS: Final[dict[str, type[msgspec.Struct]]] = {
    "transaction.v1": Transaction,
    "alert.v1": Alert,
    "score.v1": Score,
    "feedback.v1": Feedback,
}


def json_schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON Schema (draft 2020-12) of every topic, by file stem."""
    schemas = {}
    for stem, struct in _TOPICS.items():
        schema = msgspec.json.schema(struct)
        schemas[stem] = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return schemas
