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
from streamer.features.context import CONTEXT_FEATURES, CONTEXT_NAMES, context_matrix
from streamer.features.entities import EntityTable
from streamer.features.history import History, Tables
from streamer.features.matrix import feature_matrix
from streamer.features.packed import PackedStates
from streamer.features.verdicts import (
    VERDICT_FEATURES,
    add_verdicts,
)

__all__ = [
    "AMOUNT",
    "CONTEXT_FEATURES",
    "CONTEXT_NAMES",
    "FEATURES",
    "FEATURE_NAMES",
    "VERDICT_FEATURES",
    "Columns",
    "EntityTable",
    "Feature",
    "History",
    "PackedStates",
    "Tables",
    "add_verdicts",
    "context_matrix",
    "feature_matrix",
    "like_fraud",
    "like_legitimate",
    "ordinary",
    "readable",
    "sentence",
]
