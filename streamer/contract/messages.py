"""The messages on every topic, as msgspec structs: the contract with producers and reviewers.

The JSON Schemas in ``schemas/`` are generated from these structs (`streamer.contract.json_schemas`),
and a test holds the two together.  Rules that follow from the contract:

* Producers may add fields first: unknown fields are accepted and ignored.
* A field that is optional here is neutral when missing; it is never read as zero.
* Consumers of alerts may rely on every field that has no default; new ones come with a default.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from streamer.contract.codes import COUNTRIES, CURRENCIES

__all__ = [
    "Alert",
    "Amount",
    "Center",
    "CenterValue",
    "Counterfactual",
    "FeatureRow",
    "Feedback",
    "Reason",
    "Score",
    "Source",
    "Transaction",
    "Verdict",
]

# Literal[] over a tuple is how msgspec takes a closed list of strings; a type checker cannot follow.
Currency = Literal[CURRENCIES]  # type: ignore[valid-type]
Country = Literal[COUNTRIES]  # type: ignore[valid-type]

Identifier = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=128,
        description="Opaque text: nothing is trimmed, and control characters count as any other. "
        "Blanks or zero bytes alone, and words for nothing such as null, are no id.",
    ),
]
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
SampleWeight = Annotated[float, Meta(ge=1)]
AlertNumber = Annotated[int, Meta(ge=1)]
Loss = Annotated[float, Meta(ge=0)]

Severity = Literal["medium", "high", "critical"]
Mode = Literal["normal", "redis-unavailable"]
Ranking = Literal["distance", "log_odds", "expected_loss"]
Origin = Literal["reviewer", "chargeback"]
# A topic's name of 249 characters, a partition, an offset and an epoch.
AlertId = Annotated[str, Meta(min_length=1, max_length=300)]
Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]
# Six in a byte: what scores a payment with all features known takes some 2,000.
Packed = Annotated[str, Meta(max_length=8_192, extra_json_schema={"contentEncoding": "base64"})]
# In any case: neither JSON Schema nor msgspec has a flag for that.
Word = Annotated[
    str,
    Meta(
        pattern="^([Ff][Rr][Aa][Uu][Dd]|[Ll][Ee][Gg][Ii][Tt][Ii][Mm][Aa][Tt][Ee])$", max_length=10
    ),
]


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
    alert is ``ranked_by`` that or by ``expected_loss``; ``share`` is that addend divided by all addends
    that speak for fraud.  The reasons of an alert, its ``other_contribution`` and its ``base_log_odds``
    sum to ``distance_sq``, or to ``log_odds``.
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

    ``threshold`` is of what ``ranked_by`` names: a distance, log-odds, or an expected loss.
    ``probability`` of fraud and ``log_odds`` are there once the model has learned from verdicts, and so
    is ``expected_loss``, the probability times the amount in the reference currency, where the service
    ranks by it.  ``features`` are all that was
    known of the payment, on the model's scale, and ``parameters`` the numbers of the model version
    that they met, packed: together they reproduce the score.

    ``before`` are the decayed sums of card and merchant that amount and hour were compared with, as
    they were before the payment: with them a version can be asked about another amount or hour.

    ``other_card_ids`` are what the card is called under the other keys of pseudonyms, while the key is
    being changed.

    A payment that is ``sampled`` did not exceed the threshold: it was drawn at random from below, with
    the probability 1 / ``sample_weight``, so that verdicts on such payments say what is missed.

    Alerts with the same ``wave_id`` are one item for a reviewer: they are of one card within a day, or
    of one merchant within six hours.
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
    sampled: bool = False
    sample_weight: SampleWeight | None = None
    wave_id: str | None = None
    wave_alerts: AlertNumber | None = None
    wave_sentence: str | None = None
    features: dict[str, float] = {}
    parameters: Packed | None = None
    expected_loss: Loss | None = None
    before: dict[str, float] = {}
    other_card_ids: list[str] = []


class Score(msgspec.Struct, frozen=True, omit_defaults=True):
    """The score of one transaction, on ``transaction-scores`` (key: ``card_id``; off by default).

    ``log_odds`` and the ``probability`` of fraud are there once the model has learned from verdicts,
    and so is ``expected_loss``, in the reference currency, where the service ranks by it.
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
    probability: Share | None = None
    ranked_by: Ranking = "distance"
    expected_loss: Loss | None = None


class FeatureRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """The features of one transaction as it was scored, on ``transaction-features`` (key: ``card_id``;
    off by default).

    ``features`` are on the model's scale, by name, null where unknown: what was known of card and
    merchant before the payment at ``event_timestamp``; ``created_timestamp`` is when it was computed.
    ``amount`` is the logarithm of the amount in ``currency``.  ``other_card_ids`` are as in an `Alert`.
    """

    transaction_id: str
    card_id: str
    merchant_id: str | None
    currency: str
    event_timestamp: Timestamp
    created_timestamp: Timestamp
    features: dict[str, float | None]
    source: Source
    other_card_ids: list[str] = []


class Feedback(msgspec.Struct, frozen=True, omit_defaults=True):
    """A verdict on one transaction as it is kept; what came on its topic is a `Verdict`.

    Without ``card_id`` the payment that waits for the verdict tells whose it is.
    """

    transaction_id: Identifier
    card_id: Identifier | None
    verdict: Literal["fraud", "legitimate"]
    origin: Origin
    decided_at: Timestamp
    merchant_id: Identifier | None = None


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """A verdict on one transaction, on ``fraud-feedback`` (key: ``card_id``).

    The transaction is named by its id or by the ``alert_id`` of its alert. ``verdict``, ``is_fraud``
    or ``fraud`` says what it was. ``origin`` may be missing beside an ``alert_id``: it was
    a reviewer. A number in ``decided_at`` counts seconds or milliseconds since 1970, whichever leads to
    a year from 1990 to 2099; without it Kafka's time of the record counts. ``card_id`` may be the
    pseudonym that alerts carry, and may be missing like ``merchant_id``: both are the payment's.
    """

    transaction_id: Identifier | Number | None = None
    alert_id: AlertId | None = None
    card_id: Identifier | Number | None = None
    verdict: Word | None = None
    is_fraud: bool | None = None
    fraud: bool | None = None
    origin: Origin | None = None
    decided_at: Timestamp | int | float | None = None
    merchant_id: Identifier | Number | None = None
