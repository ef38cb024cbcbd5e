"""Is it drifting?  Whether traffic is still what the model was promoted on, and whether it learns."""

from __future__ import annotations

from typing import Final

from ops.grafana.source.alarms import GOOD, Step, alarm
from ops.grafana.source.panel import Panel, Query, Row

__all__ = ["DRIFTING", "drift_by_feature"]

_MOVED_PSI: Final = alarm("StreamerFeatureDrift")[-1].value
_FEATURES: Final = "max by (feature) (streamer_feature_drift_psi{<worker>})"


def drift_by_feature(expression: str, title: str, width: int) -> Panel:
    """Return the panel of features that move over time."""
    return Panel(
        title=title,
        kind="timeseries",
        unit="none",
        width=width,
        queries=(Query(expression, "{{feature}}"),),
        shows="Population stability index of a feature: recent traffic against the reference that was "
        "frozen at the last promotion.",
        normal="below 0.1. Everything moves while the reference has not settled.",
        action="one feature, at once: a producer changed a unit or a field. Several, slowly: new customers "
        "or prices, which are learned; promote the head where that is the new normal.",
        runbook="alerts.md#streamerfeaturedrift",
        alerts=("StreamerFeatureDrift",),
        steps=alarm("StreamerFeatureDrift"),
        decimals=2,
        height=8,
    )


DRIFTING: Final = Row(
    "Is it drifting?",
    (
        Panel(
            title="Reference of drift",
            kind="stat",
            unit="bool",
            width=4,
            queries=(Query("min(streamer_drift_reference_settled{<worker>})", "reference"),),
            shows="Whether drift is watched.",
            normal="settled; young for the first three to five months of traffic.",
            action="nothing: until it has settled, features move because histories are young.",
            runbook="alerts.md#streamerdriftreferenceunsettled",
            alerts=("StreamerDriftReferenceUnsettled",),
            steps=alarm("StreamerDriftReferenceUnsettled"),
            states=((0, "young", "blue"), (1, "settled", GOOD)),
        ),
        Panel(
            title="Features that have moved",
            kind="stat",
            unit="none",
            width=4,
            queries=(
                Query(
                    f"count({_FEATURES} > {_MOVED_PSI:g}) or 0 * max({_FEATURES})",
                    "features",
                ),
            ),
            shows=f"How many features have a stability index above {_MOVED_PSI:g}.",
            normal="0 once the reference has settled.",
            action="`streamer status` tells each in words; *Detection* has them all.",
            runbook="alerts.md#streamerfeaturedrift",
            steps=(Step(None, GOOD), Step(1, "orange")),
        ),
        Panel(
            title="Payments that the model has seen",
            kind="stat",
            unit="short",
            width=4,
            queries=(Query("max(streamer_model_transactions_seen{<worker>})", "payments"),),
            shows="Distinct payments that the current version has learned.",
            normal="grows. A fall is a promotion of an older version.",
            action="a fall that nobody has ordered: `streamer model list`, and its lineage.",
            runbook="alerts.md#streamermodelstale",
        ),
        Panel(
            title="Ranked by",
            kind="stat",
            unit="bool",
            width=4,
            queries=(Query("min(streamer_odds_active{<worker>})", "ranked by"),),
            shows="Whether verdicts rank payments (odds), or the distance alone does.",
            normal="odds, once they are better than the distance on recent verdicts.",
            action="back to distance: verdicts have stopped, or are worse than before.",
            runbook="alerts.md#streamermodelstale",
            states=((0, "distance", "blue"), (1, "odds", GOOD)),
        ),
        Panel(
            title="Age of the model version",
            kind="timeseries",
            unit="s",
            width=8,
            queries=(
                Query("max by (instance) (streamer_model_age_seconds{<worker>})", "{{instance}}"),
            ),
            shows="How old the version is that scores.",
            normal="seconds while payments come.",
            action="Redis takes no merges, or everything is above the threshold and teaches nothing.",
            runbook="alerts.md#streamermodelstale",
            alerts=("StreamerModelStale",),
            steps=alarm("StreamerModelStale"),
            height=5,
        ),
        Panel(
            title="On trial",
            kind="stat",
            unit="s",
            width=8,
            queries=(
                Query("max(streamer_model_watch_remaining_seconds{<worker>})", "watched for"),
            ),
            shows="For how long a canary or the last promotion is still watched.",
            normal="0, but for the half hour after a promotion.",
            action="nothing: workers go back by themselves. `streamer model canary` has the figures.",
            runbook="alerts.md#streamermodelrolledback",
        ),
        Panel(
            title="Partitions of a canary",
            kind="stat",
            unit="short",
            width=8,
            queries=(Query("max(streamer_model_canary_partitions{<worker>})", "partitions"),),
            shows="How many partitions, of the lowest numbers, score with a version on trial.",
            normal="0 without a canary.",
            action="end one by `streamer model rollback --reason WHY`.",
            runbook="alerts.md#streamermodelrolledback",
        ),
        Panel(
            title="Versions left by themselves",
            kind="stat",
            unit="short",
            width=8,
            queries=(
                Query("sum(increase(streamer_model_rollbacks_total{<worker>}[1h]))", "rollbacks"),
            ),
            shows="How often workers went back from a version within an hour.",
            normal="0.",
            action="`streamer model history` says by which figure.",
            runbook="alerts.md#streamermodelrolledback",
            alerts=("StreamerModelRolledBack",),
            steps=alarm("StreamerModelRolledBack", least=1),
        ),
        drift_by_feature(f"topk(6, {_FEATURES})", "Features that move most", 12),
        Panel(
            title="Threshold since the start",
            kind="timeseries",
            unit="none",
            width=6,
            queries=(
                Query(
                    "max(streamer_model_threshold_ratio{<worker>})",
                    "threshold",
                ),
            ),
            shows="The threshold over what it was when the worker started; it follows the budget.",
            normal="a slow curve.",
            action="a step is a promotion; a steep rise, a wave or drift.",
            runbook="alerts.md#streameralertbudgetmissed",
            decimals=2,
            height=8,
        ),
        Panel(
            title="Shifts of the mean distance",
            kind="timeseries",
            unit="none",
            width=6,
            queries=(
                Query(
                    "sum(increase(streamer_distance_drift_total{<worker>}[$__rate_interval]))",
                    "shifts",
                ),
            ),
            shows="Shifts of the mean log distance, found by the Page-Hinkley test.",
            normal="none for days.",
            action="payments have become stranger as a whole: look at *Features that move most*.",
            runbook="alerts.md#streamerfeaturedrift",
            height=8,
        ),
    ),
)
