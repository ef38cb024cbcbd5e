"""Logging in and out: limited in tries, and equally slow whoever it is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Final

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response

from streamer.audit.audit_entry import Action
from streamer.console.console import Console, now_ms
from streamer.console.pages.alert_pages import shown_alert
from streamer.console.pages.gates import Gate
from streamer.console.pages.posted_forms import FormError, form_of
from streamer.console.pages.visits import (
    Visit,
    denied_page,
    has_login_token,
    login_page,
    message_page,
)
from streamer.console.pages.who_asks import SESSION_COOKIE
from streamer.console.people.accounts import Account
from streamer.console.people.login_tries import WINDOW_MS
from streamer.console.people.passwords import LONGEST_PASSWORD, is_right
from streamer.console.sending.audit_trail import Acting, Entry
from streamer.errors import StreamerError, UnavailableError

__all__ = ["address_of", "has_begun", "login", "logout", "own_page"]

# No account can be called so.
_UNKNOWN: Final = "(unknown name)"
_LONGEST_PATH: Final = 2_000

_log: Final = structlog.get_logger(__name__)


async def login(console: Console, request: Request) -> Response:
    """Show the login, or log somebody in."""
    if request.method != "POST":
        return login_page(console, request, {})
    try:
        form = await form_of(request)
    except FormError as error:
        return message_page(400, "This form cannot be read", str(error))
    except ClientDisconnect:
        return Response(status_code=400)
    try:
        return await _log_in(console, request, form)
    except StreamerError as error:
        _log.warning("page not made", path="/login", error=str(error))
        # Where files are is nobody's business who has not logged in.
        told = str(error) if isinstance(error, UnavailableError) else "a fault in the settings"
        because = f"You cannot log in now: {told}. Try again in a moment; what you typed is kept."
        return login_page(console, request, form, because=because, status=503)


async def logout(visit: Visit) -> Response:
    """End the session: its cookie is worth nothing from now on."""
    console, session = visit.console, visit.session
    if console.proxied is not None and console.proxied.person(visit.request.scope) is not None:
        told = "Your organisation's login let you in: log out there, or close the browser."
        return message_page(409, "You did not log in here", told)
    await console.sittings.end(session.id, session.until_ms - now_ms())
    await console.trail.noted(visit.acting.entry("logout", address=address_of(visit.request)))
    answer = await _gone(console, visit.account)
    answer.delete_cookie(SESSION_COOKIE, secure=True, httponly=True, samesite="lax")
    return answer


async def _log_in(console: Console, request: Request, form: dict[str, str]) -> Response:
    if not has_login_token(console, request, form):
        because = "This page was too old, or your browser keeps no cookies. Try again."
        return login_page(console, request, form, because=because)
    name, password = form.get("name", "").strip(), form.get("password", "")
    address = address_of(request)
    if not await console.tries.may_try(name, address):
        if await console.tries.is_news(name, address):
            await console.trail.noted(_refused(console, "login limited", name, address))
        because = "Too many tries. Wait a quarter of an hour, or ask your lead."
        answer = login_page(console, request, form, because=because, status=429)
        answer.headers["Retry-After"] = str(WINDOW_MS // 1000)
        return answer
    account = console.accounts.get(name)
    of_account = None if account is None else account.hashed
    async with console.tries.hashing():
        is_theirs = await asyncio.to_thread(is_right, password[:LONGEST_PASSWORD], of_account)
    if account is None or not is_theirs:
        await console.trail.noted(_refused(console, "login refused", name, address))
        return login_page(console, request, form, because="Name or password is wrong.")
    # Said to nobody but who has the password.
    if await console.store.bound_names.has(name):
        await console.trail.noted(_refused(console, "login refused", name, address))
        because = (
            "This name is somebody's who logs in by your organisation's login. Log in there, or have "
            "an account of another name."
        )
        return login_page(console, request, form, because=because, status=403)
    await console.tries.succeeded(name, address)
    return await has_begun(console, request, form, account)


async def has_begun(
    console: Console,
    request: Request,
    form: Mapping[str, str],
    account: Account,
    *,
    subject: str = "",
) -> Response:
    """Begin a session of somebody, and go on to where they wanted, or to what they had typed.

    It is a new one, and the one that the browser had is over: none that somebody else knows of goes on.
    """
    before = console.signer.session(request.cookies.get(SESSION_COOKIE, ""), now_ms())
    session = console.signer.began(account, now_ms() + console.session_ms)
    answer: Response
    entry = Acting(account).entry("login", address=address_of(request), subject=subject)
    await console.trail.noted(entry)
    if before is not None:
        await console.sittings.end(before.id, before.until_ms - now_ms())
    if form.get("alert_id"):
        visit = Visit(console, request, account, session, form)
        decision = await Gate(("view_alert",)).decide(console.guard, account, visit)
        visit = replace(visit, decision=decision)
        notice = "Your session had ended. Nothing was sent; what you had typed is below."
        if form.get("verdict") in ("fraud", "legitimate"):
            notice += f" You had pressed {form['verdict']}: press it again."
        if decision.is_allowed:
            answer = await shown_alert(
                visit,
                form["alert_id"],
                comment=form.get("comment", ""),
                notice=notice,
                is_claiming=await visit.may("claim"),
            )
        else:
            answer = denied_page(decision, form.get("comment", ""))
    else:
        where = own_page(form.get("after", "/"))
        answer = RedirectResponse(where, 303)
        if form.get("comment"):
            told = "Your session had ended. Nothing was sent; what you had typed is below."
            back, title = (where, "where you were"), "You are logged in again"
            answer = message_page(200, title, told, comment=form["comment"], back=back)
    answer.set_cookie(
        SESSION_COOKIE,
        console.signer.signed(session),
        max_age=console.session_ms // 1000,
        secure=True,
        httponly=True,
        samesite="lax",
    )
    return answer


async def _gone(console: Console, account: Account) -> Response:
    """Go back to the login, or to the provider's own logout where it has one."""
    where = ""
    if account.by == "oidc" and console.oidc is not None:
        with suppress(StreamerError):
            where = await console.oidc.leaving()
    if not where:
        return RedirectResponse("/login", 303)
    told = "Your session of the console is over. Your organisation's login is asked to end its own."
    answer = message_page(200, "You are logged out", told, back=(where, "its logout page"))
    # A form's answer must not redirect to another host: a page may.
    answer.headers["Refresh"] = f"0; url={where}"
    return answer


def _refused(console: Console, action: Action, name: str, address: str) -> Entry:
    """Return an entry of who was not let in: by name only where there is one of that name.

    What else stood in the field may be a password, or a card's number.
    """
    who = "" if console.accounts.get(name) is None else name
    return Entry(action=action, who=who or _UNKNOWN, address=address)


def own_page(after: str) -> str:
    """Return a page of ours to go on to, the first where it is none.

    >>> own_page("/team?x=1"), own_page("//evil.example"), own_page("https://evil.example")
    ('/team?x=1', '/', '/')
    """
    # Two slashes, or a backslash, begin another host's address; browsers leave out line ends and tabs.
    is_ours = after.startswith("/") and not after.startswith("//") and "\\" not in after
    return after if is_ours and after.isprintable() and len(after) <= _LONGEST_PATH else "/"


def address_of(request: Request) -> str:
    """Return where a request comes from, "" where that is not known."""
    return request.client.host if request.client else ""
