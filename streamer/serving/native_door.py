"""``POST /v1/score`` and what stands around it, as an ASGI app: HTTP in, answers out.

A body is one payment, or a list of them; each is read by the service's intake, as a message on the
transactions topic is.  Of a list every payment is answered or refused by itself.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from streamer.contract.answer_message import Answer
from streamer.serving.answerer import AskedBy
from streamer.serving.http_requests import (
    HTTPError,
    answered,
    asker_of,
    body_of,
    count,
    has_gone,
    is_yes,
    json_response,
    overloaded,
    taken_on,
    version_of,
)
from streamer.serving.mlflow_door import mlflow_routes
from streamer.serving.observing import observing
from streamer.serving.open_inference_door import open_inference_routes
from streamer.serving.openapi import openapi
from streamer.serving.questions import Refusal
from streamer.serving.serve_gauges import scraped
from streamer.serving.serving import Serving
from streamer.serving.serving_tenants import ServingTenants

__all__ = ["Refused", "native_app", "refused_at_once", "running_beside"]

_SCORE: Final = "/v1/score"
# Malformed is what is no JSON at all; all else could be read and is not a payment.
_MALFORMED: Final = frozenset({"malformed_json", "truncated_json", "invalid_utf8", "empty"})

_several: Final = msgspec.json.Decoder(list[msgspec.Raw])


class Refused(msgspec.Struct):
    """The body of a response that is no answer."""

    error: Refusal


class _Item(msgspec.Struct, omit_defaults=True):
    answer: Answer | None = None
    error: Refusal | None = None


def native_app(
    serving: Serving, beside: Callable[[], Coroutine[Any, Any, None]] | None = None
) -> Starlette:
    """Return the app; it loads the model as it starts and is drained as it ends.

    ``beside`` is run meanwhile: another door.
    """

    async def score(request: Request) -> Response:
        try:
            with observing(serving, "native", request.headers, has_gone(request)):
                return await _score(serving, request)
        except HTTPError as error:
            return json_response(Refused(error.refusal), error.status, error.headers)

    async def healthz(_: Request) -> Response:
        return json_response({"status": "alive"})

    async def readyz(_: Request) -> Response:
        because = serving.faults()
        if because:
            return json_response({"status": "not ready", "because": because}, 503)
        return json_response({"status": "ready", "model_version": serving.head_id})

    async def metrics(_: Request) -> Response:
        body, content_type = scraped(serving)
        return Response(body, media_type=content_type)

    @functools.cache
    def document() -> bytes:
        most = serving.limits.batch_payments
        return msgspec.json.encode(openapi(has_keys=bool(serving.keys), most_payments=most))

    async def described(_: Request) -> Response:
        return Response(document(), media_type="application/json")

    async def elsewhere(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for these alone
        told = f"path and method must be of /openapi.json, got {error.detail.lower()}"
        refusal = Refusal("unknown_path", "$", told)
        return json_response(Refused(refusal), error.status_code, error.headers)

    routes = [
        Route(_SCORE, score, methods=["POST"]),
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", metrics),
        Route("/openapi.json", described),
        *open_inference_routes(serving),
        *mlflow_routes(serving),
    ]
    handlers = {HTTPException: elsewhere}
    lifespan = running_beside(serving, beside)
    app = _App(score, routes=routes, lifespan=lifespan, exception_handlers=handlers)
    # It would redirect to whatever host the request names.
    app.router.redirect_slashes = False
    return app


def running_beside(
    serving: Serving | ServingTenants, beside: Callable[[], Coroutine[Any, Any, None]] | None
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """Return the life of an app: the model is followed in it, and ``beside`` is run."""

    def ended(other: asyncio.Future[None]) -> None:
        if not other.cancelled():
            serving.ended("the other door", other.exception())

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with serving.running():
            other = None if beside is None else asyncio.ensure_future(beside())
            if other is not None:
                other.add_done_callback(ended)
            try:
                yield
            finally:
                if other is not None:
                    other.cancel()
                    await asyncio.wait([other])

    return lifespan


def refused_at_once(serving: Serving) -> Callable[[], bytes]:
    """Return what counts a refused question and gives the whole response, which is always the same."""
    refusal = overloaded(serving)
    body = json_response(Refused(refusal.refusal)).body
    lines = {**refusal.headers, "content-type": "application/json", "content-length": len(body)}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    response = f"HTTP/1.1 429 Too Many Requests\r\n{head}\r\n".encode() + bytes(body)
    asked = serving.metrics.serve_requests.labels("native", str(refusal.status))
    refused = serving.metrics.serve_refused.labels("native", refusal.refusal.reason)

    def count() -> bytes:
        asked.inc()
        refused.inc()
        return response

    return count


class _App(Starlette):
    """Starlette's app, but for the path that is asked most, where routes and middleware are passed by.

    What they do around a request takes more than the answer does.
    """

    def __init__(self, score: Callable[[Request], Awaitable[Response]], **how: Any) -> None:
        super().__init__(**how)
        self._score = score

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != _SCORE or scope["method"] != "POST":
            await super().__call__(scope, receive, send)
            return
        response = await self._score(Request(scope, receive, send))
        await response(scope, receive, send)


async def _score(serving: Serving, request: Request) -> Response:
    asker = asker_of(serving, request)
    with taken_on(serving, asker) as place:
        explain = is_yes(request, "explain")
        version = await version_of(serving, request.query_params.get("version", ""))
        values, is_single = _values(await body_of(serving, request, place), serving)
        count(serving, len(values), asker, place)
        found = await answered(
            serving, values, version, explain=explain, by=AskedBy("native", asker.client)
        )
    if not is_single:
        return json_response(
            [_Item(answer=e) if isinstance(e, Answer) else _Item(error=e) for e in found]
        )
    [answer] = found
    if isinstance(answer, Answer):
        return json_response(answer)
    raise HTTPError(400 if answer.reason in _MALFORMED else 422, answer)


def _values(body: bytes, serving: Serving) -> tuple[list[bytes], bool]:
    """Return the messages of a body, and whether it is one by itself and no list."""
    if body.lstrip()[:1] != b"[":
        return [body], True
    try:
        values = [bytes(value) for value in _several.decode(body)]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise HTTPError(400, Refusal("malformed_json", "$", str(error))) from None
    except RecursionError:
        detail = "body must be nested less deeply"
        raise HTTPError(400, Refusal("nested_too_deep", "$", detail)) from None
    most = serving.limits.batch_payments
    if not 1 <= len(values) <= most:
        detail = f"body must be a list of 1 to {most} payments, got {len(values)}"
        raise HTTPError(422, Refusal("out_of_range", "$", detail))
    return values, False
