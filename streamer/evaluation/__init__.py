"""How well frauds are ranked: the pipeline and its rivals over the same rows of a file.

Reading order: `rows` (what is known of each row), `verdicts` (labels that arrive late), `passing` (the
pipeline over the file), `protocols` (which rows count), `rivals` (the other detectors), `metrics`,
`resampling` (intervals), `report`, `published`, `provenance`, `evaluate` (all of it in order),
`display` and `plots`.
"""

from streamer.evaluation.evaluate import Evaluation, Request, evaluate
from streamer.evaluation.passing import PassConfig, run_pass
from streamer.evaluation.verdicts import LabelFeed

__all__ = [
    "Evaluation",
    "LabelFeed",
    "PassConfig",
    "Request",
    "evaluate",
    "run_pass",
]
