"""Canary by traffic: a process that answers from the canary's branch, and its way back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from streamer.starting.wiring import open_store
from streamer.store import Store, Wish
from tests.rig.waiting import wait_until
from tests.serving.stored_service import NOW_MS, StoredService, made_up
from tests.serving.test_native_door import Door, served

PAYMENTS = made_up(5, 3_100)


def test_a_canary_s_process_answers_from_the_canary_for_as_long_as_there_is_one(
    redis_url: str,
) -> None:
    """The head's never does; both are told what is in use by the store, and no one restarts them."""
    made = StoredService(redis_url, "branches")
    candidate = asyncio.run(_learned(made))
    settings = made.settings
    of_canary = settings.model_copy(update={"serve_branch": "canary"})
    with served(settings) as head, served(of_canary) as canary:
        assert _answers(head) == _answers(canary) == made.version.id

        wish = Wish(candidate, "canary", "test", NOW_MS)
        _do(made, lambda store: store.trials.start_canary(wish, 1, 600_000))
        begun = _do(made, lambda store: store.heads()).canary.id
        wait_until(lambda: _answers(canary) == begun, lambda: _answers(canary))
        assert _answers(head) == made.version.id
        assert _in_use(canary) == ("canary", begun)
        assert _in_use(head) == ("head", made.version.id)

        back = Wish("", "rollback", "test", NOW_MS, why="no")
        _do(made, lambda store: store.trials.end_canary(back))
        wait_until(lambda: _answers(canary) == made.version.id, lambda: _answers(canary))
        assert _in_use(canary) == ("head", made.version.id)


async def _learned(made: StoredService) -> str:
    """Return a version before the one in use, which a canary may begin with."""
    await made.claim()
    await made.stream(PAYMENTS[:1_500])
    candidate = made.version.id
    await made.stream(PAYMENTS[1_500:3_000])
    await made.store.close()
    assert candidate != made.version.id
    return candidate


def _do(made: StoredService, work: Callable[[Store], Awaitable[Any]]) -> Any:
    async def ask() -> Any:
        store = open_store(made.settings)
        await store.identify()
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(ask())


def _answers(door: Door) -> str:
    """Return the version that an answer says it is of."""
    status, told, _ = door.ask("/v1/score", PAYMENTS[3_050][1])
    assert status == 200
    version: str = told["model_version"]
    return version


def _in_use(door: Door) -> tuple[str, str]:
    """Return branch and version as Prometheus is told of them."""
    text = door.ask("/metrics")[1].decode()
    [line] = [each for each in text.splitlines() if each.startswith("streamer_serve_model_info{")]
    _, branch, _, version, _ = line.split('"')
    return branch, version
