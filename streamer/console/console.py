"""All that the pages stand on, and how it begins and ends."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any, Final, TypeVar

import msgspec
import structlog

from streamer.access.decision import Decision
from streamer.access.guard import Guard
from streamer.cancelling import cancel_and_wait
from streamer.console.alert.positions import Traffic, traffic_of
from streamer.console.alert.versions_asked import VersionsAsked
from streamer.console.people.accounts import Account
from streamer.console.people.knowing import accounts_of, opa_of, proxied_people_of
from streamer.console.people.login_tries import Tries
from streamer.console.people.oidc_people import oidc_people_of
from streamer.console.people.web_sessions import Signer
from streamer.console.queue.blind_rows import BlindRows, with_others
from streamer.console.queue.queue_filters import choices_of
from streamer.console.queue.wave_items import Kept, items_of
from streamer.console.sending.audit_trail import Trail
from streamer.console.sending.verdict_sending import Decider, SecondDraw
from streamer.console.service.console_metrics import ConsoleMetrics
from streamer.console.service.kept_answer import KeptAnswer
from streamer.console.service.letting_go import LettingGo
from streamer.console.service.model_reading import read_models
from streamer.console.service.nav_links import NavLinks
from streamer.console.service.older_searches import OlderSearches
from streamer.console.service.worker_scrapes import WorkerScrapes
from streamer.console.team.budget_curve import curve_of
from streamer.console.team.budget_impact import Impact, impact_of
from streamer.console.team.team_figures import precision_by_day
from streamer.contract.messages import Alert
from streamer.contract.pseudonyms import pseudonyms
from streamer.errors import StreamerError, UnavailableError
from streamer.impact.prices import prices_of
from streamer.model import Scorer
from streamer.settings import Settings
from streamer.settings.currency_values import currency_values
from streamer.starting.card_keys_in_use import CardKeysInUse, card_key_of, card_rule_of
from streamer.starting.secret_readings import secret_readings
from streamer.starting.wiring import open_review_store, open_store, settings_in_force
from streamer.status import gather
from streamer.store import QueueCounts, QueueRow
from streamer.store.judged_alerts import JudgedAlert, standing
from streamer.store.review_record import UNDO_MS
from streamer.stream.publishing.acknowledged import Outbox
from streamer.stream.publishing.alert_group import AlertGroup, Place

__all__ = ["Console", "now_ms"]

_log: Final = structlog.get_logger(__name__)

_T = TypeVar("_T")
_PURPOSE: Final = "console"
# More than any call to Redis takes, its repetitions included.
_CALL_S: Final = 60.0
_HOLDERS: Final = 50


class Console:
    """The queue, the decisions, the accounts, and the thread that reads the alerts."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.accounts, self.proxied = accounts_of(settings), proxied_people_of(settings)
        self.metrics, self.guard = ConsoleMetrics(), Guard(opa_of(settings), self._decided)
        self.nav = NavLinks(self.guard)
        told = settings.console_secret
        key = secrets.token_bytes(32) if told is None else told.get_secret_value().encode()
        self.signer, self.oidc = Signer(key), oidc_people_of(settings, key)
        self.claim_ms = round(settings.console_claim_s * 1000)
        self.least_look_ms = round(settings.console_least_look_s * 1000)
        self.session_ms = round(settings.console_session_s * 1000)
        self.store = open_review_store(settings)
        self.alerts, self.reviews = self.store.alerts, self.store.reviews
        self.claims, self.sittings = self.store.claims, self.store.sittings
        self.judged, self.proposals = self.store.judged, self.store.proposals
        self.snoozes = self.store.snoozes
        self.model_store = open_store(settings)
        self.versions = VersionsAsked(self.model_store, self.store.kept_versions, settings)
        self._traffic: tuple[str, Traffic] | None = None
        self.outbox = Outbox(settings)
        self.trail = Trail(settings, self.store.client, now_ms)
        self.twice = self.store.twice
        # With no key of its own the draw comes out again by the namespace.
        drawing = settings.namespace.encode() if told is None else key
        self.decider = Decider(
            self.reviews,
            self.outbox,
            self.trail,
            settings.feedback_topic,
            self.claim_ms,
            self.twice,
            SecondDraw(drawing, settings.console_second_share),
        )
        self.blind = BlindRows(settings.namespace) if settings.console_blind else None
        self.tries = Tries(self.sittings)
        self.items, self.choices = Kept(items_of), Kept(choices_of)
        self.standing, self.curve = Kept(standing), Kept(curve_of)
        self.days = Kept(precision_by_day)
        self.cards, self.card_key = card_rule_of(settings), card_key_of(settings)
        self._impact: tuple[list[JudgedAlert], tuple[object, ...], Impact] | None = None
        self._reading = asyncio.Lock()
        workers = [url.strip() for url in settings.console_workers.split(",") if url.strip()]
        self.scrapes = WorkerScrapes(workers)
        self.searches = OlderSearches(settings)
        self.models = KeptAnswer(lambda: read_models(settings))
        self.status = KeptAnswer(lambda: gather(settings, workers, now_ms()))
        self.is_ending = False
        self._rows: tuple[QueueCounts, list[QueueRow]] | None = None
        self._final: tuple[list[JudgedAlert], list[JudgedAlert]] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._group: AlertGroup | None = None

    @property
    def reading_error(self) -> str:
        """Why no alerts are read at present, empty where they are."""
        if self._group is None:
            return ""
        return self._group.error if self._group.is_alive() else "the thread that reads has ended"

    @property
    def opa_trouble(self) -> str:
        """Why the policy server gave no answer last, empty where it did or there is none."""
        return "" if self.guard.opa is None else self.guard.opa.trouble

    def read_secrets(self) -> None:
        """Bring the metrics of the secrets in files up to date."""
        opa, oidc = self.guard.opa, self.oidc
        files = [None if opa is None else opa.token, None if oidc is None else oidc.provider.secret]
        others = [file for file in files if file is not None]
        told = secret_readings(self.settings, self.card_key, others)
        self.metrics.secret_faulted.replace(told.faulted)
        self.metrics.secrets_taken_up.replace(told.taken_up)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Read alerts meanwhile; at the end what was noted is sent."""
        self._loop = asyncio.get_running_loop()
        self._group = AlertGroup(self.settings, _PURPOSE, self._take, self._reached)
        self._group.start()
        letting_go = LettingGo(self.store, self.settings.console_team_retention_s, now_ms)
        works = self.scrapes.run(), self._warm(), letting_go.run()
        meanwhile = [asyncio.create_task(work) for work in works]
        try:
            async with self.trail.running():
                yield
        finally:
            self.is_ending = True
            # What still asked would connect again after the stores are closed.
            await cancel_and_wait(meanwhile)
            await asyncio.to_thread(self._group.stop)
            await asyncio.to_thread(self.outbox.close)
            await self.guard.close()
            if self.oidc is not None:
                await self.oidc.provider.close()
            await self.model_store.close()
            await self.store.close()

    async def _warm(self) -> None:
        """Read the version in use before the first page needs it, with its compiled loops."""
        with suppress(StreamerError):
            await self.versions.in_use()

    def traffic_of(self, version: Scorer) -> Traffic:
        """Return the recent traffic of the version in use, unpacked once."""
        if self._traffic is None or self._traffic[0] != version.id:
            self._traffic = version.id, traffic_of(version)
        return self._traffic[1]

    async def rows(self) -> tuple[QueueCounts, list[QueueRow]]:
        """Return the open alerts by rank; read again only when one came or left."""
        # One reads for all who ask meanwhile.
        async with self._reading:
            kept = self._rows
            if kept is None or await self.alerts.counts() != kept[0]:
                known = {} if kept is None else {row.alert_id: row for row in kept[1]}
                kept = self._rows = await self.alerts.rows(known)
            return kept

    async def rows_for(self, account: Account) -> tuple[QueueCounts, list[QueueRow], set[str]]:
        """Return what somebody is to judge, in order, with its counts, and the ids of rulings in it."""
        counts, rows = await self.rows()
        if self.blind is not None:
            rows = self.blind.of(rows)
        at_ms, is_lead = now_ms(), account.is_lead
        tasks = [
            (each.row, each.task_of(account.name, is_lead=is_lead))
            for each in await self.twice.pending()
            if at_ms - each.since_ms > UNDO_MS
        ]
        others = [row for row, task in tasks if task]
        if others:
            rows = with_others(rows, others, self.blind)
            counts = replace(counts, open=len(rows))
        return counts, rows, {row.alert_id for row, task in tasks if task == "ruling"}

    async def judged_entries(self) -> list[JudgedAlert]:
        """Return what was judged, newest first; in a blind queue what can be taken back no more."""
        found = await self.judged.latest()
        if self.blind is None:
            return found
        at_ms = now_ms()
        final = [each for each in found if at_ms - each.decided_ms > UNDO_MS]
        # The same list while nothing came or became final, as what is made of it is kept by it.
        kept = self._final
        if kept is None or kept[0] is not found or len(kept[1]) != len(final):
            kept = self._final = found, final
        return kept[1]

    def names_of_card(self, card_id: str) -> list[str]:
        """Return what alerts may call a card: by its id, or by a pseudonym under any key."""
        if isinstance(self.card_key, CardKeysInUse):
            self.card_key.refresh()
        others = [] if self.card_key is None else pseudonyms(card_id, self.card_key)
        return [card_id, *others]

    async def impact(self) -> Impact:
        """Return what was judged comes to in money, with what waited at the last verdict."""
        judged = self.standing.of(await self.judged_entries())
        # The cost of a review and what currencies are worth are the policy's.
        settings = await settings_in_force(self.model_store, self.settings)
        priced_by = prices_of(settings), settings.currency_values
        kept = self._impact
        if kept is None or kept[0] is not judged or kept[1] != priced_by:
            values, (_, rows) = currency_values(settings.currency_values), await self.rows()
            prices = prices_of(settings)
            found = await asyncio.to_thread(impact_of, judged, prices, values, rows)
            self._impact = kept = judged, priced_by, found
        return kept[2]

    async def alert(self, alert_id: str) -> Alert | None:
        """Return an alert, None where it is here no more."""
        raw = await self.alerts.alert(alert_id)
        return None if raw is None else msgspec.json.decode(raw, type=Alert)

    async def next_for(self, who: str, rows: Sequence[QueueRow], *, is_claiming: bool) -> str:
        """Return the first alert of ``rows`` that nobody else has, "" where there is none.

        ``is_claiming``: it is ``who``'s from then on, so that two who ask at once get two.
        """
        for first in range(0, len(rows), _HOLDERS):
            ids = [row.alert_id for row in rows[first : first + _HOLDERS]]
            for alert_id, holder in zip(ids, await self.claims.holders(ids), strict=True):
                if holder not in ("", who):
                    continue
                if not is_claiming:
                    return alert_id
                claimed = await self.claims.claim(alert_id, who, self.claim_ms)
                # Who may have no more is told so on its page.
                if claimed.holder == who or claimed.others:
                    return alert_id
        return ""

    def _decided(self, decision: Decision) -> None:
        answer = "allowed" if decision.is_allowed else "denied"
        self.metrics.access_decisions.labels(answer, decision.decided_by).inc()
        if not decision.is_allowed:
            _log.warning(
                "access denied",
                decision_id=decision.id,
                action=decision.asked.action,
                code=decision.code,
                decided_by=decision.decided_by,
            )

    def _take(self, alerts: Sequence[tuple[Alert, bytes]], places: Mapping[str, Place]) -> bool:
        if self._in_loop(self.alerts.add(alerts, now_ms(), places)) is None:
            return False
        # The stream trims them within minutes.
        versions = [alert.model_version for alert, _ in alerts]
        self._in_loop(self.store.kept_versions.keep(versions, now_ms()))
        return True

    def _reached(self) -> Mapping[str, int]:
        return self._in_loop(self.alerts.reached())

    def _in_loop(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Return what ``work`` gives on the loop of the pages, from the thread that reads."""
        if self._loop is None or self.is_ending:
            work.close()
            raise UnavailableError("the console is being stopped")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(_CALL_S)
        except TimeoutError:
            future.cancel()
            raise UnavailableError(f"Redis must answer within {_CALL_S:g} s") from None


def now_ms() -> int:
    """Return the time in epoch milliseconds."""
    return time.time_ns() // 1_000_000
