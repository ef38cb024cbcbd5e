"""Records to X: what each payment looks like against its card's and merchant's own past.

Reading order: `quantities` (values in words), `catalogue` and `context` (what the features are),
`records` and `columns` (named columns of a batch), `equations` and `places` (one feature each), `kinds`
(what is kept of an entity), `entities`, `packed`, `cards` and `tables` (where), `fraud_shares`,
`observation` (the loop), `history` (what callers get) and `apart` (of payments that are asked about).
"""

from streamer.features.apart import Kept, observe_apart
from streamer.features.catalogue import (
    AMOUNT,
    FEATURE_NAMES,
    FEATURE_ROW,
    FEATURES,
    MAX_EXPONENT,
    Feature,
)
from streamer.features.columns import PAYMENT, Columns, country_of
from streamer.features.context import (
    CONTEXT_FEATURES,
    CONTEXT_NAMES,
    JUDGED,
    VERDICT_FEATURES,
    Judged,
)
from streamer.features.entities import EntityTable
from streamer.features.equations import angle_of, hour_familiarity, speed_kmh
from streamer.features.fraud_shares import add_verdicts
from streamer.features.history import History
from streamer.features.kinds import CARDS, MERCHANTS
from streamer.features.observation import compare_amount
from streamer.features.packed import PackedStates
from streamer.features.quantities import counted, money, percent
from streamer.features.records import Record, Records, record
from streamer.features.tables import Tables

__all__ = [
    "AMOUNT",
    "CARDS",
    "CONTEXT_FEATURES",
    "CONTEXT_NAMES",
    "FEATURES",
    "FEATURE_NAMES",
    "FEATURE_ROW",
    "JUDGED",
    "MAX_EXPONENT",
    "MERCHANTS",
    "PAYMENT",
    "VERDICT_FEATURES",
    "Columns",
    "EntityTable",
    "Feature",
    "History",
    "Judged",
    "Kept",
    "PackedStates",
    "Record",
    "Records",
    "Tables",
    "add_verdicts",
    "angle_of",
    "compare_amount",
    "counted",
    "country_of",
    "hour_familiarity",
    "money",
    "observe_apart",
    "percent",
    "record",
    "speed_kmh",
]
