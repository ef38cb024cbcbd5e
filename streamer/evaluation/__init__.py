"""How well frauds are ranked: the pipeline and its rivals over the same rows of a file.

Reading order: `rows` (what is known of each row), `row_range`, `label_plan` (who judges what, and
when), `late_labels` (labels that arrive late), `rows_so_far` and `passing` (the pipeline over the
file), `protocols` (which rows count); `breaks`, `break_patterns` and `injection` (new modes of fraud);
`rivals` (the other detectors) with `material`, `running_scale`, `batch_rivals` and `river_rivals`;
`ranking_metrics`, `resampling` (intervals), `reliability` (of probabilities), `alert_figures` and
`alerting` (what reviewers would have had); `evaluate` (all of it in order), `as_json`, `published`,
`provenance` and `plots`.
"""

from streamer.evaluation.breaks import Break
from streamer.evaluation.evaluate import Evaluation, Request, evaluate, judged
from streamer.evaluation.label_plan import NO_LABELS, Chargebacks, LabelPlan
from streamer.evaluation.late_labels import LabelFeed
from streamer.evaluation.passing import PassConfig, run_pass
from streamer.evaluation.row_range import RowRange

__all__ = [
    "NO_LABELS",
    "Break",
    "Chargebacks",
    "Evaluation",
    "LabelFeed",
    "LabelPlan",
    "PassConfig",
    "Request",
    "RowRange",
    "evaluate",
    "judged",
    "run_pass",
]
