"""The consoles of several tenants behind one port: which of them a request is for, by its host.

A tenant has a host name of its own and no path below one that is shared: to a browser, cookies, forms
and pages of another host are another's, whatever the console does.  ``X-Forwarded-Host`` is not read,
so a proxy has to pass ``Host`` on.

Invariants:
* A request reaches one console, that of its one ``Host``, and each console knows its own store, topics,
  people and keys alone: no id, cookie or form is looked up anywhere else.
* What is asked under no tenant's host is told nothing of any, but to who has the token of operators.
* A tenant whose Kafka is away, or has no such topics, is not ready by itself: it is tried again, and
  the others are served meanwhile.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Final

import structlog
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
from streamer.errors import InvariantError, StreamerError
from streamer.running_together import running_together
from streamer.settings import Settings
from streamer.settings.tenants import host_of
from streamer.stream.kafka.topics import prepare_console_topics
from streamer.telemetry.tenant_families import TENANT, of_tenants

__all__ = ["TenantConsoles"]

_MISDIRECTED: Final = 421
# What one tenant's Redis may take of the answer about all.
_READY_WITHIN_S: Final = 1.0
_KAFKA_WITHIN_S: Final = 5.0
_AGAIN_S: Final = 5.0

_log: Final = structlog.get_logger(__name__)


def _prepared(settings: Settings) -> None:
    prepare_console_topics(settings, _KAFKA_WITHIN_S)


class TenantConsoles:
    """The ASGI app of ``consoles``, by tenant; ``token`` is that of operators.

    ``prepare`` is called in a thread before a console begins, again every ``again_s`` seconds as long
    as it raises a `StreamerError`.
    """

    def __init__(
        self,
        consoles: Mapping[str, Console],
        token: str,
        prepare: Callable[[Settings], None] = _prepared,
        again_s: float = _AGAIN_S,
    ) -> None:
        if not token:
            raise InvariantError("operators must have a token, got an empty one")
        self._consoles = dict(consoles)
        self._prepare, self._again_s = prepare, again_s
        self._not_begun = dict.fromkeys(consoles, "it is being started")
        self._expected = f"Bearer {token}".encode()
        self._tenants = {host_of(each.settings): name for name, each in consoles.items()}
        self.apps: Mapping[str, ASGIApp] = {
            name: console_app(console, is_whole=False) for name, console in consoles.items()
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
            app = self._unready if tenant in self._not_begun else self.apps[tenant]
            await app(scope, receive, send)

    async def troubles_of(self, tenant: str) -> list[str]:
        """Return why a tenant's console is not ready, nothing when it is; within a second or so."""
        if tenant in self._not_begun:
            return [self._not_begun[tenant]]
        try:
            async with asyncio.timeout(_READY_WITHIN_S):
                return await troubles_of(self._consoles[tenant])
        except TimeoutError:
            return [f"Redis must answer within {_READY_WITHIN_S:g} s"]

    async def _unready(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer under the host of a console that has not begun."""
        tenant = self._tenants[_host(scope)]
        answer: Response
        if scope["path"] == "/healthz":
            answer = JSONResponse({"status": "alive"})
        elif scope["path"] == "/readyz":
            because = await self.troubles_of(tenant)
            answer = JSONResponse({"status": "not ready", "because": because}, 503)
        else:
            told = "It is tried again every few seconds. Whoever runs the service sees why."
            answer = message_page(503, "The console cannot be reached now", told)
        await SafeHeaders(answer)(scope, receive, send)

    def _app(self) -> ASGIApp:
        """Return the app of the process itself: what is asked under no tenant's host."""

        async def healthz(_: Request) -> Response:
            return JSONResponse({"status": "alive"})

        async def readyz(request: Request) -> Response:
            found = await asyncio.gather(*map(self.troubles_of, self._consoles))
            n_ready = sum(not each for each in found)
            # Who cannot be served is told so; nobody else is to be sent away for it.
            told: dict[str, object] = {"status": "ready" if n_ready else "not ready"}
            if self._is_operator(request):
                told |= {"tenants": len(self._consoles), "ready": n_ready}
                told["because"] = dict(zip(self._consoles, found, strict=True))
            return JSONResponse(told, 200 if n_ready else 503)

        async def metrics(request: Request) -> Response:
            if not self._is_operator(request):
                error = "Authorization must be Bearer STREAMER_ADMIN_TOKEN"
                return JSONResponse({"error": error}, 401, {"WWW-Authenticate": "Bearer"})
            first = next(iter(self._consoles.values()))
            for each in self._consoles.values():
                each.read_secrets()
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

    def _is_operator(self, request: Request) -> bool:
        told = request.headers.get("authorization", "").encode(errors="surrogateescape")
        return hmac.compare_digest(told, self._expected)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        # Their own: what waits for one tenant's Kafka takes no thread from any request.
        threads = ThreadPoolExecutor(len(self._consoles), "topics")
        try:
            async with running_together([self._kept_up(each, threads) for each in self._consoles]):
                yield
        finally:
            threads.shutdown(wait=False, cancel_futures=True)

    @asynccontextmanager
    async def _kept_up(self, tenant: str, threads: Executor) -> AsyncIterator[None]:
        """Run a tenant's console meanwhile, as soon as it can; its first attempt is waited for."""
        tried, ending = asyncio.Event(), asyncio.Event()

        async def keep_up() -> None:
            try:
                while not await self._has_topics(tenant, threads):
                    tried.set()
                    with suppress(TimeoutError):
                        await asyncio.wait_for(ending.wait(), self._again_s)
                    if ending.is_set():
                        return
                async with self._consoles[tenant].running():
                    del self._not_begun[tenant]
                    tried.set()
                    await ending.wait()
            except Exception as error:
                self._not_begun[tenant] = f"a defect, {type(error).__name__}"
                _log.error("console ended", exc_info=True)
            finally:
                tried.set()

        with bound_contextvars(**{TENANT: tenant}):
            task = asyncio.ensure_future(keep_up())
        await tried.wait()
        try:
            yield
        finally:
            ending.set()
            await task

    async def _has_topics(self, tenant: str, threads: Executor) -> bool:
        settings, loop = self._consoles[tenant].settings, asyncio.get_running_loop()
        try:
            await loop.run_in_executor(threads, self._prepare, settings)
        except StreamerError as error:
            self._not_begun[tenant] = str(error)
            _log.warning("console waits", error=str(error))
            return False
        return True


def _host(scope: Scope) -> str:
    """Return the name in the one ``Host`` of a request, "" where there is none, or more than one."""
    told = [value for name, value in scope["headers"] if name == b"host"]
    if len(told) != 1:
        return ""
    host = bytes(told[0]).decode("latin-1").lower()
    # [2001:db8::1]:443 as much as console.example:443.
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return name.rstrip(".")
