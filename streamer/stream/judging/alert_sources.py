"""Which transaction an alert is on: its id names the record, and that is read again.

An alert need not be searched for, then, and the card is the real one, not the pseudonym in the alert.
The last found are remembered.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from streamer.contract.batch import Batch, StoredRecord
from streamer.contract.messages import Transaction
from streamer.errors import UnavailableError
from streamer.settings import Settings
from streamer.store import LogIdentity, Store
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.kafka_words import in_words

__all__ = ["AlertSources"]

_ALERT_ID: Final = re.compile(r"(.+)-(\d{1,10})-(\d{1,18})(?:@(\d{1,10}))?")
_TIMEOUT_S: Final = 10.0
# The embedded broker names too early an end, and does not answer for what lies beyond the real one.
_BEYOND_S: Final = 2.0
_FETCH_MAX_WAIT_MS: Final = 50
_REMEMBERED: Final = 10_000

Decode = Callable[[Batch], list[Transaction]]
IsSameLog = Callable[[str, int, LogIdentity, int], Awaitable[bool]]


class AlertSources:
    """The transactions behind alert ids, for one worker."""

    def __init__(
        self, settings: Settings, store: Store, decode: Decode, is_same_log: IsSameLog
    ) -> None:
        """``decode`` makes transactions of a batch, as scoring did.

        ``is_same_log`` says whether what was read of a partition from an offset on is of the log that
        is stored.
        """
        self._settings = settings
        self._store = store
        self._decode = decode
        self._is_same_log = is_same_log
        self._found: OrderedDict[str, Transaction] = OrderedDict()

    async def find(self, alert_id: str) -> Transaction | str:
        """Return the transaction of an alert, or why there is none.

        Raises UnavailableError when Kafka or Redis does not answer.
        """
        if alert_id in self._found:
            self._found.move_to_end(alert_id)
            return self._found[alert_id]
        match = _ALERT_ID.fullmatch(alert_id)
        topic = self._settings.transactions_topic
        if match is None or match[1] != topic:
            return f"alert_id must be {topic}-PARTITION-OFFSET, as in its alert"
        partition, offset, epoch = int(match[2]), int(match[3]), int(match[4] or 0)
        record = await self._store.partition(topic, partition)
        if record.log.epoch != epoch:
            # A partition that was set back has other records under its old offsets.
            return "alert_id must be of the partition's present epoch, since it was set back"
        message = await asyncio.to_thread(self._read, partition, offset)
        if message is not None and not await self._is_same_log(
            topic, partition, record.log, offset
        ):
            # Made anew and not set back yet: what lies there now is not what was alerted.
            message = None
        transactions = [] if message is None else self._decode(_batch(message))
        if len(transactions) != 1:
            return "alert_id must name a record that is still on its topic and is one payment"
        self._found[alert_id] = transactions[0]
        if len(self._found) > _REMEMBERED:
            self._found.popitem(last=False)
        return transactions[0]

    def forget(self, cards: Collection[str]) -> None:
        """Let go of the transactions of cards that were found."""
        gone = [key for key, found in self._found.items() if found.card_id in cards]
        for key in gone:
            del self._found[key]

    def _read(self, partition: int, offset: int) -> Message | None:
        """Return the record at an offset, None where there is none any more; blocks."""
        consumer = Consumer(
            librdkafka_config(
                self._settings,
                **{
                    "group.id": f"{self._settings.consumer_group}-alert-sources",
                    "enable.auto.commit": False,
                    "enable.partition.eof": True,
                    "auto.offset.reset": "error",
                    "isolation.level": "read_committed",
                    "fetch.wait.max.ms": _FETCH_MAX_WAIT_MS,
                },
            )
        )
        try:
            place = TopicPartition(self._settings.transactions_topic, partition, offset)
            low, high = consumer.get_watermark_offsets(place, timeout=_TIMEOUT_S)
            if offset < low:
                return None
            consumer.assign([place])
            return _only(consumer, offset, is_beyond=offset >= high)
        except KafkaException as error:
            raise UnavailableError(
                f"the transactions must be readable, got {in_words(error)}"
            ) from error
        finally:
            consumer.close()


def _only(consumer: Consumer, offset: int, *, is_beyond: bool) -> Message | None:
    """Return the record at ``offset``; ``is_beyond`` where the log is said to end."""
    gone = (
        KafkaError._PARTITION_EOF,
        KafkaError._AUTO_OFFSET_RESET,
        KafkaError.OFFSET_OUT_OF_RANGE,
        KafkaError._UNKNOWN_PARTITION,
    )
    deadline = time.monotonic() + (_BEYOND_S if is_beyond else _TIMEOUT_S)
    while (left_s := deadline - time.monotonic()) > 0:
        message = consumer.poll(left_s)
        if message is None:
            continue
        error = message.error()
        if error is None:
            return message if message.offset() == offset else None
        if error.code() in gone:
            return None
    if is_beyond:
        return None
    raise UnavailableError(f"Kafka must answer within {_TIMEOUT_S:g} s, got no transaction")


def _batch(message: Message) -> Batch:
    record = StoredRecord(
        message.offset() or 0, message.timestamp()[1], message.key(), message.value()
    )
    now_ms = time.time_ns() // 1_000_000
    return Batch(message.topic() or "", message.partition() or 0, [record], now_ms)
