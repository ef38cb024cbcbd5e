"""From verdicts to lessons: which verdict stands, which payments wait for one, what is learned.

Reading order: `rulings` (one verdict per payment), `buffer` (which payments wait), `table` (what is kept
of them: `index` and `prints` say where, `names` and `log` and `segments` how it is saved), `teaching`
(verdicts and payments together, and the fraud shares).
"""

from streamer.labels.buffer import LabelBuffer, Waiting
from streamer.labels.rulings import Rulings, overrules
from streamer.labels.teaching import LabelConfig, LabelState, Taught, apply_verdicts, remember

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
