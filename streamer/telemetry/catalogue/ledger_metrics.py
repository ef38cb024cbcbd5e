"""What became of every record."""

from __future__ import annotations

from streamer.telemetry.family import counter, gauge

__all__ = ["LedgerMetrics"]


class LedgerMetrics:
    """Records and what became of them"""

    transactions_consumed = counter(
        "records", "Records read from the transactions topic, good and bad.", "partition"
    )
    transactions_scored = counter(
        "payments", "Transactions that got a score, warming included.", "partition"
    )
    transactions_warming = counter(
        "payments", "Transactions scored before the model had centers; none of them alerts."
    )
    transactions_repeated = counter(
        "payments",
        "Transactions that had been scored before: the same card and id again, passed over.",
        "partition",
    )
    dead_letters = counter(
        "records", "Records sent to a dead-letter topic, by input topic.", "topic", "reason"
    )
    records_skipped = counter(
        "records",
        "Offsets without a payment: refunds, declines and the like, and those without a record.",
        "partition",
    )
    records_passed_over = counter(
        "records",
        "Records that are no payments and no faults, by reason; a part of those skipped.",
        "reason",
    )
    records_lost = counter(
        "records",
        "Offsets declared lost: deleted unread, or gone from Redis. A series begins with its first "
        "loss, which increase() does not see: alert on the value.",
        "partition",
        "cause",
    )
    ledger_imbalance = gauge(
        "records",
        "Offsets that are not accounted for. Anything but 0 is a defect.",
        "partition",
    )
    fields_left_out = counter(
        "fields",
        "Optional fields that could not be used; the payment was scored without.",
        *("field", "reason"),
    )
    key_mismatches = counter("payments", "Transactions whose Kafka key was not their card id.")
    late_events = counter(
        "payments", "Transactions older than one already seen for the same card or merchant."
    )
