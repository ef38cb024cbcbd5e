"""Records to X: what each payment looks like against its card's and merchant's own past."""

from streamer.features.catalogue import (
    AMOUNT,
    FEATURE_NAMES,
    FEATURES,
    Feature,
    like_fraud,
    like_legitimate,
    ordinary,
    readable,
    sentence,
)
from streamer.features.columns import Columns
from streamer.features.entities import EntityTable
from streamer.features.history import History, Tables
from streamer.features.matrix import feature_matrix
from streamer.features.verdicts import (
    VERDICT_FEATURES,
    VERDICT_NAMES,
    add_verdicts,
    verdict_matrix,
)

__all__ = [
    "AMOUNT",
    "FEATURES",
    "FEATURE_NAMES",
    "VERDICT_FEATURES",
    "VERDICT_NAMES",
    "Columns",
    "EntityTable",
    "Feature",
    "History",
    "Tables",
    "add_verdicts",
    "feature_matrix",
    "like_fraud",
    "like_legitimate",
    "ordinary",
    "readable",
    "sentence",
    "verdict_matrix",
]
