"""The consoles of several tenants behind one port: which of them a request is for, by its host.

A tenant has a host name of its own and no path below one that is shared: to a browser, cookies, forms
and pages of another host are another's, whatever the console does.  ``X-Forwarded-Host`` is not read,
so a proxy has to pass ``Host`` on.

Invariants:
* A request reaches one console, that of its one ``Host``, and each console knows its own store, topics,
  people and keys alone: no id, cookie or form is looked up anywhere else.
* What is asked under no tenant's host is told nothing of any, but to who has the token of operators.
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from streamer.console.console import Console
from streamer.console.console_app import console_app, troubles_of
from streamer.console.pages.gates import PUBLIC, GatedRoute
from streamer.console.pages.message_pages import message_page
from streamer.console.pages.safe_headers import SafeHeaders
from streamer.errors import InvariantError
from streamer.settings.tenants import host_of
from streamer.telemetry.tenant_families import TENANT, of_tenants

__all__ = ["TenantConsoles"]

_MISDIRECTED: Final = 421


class TenantConsoles:
    """The ASGI app of ``consoles``, by tenant; ``token`` is that of operators."""

    def __init__(self, consoles: Mapping[str, Console], token: str) -> None:
        if not token:
            raise InvariantError("operators must have a token, got an empty one")
        self._consoles = dict(consoles)
        self._expected = f"Bearer {token}".encode()
        self._tenants = {host_of(each.settings): name for name, each in consoles.items()}
        self.apps: Mapping[str, ASGIApp] = {
            name: console_app(console) for name, console in consoles.items()
        }
        """Each tenant's own app, by tenant."""
        self._whole = self._app()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request as the console that it is for does."""
        tenant = self._tenants.get(_host(scope)) if scope["type"] == "http" else None
        if tenant is None:
            await self._whole(scope, receive, send)
            return
        with bound_contextvars(**{TENANT: tenant}):
            await self.apps[tenant](scope, receive, send)

    def _app(self) -> ASGIApp:
        """Return the app of the process itself: what is asked under no tenant's host."""

        async def healthz(_: Request) -> Response:
            return JSONResponse({"status": "alive"})

        async def readyz(_: Request) -> Response:
            n_ready = sum([not await troubles_of(each) for each in self._consoles.values()])
            # Who cannot be served is told so; nobody else is to be sent away for it.
            status = "ready" if n_ready else "not ready"
            told = {"status": status, "tenants": len(self._consoles), "ready": n_ready}
            return JSONResponse(told, 200 if n_ready else 503)

        async def metrics(request: Request) -> Response:
            told = request.headers.get("authorization", "").encode(errors="surrogateescape")
            if not hmac.compare_digest(told, self._expected):
                error = "Authorization must be Bearer STREAMER_ADMIN_TOKEN"
                return JSONResponse({"error": error}, 401, {"WWW-Authenticate": "Bearer"})
            first = next(iter(self._consoles.values()))
            families = of_tenants(
                {
                    name: each.metrics.collect(each.opa_trouble, each.trail.writer)
                    for name, each in self._consoles.items()
                }
            )
            body, content_type = first.metrics.rendered(families)
            return Response(body, media_type=content_type)

        async def elsewhere(_: Request, __: Exception) -> Response:
            told = "Ask those who run the service for the address of your console."
            return message_page(_MISDIRECTED, "There is no console at this address", told)

        routes = [
            GatedRoute("/healthz", healthz, ["GET"], PUBLIC),
            GatedRoute("/readyz", readyz, ["GET"], PUBLIC),
            GatedRoute("/metrics", metrics, ["GET"], PUBLIC),
        ]
        handlers = {HTTPException: elsewhere}
        app = Starlette(routes=routes, lifespan=self._lifespan, exception_handlers=handlers)
        app.router.redirect_slashes = False
        return SafeHeaders(app)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as running:
            for console in self._consoles.values():
                await running.enter_async_context(console.running())
            yield


def _host(scope: Scope) -> str:
    """Return the name in the one ``Host`` of a request, "" where there is none, or more than one."""
    told = [value for name, value in scope["headers"] if name == b"host"]
    if len(told) != 1:
        return ""
    host = bytes(told[0]).decode("latin-1").lower()
    # [2001:db8::1]:443 as much as console.example:443.
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return name.rstrip(".")
