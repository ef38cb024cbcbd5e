"""What streamer scored, for Feast: the features of a card, and of a merchant, as of each payment.

The rows are those of the topic `transaction-features`, or of `streamer features FILE --parquet`, as
Parquet files: `data/features.parquet`, and `data/merchants.parquet` with those that name a merchant.
A row holds what was known before its payment.
"""

from datetime import timedelta

from feast import Entity, FeatureView, Field, FileSource
from feast.types import Float64, String
from feast.value_type import ValueType

card = Entity(name="card", join_keys=["card_id"], value_type=ValueType.STRING)
merchant = Entity(name="merchant", join_keys=["merchant_id"], value_type=ValueType.STRING)

scored = FileSource(
    name="scored_payments",
    path="data/features.parquet",
    timestamp_field="event_timestamp",
    created_timestamp_column="created_timestamp",
)
# The rows that name a merchant.
scored_at_merchants = FileSource(
    name="scored_payments_at_merchants",
    path="data/merchants.parquet",
    timestamp_field="event_timestamp",
    created_timestamp_column="created_timestamp",
)

# ln and ln(1 + x) mostly; streamer's features/catalogue.py has the units.
CARD_FEATURES = (
    "amount",
    "amount_ratio_to_card",
    "amount_deviation_from_card",
    "spend_today_ratio",
    "card_payments_1h",
    "card_payments_1d",
    "card_pace_ratio",
    "card_gap",
    "card_hour_familiarity",
    "travel_speed",
    "travel_distance",
    "card_high_series",
    "card_small_series",
    "card_country_familiarity",
    "card_category_familiarity",
)
MERCHANT_FEATURES = ("merchant_pace_ratio", "amount_deviation_from_merchant")

card_as_scored = FeatureView(
    name="card_as_scored",
    entities=[card],
    # As long as features remember.
    ttl=timedelta(days=60),
    schema=[
        Field(name="transaction_id", dtype=String),
        Field(name="currency", dtype=String),
        *(Field(name=name, dtype=Float64) for name in CARD_FEATURES),
    ],
    source=scored,
)

merchant_as_scored = FeatureView(
    name="merchant_as_scored",
    entities=[merchant],
    ttl=timedelta(days=60),
    schema=[Field(name=name, dtype=Float64) for name in MERCHANT_FEATURES],
    source=scored_at_merchants,
)
