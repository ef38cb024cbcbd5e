"""Who asks, and what they get when they may not, or when something is away.

Invariants:
* No page but the login's is made for nobody, and no form is acted upon without its session's token.
* What somebody has typed is on the page that says why it was not taken.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import unquote_plus

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response

from streamer.access.decision import Asked, Decision, Facts
from streamer.console.console import Console, now_ms
from streamer.console.pages.gates import Gate
from streamer.console.pages.message_pages import QUEUE, denied_page, message_page, typed_in
from streamer.console.pages.page_templates import page
from streamer.console.pages.posted_forms import FormError, form_of
from streamer.console.pages.who_asks import begun, visitor_of
from streamer.console.people.accounts import Account
from streamer.console.people.web_sessions import Session
from streamer.console.queue.blind_rows import TELLING
from streamer.console.queue.queue_filters import Filters
from streamer.console.sending.audit_trail import Acting
from streamer.contract.card_numbers import has_card_number, without_card_numbers
from streamer.errors import ConfigurationError, StreamerError
from streamer.store import Joint, Review
from streamer.store.reviews import UNDO_MS

__all__ = [
    "Done",
    "Handler",
    "Visit",
    "Visits",
    "denied_page",
    "has_login_token",
    "is_own_navigation",
    "login_page",
    "message_page",
    "typed_in",
]

_FORM_COOKIE: Final = "streamer_form"
_LONGEST_KEY: Final = 96
# What a form of ours may have, besides its token, that is sent again as it was.
_KEPT: Final = (
    *("verdict", "comment", "key", "holder", "members", "stands"),
    *("wanted", "topic", "read"),
    *("kind", "version", "reason", "state", "remark", "step", "days", "name"),
)
_LONGEST_PATH: Final = 200
# Whose forms are sent to an address below theirs.
_OF_FORMS: Final = "/budget", "/model", "/proposals", "/snoozed"

_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Done:
    """The verdict that somebody has just given, to be told on the next page."""

    review: Review
    can_undo: bool


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of somebody who has logged in; ``form`` is empty but for a POST."""

    console: Console
    request: Request
    account: Account
    session: Session
    form: Mapping[str, str]
    decision: Decision | None = None
    """What let the visitor in, None before it is decided."""

    @property
    def acting(self) -> Acting:
        """The visitor as entries of the audit topic have them, with the decision that let them in."""
        return Acting(self.account, "" if self.decision is None else self.decision.id)

    async def may(self, action: str, facts: Facts | None = None) -> bool:
        """Whether the visitor may do something else than what was asked for."""
        asked = Asked(self.account.name, self.account.roles, action, facts or Facts())
        return await self.console.guard.may(asked)

    @property
    def filters(self) -> Filters:
        """The filters in the address, which stay while one works; in a blind queue none that tells."""
        asked = self.request.query_params
        return Filters.of(
            {name: value for name, value in asked.items() if name not in self.refused}
        )

    @property
    def refused(self) -> Sequence[str]:
        """The filters that are not to be used here."""
        return TELLING if self.console.blind is not None else ()

    async def done(self) -> Done | None:
        """Return what the address says was just done, where it was by this person and lately."""
        alert_id = self.request.query_params.get("done", "")
        if not alert_id:
            return None
        review = await self.console.reviews.review(alert_id)
        twice = await self.console.twice.of(alert_id)
        others = (twice.second, twice.ruling) if twice is not None else ()
        for said in (*others, review):
            if said is not None and said.who == self.account.name and said.is_sent:
                return Done(said, can_undo(said, self.account, now_ms()) and said is review)
        return None

    async def done_at_once(self) -> Joint | None:
        """Return the wave that the address says was just judged by this person."""
        key = self.request.query_params.get("joint", "")[:_LONGEST_KEY]
        return await self.console.store.waves.joint(self.account.name, key) if key else None

    async def page(self, template: str, status: int = 200, /, **values: Any) -> Response:
        """Return a page with what all of them show."""
        joint = await self.done_at_once()
        shared = {
            "account": self.account,
            "links": await self.console.nav.of(self.account.name, self.account.roles),
            "csrf": self.console.signer.token(self.session.id),
            "done": await self.done(),
            "joint": joint,
            "can_undo_joint": joint is not None and now_ms() - joint.decided_ms <= UNDO_MS,
            "query": self.filters.query,
            "is_blind_queue": self.console.blind is not None,
            "reading_error": self.console.reading_error,
        }
        return page(template, status, **shared | values)


def can_undo(review: Review, account: Account, at_ms: int) -> bool:
    """Whether somebody may still overrule a verdict."""
    is_theirs = review.who == account.name and review.is_sent and not review.overrules
    return is_theirs and at_ms - review.decided_ms <= UNDO_MS


Handler = Callable[[Visit], Awaitable[Response]]
# What is shown instead where a form comes from a session that is over: its alert, with what was typed.
Kept = Callable[[Visit, str], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Visits:
    """Makes endpoints of handlers; ``kept`` answers a form whose token is another session's."""

    console: Console
    kept: Kept

    def endpoint(self, handler: Handler, gate: Gate) -> Callable[[Request], Awaitable[Response]]:
        """Return ``handler`` as an endpoint, for those who are known and for whom ``gate`` opens."""

        async def answer(request: Request) -> Response:
            form: dict[str, str] = {}
            try:
                if request.method == "POST":
                    form = await form_of(request)
                found = await visitor_of(self.console, request)
                if found is None:
                    return login_page(self.console, request, form)
                visit = Visit(self.console, request, *found, form)
                where = await _landing(visit)
                if where:
                    return RedirectResponse(where, 303)
                decision = await gate.decide(self.console.guard, visit.account, visit)
                if not decision.is_allowed:
                    await self.noted(visit, decision)
                    return denied_page(decision, typed_in(form))
                token = form.get("csrf", "")
                if request.method == "POST" and not self._is_ours(token, visit):
                    return await self.kept(visit, typed_in(form))
                return await handler(replace(visit, decision=decision))
            except FormError as error:
                return message_page(400, "This form cannot be read", str(error))
            except ClientDisconnect:
                return Response(status_code=400)
            except StreamerError as error:
                path = request.url.path[:_LONGEST_PATH]
                _log.warning("page not made", path=path, error=str(error))
                return self._trouble_page(request, form, error)

        return answer

    async def noted(self, visit: Visit, decision: Decision) -> None:
        """Write down that somebody was denied something."""
        request = visit.request
        entry = Acting(visit.account, decision.id).entry(
            "denied",
            alert_id=str(request.path_params.get("alert_id", ""))[:_LONGEST_PATH],
            subject=f"{decision.asked.action}: {decision.code}",
            address=request.client.host if request.client else "",
        )
        await self.console.trail.noted(entry)

    def _is_ours(self, token: str, visit: Visit) -> bool:
        return self.console.signer.is_token(token, visit.session.id)

    def _trouble_page(
        self, request: Request, form: Mapping[str, str], error: StreamerError
    ) -> Response:
        """Say what is away, with the form to send again if it is one of this browser's session."""
        if isinstance(error, ConfigurationError):
            # Where files are, and what is in them, is in the log.
            told = "A file or setting of the console has a fault, which its log names."
            ask = "Tell those who run the service. Nothing was done."
            return message_page(503, "That did not work", told, ask, comment=typed_in(form))
        because = str(error)
        _, session = begun(self.console, request)
        token = form.get("csrf", "")
        again = None
        if session is not None and self.console.signer.is_token(token, session.id):
            again = {
                "path": f"{request.url.path}?{request.url.query}",
                "csrf": token,
                "fields": {name: form[name] for name in _KEPT if name in form},
            }
        is_kept = again is not None and "verdict" in form
        lines = [
            f"What was told: {because}.",
            "Kafka or Redis does not answer, or not as it should. "
            + (
                "Your verdict was not confirmed. It is kept below: send it again in a moment. "
                "Sent twice it counts once."
                if is_kept
                else "Try again in a moment."
            ),
            "If it lasts, tell those who run the service; `streamer status` says what is wrong.",
        ]
        return page(
            "message.html",
            503,
            title="That did not work",
            lines=lines,
            comment="" if again else typed_in(form),
            again=again,
            back=QUEUE,
        )


async def _landing(visit: Visit) -> str:
    """Return where somebody begins who may not see the queue and has asked for it, "" elsewhere."""
    if visit.request.url.path != "/" or visit.request.method != "GET":
        return ""
    first = await visit.console.nav.first(visit.account.name, visit.account.roles)
    return "" if first == "/" else first


def login_page(
    console: Console,
    request: Request,
    form: Mapping[str, str],
    *,
    because: str = "",
    status: int | None = None,
) -> Response:
    """Return the login, with what was typed into a form that came too late, or nothing."""
    visitor = request.cookies.get(_FORM_COOKIE) or secrets.token_urlsafe(16)
    asked = form.get("alert_id") or request.path_params.get("alert_id", "")
    is_late = bool(form) and request.url.path != "/login"
    answer = page(
        "login.html",
        status or (401 if is_late or because else 200),
        csrf=console.signer.token(visitor),
        because=because,
        is_late=is_late,
        # Other forms have a name, too.
        name="" if is_late else without_card_numbers(form.get("name", "")),
        alert_id=without_card_numbers(str(asked)),
        verdict=form.get("verdict", ""),
        comment=typed_in(form),
        after=_after(request, form),
        has_accounts=console.accounts.is_any,
        has_provider=console.oidc is not None,
    )
    answer.set_cookie(_FORM_COOKIE, visitor, secure=True, httponly=True, samesite="strict")
    return answer


def has_login_token(console: Console, request: Request, form: Mapping[str, str]) -> bool:
    """Whether a login came from a page of ours."""
    visitor = request.cookies.get(_FORM_COOKIE, "")
    return bool(visitor) and console.signer.is_token(form.get("csrf", ""), visitor)


def is_own_navigation(request: Request) -> bool:
    """Whether somebody followed a link of ours: a browser says so, and no other page can."""
    headers = request.headers
    is_ahead = "prefetch" in headers.get("sec-purpose", headers.get("purpose", ""))
    is_ours = headers.get("sec-fetch-site") == "same-origin" and "look" not in request.query_params
    return request.method == "GET" and is_ours and not is_ahead


def _after(request: Request, form: Mapping[str, str]) -> str:
    """Return where to go after the login: a page of ours that was asked for."""
    wanted = form.get("after", "/")
    whole = f"/{request.url.path.split('/')[1]}"
    if whole in _OF_FORMS and request.method == "POST":
        wanted = whole
    is_a_login = request.url.path == "/login" or request.url.path.startswith("/oidc/")
    if request.method == "GET" and not is_a_login:
        query, path = request.url.query, request.url.path
        if not is_own_navigation(request):
            # After a login it would look like one of ours.
            query, path = f"{query}&look=1" if query else "look=1", path.replace("/next", "/")
        wanted = f"{path}?{query}" if query else path
    # Two slashes, or a backslash, begin another host's address.
    is_ours = wanted.startswith("/") and not wanted.startswith("//") and "\\" not in wanted
    # It stands in the page of the login, and in the address of the provider's.
    return wanted if is_ours and not has_card_number(unquote_plus(wanted)) else "/"
