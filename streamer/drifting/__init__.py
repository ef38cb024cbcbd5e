"""Drift as a person reads it: which features have moved since the reference was frozen.

Reading order: `drift_findings` (all that is told, as one object), `drift_svg` (its plots), `drift_page`
(a page of it), `evidently_page` (Evidently's report of the same two samples, with its package).
"""

from streamer.drifting.drift_findings import drift_findings, has_drifted
from streamer.drifting.drift_page import drift_page
from streamer.drifting.evidently_page import evidently_page

__all__ = ["drift_findings", "drift_page", "evidently_page", "has_drifted"]
