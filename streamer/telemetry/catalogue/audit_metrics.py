"""What `streamer console` has written to the audit topic, and what waits."""

from __future__ import annotations

from typing import Final

from streamer.telemetry.family import counted_elsewhere, gauge

__all__ = ["AuditMetrics"]

_KINDS: Final = ("change", "view")


class AuditMetrics:
    """Audit, of `streamer console`"""

    audit_entries = counted_elsewhere(
        "entries", "Entries of this process's chain on the audit topic, or on their way.", "action"
    )
    audit_refused = counted_elsewhere(
        "entries",
        "Entries that could not be stored: the change was not made, or the card data not shown.",
        "access",
        starts=[_KINDS],
    )
    audit_producers_failed = counted_elsewhere(
        "producers",
        "How often Kafka refused entries, so that another producer had to begin: after 1 s, then at "
        "growing intervals of up to 30 s.",
    )
    audit_unsent = gauge("entries", "Entries in Redis that Kafka has not acknowledged.")
    audit_unsent_seconds = gauge(
        "seconds", "Time that the oldest of them has waited; 0 where there is none."
    )
    audit_head_sequence = gauge(
        "number",
        "Number of the last entry of this process's chain that Kafka has acknowledged: a topic that "
        "ends before it was cut.",
        "writer",
    )
    audit_head_digest = gauge(
        "number",
        "First twelve hexadecimal digits of that entry's hash, as a number: a topic that has another "
        "there was rewritten.",
        "writer",
    )
