"""Whether a version that has just taken over, on some partitions or on all, is to stay: pure functions.

Reading order: `watch_counts` (what is counted of it), `watch_limits` (how bad it may be), `watch_judge`
(what is too bad), `watch_record` (what is watched, and what becomes of it).
"""

from streamer.watching.watch_counts import Counts
from streamer.watching.watch_judge import Degraded, judge_watch
from streamer.watching.watch_limits import WatchLimits
from streamer.watching.watch_record import Watch

__all__ = ["Counts", "Degraded", "Watch", "WatchLimits", "judge_watch"]
