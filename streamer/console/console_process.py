"""``streamer console`` as a process: the app on a port, until SIGTERM."""

from __future__ import annotations

from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from streamer.console.console import Console
from streamer.console.console_app import console_app
from streamer.console.people.proxied_people import BehindProxies
from streamer.settings import Settings
from streamer.settings.proxy_networks import networks
from streamer.stream.kafka.topics import prepare_console_topics
from streamer.telemetry.logs import configure_logging
from streamer.web.header_limits import LimitedHeads

__all__ = ["run_console", "uvicorn_config"]

# Streams of events do not end by themselves; a verdict under way takes no longer as a rule.
_GRACE_S: Final = 5


def run_console(settings: Settings) -> None:
    """Answer reviewers until the process is stopped."""
    configure_logging(settings.log_level, settings.log_format)
    console = Console(settings)
    # Before a server is there, so that what is wrong with them is told like every other error.
    prepare_console_topics(settings)
    uvicorn.Server(uvicorn_config(settings, console_app(console))).run()


def uvicorn_config(settings: Settings, app: ASGIApp) -> uvicorn.Config:
    """Return how the app is served; nobody is believed whom they speak for but who is told of."""
    # The peer of the connection is noted before it is told to be who the proxy says.
    believing: Any = ProxyHeadersMiddleware(app, settings.console_trusted_proxies or "")  # type: ignore[arg-type]
    if settings.console_proxy_user_header is not None:
        believing = BehindProxies(believing, networks(settings.console_trusted_proxies))
    certificate, key = settings.web_certificate_file, settings.web_key_file
    return uvicorn.Config(
        believing,
        host=settings.console_host,
        port=settings.console_port,
        # Who sends a head without an end, or never ends one, holds no connection.
        http=LimitedHeads,
        loop="uvloop",
        lifespan="on",
        access_log=False,
        proxy_headers=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_S,
        ssl_certfile=None if certificate is None else str(certificate),
        ssl_keyfile=None if key is None else str(key),
    )
