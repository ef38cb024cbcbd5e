"""Bytes under our keys that are not ours: an error of ours that names the key, never a traceback."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from streamer.errors import ConfigurationError, InvariantError, StreamerError
from streamer.model.codec import VersionHeader, decode_version, encode_version
from streamer.store import LogBounds, ResetRequest, ServiceIdentity, Store
from tests.store.helpers import CONFIG, NOW_MS, UNREAD, delta, opened, raw, run, step

TOPIC = "transactions"
HEADER = VersionHeader("", "2026-01-01T00:00:00.000Z", "merge", CONFIG.hash)
Call = Callable[[Store], Awaitable[Any]]

CALLS: dict[str, Call] = {
    "register": lambda store: store.register(ServiceIdentity(TOPIC, {}, CONFIG.hash), "w1", NOW_MS),
    "claim": lambda store: store.claim(TOPIC, 0, "w2", NOW_MS),
    "checkpoint": lambda store: store.checkpoint(step(10, 20)),
    "partition": lambda store: store.partition(TOPIC, 0),
    "partitions": lambda store: store.partitions(),
    "feedback_partitions": lambda store: store.feedback_partitions("fraud-feedback"),
    "add_feedback": lambda store: store.add_feedback(
        "fraud-feedback", 0, 9, [(8, {"a": "b"})], UNREAD
    ),
    "read_feedback": lambda store: store.read_feedback("fraud-feedback", 0, 0, 9),
    "head": lambda store: store.head(),
    "versions": lambda store: store.versions(),
    "promoted_at_ms": lambda store: store.trials.promoted_at_ms(),
    "lineage": lambda store: store.lineage(10),
    "load_entities": lambda store: store.load_entities(TOPIC, 0, {"cards": ["4111111111111111"]}),
    "reset": lambda store: store.reset(
        ResetRequest(TOPIC, 0, "end", LogBounds(0, 30), "ann", "x"), NOW_MS
    ),
}


@pytest.mark.parametrize(
    ("rest", "calls"),
    [
        ("partition:transactions:0", ("claim", "checkpoint", "partition", "partitions", "reset")),
        ("partitions", ("register", "partitions", "feedback_partitions")),
        ("cards:transactions:0", ("load_entities",)),
        ("feedback:fraud-feedback:0", ("add_feedback", "read_feedback")),
        ("model:head", ("head", "checkpoint", "versions")),
        ("model:versions", ("versions", "checkpoint")),
        ("model:promoted", ("promoted_at_ms", "register")),
        ("lineage", ("lineage", "register")),
        ("service", ("register",)),
        ("identity", ("claim", "checkpoint", "add_feedback")),
        ("workers", ("register",)),
    ],
)
def test_a_key_of_another_type_is_named(redis_url, namespace, rest, calls):
    async def scenario():
        key = f"streamer:{{{namespace}}}:{rest}"
        async with opened(redis_url, namespace) as store, raw(redis_url) as redis:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            await store.checkpoint(step(None, 10))
            await redis.delete(key)
            if rest in ("model:head", "model:promoted", "identity"):
                await redis.hset(key, "a", "b")
            else:
                await redis.set(key, "x")
            for name in calls:
                with pytest.raises(StreamerError, match=r"WRONGTYPE") as caught:
                    await CALLS[name](store)
                assert key in str(caught.value), name
                assert "4111" not in str(caught.value)

    run(scenario())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("offset", "ten"),
        ("generation", "1.5"),
        ("owner", b"\xff"),
        ("told_cards", "1 b"),
        ("waves", "*"),
    ],
)
def test_a_field_of_a_partition_that_cannot_be_read_names_its_key(
    redis_url, namespace, field, value
):
    async def scenario():
        key = f"streamer:{{{namespace}}}:partition:{TOPIC}:0"
        async with opened(redis_url, namespace) as store, raw(redis_url) as redis:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            await store.checkpoint(step(None, 10))
            await redis.hset(key, field, value)
            for name in ("claim", "checkpoint", "partition", "partitions", "reset"):
                with pytest.raises(InvariantError) as caught:
                    await CALLS[name](store)
                assert key in str(caught.value)

    run(scenario())


@pytest.mark.parametrize("member", ["", "transactions", "transactions:x", b"\xff:\xff"])
def test_a_foreign_member_of_the_partitions_names_the_key(redis_url, namespace, member):
    async def scenario():
        key = f"streamer:{{{namespace}}}:partitions"
        async with opened(redis_url, namespace) as store, raw(redis_url) as redis:
            await redis.sadd(key, member)
            for name in ("partitions", "feedback_partitions"):
                with pytest.raises(InvariantError, match="must hold topic:number") as caught:
                    await CALLS[name](store)
                assert key in str(caught.value)

    run(scenario())


@pytest.mark.parametrize("blob", [b"", b"\x00", b"\xff" * 100, b"{}" * 50])
def test_garbage_for_a_model_version_names_the_key(redis_url, namespace, blob):
    async def scenario():
        async with opened(redis_url, namespace) as store, raw(redis_url) as redis:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            head = (await store.checkpoint(step(None, 10))).head
            key = f"streamer:{{{namespace}}}:model:version:{head.id}"
            await redis.set(key, blob)
            for name in ("head", "versions", "checkpoint"):
                with pytest.raises(ConfigurationError, match="safetensors") as caught:
                    await CALLS[name](store)
                assert key in str(caught.value)
            assert (await store.partition(TOPIC, 0)).offset == 10

    run(scenario())


def test_a_head_that_names_no_version_names_its_key(redis_url, namespace):
    """And does not try fifty times, as it does for one that is being moved."""

    async def scenario():
        key = f"streamer:{{{namespace}}}:model:head"
        async with opened(redis_url, namespace) as store, raw(redis_url) as redis:
            for foreign in (b"nonsense", b"\xff\xfe"):
                await redis.set(key, foreign)
                with pytest.raises(InvariantError, match="must name a stored version") as caught:
                    await store.head()
                assert key in str(caught.value)

    run(scenario())


def test_feedback_that_is_no_text_names_the_key(redis_url, namespace):
    async def scenario():
        key = f"streamer:{{{namespace}}}:feedback:fraud-feedback:0"
        async with opened(redis_url, namespace) as store, raw(redis_url) as redis:
            await redis.xadd(key, {"feedback": b"\xff"}, id="1-0")
            with pytest.raises(InvariantError, match="no text") as caught:
                await CALLS["read_feedback"](store)
            assert key in str(caught.value)

    run(scenario())


@pytest.mark.parametrize("found", ["5", "7", "x"])
def test_another_format_of_a_version_is_named(redis_url, namespace, found):
    """An older one and a newer one."""

    async def scenario():
        blob = encode_version(delta(10), HEADER, CONFIG.feature_names)
        other = blob.replace(b'"format":"6"', f'"format":"{found}"'.encode())
        assert other != blob
        async with opened(redis_url, namespace) as store, raw(redis_url) as redis:
            version_id = await store.put_version(delta(10), HEADER)
            key = f"streamer:{{{namespace}}}:model:version:{version_id}"
            await redis.set(key, other)
            await redis.set(f"streamer:{{{namespace}}}:model:head", version_id)
            with pytest.raises(
                ConfigurationError, match=f"format must be 6, got '{found}'"
            ) as caught:
                await store.head()
            assert key in str(caught.value)

    run(scenario())


def test_no_damage_to_a_version_is_anything_but_a_configuration_error():
    """Every length, 2,000 flipped bits, and parts of other shapes and types; seeded."""
    rng = np.random.default_rng(7)
    blob = encode_version(delta(10), HEADER, CONFIG.feature_names)
    damaged = [blob[:n] for n in range(0, len(blob), 7)]
    for _ in range(2_000):
        flipped = bytearray(blob)
        flipped[rng.integers(0, len(blob) // 2)] ^= 1 << int(rng.integers(0, 8))
        damaged.append(bytes(flipped))
    length = int.from_bytes(blob[:8], "little")
    arrays = load(blob)
    for name in arrays:
        damaged += [
            save(arrays | {name: part}, metadata=_metadata(blob, length))
            for part in (np.zeros(()), np.zeros((3, 3, 3)), np.zeros(2, dtype=np.uint8))
        ]
    n_refused = 0
    for other in damaged:
        try:
            decode_version(other, CONFIG)
        except ConfigurationError:
            n_refused += 1
    assert n_refused > len(damaged) // 4


def _metadata(blob: bytes, length: int) -> dict[str, str]:
    return json.loads(blob[8 : 8 + length])["__metadata__"]
