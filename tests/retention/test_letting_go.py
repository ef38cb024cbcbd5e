"""What the console keeps beyond a key's own time goes by its age, and only then."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from streamer.cancelling import cancel_and_wait
from streamer.console.service.letting_go import LettingGo
from streamer.errors import InvariantError, UnavailableError
from streamer.settings import Settings
from streamer.starting.wiring import open_review_store
from streamer.store.snoozes import Snooze

DAY_MS = 86_400_000
NOW_MS = 500 * DAY_MS


def test_who_judged_what_goes_after_its_time_and_what_was_put_off_when_it_has_ended(
    redis_url: str, redis_namespace: str
) -> None:
    """400 days before day 500 is day 100: what was judged at its first moment stays."""
    settings = Settings(redis_url=redis_url, namespace=redis_namespace)  # type: ignore[arg-type]

    async def work() -> None:
        store = open_review_store(settings)
        client, keys = store.client, store.client.keys
        judged, pairs = keys.review("judged"), keys.review("pairs")
        commands: list[tuple[Any, ...]] = [
            ("XADD", name, f"{ms}-0", "entry", "x")
            for name in (judged, pairs)
            for ms in (1, 100 * DAY_MS - 1, 100 * DAY_MS, NOW_MS)
        ]
        await client.pipelined(commands, atomic=False)
        told: dict[str, Any] = {"reason": "r", "comment": "", "by": "lea", "alert_id": "a"}
        for card, until_ms in (("card-1", NOW_MS), ("card-2", NOW_MS + 1)):
            made = Snooze(kind="card", what=card, at_ms=1, until_ms=until_ms, **told)
            assert await store.snoozes.put(made)
        await LettingGo(store, settings.console_team_retention_s, lambda: NOW_MS).look()
        for name in (judged, pairs):
            [left] = await client.pipelined([("XRANGE", name, "-", "+")], atomic=False)
            assert [entry_id.decode() for entry_id, _ in left] == [
                f"{100 * DAY_MS}-0",
                f"{NOW_MS}-0",
            ]
        assert list(await store.snoozes.now(0)) == ["card:card-2"]
        await store.close()

    asyncio.run(work())


def test_it_goes_on_looking_where_redis_was_away_or_a_row_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("_SOON_S", "_EVERY_S"):
        monkeypatch.setattr(f"streamer.console.service.letting_go.{name}", 0.001)
    faults = UnavailableError("away"), InvariantError("must be ours"), None

    async def work() -> None:
        looked = asyncio.Event()
        left = iter(faults)

        class Failing(LettingGo):
            async def look(self) -> None:
                fault = next(left, None)
                if fault is not None:
                    raise fault
                looked.set()

        running = asyncio.create_task(Failing(None, 1.0, lambda: 0).run())  # type: ignore[arg-type]
        waiting = asyncio.create_task(looked.wait())
        await asyncio.wait({running, waiting}, timeout=30.0, return_when=asyncio.FIRST_COMPLETED)
        assert looked.is_set()
        await cancel_and_wait([running, waiting])

    with capture_logs() as logs:
        asyncio.run(work())
    told = [each["error"] for each in logs if each["event"] == "nothing let go of"]
    assert told == ["must be ours"]
