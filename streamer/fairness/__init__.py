"""How differently groups of payments are treated: alert rate, precision, recall and false alarms.

Reading order: `observed` (what is known of payments, by group), `shares` (one share with its interval),
`disparity` (a group's share over that of the rest), `rise` (whether a version makes it worse),
`payment_groups` (groups of payments that pass), `fairness_of_file` and `fairness_of_service` (where
payments come from), `fairness_findings` and `fairness_page` (what is told).
"""

from streamer.fairness.disparity import MEASURES, Compared, Limits, compare_groups
from streamer.fairness.fairness_findings import fairness_findings, told_lines
from streamer.fairness.fairness_of_file import observe_file
from streamer.fairness.fairness_of_service import Told, observe_service, read_alert, read_ruling
from streamer.fairness.fairness_page import fairness_page
from streamer.fairness.observed import DIMENSIONS, Grouping, Observed
from streamer.fairness.payment_groups import GroupNotes
from streamer.fairness.rise import Rise, worst_rise

__all__ = [
    "DIMENSIONS",
    "MEASURES",
    "Compared",
    "GroupNotes",
    "Grouping",
    "Limits",
    "Observed",
    "Rise",
    "Told",
    "compare_groups",
    "fairness_findings",
    "fairness_page",
    "observe_file",
    "observe_service",
    "read_alert",
    "read_ruling",
    "told_lines",
    "worst_rise",
]
