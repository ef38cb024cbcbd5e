"""The tenants of one `streamer serve`: which of them a request is for, by its API key.

Each has an answerer, a model, limits and metrics of its own, so that one that asks for too much is
refused by itself; what they may have in flight together is the process's limit, which is divided among
them beforehand.  Answers are computed in one thread all the same.

Invariants:
* A request reaches the one tenant whose key it has; a key that two have reaches neither.
* How long it takes to compare keys tells nothing of them.
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from structlog.contextvars import bound_contextvars

from streamer import __version__
from streamer.errors import ConfigurationError
from streamer.running_together import running_together
from streamer.serving.http_requests import HTTPError, unauthorized
from streamer.serving.serve_gauges import read
from streamer.serving.serve_metrics import ServeMetrics
from streamer.serving.serving import Limits, Serving
from streamer.settings import Settings
from streamer.settings.tenants import Tenant
from streamer.telemetry.tenant_families import TENANT, of_tenants
from streamer.telemetry.tracing import Spans

__all__ = ["ServingTenants"]

# Of the process itself: of whoever was let in nowhere, and of nobody else.
_UNKNOWN: Final = frozenset({"streamer_serve_requests", "streamer_serve_refused"})


class ServingTenants:
    """What answers for each tenant, by name; ``settings`` are the process's own."""

    def __init__(
        self, settings: Settings, tenants: Sequence[Tenant], spans: Spans | None = None
    ) -> None:
        self.settings, self.spans = settings, spans
        limit = settings.serve_max_in_flight
        self.by_name: Mapping[str, Serving] = {
            each.name: _serving_of(each, spans, each.settings.serve_max_in_flight / limit)
            for each in tenants
        }
        for name, serving in self.by_name.items():
            if not serving.keys:
                raise ConfigurationError(f"{name} must have an API key: a tenant is known by it")
        self.most_in_flight = limit
        longest_s = max(each.limits.deadline_s for each in self.by_name.values())
        self.limits = Limits(
            settings.serve_max_body_bytes, settings.serve_max_batch, deadline_s=longest_s
        )
        self.metrics = ServeMetrics(__version__)

    def named(self, authorization: str) -> str:
        """Return whose key an ``Authorization`` has, "" where it is nobody's or not one's alone."""
        told = authorization.encode(errors="surrogateescape")
        # All of them are compared.
        compared = [
            (hmac.compare_digest(told, b"Bearer " + key), name)
            for name, serving in self.by_name.items()
            for key in serving.keys
        ]
        found = {name for is_same, name in compared if is_same}
        return found.pop() if len(found) == 1 else ""

    def of(self, authorization: str, door: str) -> Serving:
        """Return what answers to a key; an `HTTPError`, counted for ``door``, where nothing does."""
        name = self.named(authorization)
        if not name:
            raise self.refused(door)
        return self.by_name[name]

    def refused(self, door: str) -> HTTPError:
        """Return the refusal of who has nobody's key, counted for ``door``."""
        nobody = unauthorized()
        self.metrics.serve_requests.labels(door, str(nobody.status)).inc()
        self.metrics.serve_refused.labels(door, nobody.refusal.reason).inc()
        return nobody

    @property
    def n_ready(self) -> int:
        """How many tenants can be answered."""
        return sum(not each.faults() for each in self.by_name.values())

    def faults(self) -> list[str]:
        """Return why nobody can be answered, nothing where some tenant can."""
        return [] if self.n_ready else ["no tenant can be answered"]

    def ended(self, what: str, error: BaseException | None) -> None:
        """Let no tenant be ready any more, since ``what`` has ended by itself."""
        for each in self.by_name.values():
            each.ended(what, error)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Load and follow all models meanwhile, and drain all at the end."""
        async with running_together(
            _named(name, each.running()) for name, each in self.by_name.items()
        ):
            yield

    def scraped(self) -> tuple[bytes, str]:
        """Return the text of all metrics, with their content type."""
        for each in self.by_name.values():
            read(each)
        if self.spans is not None:
            self.metrics.spans.replace(self.spans.counts())
        whole = [
            family
            for family in self.metrics.collect()
            if family.name in _UNKNOWN or not family.name.startswith("streamer_serve_")
        ]
        own = {name: each.metrics.collect() for name, each in self.by_name.items()}
        return self.metrics.exposition(of_tenants(own, whole))


def _serving_of(tenant: Tenant, spans: Spans | None, share: float) -> Serving:
    """Return what answers for a tenant; what is wrong with it is told with the tenant's name."""
    try:
        return Serving(tenant.settings, spans, share)
    except ConfigurationError as error:
        told = "\n".join(f"{tenant.name}: {line}" for line in str(error).splitlines())
        raise ConfigurationError(told) from error


@asynccontextmanager
async def _named(name: str, context: AbstractAsyncContextManager[None]) -> AsyncIterator[None]:
    """Let what is logged within say whose it is."""
    with bound_contextvars(**{TENANT: name}):
        async with context:
            yield
