"""The worker as a process among others."""

from __future__ import annotations

from typing import Final

from streamer.telemetry.family import counted_elsewhere, gauge, of_the_client

__all__ = ["ProcessMetrics", "ServiceMetrics"]

_DEPENDENCIES: Final = ("kafka", "redis")
_SPANS: Final = ("sent", "refused", "dropped")


class ServiceMetrics:
    """Service"""

    dependency_up = gauge(
        "0 or 1", "1 while Kafka or Redis answers, else 0.", "name", starts=[_DEPENDENCIES]
    )
    assigned_partitions = gauge("partitions", "Partitions that this worker has claimed and reads.")
    partition_faulted = gauge(
        "0 or 1",
        "1 while a partition of either input topic cannot be read on from where it was; /readyz says "
        "why.",
        *("topic", "partition"),
    )
    spans = counted_elsewhere(
        "spans",
        "Ended spans: sent to the collector, refused by it (or not answered), dropped since the queue "
        "was full. 0 while tracing is off.",
        "outcome",
        starts=[_SPANS],
    )
    policy_info = gauge(
        "1", "Always 1; says which policy this worker goes by (`streamer policy show`).", "policy"
    )
    secret_faulted = gauge(
        "0 or 1",
        "1 while the file of a secret is gone, empty or at fault, and the last good one counts "
        "(docs/secrets.md).",
        "setting",
    )
    secrets_taken_up = counted_elsewhere(
        "secrets", "Secrets that were taken up from their files while the process ran.", "setting"
    )
    build_info = gauge("1", "Always 1; says which version runs.", "version")


class ProcessMetrics:
    """Process, on Linux, by the client library"""

    process_virtual_memory_bytes = of_the_client("gauge", "bytes", "Virtual memory.")
    process_resident_memory_bytes = of_the_client("gauge", "bytes", "Resident memory.")
    process_start_time_seconds = of_the_client(
        "gauge", "seconds", "When the process started, since the epoch: a change is a restart."
    )
    process_cpu_seconds = of_the_client("counter", "seconds", "CPU time, user and system.")
    process_open_fds = of_the_client("gauge", "descriptors", "Open file descriptors.")
    process_max_fds = of_the_client("gauge", "descriptors", "Most that may be open.")
