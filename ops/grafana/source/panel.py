"""What a panel is: what it asks, what that means, and what to do about it.

Expressions name their selectors instead of spelling them out: ``<worker>`` stands for the labels that
the variables choose among workers, ``<partition>`` for those and the partition, ``<service>`` for what
rules record over all workers of a service, ``<serve>`` for what answers requests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from ops.grafana.source.alarms import Step

__all__ = ["HEIGHTS", "Dashboard", "Kind", "Panel", "Query", "Row", "Variable"]

Kind = Literal["stat", "timeseries", "heatmap", "bargauge", "state-timeline", "table"]

HEIGHTS: Final[Mapping[Kind, int]] = {
    "stat": 5,
    "table": 5,
    "state-timeline": 7,
    "timeseries": 7,
    "heatmap": 7,
    "bargauge": 9,
}
"""In Grafana's grid; a width is one of 24."""

_SERVICE: Final = 'job="streamer", namespace=~"$namespace"'
_WORKER: Final = f'{_SERVICE}, instance=~"$instance"'
_SELECTORS: Final = {
    "<service>": _SERVICE,
    "<worker>": _WORKER,
    "<serve>": 'job=~"streamer-serve.*", namespace=~"$namespace"',
    "<partition>": f'{_WORKER}, partition=~"$partition"',
}


@dataclass(frozen=True, slots=True)
class Query:
    """One expression.  ``quiet`` says why a service that does its work may give no series for it."""

    expression: str
    legend: str = ""
    quiet: str = ""
    has_exemplars: bool = False

    @property
    def promql(self) -> str:
        """The expression as Grafana gets it, its variables still in it."""
        text = self.expression
        for name, selector in _SELECTORS.items():
            text = text.replace(name, selector)
        return text


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel.  ``shows``, ``normal`` and ``action`` are its description; ``runbook`` a page of
    ``ops/runbooks`` and a heading; ``alerts`` are those that fire on what it shows.

    ``steps`` colour values from a limit on, and ``states`` name them.
    """

    title: str
    kind: Kind
    unit: str
    width: int
    queries: tuple[Query, ...]
    shows: str
    normal: str
    action: str
    runbook: str
    alerts: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    states: tuple[tuple[float, str, str], ...] = ()
    decimals: int | None = None
    maximum: float | None = None
    minimum: float | None = 0
    is_stacked: bool = False
    height: int | None = None

    @property
    def description(self) -> str:
        """What Grafana shows behind the panel's ``i``."""
        return f"{self.shows}\n\n**Normal:** {self.normal}\n\n**Else:** {self.action}"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a dashboard: a question, and the panels that answer it."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """A number that a person types in, such as a price."""

    name: str
    label: str
    default: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One dashboard; ``name`` is its file's."""

    name: str
    title: str
    description: str
    since: str
    rows: tuple[Row, ...]
    variables: tuple[Variable, ...] = ()

    @property
    def uid(self) -> str:
        """What its address has."""
        return f"streamer-{self.name}"

    @property
    def panels(self) -> Iterator[Panel]:
        """Every panel, from the top."""
        for row in self.rows:
            yield from row.panels
