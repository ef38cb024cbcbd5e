"""``streamer serve`` as a process: the app on a port, until SIGTERM."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence

import uvicorn

from streamer.serving.early_refusal import refusing_early
from streamer.serving.grpc_door import GRPCDoor
from streamer.serving.native_door import refused_at_once
from streamer.serving.serving import Serving
from streamer.serving.serving_tenants import ServingTenants
from streamer.serving.tenants_door import app_of
from streamer.settings import Settings, TracingSettings
from streamer.settings.tenants import Tenant
from streamer.stream.garbage import collect_rarely
from streamer.stream.partitions.worker_spans import open_process_spans
from streamer.telemetry.logs import configure_logging
from streamer.web.header_limits import LimitedHeads

__all__ = ["run_server"]

_SPANS_WITHIN_S = 2.0


def run_server(
    settings: Settings, tracing: TracingSettings, tenants: Sequence[Tenant] = ()
) -> None:
    """Answer requests until the process is stopped; those under way are answered first.

    They are those of ``tenants``, or else of ``settings``.
    """
    configure_logging(settings.log_level, settings.log_format)
    owner = f"{socket.gethostname()}:{os.getpid()}"
    spans = open_process_spans(tracing, settings, owner, "streamer-serve")
    serving = ServingTenants(settings, tenants, spans) if tenants else Serving(settings, spans)

    async def over_grpc() -> None:
        await GRPCDoor(serving, settings.serve_host, settings.serve_grpc_port).run()

    certificate, key = settings.web_certificate_file, settings.web_key_file
    config = uvicorn.Config(
        app_of(serving, over_grpc if settings.serve_grpc_port else None),
        host=settings.serve_host,
        port=settings.serve_port,
        http=_protocol(serving),
        loop="uvloop",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        # Whom a proxy asks for is `trusted_proxies`'; uvicorn believes whoever runs beside it.
        proxy_headers=False,
        timeout_graceful_shutdown=round(settings.shutdown_timeout_s),
        ssl_certfile=None if certificate is None else str(certificate),
        ssl_keyfile=None if key is None else str(key),
    )
    collect_rarely()
    try:
        uvicorn.Server(config).run()
    finally:
        if spans is not None:
            spans.end(_SPANS_WITHIN_S)


def _protocol(serving: Serving | ServingTenants) -> type[LimitedHeads]:
    """Return how requests are read; whose one is, is known no earlier than its head."""
    if isinstance(serving, ServingTenants):
        return LimitedHeads
    return refusing_early(
        lambda: serving.is_ready and not serving.admission.has_room(1, "normal"),
        refused_at_once(serving),
    )
