"""The HTTP doors of several tenants on one port: whose key a request has is who answers it.

Without a key of some tenant there is what has nothing of any: that the process lives, whether it is
ready, what the doors are like, and, to who has the token of operators, how many are, and the metrics.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Coroutine
from typing import Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from streamer import __version__
from streamer.errors import InvariantError
from streamer.serving.http_requests import json_response
from streamer.serving.native_door import Refused, native_app, running_beside
from streamer.serving.openapi import openapi
from streamer.serving.questions import Refusal
from streamer.serving.serving import Serving
from streamer.serving.serving_tenants import ServingTenants
from streamer.serving.tensors import MODEL
from streamer.telemetry.tenant_families import TENANT

__all__ = ["TenantsApp", "app_of"]

_OPEN_INFERENCE: Final = "/v2"
_MLFLOW: Final = "/invocations"


def app_of(
    serving: Serving | ServingTenants,
    beside: Callable[[], Coroutine[Any, Any, None]] | None = None,
) -> ASGIApp:
    """Return the app of one service, or of several tenants; ``beside`` as in `native_app`."""
    if isinstance(serving, Serving):
        return native_app(serving, beside)
    token = serving.settings.admin_token
    return TenantsApp(serving, "" if token is None else token.get_secret_value(), beside)


class TenantsApp:
    """The ASGI app of ``tenants``; ``token`` is that of operators, ``beside`` another door."""

    def __init__(
        self,
        tenants: ServingTenants,
        token: str,
        beside: Callable[[], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        if not token:
            raise InvariantError("operators must have a token, got an empty one")
        self._tenants = tenants
        self._expected = f"Bearer {token}".encode()
        self.apps = {name: native_app(each) for name, each in tenants.by_name.items()}
        """Each tenant's own app, by tenant."""
        # Of these alone it is told whether there is such a path: they are the same for all.
        self._known = next(iter(self.apps.values())).router.routes
        self._whole = self._app(beside)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request as the tenant's app does whose key it has."""
        tenant = ""
        if scope["type"] == "http":
            tenant = self._tenants.named(Headers(scope=scope).get("authorization", ""))
        app: ASGIApp = self.apps[tenant] if tenant else self._whole
        if not tenant:
            await app(scope, receive, send)
            return
        with bound_contextvars(**{TENANT: tenant}):
            await app(scope, receive, send)

    def _app(self, beside: Callable[[], Coroutine[Any, Any, None]] | None) -> Starlette:
        """Return the app of the process itself: what anybody is told."""
        tenants = self._tenants
        described = openapi(has_keys=True, most_payments=tenants.limits.batch_payments)
        document = msgspec.json.encode(described)

        async def healthz(_: Request) -> Response:
            return json_response({"status": "alive"})

        async def readyz(request: Request) -> Response:
            n_ready = tenants.n_ready
            told: dict[str, Any] = {"status": "ready" if n_ready else "not ready"}
            if self._is_operator(request):
                told |= {"tenants": len(tenants.by_name), "ready": n_ready}
            # Who cannot be answered is told so; nobody else is to be sent away for it.
            return json_response(told, 200 if n_ready else 503)

        async def metrics(request: Request) -> Response:
            if not self._is_operator(request):
                detail = "Authorization must be Bearer STREAMER_ADMIN_TOKEN"
                refused = Refused(Refusal("unauthorized", "$", detail))
                return json_response(refused, 401, {"WWW-Authenticate": "Bearer"})
            body, content_type = tenants.scraped()
            return Response(body, media_type=content_type)

        async def openapi_document(_: Request) -> Response:
            return Response(document, media_type="application/json")

        async def live(_: Request) -> Response:
            return json_response({"live": True})

        async def ready(_: Request) -> Response:
            is_ready = tenants.n_ready > 0
            return json_response({"ready": is_ready}, 200 if is_ready else 503)

        async def server(_: Request) -> Response:
            extensions = ["binary_tensor_data"]
            return json_response({"name": MODEL, "version": __version__, "extensions": extensions})

        async def ping(_: Request) -> Response:
            return PlainTextResponse("\n", 200 if tenants.n_ready else 503)

        async def version(_: Request) -> Response:
            return PlainTextResponse(__version__)

        routes = [
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", metrics),
            Route("/openapi.json", openapi_document),
            Route(_OPEN_INFERENCE, server),
            Route("/v2/health/live", live),
            Route("/v2/health/ready", ready),
            Route("/ping", ping),
            Route("/health", ping),
            Route("/version", version),
        ]
        handlers = {HTTPException: self._elsewhere}
        lifespan = running_beside(tenants, beside)
        app = Starlette(routes=routes, lifespan=lifespan, exception_handlers=handlers)
        app.router.redirect_slashes = False
        return app

    def _is_operator(self, request: Request) -> bool:
        told = request.headers.get("authorization", "").encode(errors="surrogateescape")
        return hmac.compare_digest(told, self._expected)

    async def _elsewhere(self, request: Request, error: Exception) -> Response:
        """Refuse what only a tenant is answered, in the form of its door."""
        path = request.scope["path"]
        if not any(route.matches(request.scope)[0] is Match.FULL for route in self._known):
            assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for these alone
            told = f"path and method must be of /openapi.json, got {error.detail.lower()}"
            refused = Refused(Refusal("unknown_path", "$", told))
            return json_response(refused, error.status_code, error.headers)
        door = "native"
        if path.startswith(_OPEN_INFERENCE):
            door = "open_inference"
        elif path == _MLFLOW:
            door = "mlflow"
        nobody = self._tenants.refused(door)
        detail = nobody.refusal.detail
        bodies: dict[str, Any] = {
            "open_inference": {"error": detail},
            "mlflow": {"error_code": "BAD_REQUEST", "message": detail},
        }
        body = bodies.get(door, Refused(nobody.refusal))
        return json_response(body, nobody.status, nobody.headers)
