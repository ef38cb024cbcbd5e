"""Verdicts and the payments that wait for them."""

from __future__ import annotations

from typing import Final

from streamer.telemetry.family import counter, gauge

__all__ = ["VerdictMetrics"]

_VERDICTS: Final = ("fraud", "legitimate")
_OUTCOMES: Final = ("standing", "ignored")
_PAYMENTS: Final = ("alerted", "other")


class VerdictMetrics:
    """Verdicts and labels"""

    verdicts_received = counter(
        "verdicts", "Verdicts read and stored, by verdict.", "verdict", starts=[_VERDICTS]
    )
    verdicts_applied = counter(
        "verdicts",
        "Verdicts applied, once by each partition: standing, or ignored as repeated or overruled.",
        "outcome",
        starts=[_OUTCOMES],
    )
    verdicts_lost = counter(
        "verdicts",
        "Verdicts trimmed before a partition had learned from them, at most; counted by each. "
        "Raise STREAMER_FEEDBACK_MAX_ENTRIES.",
    )
    verdicts_learned = counter(
        "verdicts", "Verdicts that found their payment, so that the odds learned from it."
    )
    fraud_delay_median_seconds = gauge(
        "seconds",
        "How old half of the frauds are at most when a verdict finds them, among the payments that "
        "alerted and the others; NaN while too few are known.",
        "payments",
        starts=[_PAYMENTS],
    )
    fraud_found_ratio = gauge(
        "ratio",
        "Share of the frauds that are found by STREAMER_LABEL_PRESUMED_S, after which what nobody "
        "judged counts as legitimate; of those found within the horizon. NaN while too few are known.",
        "payments",
        starts=[_PAYMENTS],
    )
    unjudged_waiting = gauge("payments", "Scored payments that are kept until they are judged.")
    unjudged_capacity = gauge(
        "payments", "How many could be kept, over all partitions of this worker."
    )
    unjudged_kept_ratio = gauge(
        "ratio",
        "Probability with which a payment that does not alert is kept for its label, the smallest of "
        "all partitions: below 1 the buffer is too small for the traffic.",
    )
    unjudged_dropped = counter(
        "payments", "Payments for which there was no room until they were judged."
    )
