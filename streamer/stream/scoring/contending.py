"""The challengers of one worker: which of them run, and what each does with a partition's batches.

A worker takes them up from Redis with every claim and behind every checkpoint.  While Redis is away it
goes on with those that it has.

Invariants:
* A contender is replaced as a whole; a partition has a shadow of each, of the same run, and no other.
* Whoever calls for a partition has the scoring lock, or nothing is awaited in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from time import thread_time
from typing import Final

import structlog

from streamer.challenging.shadow import Shadow
from streamer.challenging.standing import Contender, Standing, Taken
from streamer.errors import ConfigurationError, UnavailableError
from streamer.features import History
from streamer.intake.decoding import Decoded
from streamer.model import ModelConfig, Scored
from streamer.pipeline import PartitionState
from streamer.pipeline.deciding import Decision
from streamer.store import Store
from streamer.stream.partitions.assignments import Assigned
from streamer.verdicts import Overheard

__all__ = ["Contending", "MainClock"]

# What is presumed comes a few at a time; the rest is for the next checkpoint.
_TAUGHT_AT_ONCE: Final = 2_000
_log = structlog.get_logger(__name__)


class MainClock:
    """How long a batch took without its challengers, in seconds of this thread's CPU."""

    def __init__(self) -> None:
        self.spent_s = 0.0
        self._since_s = thread_time()

    def stop(self) -> None:
        """Count what has passed since it was started."""
        self.spent_s += thread_time() - self._since_s

    def start(self) -> None:
        """Go on counting."""
        self._since_s = thread_time()


class Contending:
    """Takes challengers up, lets them follow batches, and hands over what checkpoints are to hold."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._refreshing = asyncio.Lock()
        self._contenders: dict[str, Contender] = {}
        self._unfit: set[str] = set()
        self.standings: dict[str, Standing] = {}
        """What the service has counted of each, as this worker last saw it."""

    async def refresh(self, main: ModelConfig, held: Mapping[int, Assigned]) -> None:
        """Take up what has been started, learned or stopped since, as far as Redis answers.

        ``main`` is the configuration that scores, ``held`` are the worker's partitions.
        """
        # Whoever comes first is first: what was read earlier never replaces what was read later.
        async with self._refreshing:
            try:
                standings = await self._store.challengers.standings()
                found = {each.name: await self._contender(each, main) for each in standings}
            except UnavailableError:
                return
            contenders = {name: each for name, each in found.items() if each is not None}
            _tell_changes(self._contenders, contenders)
            self.standings = {each.name: each for each in standings}
            self._contenders = contenders
            for assigned in held.values():
                self._bring_up(assigned)

    async def load(self, assigned: Assigned) -> None:
        """Take up a partition that is being claimed, with what is stored of its challengers."""
        stored: Mapping[str, bytes] = {}
        if assigned.has_stored:
            topic, partition = assigned.topic, assigned.partition
            stored = await self._store.load_all(topic, partition, "challenged")
        for name, contender in self._contenders.items():
            shadow = Shadow.load(name, contender, stored)
            if shadow is not None:
                assigned.shadows[name] = shadow
        kept = {name.partition(":")[0] for name in assigned.shadows}
        assigned.void += [name for name in stored if name.partition(":")[0] not in kept]
        self._bring_up(assigned)

    def beside(self, assigned: Assigned, clock: MainClock) -> Callable[..., None] | None:
        """Return what lets the challengers follow a batch that is being scored; None without any."""
        if not assigned.shadows:
            return None
        pairs = [(self._contenders[name], s) for name, s in assigned.shadows.items()]
        overheard = assigned.state.verdicts.overheard
        assert overheard is not None  # noqa: S101 - there are challengers

        def follow(
            decoded: Decoded, history: History, scored: Scored | None, decision: Decision
        ) -> None:
            clock.stop()
            is_taught = overheard.n_rows >= _TAUGHT_AT_ONCE
            for contender, shadow in pairs:
                began_s = thread_time()
                shadow.follow(contender, decoded, history, scored, decision)
                if is_taught:
                    shadow.teach(contender, overheard)
                shadow.tally.add_cpu(0.0, thread_time() - began_s, len(decoded))
            if is_taught:
                overheard.clear()
            clock.start()

        return follow

    def count_main(self, assigned: Assigned, clock: MainClock) -> None:
        """Count what the main line took for a batch."""
        clock.stop()
        for shadow in assigned.shadows.values():
            shadow.tally.add_cpu(clock.spent_s, 0.0, 0)

    def teach(self, assigned: Assigned) -> None:
        """Let the challengers learn from what a partition has overheard."""
        overheard = assigned.state.verdicts.overheard
        if overheard is None:
            return
        for name, shadow in assigned.shadows.items():
            contender = self._contenders.get(name)
            if contender is not None and contender.run == shadow.run:
                began_s = thread_time()
                shadow.teach(contender, overheard)
                shadow.tally.add_cpu(0.0, thread_time() - began_s, 0)
        overheard.clear()

    def take(self, assigned: Assigned) -> tuple[dict[str, Taken], dict[str, bytes], list[str]]:
        """Return what a checkpoint is to hold of a partition's challengers: what they did, and which
        fields of the partition have changed, and gone."""
        self.teach(assigned)
        taken: dict[str, Taken] = {}
        changed: dict[str, bytes] = {}
        removed, assigned.void = assigned.void, []
        for name, shadow in assigned.shadows.items():
            contender = self._contenders.get(name)
            if contender is None or contender.run != shadow.run:
                # Stopped since the partition was released.
                removed += shadow.names(name)
                continue
            taken[name] = shadow.take(contender)
            changed |= shadow.take_changed(name)
            removed += shadow.take_removed(name)
        return taken, changed, [name for name in removed if name not in changed]

    async def _contender(self, standing: Standing, main: ModelConfig) -> Contender | None:
        """Return what scores for a challenger now, None where it is gone."""
        before = self._contenders.get(standing.name)
        if before is not None and before.run != standing.run:
            before = None
        if before is not None and (before.version.id, before.main) == (standing.version, main):
            return before
        try:
            learned = await self._store.challengers.learned(standing.name, main)
        except ConfigurationError as error:
            # Started with other settings than the workers': no reason for these to end.
            if standing.run not in self._unfit:
                _log.error("challenger cannot score", challenger=standing.name, error=str(error))
            self._unfit.add(standing.run)
            return None
        # It may have moved on since it was listed.
        return None if learned is None else await asyncio.to_thread(Contender.of, *learned, main)

    def _bring_up(self, assigned: Assigned) -> None:
        """Begin a partition's shadows of what has been started, and end those of what was stopped."""
        contenders = self._contenders
        for name, shadow in list(assigned.shadows.items()):
            if name not in contenders or contenders[name].run != shadow.run:
                assigned.void += shadow.names(name)
                del assigned.shadows[name]
        for name, contender in contenders.items():
            if name not in assigned.shadows:
                assigned.shadows[name] = Shadow(contender)
        _overhear(assigned.state, bool(assigned.shadows))


def _tell_changes(before: Mapping[str, Contender], now: Mapping[str, Contender]) -> None:
    runs_before, runs_now = ({each.run: each for each in of.values()} for of in (before, now))
    for run, each in runs_now.items():
        if run not in runs_before:
            differs = each.challenge.told()
            _log.info("challenger scores beside", challenger=each.standing.name, differs_in=differs)
    for run, each in runs_before.items():
        if run not in runs_now:
            _log.info("challenger has been stopped", challenger=each.standing.name)


def _overhear(state: PartitionState, is_wanted: bool) -> None:
    if is_wanted != (state.verdicts.overheard is not None):
        state.verdicts.overheard = Overheard() if is_wanted else None
