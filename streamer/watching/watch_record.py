"""What is watched, since when and for how long, and what becomes of it: one record of a namespace.

Invariants:
* At most one version is watched at a time: a canary, or what was promoted last.
* Whatever changes which version a partition scores with changes ``id``, so that nothing which was
  counted of one version is added to another's.
* After a rollback nothing is watched, so that no rollback follows another by itself.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from streamer.watching.watch_counts import Counts
from streamer.watching.watch_judge import Degraded, judge_watch
from streamer.watching.watch_limits import WatchLimits

__all__ = ["Watch"]

# So many versions that were left are remembered.
_MOST_LEFT: Final = 30


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """The record; ``facts`` are of what is watched, or of the head where nothing is.

    ``asked`` is the version that somebody named, ``begun`` the first of its branch, ``canary`` the
    branch's head by now where it is a canary on the ``n_partitions`` lowest partitions.  ``replaced``
    is where a promotion's rollback goes.  ``before`` is of what was replaced, or of the partitions
    without the canary.  ``left`` are versions that were gone back from.
    """

    id: int = 0
    kind: Literal["none", "canary", "promotion"] = "none"
    asked: str = ""
    begun: str = ""
    canary: str = ""
    n_partitions: int = 0
    replaced: str = ""
    since_ms: int = 0
    until_ms: int = 0
    who: str = ""
    why: str = ""
    limits: WatchLimits = WatchLimits()
    facts: Counts = Counts()
    before: Counts = Counts()
    left: tuple[str, ...] = ()

    @property
    def is_canary(self) -> bool:
        return self.kind == "canary"

    def scores(self, partition: int) -> bool:
        """Whether a canary scores the partition."""
        return self.is_canary and partition < self.n_partitions

    def left_s(self, now_ms: int) -> float:
        """For how long it is still watched, in seconds; 0 where nothing is."""
        return 0.0 if self.kind == "none" else max(self.until_ms - now_ms, 0) / 1000

    def counted(self, facts: Counts, *, beside: bool) -> Watch:
        """Return it with more facts, ``beside`` the canary or of what is watched."""
        if beside:
            return msgspec.structs.replace(self, before=self.before + facts)
        facts = self.facts + facts
        return msgspec.structs.replace(self, facts=facts.faded() if self.kind == "none" else facts)

    def due(self, now_ms: int) -> Degraded | Literal["over"] | None:
        """Return what is to be done of it: go back, or let it stay; None while neither."""
        if self.kind == "none":
            return None
        if found := judge_watch(self.facts, self.before, self.limits):
            return found
        # A canary that nobody has met has shown nothing.
        is_met = self.facts.payments >= self.limits.min_payments
        return "over" if now_ms >= self.until_ms and (is_met or not self.is_canary) else None

    def canary_begun(self, *, asked: str, begun: str, n_partitions: int, now_ms: int, for_ms: int,
                     who: str, why: str, limits: WatchLimits) -> Watch:  # fmt: skip
        """Return the record of a canary; both sides are counted from here on."""
        return Watch(
            id=self.id + 1,
            kind="canary",
            asked=asked,
            begun=begun,
            canary=begun,
            n_partitions=n_partitions,
            since_ms=now_ms,
            until_ms=now_ms + for_ms,
            who=who,
            why=why,
            limits=limits,
            left=self.left,
        )

    def promoted(self, *, asked: str, begun: str, replaced: str, now_ms: int, who: str,
                 why: str, limits: WatchLimits) -> Watch:  # fmt: skip
        """Return the record of a promotion; before it was whatever the rest scored with."""
        return Watch(
            id=self.id + 1,
            kind="promotion",
            asked=asked,
            begun=begun,
            replaced=replaced,
            since_ms=now_ms,
            until_ms=now_ms + round(limits.minutes * 60_000),
            who=who,
            why=why,
            limits=limits,
            before=self.before if self.is_canary else self.facts,
            left=tuple(each for each in self.left if each not in (asked, begun)),
        )

    def gone_back(self, head: str) -> Watch:
        """Return the record once the version was left; ``head`` is what its branch had come to."""
        left = tuple(each for each in (self.asked, self.begun, head) if each)
        facts = self.before if self.asked else self.facts
        return Watch(id=self.id + 1, facts=facts, left=(*self.left, *left)[-_MOST_LEFT:])

    def stays(self) -> Watch:
        """Return the record once the time of a promotion is over."""
        return msgspec.structs.replace(self, kind="none")
