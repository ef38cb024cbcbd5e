"""Which alerts are already on their topics: what a worker reads before it goes on where another ended.

A worker that dies after publishing and before its checkpoint leaves alerts whose transactions will be
scored again.  Reading its own partition of both topics from the checkpoint's positions finds them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
from confluent_kafka import Message

from streamer.contract.messages import Source
from streamer.settings import Settings
from streamer.stream.publishing.alert_headers import PLACE_HEADER
from streamer.stream.publishing.alert_partition import alert_messages

__all__ = ["Published", "published_offsets"]


class _Told(msgspec.Struct):
    source: Source
    sample_weight: float | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """Source offsets whose alerts are out: on the alerts topic with their places, None where the
    message does not say, and on the overflow topic.  ``samples`` are the weights of those on either
    that were drawn from below the line."""

    alerts: dict[int, int | None] = field(default_factory=dict)
    overflowed: set[int] = field(default_factory=set)
    samples: dict[int, float] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.alerts) + len(self.overflowed)


def published_offsets(
    settings: Settings, source: Source, alerts_position: int | None, overflow_position: int | None
) -> Published:
    """Return what is published of ``source``'s partition and epoch, from its offset on; blocks.

    Reads each topic's partition from its position (None: from its beginning) to its end.
    """
    positions = {
        settings.alerts_topic: alerts_position,
        settings.overflow_topic: overflow_position,
    }
    # Of an alert only what is needed: nothing is scored while thousands of them are read.
    decoder = msgspec.json.Decoder(_Told)
    found = Published()
    for topic, message in alert_messages(settings, positions, source.partition, "recovery"):
        try:
            told = decoder.decode(message.value() or b"")
        except msgspec.MsgspecError:
            continue  # not one of ours
        their = told.source
        # Other topics' alerts may lie here, and those of the offsets before a reset.
        is_ours = msgspec.structs.replace(their, offset=source.offset) == source
        if not is_ours or their.offset < source.offset:
            continue
        if told.sample_weight is not None:
            found.samples[their.offset] = told.sample_weight
        if topic == settings.alerts_topic:
            found.alerts[their.offset] = _place(message)
        else:
            found.overflowed.add(their.offset)
    return found


def _place(message: Message) -> int | None:
    text = dict(message.headers() or []).get(PLACE_HEADER)
    return int(text) if text is not None and text.isdigit() else None
