"""What Kafka is told beside an offset: from which store, epoch and topic it is.

It outlives the store.  When Redis has lost what it held, this is all that is known of a partition.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["Committed"]

# A release before this one told no topic.
_METADATA: Final = re.compile(r"store=([^;]*);epoch=(\d{1,9})(?:;topic=([^;]*))?")


@dataclass(frozen=True, slots=True)
class Committed:
    """What the consumer group has committed of a partition.

    ``store_id`` names the store that the offset came from, ``epoch`` and ``topic_id`` are those of the
    partition's `LogIdentity` at that time; empty and 0 where nobody said.
    """

    offset: int
    store_id: str = ""
    epoch: int = 0
    topic_id: str = ""

    @property
    def metadata(self) -> str:
        """The text that goes to Kafka with the offset.

        It ends with a zero byte: confluent-kafka reads on until there is one, beyond the text's end.

        >>> Committed(7, "a1", 2, "H2qj").metadata
        'store=a1;epoch=2;topic=H2qj\\x00'
        """
        return f"store={self.store_id};epoch={self.epoch};topic={self.topic_id}\0"

    @classmethod
    def told(cls, offset: int, metadata: str) -> Committed:
        """Return what `metadata` has made of it; another's text says nothing.

        >>> Committed.told(7, "store=a1;epoch=2;topic=H2qj")
        Committed(offset=7, store_id='a1', epoch=2, topic_id='H2qj')
        """
        match = _METADATA.fullmatch(metadata.partition("\0")[0])
        if match is None:
            return cls(offset)
        return cls(offset, match[1], int(match[2]), match[3] or "")
