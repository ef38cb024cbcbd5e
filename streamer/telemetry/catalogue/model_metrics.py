"""The model that scores: its age, its centers, its drift."""

from __future__ import annotations

from typing import Final

from streamer.telemetry.family import counter, gauge

__all__ = ["ModelMetrics"]

_DETECTORS: Final = ("distance", "odds")
_FIGURES: Final = ("finite", "fuse", "budget", "errors", "scores", "latency", "precision")


class ModelMetrics:
    """Model and drift"""

    model_transactions_seen = gauge(
        "payments", "Distinct transactions that the current model has learned."
    )
    model_age_seconds = gauge("seconds", "Age of the current model version.")
    model_promoted_timestamp_seconds = gauge(
        "seconds",
        "When somebody last made a version the current one, forward or back, since the epoch: a change "
        "is a promotion or a rollback. 0 where nobody ever did.",
    )
    model_rollbacks = counter(
        "rollbacks",
        "Versions that this worker left by itself, a promotion or a canary, by the critical figure "
        "that had degraded.",
        "figure",
        starts=[_FIGURES],
    )
    model_watch_remaining_seconds = gauge(
        "seconds",
        "For how long the last promotion, or a canary, is still watched; 0 where nothing is.",
    )
    model_canary_partitions = gauge(
        "partitions", "Partitions that score with a canary; 0 where there is none."
    )
    model_merges = counter("deltas", "Deltas merged into the model by this worker.")
    model_threshold_ratio = gauge(
        "ratio",
        "The alert threshold over what it was when this worker first had centers: 1 after a start. The "
        "distance itself is in /model only, which is not open to everybody.",
    )
    odds_active = gauge(
        "0 or 1", "1 while verdicts rank payments, 0 while the distance alone does."
    )
    currencies_estimated = gauge(
        "currencies",
        "Currencies of recent payments without a value in STREAMER_CURRENCY_VALUES, whose value is "
        "taken from what is usual in them; 0 where none has one.",
    )
    average_precision_ratio = gauge(
        "ratio",
        "Average precision on recent labels, of the odds and of the distance.",
        "detector",
        starts=[_DETECTORS],
    )
    simplified_silhouette = gauge(
        "-1 to 1",
        "Simplified silhouette: the mean of (b - a) / max(a, b), a and b being a payment's distances "
        "to its nearest and its second nearest center. Over payments sampled once a second, a "
        "decaying mean of some 60 samples; near 0 the centers tell nothing apart. NaN while warming.",
    )
    center_share_ratio = gauge(
        "ratio", "Share of the model's weight at a center; at most n_clusters series.", "center"
    )
    center_idle_seconds = gauge(
        "seconds",
        "Time since a payment of this worker was nearest to a center, or since the worker has the "
        "model; at most n_clusters series.",
        "center",
    )
    clusters_dead = gauge(
        "clusters",
        "Clusters of the current version so light that the next merge re-seeds them.",
    )
    clusters_revived = counter("clusters", "Dead clusters re-seeded from the heaviest one.")
    feature_drift_psi = gauge(
        "index",
        "Population stability index of a feature against the reference; above 0.2 it has moved.",
        "feature",
    )
    feature_drift_ks = gauge(
        "0 to 1",
        "Kolmogorov-Smirnov statistic of a feature against the reference.",
        "feature",
    )
    drift_reference_settled = gauge(
        "0 or 1",
        "1 once the reference is frozen; before, features drift because histories are young.",
    )
    distance_drift = counter(
        "shifts", "Shifts of the mean log distance found by the Page-Hinkley test."
    )
