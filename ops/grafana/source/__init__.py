"""The dashboards as code: what every panel shows, and how that becomes Grafana's JSON.

Reading order: `panel` (what a panel is), `service`, `detection` and `capacity` (the dashboards),
`alarms` (colours and limits, read from the alert rules), `variables`, `render` (to JSON, with Grafana's
own types).  ``make dashboards`` writes ``ops/grafana/dashboards``.
"""

from __future__ import annotations

from ops.grafana.source.capacity import CAPACITY
from ops.grafana.source.detection import DETECTION
from ops.grafana.source.service import SERVICE

__all__ = ["DASHBOARDS"]

DASHBOARDS = (SERVICE, DETECTION, CAPACITY)
