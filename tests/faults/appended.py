"""What a topic's log holds beside what its producer was told of.

A producer that was not answered sends a batch again, and brokers that were killed may not know that
they have it; or they know, and do not say where.  What is in the log is what the service reads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from confluent_kafka import Message

from tests.faults.reading import end_offsets, messages_of
from tests.faults.traffic import Sent, Traffic, content
from tests.stream.harness import Service

__all__ = ["complete", "unknown"]


def complete(service: Service, traffic: Traffic) -> list[str]:
    """Add what is in the logs to what the traffic knows of, and say how much that was."""
    # A transaction's markers have offsets too, and its producer appends nothing twice.
    if traffic.mix.aborted:
        return []
    settings, notes = service.settings, []
    for topic, kept in (
        (settings.transactions_topic, traffic.sent),
        (settings.feedback_topic, traffic.verdicts),
    ):
        ends = end_offsets(service, topic)
        places = {(r.partition, r.offset) for r in kept}
        known = Counter(p for p, offset in places if 0 <= offset < ends.get(p, 0))
        # Most runs end here: every offset is one that was acknowledged.
        if all(known[partition] >= end for partition, end in ends.items()):
            continue
        if found := unknown(traffic, kept, messages_of(service, topic)):
            kept += found
            notes.append(f"{topic} holds {len(found)} records that were not acknowledged there")
    return notes


def unknown(traffic: Traffic, kept: Iterable[Sent], log: Iterable[Message]) -> list[Sent]:
    """Return the records of the traffic that lie in a log where it does not know of one."""
    places = {(r.partition, r.offset) for r in kept}
    return [
        replace(sent, offset=message.offset() or 0)
        for message in log
        if (message.partition(), message.offset()) not in places
        and (sent := traffic.by_content.get(content(message))) is not None
    ]
