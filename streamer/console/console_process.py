"""``streamer console`` as a process: the app on a port, until SIGTERM."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from streamer.console.console import Console
from streamer.console.console_app import console_app
from streamer.console.people.proxied_people import BehindProxies
from streamer.console.tenant_consoles import TenantConsoles
from streamer.errors import ConfigurationError, UnavailableError
from streamer.settings import Settings
from streamer.settings.proxy_networks import networks
from streamer.settings.tenants import Tenant
from streamer.starting.card_rule_check import check_card_rule
from streamer.starting.wiring import open_store
from streamer.stream.kafka.topics import prepare_console_topics
from streamer.telemetry.logs import configure_logging
from streamer.web.header_limits import LimitedHeads

__all__ = ["run_console", "uvicorn_config"]

# Streams of events do not end by themselves; a verdict under way takes no longer as a rule.
_GRACE_S: Final = 5

_log: Final = structlog.get_logger(__name__)


def run_console(settings: Settings, tenants: Sequence[Tenant] = ()) -> None:
    """Answer reviewers until the process is stopped: those of ``tenants``, or else of ``settings``."""
    configure_logging(settings.log_level, settings.log_format)
    if not tenants:
        console = Console(settings)
        # What is wrong with topics is told before a server is there, like every other error.
        prepare_console_topics(settings)
        asyncio.run(_check(settings))
        uvicorn.Server(uvicorn_config(settings, console_app(console))).run()
        return
    consoles = {each.name: _console_of(each) for each in tenants}
    is_proxied = any(each.settings.console_proxy_user_header is not None for each in tenants)
    token = settings.admin_token
    app = TenantConsoles(consoles, "" if token is None else token.get_secret_value())
    uvicorn.Server(uvicorn_config(settings, app, is_proxied=is_proxied)).run()


def _console_of(tenant: Tenant) -> Console:
    """Return a tenant's console; what is wrong with it is told with the tenant's name."""
    try:
        console = Console(tenant.settings)
        asyncio.run(_check(tenant.settings))
    except ConfigurationError as error:
        told = "\n".join(f"{tenant.name}: {line}" for line in str(error).splitlines())
        raise ConfigurationError(told) from error
    return console


async def _check(settings: Settings) -> None:
    """Refuse to begin under another rule for cards' numbers; with Redis away it begins all the same."""
    store = open_store(settings)
    try:
        await check_card_rule(store, settings)
    except UnavailableError as error:
        _log.warning("rule of card numbers not compared", error=str(error))
    finally:
        await store.close()


def uvicorn_config(settings: Settings, app: ASGIApp, *, is_proxied: bool = False) -> uvicorn.Config:
    """Return how the app is served; nobody is believed whom they speak for but who is told of.

    ``is_proxied``: a proxy says who asks, also where ``settings`` have no header for it.
    """
    # The peer of the connection is noted before it is told to be who the proxy says.
    believing: Any = ProxyHeadersMiddleware(app, settings.console_trusted_proxies or "")  # type: ignore[arg-type]
    if is_proxied or settings.console_proxy_user_header is not None:
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
