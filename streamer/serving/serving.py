"""All that answers requests, and how it begins and ends; the doors are around it.

Invariants: nothing is answered before the model has been read; at the end no new request is taken on,
those under way are answered, and what was answered is handed over.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Final

import structlog

from streamer import __version__
from streamer.cancelling import cancel_and_wait
from streamer.intake.by_name import load_declaration
from streamer.model import Scorer
from streamer.serving.admission import BODIES_HELD, Admission
from streamer.serving.answerer import Answerer
from streamer.serving.card_states import CardStates
from streamer.serving.decision_log import DecisionLog
from streamer.serving.rate_limits import ClientRates, RateLimits
from streamer.serving.serve_metrics import ServeMetrics
from streamer.serving.versions_in_use import VersionsInUse
from streamer.settings import Settings
from streamer.settings.proxy_networks import networks
from streamer.settings.secret_checks import bearer_keys
from streamer.settings.secret_files import api_keys
from streamer.starting.card_keys_in_use import CardKeysInUse
from streamer.starting.wiring import open_store, pipeline_config
from streamer.stream.kafka.known_schemas import intake_of
from streamer.stream.kernels import load_kernels
from streamer.telemetry.tracing import Spans

__all__ = ["Limits", "Serving"]

_log = structlog.get_logger(__name__)
_REFRESH_S: Final = 1.0
_DRAIN_TICK_S: Final = 0.05
# Of what was noted for the decisions topic, once nobody is answered any more.
_FLUSH_WITHIN_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may ask for, and for how long it is worth an answer."""

    body_bytes: int
    batch_payments: int
    deadline_s: float


class Serving:
    """The answerer with its model, its limits and its metrics; ``spans`` where requests are traced.

    ``share`` is its part of the process, where others are or may be beside it.
    """

    def __init__(
        self, settings: Settings, spans: Spans | None = None, share: float | None = None
    ) -> None:
        self.is_whole = share is None
        share = 1.0 if share is None else share
        self.settings = settings
        self.spans = spans
        self.store = open_store(settings)
        config = pipeline_config(settings)
        self._config = replace(
            config, intake=intake_of(load_declaration(settings.intake), None), repeat_window=0
        )
        self.card_key = self._config.card_key
        self.versions = VersionsInUse(self.store, settings, config.model)
        # Of their own, with a breaker of their own: what hangs is given up in time to answer without.
        within_s = min(settings.redis_timeout_s, settings.serve_deadline_s / 3)
        self.state_store = open_store(settings.model_copy(update={"redis_timeout_s": within_s}))
        states = CardStates(self.state_store.lookups, settings.transactions_topic, time.monotonic)
        self.answerer = Answerer(self._config, states, _now_ms, settings.serve_without_state)
        self.admission = Admission(
            settings.serve_max_in_flight,
            # The largest body fits in any case.
            round(max(BODIES_HELD * share, 1.0) * settings.serve_max_body_bytes),
            is_behind=lambda: self.answerer.is_behind(settings.serve_deadline_s),
        )
        self.rates = ClientRates(
            RateLimits(settings.serve_rate, settings.serve_burst),
            RateLimits(settings.serve_total_rate, settings.serve_burst),
        )
        self.limits = Limits(
            settings.serve_max_body_bytes,
            settings.serve_max_batch,
            settings.serve_deadline_s,
        )
        self.metrics = ServeMetrics(__version__)
        self.trusted_proxies = networks(settings.serve_trusted_proxies)
        self._key_file, told = api_keys(settings), settings.serve_api_keys
        self._own_keys = () if told is None else bearer_keys(told.get_secret_value())
        self.decisions: DecisionLog | None = None
        self._has_kernels = False
        self._ended: list[str] = []

    @property
    def most_in_flight(self) -> int:
        """Payments that are answered at once, at most."""
        return self.admission.limit

    def of(self, authorization: str, door: str) -> Serving:
        """Return what answers to a key: itself, which refuses what is none of its keys later."""
        del authorization, door
        return self

    @property
    def keys(self) -> tuple[bytes, ...]:
        """The keys of which a client must have one, as they are now; none where nobody is asked."""
        # Metrics look at the file as well: what they say was taken up is in force.
        known = None if self._key_file is None else self._key_file.known
        return self._own_keys if known is None else known

    @property
    def is_ready(self) -> bool:
        """Whether a question can be answered."""
        return self.versions.head is not None and self._has_kernels

    @property
    def head_id(self) -> str:
        """The version that answers, "" before there is one."""
        return "" if self.versions.head is None else self.versions.head.id

    def faults(self) -> list[str]:
        """Return why it is not ready, nothing when it is."""
        if self.admission.is_draining:
            return ["it is being stopped"]
        faults = list(self._ended)
        if not self._has_kernels:
            faults.append("the compiled loops are being loaded")
        if self.versions.head is None:
            faults.append(f"no model was read: {self.versions.error or 'it is being read'}")
        elif self.versions.is_broken:
            faults.append(f"the model is not taken up: {self.versions.error}")
        return faults

    def ended(self, what: str, error: BaseException | None) -> None:
        """Log that ``what`` has ended by itself; it is not ready from now on."""
        _log.error("ended by itself", what=what, exc_info=error)
        self._ended.append(f"{what} has ended by itself")

    async def version(self, wanted: str) -> Scorer | None:
        """Return the version to answer with, the head where none is ``wanted``; None for none such."""
        return await self.versions.named(wanted) if wanted else self.versions.head

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Load and follow the model meanwhile, and drain at the end."""
        # Each is closed whatever becomes of the others, the last that was begun first.
        async with AsyncExitStack() as closing:
            closing.push_async_callback(self.store.close)
            closing.push_async_callback(self.state_store.close)
            self._begin_log()
            if self.decisions is not None:
                close = self.decisions.close
                closing.push_async_callback(asyncio.to_thread, close, _FLUSH_WITHIN_S)
            await self.versions.refresh()
            following = [self._follow(), self._follow_secrets()]
            tasks = [asyncio.ensure_future(each) for each in following]
            closing.push_async_callback(cancel_and_wait, tasks)
            closing.push_async_callback(self._drain)
            yield

    async def _drain(self) -> None:
        """Take nobody on, and wait for those under way until they would be late."""
        self.admission.is_draining = True
        deadline = time.monotonic() + self.limits.deadline_s
        while self.admission.in_flight and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(_DRAIN_TICK_S)

    def _begin_log(self) -> None:
        topic = self.settings.serve_decisions_topic
        if topic is not None:
            counted, key = self.metrics.serve_decisions, self._config.card_key
            self.decisions = DecisionLog(self.settings, topic, counted, card_key=key)
            self.answerer.on_given = self.decisions.note

    async def _follow(self) -> None:
        try:
            await load_kernels()
        except Exception as error:
            self.ended("loading the compiled loops", error)
            return
        self._has_kernels = True
        while True:
            await asyncio.sleep(_REFRESH_S)
            await self.versions.refresh()

    async def _follow_secrets(self) -> None:
        """Take up keys whose files have changed, also while Redis keeps the model waiting."""
        while True:
            await asyncio.sleep(_REFRESH_S)
            if self._key_file is not None:
                # Where none has come yet there is none to be had.
                with suppress(OSError, ValueError):
                    self._key_file.get()
            if isinstance(self.card_key, CardKeysInUse):
                self.card_key.refresh()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
