"""A loss as an entry of the lineage, the same whoever declares it."""

from __future__ import annotations

from streamer.contract.ledger import Loss
from streamer.store.stored import rfc3339

__all__ = ["loss_entry"]


def loss_entry(
    loss: Loss, partition: str, epoch: int, who: str, now_ms: int, version: str
) -> dict[str, str | int]:
    """Return the entry; ``partition`` is topic/number, ``version`` the head at that time.

    ``epoch`` is the one that the offsets belong to: a log that was made anew has them again.
    """
    return {
        "version": version,
        "reason": "loss",
        "cause": loss.cause,
        "who": who,
        "at": rfc3339(now_ms),
        "partition": partition,
        "epoch": epoch,
        "first_offset": loss.first_offset,
        "next_offset": loss.next_offset,
    }
