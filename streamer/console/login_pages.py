"""Logging in and out: limited in tries, and equally slow whoever it is."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from streamer.console.accounts import NOBODY, Account, is_password
from streamer.console.alert_pages import shown_alert
from streamer.console.audit_trail import Entry
from streamer.console.console import Console, now_ms
from streamer.console.posted_forms import FormError, form_of
from streamer.console.visits import (
    SESSION_COOKIE,
    Visit,
    has_login_token,
    login_page,
    message_page,
)
from streamer.durations import MINUTE_MS
from streamer.errors import StreamerError

__all__ = ["TRIES_OF_A_NAME", "login", "logout"]

TRIES_OF_A_NAME: Final = 10
"""Passwords that may be tried for a name in a quarter of an hour."""

_TRIES_OF_AN_ADDRESS: Final = 50
_WINDOW_MS: Final = 15 * MINUTE_MS
_LONGEST: Final = 1_024


async def login(console: Console, request: Request) -> Response:
    """Show the login, or log somebody in."""
    if request.method == "GET":
        return login_page(console, request, {})
    try:
        form = await form_of(request)
        return await _log_in(console, request, form)
    except FormError as error:
        return message_page(400, "This form cannot be read", str(error))
    except StreamerError as error:
        lines = f"What was told: {error}.", "Try again in a moment."
        return message_page(503, "You cannot log in now", *lines, comment=form.get("comment", ""))


async def logout(visit: Visit) -> Response:
    """End the session: its cookie is worth nothing from now on."""
    console, session = visit.console, visit.session
    await console.sittings.end(session.id, session.until_ms - now_ms())
    console.trail.noted(_entry("logout", visit.account, visit.request))
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(SESSION_COOKIE, secure=True, httponly=True, samesite="lax")
    return answer


async def _log_in(console: Console, request: Request, form: dict[str, str]) -> Response:
    if not has_login_token(console, request, form):
        because = "This page was too old, or your browser keeps no cookies. Try again."
        return login_page(console, request, form, because=because)
    name, password = form.get("name", "").strip(), form.get("password", "")
    address = request.client.host if request.client else ""
    counter = "name-" + hashlib.sha256(name.encode()).hexdigest()[:32]
    n_of_name = await console.sittings.tried(counter, _WINDOW_MS)
    n_of_address = await console.sittings.tried(f"address-{address}", _WINDOW_MS)
    if n_of_name > TRIES_OF_A_NAME or n_of_address > _TRIES_OF_AN_ADDRESS:
        console.trail.noted(Entry(action="login limited", who=name[:64], address=address))
        because = "Too many tries. Wait a quarter of an hour, or ask your lead."
        answer = login_page(console, request, form, because=because, status=429)
        answer.headers["Retry-After"] = str(_WINDOW_MS // 1000)
        return answer
    account = console.accounts.get(name) or NOBODY
    async with console.hashing:
        is_right = await asyncio.to_thread(is_password, password[:_LONGEST], account)
    if not is_right:
        console.trail.noted(Entry(action="login refused", who=name[:64], address=address))
        return login_page(console, request, form, because="Name or password is wrong.")
    await console.sittings.forget_tries(counter)
    await console.sittings.succeeded(f"address-{address}")
    return await _begun(console, request, form, account)


async def _begun(
    console: Console, request: Request, form: dict[str, str], account: Account
) -> Response:
    session = console.signer.began(account, now_ms() + console.session_ms)
    console.trail.noted(_entry("login", account, request))
    if form.get("alert_id"):
        visit = Visit(console, request, account, session, form)
        notice = "Your session had ended. Nothing was sent; what you had typed is below."
        answer = await shown_alert(
            visit, form["alert_id"], comment=form.get("comment", ""), notice=notice
        )
    else:
        after = form.get("after", "/")
        is_ours = after.startswith("/") and not after.startswith("//") and "\\" not in after
        answer = RedirectResponse(after if is_ours else "/", 303)
    answer.set_cookie(
        SESSION_COOKIE,
        console.signer.signed(session),
        max_age=console.session_ms // 1000,
        secure=True,
        httponly=True,
        samesite="lax",
    )
    return answer


def _entry(action: str, account: Account, request: Request) -> Entry:
    address = request.client.host if request.client else ""
    return Entry(action=action, who=account.name, role=account.role, address=address)
