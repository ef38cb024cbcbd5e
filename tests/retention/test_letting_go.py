"""What the console keeps beyond a key's own time goes by its age, and only then."""

from __future__ import annotations

import asyncio
from typing import Any

from streamer.console.service.letting_go import LettingGo
from streamer.errors import UnavailableError
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


def test_it_goes_on_looking_where_redis_was_away() -> None:
    class Away(LettingGo):
        n = 0

        async def look(self) -> None:
            self.n += 1
            raise UnavailableError("away" if self.n == 1 else "away again")

    async def work() -> None:
        made = Away(None, 1.0, lambda: 0)  # type: ignore[arg-type]
        running = asyncio.create_task(made.run())
        await asyncio.sleep(0)
        assert made.n == 1
        assert not running.done()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(work())
