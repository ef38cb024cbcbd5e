"""Which partition the payments of a new card will go to, as its producer chooses it.

Producers differ: Java's clients hash a key with murmur2, librdkafka's by default with CRC-32.  Which of
them a topic has is not guessed: it is told by where the cards are that were found.  With more
partitions many are still where they belonged before: what was told then holds until another is told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from zlib import crc32

__all__ = ["Partitioners", "murmur2"]

_MASK: Final = 0xFFFFFFFF
_M: Final = 0x5BD1E995
_R: Final = 24
_SEED: Final = 0x9747B28C
# Cards that have to have been found before they tell anything, and the share of them that must agree:
# some have payments under other keys.
_FEWEST: Final = 20
_AGREEING: Final = 0.9
# Then those found so far count half, so that cards that have gone on outweigh those that had not.
_MANY: Final = 1_000


def murmur2(key: bytes) -> int:
    """Return Kafka's murmur2 of ``key``, 32 bits (org.apache.kafka.common.utils.Utils).

    >>> murmur2(b"21") - 2**32, murmur2(b"foobar") - 2**32
    (-973932308, -790332482)
    """
    h = _SEED ^ len(key)
    whole = len(key) // 4 * 4
    for at in range(0, whole, 4):
        k = int.from_bytes(key[at : at + 4], "little") * _M & _MASK
        k = (k ^ k >> _R) * _M & _MASK
        h = (h * _M & _MASK) ^ k
    rest = key[whole:]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15


_CHOICES: Final[dict[str, Callable[[bytes, int], int]]] = {
    "murmur2": lambda key, n: (murmur2(key) & 0x7FFFFFFF) % n,
    "crc32": lambda key, n: crc32(key) % n,
}


@dataclass(slots=True)
class Partitioners:
    """What was seen of a topic: how many cards were found, and where each partitioner has them.

    ``before`` is the one that was told when the topic had fewer partitions.
    """

    before: str | None = None
    n_found: int = 0
    agreeing: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_CHOICES, 0))

    def found(self, card: str, partition: int, n_partitions: int) -> None:
        """Note where a card was found."""
        if n_partitions == 1:
            # There everybody agrees.
            return
        key = card.encode()
        self.n_found += 1
        for name, choose in _CHOICES.items():
            self.agreeing[name] += choose(key, n_partitions) == partition
        if self.n_found >= _MANY:
            self.n_found //= 2
            self.agreeing = {name: n // 2 for name, n in self.agreeing.items()}

    def told(self) -> str | None:
        """Return the name of the partitioner; None where that is not known."""
        if self.n_found >= _FEWEST:
            name = max(self.agreeing, key=self.agreeing.__getitem__)
            if self.agreeing[name] >= _AGREEING * self.n_found:
                return name
        return self.before

    def partition_of(self, card: str, n_partitions: int) -> int | None:
        """Return where a new card's payments will go; None where that is not known."""
        if n_partitions == 1:
            return 0
        name = self.told()
        return None if name is None else _CHOICES[name](card.encode(), n_partitions)
