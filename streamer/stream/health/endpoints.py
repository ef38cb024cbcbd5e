"""HTTP: /healthz, /readyz and /metrics on the web address, /model on the admin address.

They are up before Kafka and Redis are, so that /readyz can say what the worker is waiting for.
The threshold and the centers tell a fraudster how to stay below: the admin address is loopback's
unless the settings say otherwise, and then asks for a token.
"""

from __future__ import annotations

import asyncio
import hmac
import ssl
from contextlib import suppress
from typing import Any, Final

import msgspec
import orjson
from aiohttp import web
from aiohttp.typedefs import Handler

from streamer.errors import ConfigurationError
from streamer.reports.version_report import describe_version
from streamer.settings import Settings
from streamer.settings.secret_files import admin_token
from streamer.stream.health.gauges import Gauges
from streamer.stream.health.health import Health, head_age_s
from streamer.stream.scoring.held import Held
from streamer.stream.scoring.kit import Kit
from streamer.telemetry.exposition import accepts_openmetrics

__all__ = ["Endpoints", "describe_model"]

_JSON: Final = "application/json"


class Endpoints:
    """The worker's two HTTP servers."""

    def __init__(self, kit: Kit, held: Held, health: Health, gauges: Gauges) -> None:
        self._clock = kit.clock
        self._exposition = kit.metrics.exposition
        self._held = held
        self._health = health
        self._gauges = gauges
        self._settings = kit.settings
        self._runners: list[web.AppRunner] = []

    async def start(self) -> None:
        """Bind the ports and serve; ConfigurationError when one is taken or a file is no use."""
        tls = _tls(self._settings)
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        await self._serve(app, "web", tls)
        if self._settings.admin_port:
            admin = web.Application(middlewares=[self._ask_token])
            admin.router.add_get("/model", self._model)
            await self._serve(admin, "admin", tls)

    async def _serve(self, app: web.Application, name: str, tls: ssl.SSLContext | None) -> None:
        host, port = (getattr(self._settings, f"{name}_{part}") for part in ("host", "port"))
        runner = web.AppRunner(app, access_log=None)
        self._runners.append(runner)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port, ssl_context=tls).start()
        except OSError as error:
            raise ConfigurationError(
                f"STREAMER_{name.upper()}_PORT must be a free port, got {port}: {error}"
            ) from error

    async def stop(self) -> None:
        """Stop serving; does nothing when it never started."""
        while self._runners:
            await self._runners.pop().cleanup()

    @web.middleware
    async def _ask_token(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        token = self._token()
        if token is not None:
            expected = b"Bearer " + token
            told = request.headers.get("Authorization", "").encode(errors="surrogateescape")
            if not hmac.compare_digest(told, expected):
                refused = _json({"error": "Authorization must be Bearer STREAMER_ADMIN_TOKEN"}, 401)
                refused.headers["WWW-Authenticate"] = "Bearer"
                return refused
        return await handler(request)

    def _token(self) -> bytes | None:
        """Return the token as it is now, None where nobody is asked for one."""
        told, file = self._settings.admin_token, admin_token(self._settings)
        if file is None:
            return None if told is None else told.get_secret_value().encode()
        # Where none has come yet there is none to be had.
        with suppress(OSError, ValueError):
            return file.get()
        return None

    async def _healthz(self, _: web.Request) -> web.Response:
        return _json({"status": "alive"})

    async def _readyz(self, _: web.Request) -> web.Response:
        faults = self._health.faults()
        status: dict[str, Any] = {"status": "ready"}
        if faults:
            status = {"status": "not ready", "because": faults}
        if warnings := self._health.warnings():
            status["warnings"] = warnings
        return _json(status, 200 if not faults else 503)

    async def _metrics(self, request: web.Request) -> web.Response:
        self._gauges.update()
        openmetrics = accepts_openmetrics(request.headers.get("Accept", ""))
        # In a thread: batches are scored while the text is written.
        body, content_type = await asyncio.to_thread(self._exposition, openmetrics=openmetrics)
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def _model(self, _: web.Request) -> web.Response:
        return _json(describe_model(self._held, self._clock.now_ms()))


def describe_model(held: Held, now_ms: int) -> dict[str, Any]:
    """Return the version and policy in use, and how old the version is and what it meets."""
    head = held.head
    described = describe_version(held.version, None if head is None else head.header)
    described["age_s"] = None if head is None else head_age_s(head, now_ms)
    described["mode"] = held.mode
    described["policy"] = held.policy_id
    described["drift"]["distance_shifts"] = held.distance_monitor.n_drifts
    return described


def _tls(settings: Settings) -> ssl.SSLContext | None:
    certificate, key = settings.web_certificate_file, settings.web_key_file
    if certificate is None or key is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        # A password would be asked for on a terminal that a worker does not have.
        context.load_cert_chain(certificate, key, password="")
    except (ssl.SSLError, OSError) as error:
        raise ConfigurationError(
            "STREAMER_WEB_CERTIFICATE_FILE and STREAMER_WEB_KEY_FILE must be a PEM certificate and "
            f"its key without a password, got {certificate} and {key}: {error}"
        ) from error
    return context


def _json(content: Any, status: int = 200) -> web.Response:
    # With a line's end, or a shell's prompt stands behind it.
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    body = orjson.dumps(msgspec.to_builtins(content), option=options)
    return web.Response(body=body, status=status, content_type=_JSON)
