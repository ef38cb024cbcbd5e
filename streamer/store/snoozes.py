"""Cards and merchants that somebody has put off for a while; the stream knows nothing of it.

Invariants:
* A snooze ends by itself, within `LONGEST_MS`, and each card or merchant has at most one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from streamer.durations import DAY_MS
from streamer.store.client import Client, Pipe, asked
from streamer.store.open_alerts import QueueRow

__all__ = ["LONGEST_MS", "REASONS", "Snooze", "SnoozeKind", "Snoozes", "awake_first", "snooze_of"]

SnoozeKind = Literal["card", "merchant"]

LONGEST_MS: Final = 180 * DAY_MS
"""How long one may last."""

REASONS: Final = (
    "the customer travels",
    "the customer confirmed it",
    "the merchant is known",
    "under investigation elsewhere",
    "other, see comment",
)
"""Why somebody may put one off."""

_MOST: Final = 2_000


class Snooze(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One of them: ``what`` is put off until ``until_ms``, from the alert ``alert_id``."""

    kind: SnoozeKind
    what: str
    reason: str
    comment: str
    by: str
    at_ms: int
    until_ms: int
    alert_id: str

    @property
    def name(self) -> str:
        """What it is kept under."""
        return f"{self.kind}:{self.what}"


def snooze_of(
    card_id: str,
    merchant_id: str | None,
    snoozes: Mapping[str, Snooze],
    other_card_ids: Sequence[str] = (),
) -> Snooze | None:
    """Return the snooze of a card, else of a merchant, None where neither has one.

    A card may have been put off under one of ``other_card_ids``.
    """
    for name in (card_id, *other_card_ids):
        if (found := snoozes.get(f"card:{name}")) is not None:
            return found
    return snoozes.get(f"merchant:{merchant_id}")


def awake_first(rows: Iterable[QueueRow], snoozes: Mapping[str, Snooze]) -> list[QueueRow]:
    """Return the rows in their order, those that are put off after all others."""

    def is_put_off(row: QueueRow) -> bool:
        found = snooze_of(row.card_id, row.merchant_id, snoozes, row.other_card_ids)
        return found is not None

    return sorted(rows, key=is_put_off)


@dataclass(frozen=True, slots=True)
class Snoozes:
    """Each method raises `UnavailableError` where Redis is away."""

    client: Client

    async def now(self, now_ms: int) -> dict[str, Snooze]:
        """Return those that have not ended, by name."""
        [stored] = await self.client.pipelined([("HVALS", self._key)], atomic=False)
        found = [msgspec.json.decode(each, type=Snooze) for each in stored]
        return {each.name: each for each in found if each.until_ms > now_ms}

    async def put(self, snooze: Snooze) -> bool:
        """Keep a snooze in place of what the card or merchant had; False where there are too many."""

        async def attempt(pipe: Pipe) -> bool:
            stored = await asked(pipe, "HVALS", self._key)
            kept = [msgspec.json.decode(each, type=Snooze) for each in stored]
            ended = [each.name for each in kept if each.until_ms <= snooze.at_ms]
            is_new = all(each.name != snooze.name for each in kept)
            if is_new and len(kept) - len(ended) >= _MOST:
                return False
            pipe.multi()
            if ended:
                pipe.execute_command("HDEL", self._key, *ended)
            pipe.execute_command("HSET", self._key, snooze.name, msgspec.json.encode(snooze))
            return True

        return await self.client.transact([self._key], attempt)

    async def let_go(self, now_ms: int) -> None:
        """Let go of those that have ended."""

        async def attempt(pipe: Pipe) -> None:
            stored = await asked(pipe, "HVALS", self._key)
            kept = [msgspec.json.decode(each, type=Snooze) for each in stored]
            ended = [each.name for each in kept if each.until_ms <= now_ms]
            pipe.multi()
            if ended:
                pipe.execute_command("HDEL", self._key, *ended)

        await self.client.transact([self._key], attempt)

    async def end(self, name: str) -> bool:
        """End one now; False where there is none of that name."""
        [n] = await self.client.pipelined([("HDEL", self._key, name)], atomic=False)
        return bool(n)

    @property
    def _key(self) -> str:
        return self.client.keys.review("snoozes")
