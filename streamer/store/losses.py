"""A loss as an entry of the lineage, the same whoever declares it."""

from __future__ import annotations

from collections.abc import Iterator

from streamer.contract.ledger import Loss
from streamer.store.stored import Checkpoint, rfc3339

__all__ = ["loss_entries", "loss_entry"]


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


def loss_entries(checkpoint: Checkpoint, version: str) -> Iterator[dict[str, str | int]]:
    """Return the entries of a checkpoint; ``version`` is the head that it was merged into."""
    epoch, who, now_ms = checkpoint.log.epoch, checkpoint.owner, checkpoint.now_ms
    for loss in checkpoint.losses:
        yield loss_entry(loss, checkpoint.name, epoch, who, now_ms, version)
