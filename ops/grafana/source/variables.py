"""What a person can choose above a dashboard, and the moments that are marked in every panel."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from ops.grafana.source.panel import Variable

__all__ = ["ANNOTATIONS", "PROMETHEUS", "RUNBOOKS", "choices", "substituted", "text_boxes"]

PROMETHEUS: Final = DataSourceRef(type_val="prometheus", uid="prometheus")
"""As ``ops/grafana/provisioning/datasources`` has it."""

RUNBOOKS: Final = Variable(
    "runbooks",
    "Runbooks",
    # Grafana's own server, where docker-compose.yml mounts ops/runbooks.
    "/public/runbooks",
    "Where ops/runbooks can be read: the links of panels begin with it.",
)

_ALL: Final = VariableOption(selected=True, text=["All"], value=["$__all"])
# From the first to the last, each within what was chosen before.
_CHOICES: Final = (
    ("namespace", "Namespace", 'label_values(up{job="streamer"}, namespace)'),
    (
        "instance",
        "Worker",
        'label_values(up{job="streamer", namespace=~"$namespace"}, instance)',
    ),
    (
        "partition",
        "Partition",
        'label_values(streamer_transactions_consumed_total{job="streamer", '
        'namespace=~"$namespace", instance=~"$instance"}, partition)',
    ),
)

_IN_SERVICE: Final = 'job="streamer", namespace=~"$namespace"'
ANNOTATIONS: Final[tuple[dict[str, Any], ...]] = (
    {
        "name": "Promotions and rollbacks",
        "expr": f"max by (namespace) (streamer_model_promoted_timestamp_seconds{{{_IN_SERVICE}}}) "
        "* 1000 > 0",
        "iconColor": "purple",
        "titleFormat": "Model promoted or rolled back",
        "textFormat": "streamer model list says to what, the lineage who and why.",
        "useValueForTime": True,
    },
    {
        "name": "Workers started",
        "expr": f"process_start_time_seconds{{{_IN_SERVICE}}} * 1000",
        "iconColor": "blue",
        "titleFormat": "Worker started",
        "textFormat": "{{instance}}",
        "useValueForTime": True,
    },
    {
        "name": "Pages",
        "expr": 'ALERTS{alertname=~"Streamer.+", alertstate="firing", severity="page", '
        'namespace=~"$namespace|"}',
        "iconColor": "red",
        "titleFormat": "{{alertname}}",
        "textFormat": "{{instance}} {{partition}}",
        "useValueForTime": False,
    },
)
"""The fields of a query that Grafana's types do not know are those of its Prometheus data source."""


def choices(*, with_partition: bool) -> list[build.QueryVariable]:
    """Return the variables that select series."""
    return [
        build.QueryVariable(name)
        .label(label)
        .datasource(PROMETHEUS)
        .query({"query": query, "refId": name})
        .current(_ALL)
        .multi(True)
        .include_all(True)
        # Where a label is missing, as `namespace` is outside Kubernetes, only this finds the series.
        .all_value(".*")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.NATURAL_ASC)
        for name, label, query in (_CHOICES if with_partition else _CHOICES[:-1])
    ]


def substituted(
    promql: str, built_in: Mapping[str, str], variables: tuple[Variable, ...] = ()
) -> str:
    """Return an expression as Grafana sends it while nobody has chosen anything.

    ``built_in`` has Grafana's own variables, such as ``__range``.
    """
    values = {**built_in, **{name: ".*" for name, _, _ in _CHOICES}}
    values |= {each.name: each.default for each in (*variables, RUNBOOKS)}
    return re.sub(r"\$(\w+)", lambda found: values[found[1]], promql)


def text_boxes(variables: tuple[Variable, ...]) -> list[build.TextBoxVariable]:
    """Return the variables that a person types in."""
    return [
        build.TextBoxVariable(each.name)
        .label(each.label)
        .description(each.meaning)
        .default_value(each.default)
        .current(VariableOption(selected=True, text=each.default, value=each.default))
        for each in (*variables, RUNBOOKS)
    ]
