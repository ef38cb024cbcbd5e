"""The product as one function, and what it remembers of a partition.

Reading order: `partition_state` (what is remembered), `processing` (a batch of bytes in, alerts and
dead letters out), `repeats` (which payments have been there before), `deciding`, `pacing`,
`told_cards`, `drawing` and `fuse` (which alert), `waves` (which of them belong together), `taking_in`
(what a batch leaves behind), `score_messages`, `feature_messages`, `erasing` (one card out of it).
"""

from streamer.pipeline.deciding import decide
from streamer.pipeline.erasing import ErasedCard, card_entities, erase_card
from streamer.pipeline.partition_state import PartitionState, PipelineConfig
from streamer.pipeline.processing import (
    Outcome,
    Prepared,
    prepare,
    process,
    process_in_steps,
    process_prepared,
)
from streamer.pipeline.taking_in import learn_scored, remember_scored

__all__ = [
    "ErasedCard",
    "Outcome",
    "PartitionState",
    "PipelineConfig",
    "Prepared",
    "card_entities",
    "decide",
    "erase_card",
    "learn_scored",
    "prepare",
    "process",
    "process_in_steps",
    "process_prepared",
    "remember_scored",
]
