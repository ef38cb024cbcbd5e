"""Stock Faust calling this project's own pipeline per event: ``python -m load.stock COUNTER_FILE``.

It does for every event what the worker does for every batch: decode, validate, features, score,
decide, explain, learn, publish, and checkpoint at the worker's interval, by the same functions and
settings.

Two things of the worker are left out, both in favour of the stock app: metrics, and looking up
unknown entities in Redis (they begin anew, which in a fresh namespace comes to the same).
"""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterable
from pathlib import Path
from typing import Any, Final

import faust

from load.peers.common.job import Count
from streamer import __version__
from streamer.contract.batch import Batch, StoredRecord
from streamer.model import Scorer
from streamer.pipeline import Outcome, PartitionState, PipelineConfig, process
from streamer.settings import Settings, load_settings
from streamer.starting.wiring import open_store, pipeline_config
from streamer.stream.checkpoints.checkpointing import Checkpointing
from streamer.stream.kafka.kafka_config import broker_urls
from streamer.stream.kafka.partition_log import PartitionLogs
from streamer.stream.partitions.assignments import Assigned
from streamer.stream.publishing.publisher import Publisher
from streamer.stream.scoring.aliasing import Aliasing
from streamer.stream.scoring.claiming import Claiming
from streamer.stream.scoring.held import Held
from streamer.stream.scoring.kit import Clock, Kit
from streamer.telemetry.logs import configure_logging
from streamer.telemetry.metrics import Metrics

__all__ = ["StockScorer", "build_app", "process_event"]

_COMMIT_INTERVAL_S: Final = 1.0


def process_event(
    topic: str,
    partition: int,
    record: StoredRecord,
    state: PartitionState,
    version: Scorer,
    config: PipelineConfig,
    *,
    now_ms: int,
) -> Outcome | None:
    """Do the whole pipeline's work for one event, as a batch of one; ``state`` is IN/OUT."""
    batch = Batch(topic, partition, (record,), now_ms)
    return process(batch, state, version, config, now_ms=now_ms)


class StockScorer:
    """What surrounds `process_event` in the stock app: state, publication, checkpoints."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.config = pipeline_config(settings)
        self.publisher = Publisher(settings)
        self.store = open_store(settings)
        self.clock = Clock(lambda: time.time_ns() // 1_000_000, time.monotonic)
        metrics = Metrics(__version__)
        kit = Kit(
            settings, self.config, self.store, self.publisher, metrics, self.clock, owner="stock"
        )
        self.held = Held(kit)
        self.claiming = Claiming(
            kit, self.held, PartitionLogs(settings), Aliasing(settings, self.store).read
        )
        self.checkpointing = Checkpointing(
            kit, self.held, self.claiming, lambda _partition, _offset: None
        )

    async def handle(self, event: Any) -> None:
        """Score one event and publish what came of it."""
        message = event.message
        assigned = await self._assigned(message.partition)
        async with self.held.lock:
            record = StoredRecord(
                message.offset, round(message.timestamp * 1000), message.key, event.value
            )
            outcome = process_event(
                message.topic,
                message.partition,
                record,
                assigned.state,
                self.held.version,
                self.config,
                now_ms=self.clock.now_ms(),
            )
            if outcome is not None:
                self._publish(outcome, record, message)
        await self._keep_up()

    async def stop(self) -> None:
        """Checkpoint everything and close the connections."""
        await self.checkpointing.release(list(self.held.assigned))
        await self.publisher.flush()
        await self.store.close()

    async def _assigned(self, partition: int) -> Assigned:
        """Claim the partition at its first event."""
        held = self.held.assigned
        if partition not in held:
            await self.claiming.claim(self.settings.transactions_topic, partition)
        return held[partition]

    def _publish(self, outcome: Outcome, record: StoredRecord, message: Any) -> None:
        for alert in outcome.alerts:
            place = outcome.places[alert.source.offset]
            self.publisher.publish_alert(alert, record.timestamp, place)
        for alert in outcome.overflow:
            place = outcome.places[alert.source.offset]
            self.publisher.publish_overflow(alert, record.timestamp, place)
        for letter in outcome.dead_letters:
            batch = Batch(message.topic, message.partition, (record,), record.timestamp)
            self.publisher.publish_dead_letter(letter, batch)
        self.publisher.poll()

    async def _keep_up(self) -> None:
        """Renew the model as often as the worker does."""
        limit = self.held.delta_limit
        while self.held.n_unmerged >= limit:
            if not await self.checkpointing.make_room():
                break


class _App(faust.App):  # type: ignore[misc]
    """Faust's app; ends with a last checkpoint, like the worker's."""

    scorer: StockScorer | None = None

    async def on_stop(self) -> None:
        if self.scorer is not None:
            await self.scorer.stop()
        await super().on_stop()


def build_app(settings: Settings, count: Count) -> faust.App:
    """Return the stock app over ``kafka://`` with the worker's settings, where Faust has them too."""
    app = _App(
        settings.consumer_group,
        broker=broker_urls(settings, "kafka"),
        broker_session_timeout=settings.kafka_session_timeout_s,
        broker_heartbeat_interval=settings.kafka_session_timeout_s / 3,
        broker_max_poll_records=settings.batch_max_records,
        broker_commit_interval=_COMMIT_INTERVAL_S,
        consumer_auto_offset_reset="earliest",
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        worker_redirect_stdouts=False,
    )
    topic = app.topic(
        settings.transactions_topic,
        key_type=bytes,
        key_serializer="raw",
        value_type=bytes,
        value_serializer="raw",
    )
    scorer = app.scorer = StockScorer(settings)
    app.task(scorer.checkpointing.run)

    @app.agent(topic, name="score")  # type: ignore[untyped-decorator]
    async def score(stream: AsyncIterable[Any]) -> None:
        async for event in stream.events():  # type: ignore[attr-defined]
            await scorer.handle(event)
            count.add()

    return app


def main(arguments: list[str]) -> None:
    """Run a stock app until it is stopped; exits the process."""
    (path,) = arguments
    settings = load_settings()
    configure_logging(settings.log_level, settings.log_format)
    app = build_app(settings, Count(Path(path)))
    faust.Worker(
        app,
        quiet=True,
        loglevel=settings.log_level,
        redirect_stdouts=False,
        override_logging=False,
    ).execute_from_commandline()


if __name__ == "__main__":
    main(sys.argv[1:])
