"""The main line and a challenger over the same payments, with a checkpoint behind each batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from load.stages import batches_of
from streamer.challenging.challenge import Challenge
from streamer.challenging.shadow import Shadow
from streamer.challenging.standing import Contender, Standing, Taken
from streamer.contract.batch import Batch
from streamer.contract.messages import Feedback
from streamer.model import Scorer, Sums, advance
from streamer.model.codec import state_id
from streamer.pipeline import (
    Outcome,
    PartitionState,
    PipelineConfig,
    prepare,
    process_in_steps,
)
from streamer.settings import load_settings
from streamer.simulator import Simulator, SimulatorConfig
from streamer.starting.wiring import pipeline_config
from streamer.verdicts import Overheard, apply_verdicts

__all__ = ["CONFIG", "Sides", "batches"]

SETTINGS = {"STREAMER_WARMUP_TRANSACTIONS": "1000", "STREAMER_ALERT_BUDGET": "0.01"}
CONFIG: PipelineConfig = pipeline_config(load_settings(SETTINGS))


def batches(n: int, size: int = 1_000, seed: int = 3) -> Iterator[Batch]:
    """Return ``n`` simulated payments in batches."""
    return batches_of(Simulator(SimulatorConfig(seed=seed)).generate(n), size, 0)


def begun(challenge: Challenge, sums: Sums | None = None) -> Contender:
    """Return a challenger that has learned nothing, or ``sums``."""
    config = challenge.config(CONFIG.model)
    sums = Sums.zero(config) if sums is None else sums
    standing = Standing(
        name="one",
        run="run-1",
        challenge=challenge,
        version=state_id(sums),
        transactions_seen=0,
        started_at="2026-11-29T00:00:00.000Z",
        started_by="somebody",
    )
    return Contender.of(standing, sums, CONFIG.model)


@dataclass
class Sides:
    """Both sides; ``contender`` None for the main line alone."""

    contender: Contender | None
    state: PartitionState = field(
        default_factory=lambda: PartitionState.empty(CONFIG, 50_000, 50_000)
    )
    alerts: list[str] = field(default_factory=list)
    version: Scorer = field(init=False)
    shadow: Shadow = field(init=False)

    def __post_init__(self) -> None:
        sums = Sums.zero(CONFIG.model)
        self.version = Scorer.of(state_id(sums), sums, CONFIG.model)
        if self.contender is not None:
            self.shadow = Shadow(self.contender)
            self.state.verdicts.overheard = Overheard()

    def score(self, batch: Batch) -> Outcome:
        """Let both score a batch."""
        prepared = prepare(batch, CONFIG, self.state)
        beside: Callable[..., None] | None = None
        if (contender := self.contender) is not None:
            beside = lambda *seen: self.shadow.follow(contender, *seen)  # noqa: E731
        steps = process_in_steps(
            prepared, self.state, self.version, CONFIG, now_ms=batch.received_at_ms, beside=beside
        )
        while True:
            try:
                next(steps)
            except StopIteration as end:
                outcome: Outcome = end.value
                self.alerts += [alert.alert_id for alert in outcome.alerts]
                return outcome

    def judge(self, verdicts: list[Feedback]) -> None:
        """Let both learn from verdicts."""
        state = self.state
        apply_verdicts(verdicts, state.verdicts, state.tables, state.delta, self.version)
        self.hear()

    def hear(self) -> None:
        """Let the challenger learn from what was overheard."""
        if self.contender is not None and self.state.verdicts.overheard is not None:
            self.shadow.teach(self.contender, self.state.verdicts.overheard)
            self.state.verdicts.overheard.clear()

    def checkpoint(self) -> None:
        """Renew both versions."""
        sums = advance(self.version.sums, self.state.delta, CONFIG.model)
        self.state.delta = Sums.zero(CONFIG.model)
        self.version = Scorer.of(state_id(sums), sums, CONFIG.model)
        if self.contender is not None:
            self.contender = followed(self.contender, self.shadow.take(self.contender))

    def run(self, n: int) -> Sides:
        """Score ``n`` payments, with a checkpoint behind each thousand."""
        for batch in batches(n):
            self.score(batch)
            self.checkpoint()
        return self


def followed(contender: Contender, taken: Taken) -> Contender:
    """Return what a challenger is after a checkpoint."""
    sums = advance(contender.version.sums, taken.delta, contender.version.config)
    standing = contender.standing.after(state_id(sums), sums, [taken.tally])
    return replace(Contender.of(standing, sums, CONFIG.model), standing=standing)
