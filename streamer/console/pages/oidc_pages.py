"""Logging in by way of an OpenID Connect provider: out to it, and back with its answer.

It begins with a link and no form: a page's forms go to this console alone, also after a redirect.
"""

from __future__ import annotations

import time
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from streamer.console.console import Console, now_ms
from streamer.console.pages.login_pages import address_of, has_begun, own_page
from streamer.console.pages.message_pages import message_page
from streamer.console.pages.visits import login_page
from streamer.console.people.accounts import Account
from streamer.console.people.login_attempts import ATTEMPT_MS, Attempt
from streamer.console.people.login_refusals import LoginRefusedError
from streamer.console.people.login_tries import TRIES_FROM_AN_ADDRESS, WINDOW_MS, home_of
from streamer.console.people.oidc_people import OidcPeople, Person
from streamer.console.sending.audit_trail import Entry
from streamer.errors import StreamerError, UnavailableError

__all__ = ["come_back", "go_out"]

_COOKIE: Final = "streamer_oidc"
_PATH: Final = "/oidc"
_UNKNOWN: Final = "(unknown name)"
_MOST_QUERY: Final = 16_384
# What anybody can have without a login at the provider must lock out nobody who has one.
_NEEDS_NO_LOGIN: Final = frozenset({"mix_up", "code", "client"})
# What is the browser's own matter: somebody pressed back, or took their time.
_HARMLESS: Final = frozenset({"state", "state_used", "declined", "no_code", "limited"})

_log: Final = structlog.get_logger(__name__)


async def go_out(console: Console, request: Request) -> Response:
    """Send a browser to the provider, to come back to a page of ours."""
    people = console.oidc
    if people is None:
        return _none()
    attempt = people.attempts.begun(own_page(request.query_params.get("after", "/")), now_ms())
    try:
        where = await people.address(attempt)
    except StreamerError as error:
        return _away(console, request, error)
    answer = RedirectResponse(where, 303)
    answer.set_cookie(
        _COOKIE,
        people.attempts.cookie(attempt),
        max_age=ATTEMPT_MS // 1000,
        path=_PATH,
        secure=True,
        httponly=True,
        # It comes back from another site.
        samesite="lax",
    )
    return answer


async def come_back(console: Console, request: Request) -> Response:
    """Let somebody in who comes back from the provider, or say why not."""
    people = console.oidc
    if people is None:
        return _none()
    attempt = people.attempts.read(request.cookies.get(_COOKIE, ""), now_ms())
    try:
        account, person = await _known(console, request, people, attempt)
        answer = await has_begun(
            console,
            request,
            {"after": "/" if attempt is None else attempt.after},
            account,
            subject=f"{person.issuer} {person.subject}",
        )
    except LoginRefusedError as refused:
        answer = await _refused(console, request, refused)
    except StreamerError as error:
        answer = _away(console, request, error)
    else:
        console.metrics.oidc_logins.labels("in").inc()
    answer.delete_cookie(_COOKIE, path=_PATH, secure=True, httponly=True, samesite="lax")
    return answer


async def _known(
    console: Console, request: Request, people: OidcPeople, attempt: Attempt | None
) -> tuple[Account, Person]:
    if len(request.url.query) > _MOST_QUERY:
        raise LoginRefusedError("no_code")
    sittings = console.sittings
    # What was refused from an address counts, so that nobody who has a login fills a topic.
    if await sittings.n_tries(f"oidc-{home_of(address_of(request))}") >= TRIES_FROM_AN_ADDRESS:
        raise LoginRefusedError("limited")

    async def is_first(begun: Attempt) -> bool:
        return await sittings.is_first(f"oidc-{begun.id}", ATTEMPT_MS)

    query = request.query_params.multi_items()
    person = await people.came_back(query, attempt, is_first, time.time())
    # A name is for good: whoever has no business here takes none.
    if not person.roles:
        raise LoginRefusedError("no_role")
    # An account here is somebody whom the provider does not know.
    if console.accounts.has(person.claimed):
        raise LoginRefusedError("name_taken")
    name = await console.store.bound_names.bind(person.digest, person.claimed)
    if name is None or console.accounts.has(name):
        raise LoginRefusedError("name_taken")
    if name != person.claimed:
        _log.warning("person renamed at the provider", name=name)
    return person.account(name, people.mark), person


async def _refused(console: Console, request: Request, refused: LoginRefusedError) -> Response:
    console.metrics.oidc_logins.labels(refused.outcome).inc()
    _log.warning("oidc login refused", outcome=refused.outcome, detail=refused.detail)
    try:
        if await _is_to_be_told(console, request, refused.outcome):
            entry = Entry(
                action="login refused",
                who=_UNKNOWN,
                subject=f"oidc: {refused.outcome}",
                address=address_of(request),
            )
            await console.trail.noted(entry)
    except StreamerError as error:
        return _away(console, request, error)
    status = {"limited": 429, "state": 400, "state_used": 400, "no_code": 400}.get(
        refused.outcome, 403
    )
    because = f"{refused} ({refused.outcome})"
    answer = login_page(console, request, {}, because=because, status=status)
    if status == 429:
        answer.headers["Retry-After"] = str(WINDOW_MS // 1000)
    return answer


async def _is_to_be_told(console: Console, request: Request, outcome: str) -> bool:
    """Count what was refused from an address; return whether the audit topic is to have it."""
    if outcome in _HARMLESS:
        return False
    kind = "oidc-junk" if outcome in _NEEDS_NO_LOGIN else "oidc"
    home = f"{kind}-{home_of(address_of(request))}"
    return await console.sittings.tried(home, WINDOW_MS) <= TRIES_FROM_AN_ADDRESS


def _away(console: Console, request: Request, error: StreamerError) -> Response:
    """Say that nobody can log in that way now, and what is left."""
    console.metrics.oidc_logins.labels("away").inc()
    _log.error("oidc login not possible", error=str(error))
    told = "Your organisation's login does not answer as it should"
    if not isinstance(error, UnavailableError):
        told = "There is a fault in the settings"
    rest = (
        "If you have an account of this console, its name and password are taken below."
        if console.accounts.is_any
        else "Nobody can log in until it does."
    )
    because = f"{told}. Try again in a moment; if it lasts, tell those who run the service. {rest}"
    return login_page(console, request, {}, because=because, status=503)


def _none() -> Response:
    return message_page(404, "There is no such page", "The queue has all there is.")
