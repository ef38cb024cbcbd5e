"""What is read of a `Serving` when somebody scrapes."""

from __future__ import annotations

import time

from streamer.serving.serving import Serving
from streamer.starting.secret_readings import secret_readings
from streamer.store import BREAKER_STATES
from streamer.telemetry.tenant_families import of_one_tenant

__all__ = ["read", "scraped"]


def scraped(serving: Serving) -> tuple[bytes, str]:
    """Return the text of all metrics, with their content type; of one of several its own alone."""
    read(serving)
    metrics = serving.metrics
    return metrics.exposition(None if serving.is_whole else of_one_tenant(metrics.collect()))


def read(serving: Serving) -> None:
    """Set what is read of a `Serving` as of now."""
    metrics, versions = serving.metrics, serving.versions
    metrics.serve_payments_in_flight.set(serving.admission.in_flight)
    metrics.serve_body_bytes.set(serving.admission.n_bytes)
    metrics.serve_payments_limit.set(serving.admission.limit)
    metrics.serve_calls.set(serving.answerer.n_calls)
    metrics.serve_ready.set(not serving.faults())
    state = serving.state_store.breaker.state
    metrics.serve_redis_breaker_state.replace({name: name == state for name in BREAKER_STATES})
    metrics.serve_model_unread_seconds.set(time.monotonic() - versions.read_at_s)
    if versions.head is not None:
        metrics.serve_model_age_seconds.set(max(time.time() - versions.made_at_s, 0.0))
        metrics.serve_model_info.values = {(versions.branch, versions.head.id): 1.0}
    told = secret_readings(serving.settings, serving.card_key)
    metrics.secret_faulted.replace(told.faulted)
    metrics.secrets_taken_up.replace(told.taken_up)
    if serving.spans is not None:
        metrics.spans.replace(serving.spans.counts())
