"""Publishes what people find out about the demo's payments, and knows that all of it has arrived.

Time is that of the payments: a day of theirs passes in about a second and a half, so a reviewer who
needs a day is as late here as in life, next to the payments that come in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson
from confluent_kafka import KafkaError, Producer

from streamer.errors import UnavailableError
from streamer.simulator import LateVerdict
from streamer.store import PartitionRecord

__all__ = ["VerdictSender", "n_stored"]

_FLUSH_S: Final = 60.0


class VerdictSender:
    """Sends verdicts to the topic of the feedback, and counts what the broker has taken."""

    def __init__(self, config: dict[str, Any], topic: str) -> None:
        """``config`` is librdkafka's."""
        self._topic = topic
        self._error: str | None = None
        settings = {"enable.idempotence": True, "partitioner": "murmur2_random"}
        self._producer = Producer(config | settings)
        self.n_reviews = self.n_chargebacks = self.n_acknowledged = 0

    @property
    def n_sent(self) -> int:
        """Verdicts sent so far."""
        return self.n_reviews + self.n_chargebacks

    def send(self, due: list[LateVerdict]) -> None:
        """Send verdicts that are due at a time of the payments, in seconds since 1970."""
        for each in due:
            message = each.message | {"decided_at": each.at}
            self._producer.produce(
                self._topic, orjson.dumps(message), each.card_id, on_delivery=self._delivered
            )
            if each.is_chargeback:
                self.n_chargebacks += 1
            else:
                self.n_reviews += 1
        self._producer.poll(0)

    def finish(self) -> None:
        """Wait until everything has been acknowledged; UnavailableError if it is not."""
        left = self._producer.flush(_FLUSH_S)
        if left or self._error is not None:
            raise UnavailableError(
                f"every verdict must be acknowledged within {_FLUSH_S:g} s, got {left} left"
                + (f": {self._error}" if self._error else "")
            )

    def _delivered(self, error: KafkaError | None, _: Any) -> None:
        if error is None:
            self.n_acknowledged += 1
        else:
            self._error = str(error)


def n_stored(records: Mapping[tuple[str, int], PartitionRecord], feedback_topic: str) -> int:
    """Return how many verdicts the service has stored, each of which is one that came."""
    return sum(
        record.n_stored or 0 for (topic, _), record in records.items() if topic == feedback_topic
    )
