"""Every attempt there is: importing their modules enters them."""

from __future__ import annotations

from collections.abc import Mapping

from tests.attack import (  # isort: skip
    console_sessions,
    console_forms,
    console_pages,
    console_replays,
    console_opa,
    serve_requests,
    serve_grpc,
    worker_requests,
    other_tenants,
    on_a_terminal,
    settings_and_secrets,
)
from tests.attack.attempts import ATTEMPTS, Attempt

__all__ = ["attempts"]

# In the order of the table; what is collected by the others is searched by the last.
_MODULES = (
    console_sessions,
    console_forms,
    console_pages,
    console_replays,
    console_opa,
    serve_requests,
    serve_grpc,
    worker_requests,
    other_tenants,
    on_a_terminal,
    settings_and_secrets,
)


def attempts() -> Mapping[str, Attempt]:
    """Return the attempts by name, in the order of the table."""
    # Whoever collects tests imports these in an order of their own.
    names = [module.__name__ for module in _MODULES]
    placed = sorted(ATTEMPTS.items(), key=lambda item: names.index(item[1].work.__module__))
    return dict(placed)
