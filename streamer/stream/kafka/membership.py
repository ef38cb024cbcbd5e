"""Whether the consumer group still counts this worker as a member: it publishes only while it does.

A worker that is cut off from Kafka (a network partition, a hung proxy), or that stood still (a frozen
container, a suspended machine), believes that it owns its partitions, while Kafka gives them to
another once the session is over.  Its checkpoints are refused then, but what it scores, or what lies
in its client's queue, would be delivered beside what the other has published.  Two limits together
keep it from that:

* nothing is published when the last heartbeat was answered longer than `HEARD_SHARE` of a session ago;
* an alert that Kafka has not acknowledged within `EXPIRY_SHARE` of a session is given up by the client,
  and its partition is done again from the last checkpoint.

Invariant: both shares together are less than a session, so that no alert outlives its worker's
membership.  What is left is a request that the network itself holds back for longer than that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

__all__ = ["EXPIRY_SHARE", "HEARD_SHARE", "Membership"]

# Heartbeats go out three times a session; one that is a little late must not stop anything.
HEARD_SHARE: Final = 0.45
EXPIRY_SHARE: Final = 0.5
_POLL_S: Final = 0.05


class Membership:
    """Answers whether the group has been heard of lately."""

    def __init__(self, session_s: float) -> None:
        self._limit_s = HEARD_SHARE * session_s
        self.silent_s: Callable[[], float] = lambda: 0.0
        """Seconds since the group has last answered; the app says how to know."""

    @property
    def is_heard(self) -> bool:
        """Whether this worker may publish."""
        return self.silent_s() <= self._limit_s

    async def wait(self) -> None:
        """Return once the group has been heard of lately."""
        while not self.is_heard:  # noqa: ASYNC110 - a clock sets no event
            await asyncio.sleep(_POLL_S)
