"""Reads of states as of one moment, and what becomes of their connection when they fail."""

from __future__ import annotations

import asyncio

import pytest

from streamer.errors import InvariantError, UnavailableError
from tests.store.helpers import opened, raw, run

TOPIC = "transactions"


def test_states_come_in_the_order_of_the_names_and_are_none_for_who_is_not_there(
    redis_url, namespace
):
    async def scenario():
        async with opened(redis_url, namespace) as store, raw(redis_url) as redis:
            keys = store.lookups._client.keys
            await redis.hset(
                keys.entities("cards", TOPIC, 1), mapping={"7": b"\x00seven", "8": b"8"}
            )
            await redis.hset(keys.partition(TOPIC, 1), "saved_at_ms", 12)
            wanted = {1: {"cards": ["8", "9", "7", "8"], "merchants": []}, 2: {"cards": ["7"]}}
            found = await store.lookups.read_states(TOPIC, wanted)
            assert found[1].saved_at_ms == 12
            assert found[1].states == {"cards": [b"8", None, b"\x00seven", b"8"], "merchants": ()}
            assert (found[2].saved_at_ms, found[2].states) == (None, {"cards": [None]})

    run(scenario())


def test_after_a_reply_that_is_an_error_the_next_read_gets_its_own_replies(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store, raw(redis_url) as redis:
            keys = store.lookups._client.keys
            await redis.set(keys.entities("cards", TOPIC, 1), "no hash")
            with pytest.raises(InvariantError, match="WRONGTYPE"):
                await store.lookups.read_states(TOPIC, {1: {"cards": ["7"]}})
            await redis.delete(keys.entities("cards", TOPIC, 1))
            with pytest.raises(InvariantError):
                # It is refused before EXEC, whose reply is left.
                await store.lookups._client.snapshot([("HMGET", "a key and no field")])
            found = await store.lookups.read_states(TOPIC, {1: {"cards": ["7"]}})
            assert found[1].states == {"cards": [None]}

    run(scenario())


def test_a_server_that_says_nothing_is_unavailable_within_the_timeout(namespace):
    async def scenario():
        async def silent(reader, writer):
            """Let clients connect, and answer no question."""
            while told := await reader.read(4_096):
                writer.write(b"+OK\r\n" * told.count(b"SETINFO"))
            writer.close()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        url = f"redis://127.0.0.1:{port}/0"
        async with server, opened(url, namespace, timeout_s=0.2) as store:
            with pytest.raises(UnavailableError, match=r"127\.0\.0\.1"):
                await store.lookups.read_states(TOPIC, {1: {"cards": ["7"]}})

    run(scenario())
