"""The ceilings: ``python -m load.ceiling consume|decode PAYMENTS SKIPPED`` reads, or reads and decodes.

It does nothing else: aiokafka's ``getmany(4000)``, and for "decode" msgspec's decoding of every
record to a `Transaction`, in one process.  A worker on this client could not be faster if scoring
cost nothing.
The last line that it prints is the measured `Window` as JSON.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Final

import msgspec
from aiokafka import AIOKafkaConsumer

from load.figures import Sample, Window, rate
from streamer.contract.messages import Transaction
from streamer.errors import UnavailableError
from streamer.settings import Settings, load_settings

__all__ = ["read"]

_MAX_RECORDS: Final = 4_000
_TIMEOUT_MS: Final = 1_000
_STALLED_AFTER_S: Final = 60.0


async def read(settings: Settings, what: str, n_total: int, n_skipped: int) -> Window:
    """Read ``n_total`` records of the transactions topic from its beginning; to decode, payments."""
    decode = msgspec.json.Decoder(Transaction).decode if what == "decode" else None
    topic = settings.transactions_topic
    # Without a group: every partition is read, nothing is committed.
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=settings.kafka_bootstrap_servers,
        auto_offset_reset="earliest",
        group_id=None,
    )
    await consumer.start()
    try:
        samples = [Sample(time.monotonic(), 0, time.process_time())]
        while samples[-1].n_done < n_total:
            fetched = await consumer.getmany(timeout_ms=_TIMEOUT_MS, max_records=_MAX_RECORDS)
            n_done = samples[-1].n_done
            for records in fetched.values():
                if decode is not None:
                    records = [decode(record.value) for record in records]
                n_done += len(records)
            if n_done > samples[-1].n_done:
                samples.append(Sample(time.monotonic(), n_done, time.process_time()))
            elif time.monotonic() - samples[-1].at_s > _STALLED_AFTER_S:
                raise UnavailableError(f"{topic} must hold {n_total} payments, got {n_done}")
    finally:
        await consumer.stop()
    return rate(samples, n_skipped, n_total)


if __name__ == "__main__":
    what, n_total, n_skipped = sys.argv[1:]
    window = asyncio.run(read(load_settings(), what, int(n_total), int(n_skipped)))
    print(msgspec.json.encode(window).decode(), flush=True)
