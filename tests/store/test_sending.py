"""Large requests: packed in a thread, sent in pieces, and still one transaction."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Connection
from redis.exceptions import ConnectionError as LostError

from streamer.store import sending
from streamer.store.sending import packing
from tests.rig.waiting import DEADLINE_S
from tests.store.helpers import NOW_MS, opened, raw, run, step

TOPIC = "transactions"
# Each card is two arguments, a piece 10,000 of them: MULTI and EXEC lie in different pieces.
CARDS = {f"card-é{number:05d}": b"%08d\r\n\x00" % number for number in range(25_000)}


def test_what_is_large_is_packed_off_the_event_loop_and_arrives_whole(
    redis_url, namespace, monkeypatch
):
    threads, packed = [], sending._packed

    def noted(commands):
        if sum(map(len, commands)) > 1_000:
            threads.append(threading.current_thread())
        return packed(commands)

    async def scenario():
        monkeypatch.setattr(sending, "_packed", noted)
        async with opened(redis_url, namespace) as store:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            await store.checkpoint(step(None, 10, entities={"cards": CARDS}))
            assert await store.load_all(TOPIC, 0, "cards") == CARDS
            assert (await store.partitions())[TOPIC, 0].offset == 10

    run(scenario())
    # 25,000 cards in chunks of 5,000 are 5 pieces.
    assert len(threads) >= 5
    assert threading.main_thread() not in threads


def test_a_request_whose_connection_is_lost_between_two_pieces_does_not_go_on_on_another(
    redis_url, monkeypatch
):
    """What follows would stand outside its MULTI, and be done at once."""
    packed = sending._packed

    async def scenario():
        loop, url = asyncio.get_running_loop(), urlsplit(redis_url)
        connection = packing(Connection, Counter())(host=url.hostname, port=url.port, protocol=2)
        n_pieces = 0

        def cutting(commands):
            nonlocal n_pieces
            n_pieces += 1
            if n_pieces == 2:
                cut = connection.disconnect(nowait=True)
                asyncio.run_coroutine_threadsafe(cut, loop).result()
            return packed(commands)

        fields = [item for pair in CARDS.items() for item in pair]
        written = [("HSET", "half", *fields[i : i + 10_000]) for i in range(0, len(fields), 10_000)]
        request = connection.pack_commands([("MULTI",), *written, ("EXEC",)])
        monkeypatch.setattr(sending, "_packed", cutting)
        with pytest.raises(LostError, match="in the middle of a request"):
            await connection.send_packed_command(request)
        assert not connection.is_connected
        async with raw(redis_url) as redis:
            assert not await redis.exists("half")

    run(scenario())


def test_a_connection_that_got_a_part_of_a_request_is_closed_when_the_rest_is_cancelled(
    redis_url, monkeypatch
):
    """What the next one sends would be queued in the transaction that was left open."""
    packed = sending._packed
    begun, go_on = threading.Event(), threading.Event()

    def waiting(commands):
        if commands[0] != ("MULTI",):
            begun.set()
            assert go_on.wait(DEADLINE_S)
        return packed(commands)

    async def scenario():
        url = urlsplit(redis_url)
        connection = packing(Connection, Counter())(host=url.hostname, port=url.port, protocol=2)
        written = [("RPUSH", "left", *range(10_000))] * 3
        monkeypatch.setattr(sending, "_packed", waiting)
        request = connection.pack_commands([("MULTI",), *written, ("EXEC",)])
        sending_it = asyncio.create_task(connection.send_packed_command(request))
        await asyncio.to_thread(begun.wait, DEADLINE_S)
        assert connection.is_connected
        sending_it.cancel()
        go_on.set()
        await asyncio.gather(sending_it, return_exceptions=True)
        assert sending_it.cancelled()
        assert not connection.is_connected

    run(scenario())


def test_a_checkpoint_cancelled_between_two_pieces_writes_nothing_and_can_be_offered_again(
    redis_url, namespace, monkeypatch
):
    packed = sending._packed
    begun, go_on = threading.Event(), threading.Event()

    def waiting(commands):
        # The first piece begins with MULTI and is on its way by the second.
        if commands[0][0] == "HSET" and len(commands[0]) > 1_000:
            begun.set()
            assert go_on.wait(DEADLINE_S)
        return packed(commands)

    async def scenario():
        async with opened(redis_url, namespace) as store:
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            large = step(None, 10, entities={"cards": CARDS})
            monkeypatch.setattr(sending, "_packed", waiting)
            saving = asyncio.create_task(store.checkpoint(large))
            await asyncio.to_thread(begun.wait, DEADLINE_S)
            assert begun.is_set()
            saving.cancel()
            go_on.set()
            await asyncio.gather(saving, return_exceptions=True)
            assert saving.cancelled()
            assert (await store.partitions())[TOPIC, 0].offset is None
            assert await store.load_all(TOPIC, 0, "cards") == {}
            saved = (await store.checkpoint(large)).head
            assert saved.sums.transactions_seen == 10
            assert await store.load_all(TOPIC, 0, "cards") == CARDS

    run(scenario())
