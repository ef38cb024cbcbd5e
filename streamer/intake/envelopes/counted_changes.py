"""Which changes of a row are payments, and what becomes of the others."""

from __future__ import annotations

from typing import Final, NamedTuple

from streamer.intake.envelopes.change_capture import Change, ChangeKind
from streamer.intake.readings import Skipped, SkipReason

__all__ = ["Counting", "skipped_change"]

_SKIPPED: Final[dict[ChangeKind, SkipReason]] = {"update": "updated", "delete": "deleted"}


class Counting(NamedTuple):
    """Which changes of a row are payments, besides an insert: as a declaration says it."""

    updates: bool = False
    snapshots: bool = True

    def counts(self, kind: ChangeKind) -> bool:
        """Whether a row that changed so is a payment."""
        return (
            kind == "row"
            or (kind == "snapshot" and self.snapshots)
            or (kind == "update" and self.updates)
        )


def skipped_change(change: Change, at: str) -> Skipped:
    """Return the reading of a change of the row at ``at`` that is no payment."""
    return Skipped(_SKIPPED.get(change.kind, "not_a_payment"), at + change.told_at)
