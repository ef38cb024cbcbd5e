"""What retrainings came to, in the history of the head, which they do not change."""

from __future__ import annotations

from collections.abc import Mapping

from streamer.store.client import Client, Pipe
from streamer.store.history_limits import Limits
from streamer.store.stored import rfc3339
from streamer.store.versions import queue_entry

__all__ = ["note_retraining"]


async def note_retraining(
    client: Client, limits: Limits, version_id: str, said: Mapping[str, str | int], now_ms: int
) -> None:
    """Note in the lineage what a retraining came to, whether or not its version was stored."""
    entry = {"version": version_id, "reason": "retrain", **said, "at": rfc3339(now_ms)}

    async def attempt(pipe: Pipe) -> None:
        pipe.multi()
        queue_entry(pipe, client.keys, entry, limits)

    await client.transact([client.keys.head], attempt)
