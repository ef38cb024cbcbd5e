"""``streamer serve``: scores on request."""

from __future__ import annotations

import click

from streamer.display.output import readable_errors
from streamer.extra import require
from streamer.settings import load_worker_settings
from streamer.settings.tenants import load_tenants

__all__ = ["serve"]


@click.command()
@readable_errors
def serve() -> None:
    """Answer requests for the score of a payment until stopped.

    POST a payment, or a list of them, to /v1/score on STREAMER_SERVE_PORT, in the form in which it
    is published: the answer is what the stream would give it now, with the model in use and with
    what Redis holds of card and merchant. `?explain=true` adds reasons and the amount that would
    pass, `?version=ID` answers by a stored version. Nothing is learned: publish the payment too.
    With STREAMER_TENANTS_DIR it answers for several tenants, each with API keys of its own.

    \b
    curl -s localhost:8082/v1/score?explain=true --json '{"transaction_id": "t1", "card_id": "c1",
      "amount": 42.5, "currency": "EUR", "timestamp": "2026-11-28T05:58:00Z"}'
    """
    settings, tracing = load_worker_settings()
    tenants = load_tenants(settings, needed=("serve_api_keys",))
    require("starlette", "uvicorn", "grpc", extra="serve")
    from streamer.serving.serve_process import run_server

    run_server(settings, tracing, tenants)
