"""Names and states as Redis reads them: byte for byte what redis-py would send."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.connection import HiredisRespSerializer

from streamer.features import PackedStates
from streamer.indexing import joined
from streamer.store import bulk, sending
from tests.store.helpers import NOW_MS, opened, run, step

TOPIC = "transactions"


@settings(deadline=None)
@given(st.lists(st.integers(0, 2**63 - 1), max_size=12, unique=True), st.integers(1, 300))
def test_packed_states_go_out_as_redis_py_would_write_them(prints: list[int], width: int) -> None:
    """Names of any length; rows that hold line ends too."""
    rows = np.random.default_rng(width).integers(0, 20, (len(prints), width), dtype=np.uint8)
    states, names = PackedStates(np.array(prints, dtype=np.int64), rows), list(map(str, prints))
    flat = [item for name, row in zip(names, rows, strict=True) for item in (name, row.tobytes())]
    expected = b"".join(HiredisRespSerializer().pack("HSET", "a key", *flat))
    assert b"".join(sending._packed([["HSET", "a key", states]])) == expected


def test_the_loop_writes_what_its_python_does() -> None:
    names, rows = ["a", "", "x" * 1234, "é"], np.arange(40, dtype=np.uint8).reshape(4, 10)
    content, lengths = joined(names)
    head = np.frombuffer(b"$10\r\n", np.uint8)
    written = []
    for fill in (bulk.fill_pairs, bulk.fill_pairs.py_func):
        packed = np.zeros(2_000, np.uint8)
        written.append(packed[: fill(content, lengths, head, rows, packed)].tobytes())
    assert written[0] == written[1]
    assert written[0].startswith(b"$1\r\na\r\n$10\r\n\x00\x01")
    assert written[0].endswith(b"$2\r\n\xc3\xa9\r\n$10\r\n" + bytes(range(30, 40)) + b"\r\n")


def test_packed_states_of_several_pieces_are_saved_and_loaded(redis_url, namespace) -> None:
    """12,000 are three commands; each state is found under its own name."""
    rows = np.random.default_rng(1).integers(0, 256, (12_000, 24), dtype=np.uint8)
    states = PackedStates(np.arange(12_000), rows)

    async def scenario() -> None:
        async with opened(redis_url, namespace) as store:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            await store.checkpoint(step(None, 10, entities={"cards": states}))
            assert await store.load_all(TOPIC, 0, "cards") == dict(states)
            few = await store.load_entities(TOPIC, 0, {"cards": ["7", "11999", "none"]})
            assert few["cards"] == {
                "7": rows[7].tobytes(),
                "11999": rows[11_999].tobytes(),
                "none": None,
            }

    run(scenario())
