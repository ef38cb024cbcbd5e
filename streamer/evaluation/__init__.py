"""How well frauds are ranked: the pipeline and its rivals over the same rows of a file.

Reading order: `rows` (what is known of each row), `late_labels` (labels that arrive late),
`passing` (the pipeline over the file), `protocols` (which rows count), `rivals` (the other
detectors), `ranking_metrics`, `resampling` (intervals), `as_json`, `published`, `provenance`,
`evaluate` (all of it in order) and `plots`.
"""

from streamer.evaluation.evaluate import Evaluation, Request, evaluate
from streamer.evaluation.late_labels import LabelFeed
from streamer.evaluation.passing import PassConfig, run_pass

__all__ = [
    "Evaluation",
    "LabelFeed",
    "PassConfig",
    "Request",
    "evaluate",
    "run_pass",
]
