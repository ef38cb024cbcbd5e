"""When the reference that drift is measured against is frozen.

Features remember up to 60 days, so their distributions move for months after a start even if the
traffic does not: held against its eighth day, simulated traffic without any drift had a pace ratio with
a PSI of 4.5.  How many transactions 60 days are differs from bank to bank.  The reference is therefore
provisional at first and frozen anew each time there have been half as many again.  It has settled
when one such step, longer than what the histograms remember, has moved no feature by much; from then
on only a promotion freezes another.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from streamer.model.drift import stability_index
from streamer.model.model_config import ModelConfig
from streamer.model.sums import SETTLED, Sums

__all__ = ["follow_reference", "refrozen"]

# Over 1.5 half-lives two thirds of what the histograms hold have been replaced.
_SETTLING_HALF_LIVES: Final = 1.5
_GROWTH: Final = 1.5
# The slowest feature fills as 1 - 0.5^(t / 30 days): after a step with this PSI what is still to come
# has less than half of it, which is below what counts as drift.
_SETTLING_PSI: Final = 0.3


def follow_reference(sums: Sums, config: ModelConfig) -> Sums:
    """Return ``sums`` with their reference frozen anew if that is due; the same object if not."""
    seen = sums.transactions_seen
    if sums.is_reference_settled or seen < sums.reference_due:
        return sums
    if not sums.reference_at:
        # Not `seen`: a model from before there were histograms starts like a young one.
        step = int(sums.feature_histograms[0].sum() * (_GROWTH - 1))
        return _frozen(sums, due=seen + step) if step else sums
    step = seen - sums.reference_at
    moved = stability_index(sums.reference_histograms, sums.feature_histograms).max()
    is_long = step >= _SETTLING_HALF_LIVES * config.half_life
    if is_long and moved < _SETTLING_PSI:
        return _frozen(sums, due=SETTLED)
    return _frozen(sums, due=seen + int(_GROWTH * step))


def refrozen(sums: Sums) -> Sums:
    """Return ``sums`` as they are promoted: drift is measured against them from here on.

    A reference that has not settled stays provisional, for as long a step as before.
    """
    if not sums.reference_at:
        return sums
    step = sums.reference_due - sums.reference_at
    due = SETTLED if sums.is_reference_settled else sums.transactions_seen + step
    return _frozen(sums, due)


def _frozen(sums: Sums, due: int) -> Sums:
    return replace(
        sums,
        reference_histograms=sums.feature_histograms.copy(),
        reference_at=sums.transactions_seen,
        reference_due=due,
    )
