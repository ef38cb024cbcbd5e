"""Where a new card's payments will go is told by where the others are."""

from __future__ import annotations

from zlib import crc32

import pytest

from streamer.serving.partitioners import Partitioners, murmur2


def test_murmur2_is_that_of_kafka() -> None:
    """The values of Kafka's own test, UtilsTest.testMurmur2."""
    expected = {
        b"21": -973932308,
        b"foobar": -790332482,
        b"a-little-bit-long-string": -985981536,
        b"a-little-bit-longer-string": -1486304829,
        b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
        b"abc": 479470107,
    }
    assert {key: (murmur2(key) ^ 1 << 31) - (1 << 31) for key in expected} == expected


@pytest.mark.parametrize(
    ("partition_of"),
    [lambda key: (murmur2(key) & 0x7FFFFFFF) % 12, lambda key: crc32(key) % 12],
)
def test_the_partitioner_that_agrees_with_what_was_found_is_taken(partition_of) -> None:  # type: ignore[no-untyped-def]
    seen = Partitioners()
    for number in range(30):
        card = f"card-{number}"
        seen.found(card, partition_of(card.encode()), 12)
    assert seen.partition_of("new", 12) == partition_of(b"new")


def test_where_none_agrees_nothing_is_guessed() -> None:
    seen = Partitioners()
    assert seen.partition_of("new", 12) is None
    for number in range(200):
        seen.found(f"card-{number}", number % 12, 12)
    assert seen.partition_of("new", 12) is None
    assert Partitioners().partition_of("new", 1) == 0
