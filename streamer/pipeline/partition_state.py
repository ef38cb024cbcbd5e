"""What the pipeline is told once, and what it remembers of a partition from batch to batch."""

from __future__ import annotations

from dataclasses import dataclass, field

from streamer.arrays import Integers
from streamer.contract.card_rule import REFUSED, CardRule
from streamer.contract.ledger import Ledger
from streamer.contract.pseudonyms import CardKey
from streamer.features import Tables
from streamer.intake import Intake
from streamer.intake.decoding import PLAIN, TimestampRange
from streamer.model import ModelConfig, Sums
from streamer.pipeline.budgets import Budget
from streamer.pipeline.fuse import WINDOW
from streamer.pipeline.repeats import Repeats
from streamer.pipeline.told_cards import no_cards
from streamer.pipeline.waves import no_waves
from streamer.verdicts import VerdictConfig, VerdictState

__all__ = ["PartitionState", "PipelineConfig"]


@dataclass(frozen=True, slots=True)
class PipelineConfig:
    """What the pipeline needs to know besides the model.

    A payment that comes again within ``repeat_window`` offsets is not scored again; 0 switches it off.
    ``card_key`` makes the pseudonyms of what goes out; ``cards`` is what is done about cards' numbers.
    """

    model: ModelConfig
    believable: TimestampRange
    card_key: CardKey | None = None
    cards: CardRule = REFUSED
    with_scores: bool = False
    with_features: bool = False
    verdicts: VerdictConfig = field(default_factory=VerdictConfig)
    repeat_window: int = 0
    intake: Intake = PLAIN


@dataclass(slots=True)
class PartitionState:
    """What one partition remembers between batches; everything in it is in its checkpoint.

    ``next_offset`` is the first offset not processed, None before the first batch.  ``published``
    holds offsets at or beyond it whose alerts are already on their topic, from before a crash, with
    the place that each alert had (`streamer.pipeline.fuse`), None where it is not known;
    ``overflowed`` those on the overflow topic, ``published_samples`` the weights of those on either
    that were drawn from below the line.  ``recent_alerts`` are the ascending places that the
    fuse still counts, ``debt`` the alerts above those due (`streamer.pipeline.pacing`), ``budgets``
    those that they were given under (`streamer.pipeline.budgets`), ``told`` the
    cards that the reserve told of (`streamer.pipeline.told_cards`), ``waves`` what alerts belong
    together (`streamer.pipeline.waves`).  ``epoch`` is that of the offsets (`Source`).  The topic has
    ``n_partitions``.
    """

    tables: Tables
    delta: Sums
    verdicts: VerdictState
    repeats: Repeats = field(default_factory=lambda: Repeats(0))
    next_offset: int | None = None
    ledger: Ledger = field(default_factory=Ledger)
    published: dict[int, int | None] = field(default_factory=dict)
    overflowed: set[int] = field(default_factory=set)
    published_samples: dict[int, float] = field(default_factory=dict)
    recent_alerts: list[int] = field(default_factory=list)
    debt: float = 0.0
    budgets: list[Budget] = field(default_factory=list)
    told: Integers = field(default_factory=no_cards)
    waves: Integers = field(default_factory=no_waves)
    epoch: int = 0
    n_partitions: int = 1
    held_back_until: int = 0
    """Place behind the last payment whose alert was held back; not saved."""

    @classmethod
    def empty(
        cls, config: PipelineConfig, cards_capacity: int, merchants_capacity: int, epoch: int = 0
    ) -> PartitionState:
        """Return the state of a partition that was never read."""
        return cls(
            Tables.empty(cards_capacity, merchants_capacity),
            Sums.zero(config.model),
            VerdictState.empty(config.model.n_inputs, config.verdicts.capacity),
            Repeats(config.repeat_window, epoch),
            epoch=epoch,
        )

    @property
    def has_published(self) -> bool:
        """Whether alerts of offsets that are still to come are on a topic, from before a crash."""
        return bool(self.published or self.overflowed)

    @property
    def is_fuse_blown(self) -> bool:
        """Whether an alert of the last 5,000 payments was held back."""
        until = self.held_back_until
        return until > 0 and self.ledger.scored - until < WINDOW
