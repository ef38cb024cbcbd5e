"""The metrics of `streamer serve`, in a registry of their own."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

__all__ = ["ServeMetrics"]

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5)


class ServeMetrics:
    """What was asked by which door, what was refused and why, and how long answers took."""

    def __init__(self, version: str) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        Gauge("streamer_serve_info", "The release.", ["version"], registry=registry).labels(
            version
        ).set(1)
        self.requests = Counter(
            "streamer_serve_requests", "Requests, by door.", ["door"], registry=registry
        )
        self.refused = Counter(
            "streamer_serve_refused",
            "Requests without an answer, by door and reason.",
            ["door", "reason"],
            registry=registry,
        )
        self.seconds = Histogram(
            "streamer_serve_seconds",
            "Seconds from a request to its answer, by door.",
            ["door"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.in_flight = Gauge(
            "streamer_serve_payments_in_flight", "Payments being answered.", registry=registry
        )

    def exposition(self) -> tuple[bytes, str]:
        """Return the text and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST
