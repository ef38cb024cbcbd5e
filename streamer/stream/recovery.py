"""Which alerts are already on the topic: what a worker reads before it goes on where another ended.

A worker that dies after publishing and before its checkpoint leaves alerts whose transactions will be
scored again.  Reading its own alert partition from the checkpoint's position finds them.
"""

from __future__ import annotations

import msgspec

from streamer.events import Source
from streamer.settings import Settings
from streamer.stream.alert_partition import alert_values

__all__ = ["published_offsets"]


class _SourceOnly(msgspec.Struct):
    source: Source


def published_offsets(
    settings: Settings, topic: str, partition: int, position: int | None, next_offset: int
) -> set[int]:
    """Return the source offsets at or beyond ``next_offset`` whose alerts are published; blocks.

    Reads the alert partition from ``position`` (None: from its beginning) to its end.
    """
    decoder = msgspec.json.Decoder(_SourceOnly)
    found: set[int] = set()
    for value in alert_values(settings, partition, position, "recovery"):
        try:
            source = decoder.decode(value).source
        except msgspec.MsgspecError:
            continue  # not one of ours
        if (source.topic, source.partition) == (topic, partition) and source.offset >= next_offset:
            found.add(source.offset)
    return found
