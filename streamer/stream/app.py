"""The Faust app: Faust's services around the scoring, and the order in which they come and go.

``faust -A streamer.stream.app worker`` finds `app` here; it is built from the settings when it is
first asked for, never at import.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
import time
import uuid
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, Final, get_args

import faust
import structlog
from faust.types import TP

from streamer import __version__
from streamer.errors import ConfigurationError, StreamerError, UnavailableError
from streamer.features import FEATURE_NAMES
from streamer.intake.by_name import load_declaration
from streamer.intake.decoding import DeadLetterReason
from streamer.intake.readings import PASSED_OVER
from streamer.settings import Settings, TracingSettings, load_worker_settings
from streamer.starting.card_keys_in_use import CardKeysInUse
from streamer.starting.wiring import open_store, pipeline_config
from streamer.stream.agents import add_agents
from streamer.stream.checkpoints.checkpointing import Checkpointing
from streamer.stream.ending import (
    EXIT_MISCONFIGURED,
    EXIT_UNAVAILABLE,
    Deadline,
    end_at_once,
    guarded,
    or_end,
)
from streamer.stream.garbage import collect_rarely
from streamer.stream.health.announcing import (
    follow_readiness,
    tell_assigned,
    tell_revoked,
    tell_start,
)
from streamer.stream.health.endpoints import Endpoints
from streamer.stream.health.gauges import Gauges
from streamer.stream.health.health import Health
from streamer.stream.health.liveness import Liveness
from streamer.stream.health.pauses import follow_pauses
from streamer.stream.health.standing_guard import StandingGuard
from streamer.stream.health.watch import Watch
from streamer.stream.judging.applying import Applying
from streamer.stream.judging.verdict_topic import FeedbackStoring
from streamer.stream.kafka.group_members import client_id
from streamer.stream.kafka.kafka_config import broker_urls, faust_credentials
from streamer.stream.kafka.known_schemas import intake_of, known_schemas
from streamer.stream.kafka.partition_log import PartitionLogs
from streamer.stream.kernels import load_kernels
from streamer.stream.partitions.counting import count_delivered
from streamer.stream.partitions.worker_spans import open_tracing
from streamer.stream.preflight import preflight
from streamer.stream.process import ScoringWorker
from streamer.stream.publishing.publisher import Publisher
from streamer.stream.scoring.aliasing import Aliasing
from streamer.stream.scoring.claiming import Claiming, Reading
from streamer.stream.scoring.claims import Claims
from streamer.stream.scoring.following_erasures import FollowingErasures
from streamer.stream.scoring.following_policy import FollowingPolicy
from streamer.stream.scoring.held import Held
from streamer.stream.scoring.kit import Clock, Kit
from streamer.stream.scoring.scoring import Scoring
from streamer.stream.transport import SCHEME, NoTables
from streamer.telemetry.logs import configure_logging
from streamer.telemetry.metrics import Metrics
from streamer.telemetry.profiling import Profiling

__all__ = ["ScoringApp", "build_app"]

_log = structlog.get_logger(__name__)

# A message is a whole batch: a few of them are enough to keep the agent busy.
_BUFFERED_BATCHES: Final = 4
_COMMIT_INTERVAL_S: Final = 1.0
# How soon partitions that were added are noticed; Kafka's own default is five minutes.
_METADATA_AGE_MS: Final = 10_000
# Of the time for a stop; the rest is for the goodbyes to Kafka and Redis.
_RELEASE_SHARE: Final = 0.6
# And a tenth for spans: who waits for them has waited long enough.
_FLUSH_SHARE: Final = 0.1
# What a member needs to finish its batch and checkpoint its partitions before it rejoins.  Faust
# allows 60 s, for which a worker that hangs keeps everybody's partitions.
_REJOIN_S: Final = 20.0
# Faust's own. A request may take longer than a rebalance, or a long session would end the worker.
_REQUEST_S: Final = 90.0
_UNTRACED: Final = TracingSettings()


class ScoringApp(faust.App):
    """Faust's app, with scoring, checkpoints and endpoints tied to its life."""

    def equip(self, settings: Settings, tracing: TracingSettings) -> None:
        """Build the parts; nothing connects before the app starts."""
        self.settings = settings
        self._left: list[int] = []
        inputs = settings.transactions_topic, settings.feedback_topic
        metrics = Metrics(
            __version__, get_args(DeadLetterReason), FEATURE_NAMES, PASSED_OVER, inputs
        )
        store = open_store(settings)
        publisher = Publisher(
            settings,
            on_alert_delivered=partial(count_delivered, metrics),
            on_kafka=lambda is_up: metrics.dependency_up.set(is_up, "kafka"),
        )
        schemas = known_schemas(settings)
        intake = intake_of(load_declaration(settings.intake), schemas)
        self.store, self.publisher = store, publisher
        # In a container every worker's process id is 1.
        owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self.tracing = open_tracing(tracing, settings, owner)
        self.kit = kit = Kit(
            settings,
            replace(pipeline_config(settings), intake=intake),
            store,
            publisher,
            metrics,
            Clock(lambda: time.time_ns() // 1_000_000, time.monotonic),
            owner,
            self.tracing,
        )
        self.held = held = Held(kit)  # From below: each part knows those before it.
        aliasing = self.aliasing = Aliasing(settings, store)
        self.claiming = Claiming(kit, held, PartitionLogs(settings), aliasing.read)
        self.checkpointing = Checkpointing(kit, held, self.claiming, self._transactions_durable)
        self.scoring = Scoring(kit, held, self.checkpointing.make_room, schemas, aliasing.shown)
        storing = self.feedback_storing = FeedbackStoring(kit, held, self.claiming)
        self.applying = Applying(kit, held)
        self.following_policy = FollowingPolicy(kit, held)
        self.following_erasures = FollowingErasures(kit, held, aliasing, storing.forget)
        self.liveness = Liveness(kit)
        self.standing_guard = StandingGuard(kit, held)
        self.claims = Claims(self._claim, self._release, or_end, random.Random().random)  # noqa: S311
        self.watch = Watch(kit, held, self.claims, self.claiming, lambda: self.consumer)
        self.health = Health(kit, held, self.claims, self.claiming, self.watch)
        self.deadline = Deadline(settings.shutdown_timeout_s, self._left_over)
        gauges = Gauges(kit, held, self.claims, self.health, lambda: len(self.consumer.unacked))
        self.endpoints = Endpoints(kit, held, self.health, gauges)
        self.profiling = Profiling(None)

    async def on_first_start(self) -> None:
        """Serve the endpoints, load, then wait for Kafka and Redis; exit readably if that is no use.

        Faust's own step here creates a data directory, which nothing of ours needs.
        """
        tell_start(self.settings, self.kit.owner)
        self.profiling.begin_with()
        try:
            await self.endpoints.start()
            self._report("loading the compiled loops")
            await load_kernels()
            policy, heads = await preflight(
                self.settings, self.store, self.kit.clock, self.kit.owner, self._report
            )
        except StreamerError as error:
            _log.critical("cannot start", error=str(error))
            await self.endpoints.stop()
            is_misconfigured = isinstance(error, ConfigurationError)
            raise SystemExit(EXIT_MISCONFIGURED if is_misconfigured else EXIT_UNAVAILABLE) from None
        await self.following_policy.begin(policy)
        await self.held.adopt(heads)
        collect_rarely()
        for name in ("kafka", "redis"):
            self.kit.metrics.dependency_up.set(1, name)

    def _report(self, line: str) -> None:
        self.health.startup = line

    async def _claim(self, topic: str, partition: int) -> Reading:
        reading = await self.claiming.claim(topic, partition)
        self.consumer.name_store(TP(topic, partition), reading.told)
        return reading

    def _transactions_durable(self, partition: int, offset: int) -> None:
        self.consumer.durable[TP(self.settings.transactions_topic, partition)] = offset

    def begin_stop(self) -> None:
        """Note that the worker is to end, and by when."""
        self.health.is_stopping = True
        self.deadline.start()

    async def stop(self) -> None:
        """Stop within the deadline."""
        self.begin_stop()
        await super().stop()

    async def on_stop(self) -> None:
        """Checkpoint everything before Faust closes the consumer, which commits to Kafka."""
        within_s = self.deadline.within_s * _RELEASE_SHARE
        with suppress(TimeoutError):
            await asyncio.wait_for(self.claims.revoke(self.claims.all()), within_s)
        if self._left or self.held.assigned:
            # An orderly end would let alerts out that are done again.
            end_at_once(
                UnavailableError(f"every partition must be checkpointed, got {self._left_over()}")
            )
        await super().on_stop()
        self.claiming.close()
        await self.liveness.end()
        await self.store.close()
        if self.tracing is not None:
            within_s = self.deadline.within_s * _FLUSH_SHARE
            await asyncio.to_thread(self.tracing.spans.end, within_s)
        await self.endpoints.stop()
        _log.info("worker stopped")

    async def _release(self, tps: list[TP]) -> None:
        """Checkpoint and drop partitions of the transactions topic; those of feedback hold nothing."""
        self.claiming.forget_feedback(tps)
        partitions = [tp.partition for tp in tps if tp.topic == self.settings.transactions_topic]
        # Not saved until it is: a stop may be over before.
        self._left = sorted({*self._left, *(set(partitions) & self.held.assigned.keys())})
        left = await self.checkpointing.release(partitions)
        self._left = sorted((set(self._left) - set(partitions)) | set(left))
        if left and not self.health.is_stopping:
            self._left.clear()
            try:
                # Nothing of it may go out once somebody has read what did.
                await self.publisher.resolve_alerts()
            except UnavailableError as error:
                # The next owner publishes them too, should they get through after all.
                end_at_once(error)

    def _left_over(self) -> str:
        held = sorted({*self._left, *self.held.assigned})
        return (
            f"partitions {held} without a last checkpoint"
            if held
            else "connections that do not close"
        )


def build_app(settings: Settings, tracing: TracingSettings = _UNTRACED) -> ScoringApp:
    """Return the app for ``settings``: two agents, one per input topic, and their background work."""
    rebalance_s = settings.kafka_session_timeout_s + _REJOIN_S
    app = ScoringApp(
        settings.consumer_group,
        broker=broker_urls(settings, SCHEME),
        broker_client_id=client_id(settings),
        broker_credentials=faust_credentials(settings),
        broker_session_timeout=settings.kafka_session_timeout_s,
        broker_heartbeat_interval=settings.kafka_session_timeout_s / 3,
        broker_rebalance_timeout=rebalance_s,
        broker_request_timeout=max(_REQUEST_S, rebalance_s + _REJOIN_S),
        broker_max_poll_records=settings.batch_max_records,
        broker_commit_interval=_COMMIT_INTERVAL_S,
        consumer_group_instance_id=settings.kafka_group_instance_id,
        consumer_metadata_max_age_ms=_METADATA_AGE_MS,
        stream_buffer_maxsize=_BUFFERED_BATCHES,
        # Batches of a partition that is taken away are void; there is nothing to wait for.
        stream_wait_empty=False,
        # Without standbys partitions go round; Faust's own assignor left workers without any.
        table_standby_replicas=0,
        topic_allow_declare=False,
        topic_disable_leader=True,
        TableManager=NoTables,
        web_enabled=False,
        worker_redirect_stdouts=False,
        Worker=ScoringWorker,
    )
    app.equip(settings, tracing)
    add_agents(app, settings)
    for work in (
        app.checkpointing.run,
        app.applying.run,
        app.following_policy.run,
        app.following_erasures.run,
        app.liveness.run,
        app.standing_guard.run,
        app.held.dead_letter_log.run,
        *app.watch.tasks,
    ):
        app.task(guarded(work))
    if isinstance(app.kit.pipeline.card_key, CardKeysInUse):
        app.task(guarded(app.kit.pipeline.card_key.follow))
    app.task(guarded(partial(follow_pauses, app.kit.clock, app.kit.metrics)))
    app.task(guarded(partial(follow_readiness, app.health, time.monotonic)))

    @app.on_partitions_assigned.connect
    async def claim(_: Any, assigned: set[TP], **__: Any) -> None:
        app.health.startup = None
        app.consumer.on_fetch_error = app.claims.failed
        if settings.reproducible:
            app.consumer.take_in_turns(settings.transactions_topic)
        app.held.membership.silent_s = app.consumer.silent_s
        tell_assigned(assigned)
        app.claims.assign(app.consumer, assigned)

    @app.on_partitions_revoked.connect
    async def release(_: Any, revoked: set[TP], **__: Any) -> None:
        # All of them, whatever Kafka names: each is claimed anew.
        tell_revoked(revoked)
        await or_end(app.claims.revoke(app.claims.all()))
        app.held.unsaved_since.clear()

    return app


def __getattr__(name: str) -> Any:
    """Build `app` when it is first asked for, which is what ``faust -A`` does."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    settings, tracing = load_worker_settings()
    configure_logging(settings.log_level, settings.log_format)
    globals()["app"] = build_app(settings, tracing)
    return globals()["app"]
