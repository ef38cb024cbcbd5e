"""Who asks: whom a trusted proxy names, or whose session a cookie is of, of whichever login."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request

from streamer.access.roles import roles_in
from streamer.console.console import Console, now_ms
from streamer.console.people.accounts import Account
from streamer.console.people.knowing import until_of
from streamer.console.people.web_sessions import Session

__all__ = ["SESSION_COOKIE", "begun", "visitor_of"]

SESSION_COOKIE: Final = "streamer_session"


async def visitor_of(console: Console, request: Request) -> tuple[Account, Session] | None:
    """Return who asks: whom a proxy names, or who has logged in and whose session is not over."""
    person, session = begun(console, request)
    if person is not None or session is None:
        return None if person is None or session is None else (person, session)
    account = _of_provider(console, session) if session.by else console.accounts.get(session.name)
    if account is None or account.mark != session.mark:
        return None
    return None if await console.sittings.is_ended(session.id) else (account, session)


def _of_provider(console: Console, session: Session) -> Account | None:
    """Return whom the provider let in that is set up, with the roles of then."""
    if console.oidc is None or session.by != "oidc":
        return None
    roles = roles_in(session.roles) or ()
    return Account(session.name, roles, "", by="oidc", of_provider=console.oidc.mark)


def begun(console: Console, request: Request) -> tuple[Account | None, Session | None]:
    """Return whom a proxy names with the session of the day, or what the cookie is of."""
    person = None if console.proxied is None else console.proxied.person(request.scope)
    if person is not None:
        return person, console.signer.of_the_day(person, until_of(now_ms()))
    return None, console.signer.session(_cookie(request), now_ms())


def _cookie(request: Request) -> str:
    """Return the session's cookie, "" where there are two.

    A site beside this one can set a cookie of its own for both: which of the two a browser sends first
    is that site's to choose.
    """
    told = [each for line in request.headers.getlist("cookie") for each in line.split(";")]
    named = [each for each in told if each.partition("=")[0].strip() == SESSION_COOKIE]
    return request.cookies.get(SESSION_COOKIE, "") if len(named) == 1 else ""
