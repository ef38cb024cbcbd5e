"""From verdicts to lessons: which verdict stands, which payments wait for one, what is learned.

Reading order: `sent` (as people send them), `rulings` (one verdict per payment), `party_names`
(whose payment waits), `waiting` and `ages` (what of it, and since when), `segments` and `log` (how
they are saved), `rarity` and `thinning` (which wait on for months), `put_rows` and `table` (all of it
together), `buffer` (which payments wait), `lessons` (verdicts and payments together, and the fraud
shares), `presuming` (which of those that nobody judged teach), `lesson_record` (what of it is told),
`overheard` (what of it others learn from).
"""

from streamer.verdicts.buffer import UnjudgedBuffer
from streamer.verdicts.lesson_record import Lesson, LessonRecord
from streamer.verdicts.lessons import Applied, VerdictConfig, VerdictState, apply_verdicts, remember
from streamer.verdicts.overheard import Overheard
from streamer.verdicts.rulings import Rulings, overrules
from streamer.verdicts.waiting import N_BESIDE, Waiting

__all__ = [
    "N_BESIDE",
    "Applied",
    "Lesson",
    "LessonRecord",
    "Overheard",
    "Rulings",
    "UnjudgedBuffer",
    "VerdictConfig",
    "VerdictState",
    "Waiting",
    "apply_verdicts",
    "overrules",
    "remember",
]
