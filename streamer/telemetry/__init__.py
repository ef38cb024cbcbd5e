"""Every metric and log name of the service: `metrics` for Prometheus, `logs` for structlog."""

from streamer.telemetry.logs import configure_logging
from streamer.telemetry.metrics import Metrics

__all__ = ["Metrics", "configure_logging"]
