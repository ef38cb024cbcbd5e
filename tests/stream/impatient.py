"""A worker that calls a partition stalled, and a checkpoint late, after seconds: for tests only.

``python -m tests.stream.impatient worker``
"""

from __future__ import annotations

from typing import Final

from streamer.cli import main
from streamer.stream.checkpoints import lateness
from streamer.stream.health import health
from streamer.stream.kafka import progress

__all__ = ["IMPATIENT"]

IMPATIENT: Final = ("-m", "tests.stream.impatient", "worker")
_STALLED_AFTER_S: Final = 4.0


# Of the group it stays patient: on a loaded machine a heartbeat may be seconds late.
assert health.STALLED_AFTER_S > _STALLED_AFTER_S

if __name__ == "__main__":
    progress.STALLED_AFTER_S = _STALLED_AFTER_S  # type: ignore[misc]
    lateness._LATE_S = _STALLED_AFTER_S  # type: ignore[misc]
    main()
