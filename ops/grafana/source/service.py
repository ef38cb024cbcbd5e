"""The dashboard that is opened at 3 a.m.: four questions, the most urgent first, and who asks us."""

from __future__ import annotations

from typing import Final

from ops.grafana.source.is_alive import ALIVE
from ops.grafana.source.is_asked import ASKED
from ops.grafana.source.is_drifting import DRIFTING
from ops.grafana.source.is_keeping_up import KEEPING_UP
from ops.grafana.source.is_right import RIGHT
from ops.grafana.source.panel import Dashboard

__all__ = ["SERVICE"]

SERVICE: Final = Dashboard(
    name="service",
    title="streamer: service",
    description="Is it alive, is it keeping up, is it right, is it drifting; scoring on request. What is red here pages, what "
    "is orange opens a ticket; a panel's title links to its runbook. What is wrong in words: "
    "`streamer status`.",
    since="now-1h",
    rows=(ALIVE, KEEPING_UP, RIGHT, DRIFTING, ASKED),
)
