"""Messages that were given to the Kafka client and are not acknowledged yet, in their order."""

from __future__ import annotations

import time

__all__ = ["Queued"]


class Queued:
    """Knows how many bytes wait, and which topic has kept a message waiting for longest."""

    def __init__(self) -> None:
        self.last = 0
        """Number of the message that was given last; they ascend from 1 on."""
        # A dict keeps the order of insertion: the first one is the oldest.
        self._messages: dict[int, tuple[str, float, int]] = {}
        self.n_bytes = 0

    def add(self, topic: str, size: int) -> int:
        """Note a message and return its number."""
        self.last += 1
        self._messages[self.last] = (topic, time.monotonic(), size)
        self.n_bytes += size
        return self.last

    def remove(self, number: int) -> None:
        """Note that a message has been acknowledged, given up or not been taken."""
        self.n_bytes -= self._messages.pop(number)[2]

    def n_until(self, number: int) -> int:
        """Return how many messages up to ``number`` wait, at most; 0 only where none does."""
        return max(number + 1 - next(iter(self._messages), number + 1), 0)

    def oldest(self) -> tuple[str, float] | None:
        """Return the topic of the message that waits for longest, and since when (monotonic)."""
        for topic, at, _ in self._messages.values():
            return topic, at
        return None
