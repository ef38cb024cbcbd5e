"""From verdicts to lessons: which verdict stands, which payments wait for one, what is learned.

Reading order: `rulings` (one verdict per payment), `names` (whose payment waits), `waiting` and `ages`
(what of it, and since when), `segments` and `log` (how they are saved), `table` (all of it together),
`buffer` (which payments wait), `teaching` (verdicts and payments together, and the fraud shares).
"""

from streamer.labels.buffer import LabelBuffer
from streamer.labels.rulings import Rulings, overrules
from streamer.labels.teaching import LabelConfig, LabelState, Taught, apply_verdicts, remember
from streamer.labels.waiting import Waiting

__all__ = [
    "LabelBuffer",
    "LabelConfig",
    "LabelState",
    "Rulings",
    "Taught",
    "Waiting",
    "apply_verdicts",
    "overrules",
    "remember",
]
