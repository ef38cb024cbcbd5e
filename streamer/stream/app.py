"""The Faust app: Faust's services around the scoring, and the order in which they come and go.

``faust -A streamer.stream.app worker`` finds `app` here; it is built from the settings when it is
first asked for, never at import.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
import uuid
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from functools import wraps
from typing import Any, Final, NoReturn, get_args

import faust
import structlog
from faust.types import TP

from streamer import __version__
from streamer.decoding import DeadLetterReason
from streamer.errors import (
    ConfigurationError,
    FencedError,
    StoreReplacedError,
    StreamerError,
    UnavailableError,
)
from streamer.features import FEATURE_NAMES
from streamer.settings import Settings, load_settings
from streamer.stream.checkpointing import Checkpointing
from streamer.stream.endpoints import Endpoints
from streamer.stream.feedback import FeedbackStoring
from streamer.stream.health import Health
from streamer.stream.kafka_config import broker_urls, faust_credentials
from streamer.stream.preflight import preflight
from streamer.stream.publisher import Publisher
from streamer.stream.scoring import Clock, Scoring
from streamer.stream.teaching import Teaching
from streamer.stream.transport import SCHEME, BatchSchema
from streamer.telemetry.logs import configure_logging
from streamer.telemetry.metrics import Metrics
from streamer.wiring import open_store, pipeline_config

__all__ = ["ScoringApp", "build_app"]

_log = structlog.get_logger(__name__)

# A message is a whole batch: a few of them are enough to keep the agent busy.
_BUFFERED_BATCHES: Final = 4
_COMMIT_INTERVAL_S: Final = 1.0
_LAG_INTERVAL_S: Final = 1.0
# What a member needs to finish its batch and checkpoint its partitions before it rejoins.  Faust
# allows 60 s, for which a worker that hangs keeps everybody's partitions.
_REJOIN_S: Final = 20.0
_POSITION_RETRY_S: Final = 1.0
EXIT_UNAVAILABLE: Final = 1
EXIT_MISCONFIGURED: Final = 2


class ScoringApp(faust.App):
    """Faust's app, with scoring, checkpoints and endpoints tied to its life."""

    def equip(self, settings: Settings) -> None:
        """Build the parts; nothing connects before the app starts."""
        self.settings = settings
        self._claiming = asyncio.Lock()
        clock = Clock(lambda: time.time_ns() // 1_000_000, time.monotonic)
        metrics = Metrics(__version__, get_args(DeadLetterReason), FEATURE_NAMES)
        store = open_store(settings)
        publisher = Publisher(
            settings,
            on_alert_delivered=lambda sent_s: metrics.alert_latency_seconds.observe(
                max(time.time() - sent_s, 0.0)
            ),
            on_kafka=lambda is_up: metrics.dependency_up.labels("kafka").set(is_up),
        )
        self.store, self.publisher = store, publisher
        self.scoring = Scoring(
            settings,
            pipeline_config(settings),
            store,
            publisher,
            metrics,
            clock,
            # In a container every worker's process id is 1.
            owner=f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}",
        )
        self.checkpointing = Checkpointing(self.scoring, self._transactions_durable)
        self.feedback_storing = FeedbackStoring(
            settings, self.scoring.pipeline.believable, store, publisher, metrics
        )
        self.teaching = Teaching(self.scoring)
        self.health = Health(self.scoring)
        self.endpoints = Endpoints(self.scoring, self.health, settings.web_host, settings.web_port)

    async def on_first_start(self) -> None:
        """Serve the endpoints, then wait for Kafka and Redis; exit readably if that is no use.

        Faust's own step here creates a data directory, which nothing of ours needs.
        """
        try:
            await self._serve()
            head = await preflight(
                self.settings, self.store, self.scoring.clock.monotonic, self._report
            )
        except StreamerError as error:
            _log.critical("cannot start", error=str(error))
            await self.endpoints.stop()
            is_misconfigured = isinstance(error, ConfigurationError)
            raise SystemExit(EXIT_MISCONFIGURED if is_misconfigured else EXIT_UNAVAILABLE) from None
        # In a thread, so that the endpoints answer meanwhile; nothing is scored before this is done.
        await asyncio.to_thread(self.scoring.distance_monitor.load)
        self.scoring.adopt(head)
        for name in ("kafka", "redis"):
            self.scoring.metrics.dependency_up.labels(name).set(1)

    async def _serve(self) -> None:
        try:
            await self.endpoints.start()
        except OSError as error:
            raise ConfigurationError(
                f"STREAMER_WEB_PORT must be a free port, got {self.settings.web_port}: {error}"
            ) from error

    def _report(self, line: str) -> None:
        self.health.startup = line

    async def positions(self, assignment: Iterable[TP]) -> dict[TP, int]:
        """Return where to go on reading, for every partition that has a checkpoint.

        Waits for as long as Redis or Kafka is away: a guess would lose or repeat records.
        """
        positions: dict[TP, int] = {}
        # Faust may ask again while an answer is under way.  Two claims of one partition at a time
        # would fence one another: the worker would refuse its own checkpoints.
        async with self._claiming:
            for tp in sorted(assignment):
                offset = await self._patiently(tp)
                if offset is not None:
                    positions[tp] = offset
            self.health.startup = None
        return positions

    async def _patiently(self, tp: TP) -> int | None:
        # What has been taken away in the meantime is not claimed: that would fence its new owner.
        while tp in self.consumer.assignment():
            try:
                if tp.topic == self.settings.feedback_topic:
                    return await self.feedback_storing.position(tp.partition)
                return await self.scoring.assign(tp.partition, self.consumer_generation_id)
            except UnavailableError as error:
                self.health.startup = f"partition {tp.partition} waits to be claimed: {error}"
                _log.warning("claim waits", partition=tp.partition, error=str(error))
                await self.sleep(_POSITION_RETRY_S)
                if self.should_stop:
                    break
        return None

    def _transactions_durable(self, partition: int, offset: int) -> None:
        self.consumer.durable[TP(self.settings.transactions_topic, partition)] = offset

    async def follow_lag(self) -> None:
        """Keep each partition's lag up to date."""
        topic = self.settings.transactions_topic
        while not self.should_stop:
            held = self.scoring.assigned
            lags = self.consumer.lags(
                {TP(topic, p): a.state.next_offset or 0 for p, a in held.items()}
            )
            for tp, lag in lags.items():
                if tp.partition in held:
                    held[tp.partition].lag = lag
            await self.sleep(_LAG_INTERVAL_S)

    async def on_stop(self) -> None:
        """Checkpoint everything before Faust closes the consumer, which commits to Kafka."""
        await self.checkpointing.release(list(self.scoring.assigned))
        await super().on_stop()
        await self.store.close()
        await self.endpoints.stop()


def build_app(settings: Settings) -> ScoringApp:
    """Return the app for ``settings``: two agents, one per input topic, and their background work."""
    app = ScoringApp(
        settings.consumer_group,
        broker=broker_urls(settings, SCHEME),
        broker_credentials=faust_credentials(settings),
        broker_session_timeout=settings.kafka_session_timeout_s,
        broker_heartbeat_interval=settings.kafka_session_timeout_s / 3,
        broker_rebalance_timeout=settings.kafka_session_timeout_s + _REJOIN_S,
        broker_max_poll_records=settings.batch_max_records,
        broker_commit_interval=_COMMIT_INTERVAL_S,
        consumer_auto_offset_reset="earliest",
        stream_buffer_maxsize=_BUFFERED_BATCHES,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        worker_redirect_stdouts=False,
    )
    app.equip(settings)
    _add_agents(app)
    app.task(_unless_fenced(app.checkpointing.run))
    app.task(_or_ends(app))
    app.task(app.follow_lag)
    app.task(_unless_fenced(app.scoring.standstill.watch))

    @app.on_partitions_revoked.connect
    async def release(_: Any, revoked: set[TP], **__: Any) -> None:
        topic = settings.transactions_topic
        partitions = [tp.partition for tp in revoked if tp.topic == topic]
        await _unless_fenced(app.checkpointing.release)(partitions)

    return app


def _add_agents(app: ScoringApp) -> None:
    settings = app.settings

    @app.agent(app.topic(settings.transactions_topic, schema=BatchSchema()), name="score")
    async def score(stream: AsyncIterable[Any]) -> None:
        async for event in stream.events():  # type: ignore[attr-defined]
            await _or_crash(app, app.scoring.handle(event.value, event.message.generation_id))

    @app.agent(app.topic(settings.feedback_topic, schema=BatchSchema()), name="store_feedback")
    async def store_feedback(stream: AsyncIterable[Any]) -> None:
        async for event in stream.events():  # type: ignore[attr-defined]
            offset = await _or_crash(app, app.feedback_storing.handle(event.value))
            app.consumer.durable[TP(settings.feedback_topic, event.value.partition)] = offset


async def _or_crash(app: ScoringApp, work: Any) -> Any:
    """Await ``work``; a defect stops the worker, where Faust would skip the batch and go on."""
    try:
        return await work
    except (FencedError, StoreReplacedError) as error:
        _end_at_once(error)
    except Exception as error:
        _log.critical("worker stops", error=str(error), exc_info=True)
        await app.crash(error)
        raise


def _or_ends(app: ScoringApp) -> Callable[..., Awaitable[None]]:
    async def teach(*_: Any) -> None:
        await _or_crash(app, app.teaching.run())

    return teach


def _unless_fenced(work: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    # Faust calls a task with the app when its signature has room for it.
    @wraps(work)
    async def run(*args: Any) -> None:
        try:
            await work(*args)
        except (FencedError, StoreReplacedError) as error:
            _end_at_once(error)

    return run


def _end_at_once(error: FencedError | StoreReplacedError) -> NoReturn:
    """End the process: another worker may have its partitions, or Redis lacks what it did there.

    An orderly shutdown would hand queued alerts to Kafka and commit offsets, and Faust's waits for
    the group, which may not answer any more.  What is lost was not checkpointed: it is done again.
    """
    _log.critical("worker ends at once", error=str(error))
    logging.shutdown()
    os._exit(EXIT_UNAVAILABLE)


def __getattr__(name: str) -> Any:
    """Build `app` when it is first asked for, which is what ``faust -A`` does."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    settings = load_settings()
    configure_logging(settings.log_level, settings.log_format)
    globals()["app"] = build_app(settings)
    return globals()["app"]
