"""What a worker does of itself about what is watched: go back, or let it stay.

Invariant: it is decided within the step that does it, on what is counted there, so that of many workers
one does it, and once.
"""

from __future__ import annotations

from typing import NamedTuple

from streamer.model.model_config import ModelConfig
from streamer.store.client import Client, Pipe
from streamer.store.history_limits import Limits
from streamer.store.identity import Identity
from streamer.store.keys import Keys
from streamer.store.promotions import Wish, queue_canary_end, queue_replaced
from streamer.store.stored import Heads, StoredVersion
from streamer.store.versions import blob_of, decoded, queue_head, queue_watch, read_heads
from streamer.watching import Degraded, Watch

__all__ = ["Settled", "settle"]


class Settled(NamedTuple):
    """What a worker did of itself: ``degraded`` says why it went back, None where a version stays.

    ``watch`` is what was watched.
    """

    watch: Watch
    degraded: Degraded | None
    heads: Heads


async def settle(
    client: Client,
    identity: Identity,
    limits: Limits,
    config: ModelConfig,
    who: str,
    now_ms: int,
    known: Heads | None = None,
) -> Settled | None:
    """Do what is due of what is watched; return it, None where nothing was.

    A canary that degrades is ended, and made the head when its time is over; a promotion that degrades
    is gone back from, and else no longer watched.
    """
    keys = client.keys

    async def attempt(pipe: Pipe) -> Settled | None:
        await identity.verify(pipe, client)
        heads = await read_heads(pipe, keys, config, known)
        watch = heads.watch
        found = watch.due(now_ms)
        if found is None:
            return None
        if found == "over":
            if heads.canary is None:
                pipe.multi()
                queue_watch(pipe, keys, after := watch.stays())
                return Settled(watch, None, heads._replace(watch=after))
            after = await _queue_promotion(pipe, keys, limits, heads, heads.canary, who, now_ms)
            return Settled(watch, None, Heads(heads.canary, None, after))
        why = f"{found.figure}: {found.told}"
        wish = Wish(watch.replaced, "rollback", who, now_ms, why, {"automatic": "true"})
        if heads.canary is not None:
            pipe.multi()
            after = queue_canary_end(pipe, keys, limits, heads, wish)
            return Settled(watch, found, Heads(heads.head, None, after))
        blob = await blob_of(pipe, keys, watch.replaced)
        version = decoded(keys, watch.replaced, blob, config)
        entry = wish.entry(version) | {"replaced": heads.head.id}
        after = watch.gone_back(heads.head.id)
        await queue_replaced(pipe, keys, heads.head.id, now_ms)
        queue_watch(pipe, keys, after)
        queue_head(pipe, keys, version.id, entry, limits)
        return Settled(watch, found, Heads(version, None, after))

    return await client.transact([keys.identity, keys.head, keys.watch], attempt)


async def _queue_promotion(
    pipe: Pipe,
    keys: Keys,
    limits: Limits,
    heads: Heads,
    canary: StoredVersion,
    who: str,
    now_ms: int,
) -> Watch:
    """Queue what makes a canary the head of all partitions."""
    watch, head = heads.watch, heads.head
    lasted_s = (now_ms - watch.since_ms) / 1000
    why = f"a canary on {watch.n_partitions} partitions for {lasted_s:.0f} s: nothing degraded"
    entry = Wish("", "promotion", who, now_ms, why, {"automatic": "true"}).entry(canary)
    after = watch.promoted(
        asked=watch.asked,
        begun=canary.id,
        replaced=head.id,
        now_ms=now_ms,
        who=who,
        why=why,
        limits=watch.limits,
    )
    await queue_replaced(pipe, keys, head.id, now_ms)
    queue_watch(pipe, keys, after)
    queue_head(pipe, keys, canary.id, entry | {"replaced": head.id}, limits)
    return after
