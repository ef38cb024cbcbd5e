"""What `streamer serve` follows: versions that are taken up, made once each; what ends by itself."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from streamer.model import Scorer
from streamer.serving import versions_in_use
from streamer.serving.native_door import native_app
from streamer.serving.serve_gauges import scraped
from streamer.serving.serving import Serving
from streamer.settings import Settings
from tests.serving.stored_service import StoredService

NOWHERE = Settings(redis_url="redis://127.0.0.1:1/0", redis_timeout_s=0.5)  # type: ignore[arg-type]


class Made:
    """Stands for `Scorer`: counts what is made, and what it does before."""

    def __init__(self) -> None:
        self.n = 0
        self.before: Any = lambda: None

    def of(self, *args: Any) -> Scorer:
        self.n += 1
        self.before()
        return Scorer.of(*args)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    counted = Made()
    monkeypatch.setattr(versions_in_use, "Scorer", counted)
    return counted


def test_a_version_is_made_once_by_whatever_beginning_and_not_kept_under_another_policy(
    service: StoredService, made: Made
) -> None:
    async def run() -> None:
        serving = Serving(service.settings)
        versions = serving.versions
        try:
            wanted, other = [e.id for e in await serving.store.versions() if not e.is_head][:2]
            asked = (versions.named(wanted[:n]) for n in (10, 12, 14, 16, 18, 64))
            found = await asyncio.gather(*asked)
            assert made.n == 1
            assert all(each is found[0] for each in found)
            assert await versions.named(wanted[:10]) is found[0]
            made.before = lambda: setattr(versions, "_policy_id", "another")
            assert await versions.named(other) is not None
            assert list(versions._named) == [wanted]
        finally:
            await serving.store.close()

    asyncio.run(run())


def test_a_head_that_cannot_be_made_is_told_until_it_can(
    service: StoredService, made: Made
) -> None:
    def fail() -> None:
        raise ValueError("no such thing")

    async def run() -> None:
        serving = Serving(service.settings)
        serving._has_kernels = True
        try:
            await serving.versions.refresh()
            assert serving.faults() == []
            serving.versions._heads, made.before = None, fail
            with capture_logs() as logged:
                await serving.versions.refresh()
            assert [event["event"] for event in logged] == ["model not taken up"]
            assert serving.faults() == ["the model is not taken up: ValueError: no such thing"]
            assert serving.is_ready
            made.before = lambda: None
            await serving.versions.refresh()
            assert serving.faults() == []
        finally:
            await serving.store.close()

    asyncio.run(run())


def test_a_door_that_ends_by_itself_is_a_fault() -> None:
    async def beside() -> None:
        raise OSError("the port is taken")

    async def run() -> list[str]:
        serving = Serving(NOWHERE)
        app = native_app(serving, beside)
        async with app.router.lifespan_context(app):
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            return serving.faults()

    with capture_logs() as logged:
        assert "the other door has ended by itself" in asyncio.run(run())
    [event] = [each for each in logged if each["event"] == "ended by itself"]
    assert str(event["exc_info"]) == "the port is taken"


def test_the_breaker_that_is_shown_is_that_of_states() -> None:
    serving = Serving(NOWHERE)
    for _ in range(10):
        serving.state_store._client.breaker.failed("away")
    assert b'streamer_serve_redis_breaker_state{state="open"} 1' in scraped(serving)[0]
