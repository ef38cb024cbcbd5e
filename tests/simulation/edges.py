"""Puts a simulated world where the product meets the real one, for the length of one seed.

Whatever is replaced here is not proved by the simulation: threads and clocks, what an alert says, how
often background work looks around.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, Final
from unittest.mock import patch

import msgspec
import numpy as np
import structlog

from streamer.contract.messages import Source, Transaction
from streamer.errors import UnavailableError
from streamer.explaining.alerts import AlertContext, alert_id
from streamer.features.entities import EntityTable
from streamer.model import ModelConfig, Scored, Scorer
from streamer.pipeline import fuse
from streamer.store import identity
from streamer.stream.checkpoints import checkpointing
from streamer.stream.health import watch
from streamer.stream.publishing import publisher, recovery
from tests.simulation.checker import FUSE_WINDOW, Checker
from tests.simulation.counters import counting
from tests.simulation.scenario import Scenario, Story
from tests.simulation.stories import story_of
from tests.simulation.world import Result, World

__all__ = ["run_seed", "run_world"]

_TICK_S: Final = 0.5
_FLUSH_POLL_S: Final = 0.05
_EXPIRY_INTERVAL_S: Final = 1.0
_LAG_INTERVAL_S: Final = 2.0


class _ShortReason(msgspec.Struct):
    feature: str = "amount"


class _ShortAlert(msgspec.Struct):
    """An alert without its words, which take most of the time and on which nothing here depends."""

    alert_id: str
    transaction: Transaction
    source: Source
    severity: str = "high"
    reasons: tuple[_ShortReason, ...] = (_ShortReason(),)
    expected_loss: float | None = None
    wave_id: str | None = None
    wave_sentence: str | None = None


def run_seed(seed: int, story: Story | None = None, *, is_small: bool = False) -> Result:
    """Run one seed, with ``story`` or its own, from its beginning to its end."""
    return run_world(World(Scenario.of(seed, story or story_of(seed), is_small=is_small)))


def run_world(world: World) -> Result:
    """Run a world from its beginning to its end."""
    started = time.process_time()
    with warnings.catch_warnings():
        # A process may be killed between making a coroutine and awaiting it.
        warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
        with _around(world):
            result = world.run()
    return replace(result, cpu_s=time.process_time() - started)


@contextmanager
def _around(world: World) -> Iterator[None]:
    clock = SimpleNamespace(monotonic=world.loop.time)
    logging = structlog.get_config()
    with ExitStack() as stack:
        for place, name, stand_in in (
            (publisher, "time", clock),
            (publisher, "_POLL_S", _FLUSH_POLL_S),
            (recovery, "alert_messages", _alert_messages(world)),
            (checkpointing, "_TICK_S", _TICK_S),
            (watch, "_EXPIRY_INTERVAL_S", _EXPIRY_INTERVAL_S),
            (watch, "_LAG_INTERVAL_S", _LAG_INTERVAL_S),
            (identity, "secrets", SimpleNamespace(token_hex=lambda _: world.next_name())),
            (ModelConfig, "hash", "simulated"),
            (fuse, "WINDOW", FUSE_WINDOW),
            (Scorer, "score", _flooding(world)),
            (EntityTable, "mark_unloaded", _noting(world.checker)),
        ):
            stack.enter_context(patch.object(place, name, stand_in))
        if world.scenario.is_small:
            stack.enter_context(counting(lambda: world.is_flooded))
        stack.enter_context(patch("streamer.explaining.alerts.build_alert", _short_alert))
        stack.callback(structlog.configure, **logging)
        structlog.configure(processors=[_into_trace(world)], cache_logger_on_first_use=False)
        yield


def _short_alert(
    context: AlertContext, index: int, offset: int, transaction: Transaction
) -> _ShortAlert:
    source = Source(context.topic, context.partition, offset, context.epoch)
    name = alert_id(source)
    return _ShortAlert(name, transaction, source)


class _Stored:
    """Passes for ``confluent_kafka.Message``."""

    def __init__(self, message: Mapping[str, Any]) -> None:
        self._message = message

    def value(self) -> bytes | None:
        value: bytes | None = self._message["value"]
        return value

    def headers(self) -> list[tuple[str, bytes]]:
        return list(self._message["headers"])


def _alert_messages(world: World) -> Callable[..., list[tuple[str, _Stored]]]:
    """Return what stands in for `streamer.stream.publishing.alert_partition.alert_messages`."""

    def alert_messages(
        _: Any, positions: Mapping[str, int | None], partition: int, __: str
    ) -> list[tuple[str, _Stored]]:
        if world.broker.is_away:
            raise UnavailableError("the broker is away")
        return [
            (topic, _Stored(message))
            for topic, position in positions.items()
            for message in world.broker.messages[topic, partition][position or 0 :]
        ]

    return alert_messages


def _noting(checker: Checker) -> Callable[[EntityTable, Iterable[str]], None]:
    mark_unloaded = EntityTable.mark_unloaded

    def mark_and_note(table: EntityTable, keys: Iterable[str]) -> None:
        checker.unloaded(table)
        mark_unloaded(table, keys)

    return mark_and_note


def _flooding(world: World) -> Callable[..., Scored]:
    score = Scorer.score

    def score_and_flood(version: Scorer, *args: Any) -> Scored:
        scored = score(version, *args)
        if world.is_flooded:
            scored = scored._replace(alerted=np.ones_like(scored.alerted))
        return scored

    return score_and_flood


def _into_trace(world: World) -> Callable[..., Any]:
    def note(_: Any, level: str, event: MutableMapping[str, Any]) -> Any:
        details = ", ".join(f"{name} {value}" for name, value in event.items() if name != "event")
        world.note(f"{world.loop.running}: {event['event']} ({level}) {details}")
        raise structlog.DropEvent

    return note
