"""What nobody can teach the model: bounds on a card's lessons and on how far a center may walk.

Who knows the model can place payments just below the alert threshold, in the direction of a fraud to
come, and wait until a center has come along.  What is alerted teaches nothing, but that alone bounds
nothing: every payment pulls the center, and with it the threshold's reach, a little further.

* A card teaches at most about so many payments a day (`may_teach`).
* A center stays within a leash, so many deviations, of its *anchor*, and its variances within a factor
  of the anchor's (`bounded_step`).  An anchor follows its center at a half-life several times the
  centers' own.
* What most clusters do is the traffic's own change, and no attacker's who holds a few of them: leashes
  are measured from the median over clusters of the offsets from the anchors, feature by feature.

With R the leash and A the anchors' half-lives, a center pulled for h half-lives of traffic ends at most
R(1 + h ln 2 / A) from where its anchor was.  A young model's anchors are faster.

A limit on each merge's step was rejected: merges come every two seconds or every 20,000 payments, and
in small ones the payments' own noise is larger than any step that would be safe.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import numpy as np

from streamer.arrays import Flags, Floats
from streamer.compiled import compiled
from streamer.model.model_config import ModelConfig
from streamer.model.sums import Sums

__all__ = ["bounded_step", "may_teach"]


# The median of two is their mean, which either of them can move.
_FEWEST_CLUSTERS: Final = 3


@compiled
def may_teach(draws: Floats, card_day_sums: Floats, daily_lessons: float) -> Flags:
    """Return which payments may teach: each with probability min(1, daily_lessons / (s + 1)).

    ``card_day_sums`` (n,) is s, the decayed number of the card's payments of a day before this one.
    ``draws`` (n,) are hashes of the records' offsets (`uniform_hash`): a batch that is processed again
    after a crash, or cut elsewhere, teaches the same.
    """
    found = np.empty(len(draws), np.bool_)
    for i in range(len(draws)):
        found[i] = draws[i] * (card_day_sums[i] + 1.0) < daily_lessons
    return found


def bounded_step(head: Sums, delta: Sums, config: ModelConfig) -> Sums:
    """Return ``delta`` as it may be merged into ``head``, which has decayed already.

    Where a cluster's center or variance would be beyond its leash, the delta's sums become those that
    bring it there.  A feature is free, and has no anchor yet (a variance of 0), until enough of a
    cluster's payments have had it.
    """
    n_new, known = delta.cluster_known, head.cluster_known + delta.cluster_known
    anchors, anchor_variances = head.anchor_centers, head.anchor_variances
    after, _ = _moments(known, head.cluster_sums + delta.cluster_sums, known)
    is_held = anchor_variances > 0
    is_moved = is_held & (n_new > 0)
    spread = np.sqrt(np.where(is_held, anchor_variances, 1.0))
    offsets = np.where(is_held, (after - anchors) / spread, 0.0)
    offsets = _on_leash(offsets, _common(offsets, is_held), is_moved, config.center_leash)
    targets = np.where(is_moved, anchors + offsets * spread, after)
    totals_sq = head.cluster_sums_sq + delta.cluster_sums_sq
    _, widths = _moments(known, head.cluster_sums + delta.cluster_sums, totals_sq)
    allowed = _within_factor(widths, anchor_variances, is_moved, config.variance_leash)
    sums = np.where(is_moved, targets * known - head.cluster_sums, delta.cluster_sums)
    sums_sq = np.where(
        is_moved, (allowed + targets**2) * known - head.cluster_sums_sq, delta.cluster_sums_sq
    )
    enough = known >= config.variance_prior_weight
    pace = np.where(is_held, _anchor_pace(head.transactions_seen, delta, config), enough)
    floored = np.maximum(allowed, _floors(head, config))
    return replace(
        delta,
        cluster_sums=sums,
        cluster_sums_sq=sums_sq,
        feature_sums=delta.feature_sums + (sums - delta.cluster_sums).sum(axis=0),
        feature_sums_sq=delta.feature_sums_sq + (sums_sq - delta.cluster_sums_sq).sum(axis=0),
        anchor_centers=pace * (targets - anchors),
        anchor_variances=pace * (floored - anchor_variances),
    )


def _anchor_pace(n_seen: int, delta: Sums, config: ModelConfig) -> float:
    """Return by which part of the way to its center an anchor follows.

    The first centers come from payments of cards that are new to the model, and settle over weeks.
    Held to them, a model's average precision fell to a fifth (docs/decisions/0011); the anchors'
    memory therefore grows with the square of what was seen, up to its full length.
    """
    grown = min(config.half_life, n_seen**2 / config.half_life)
    if grown <= 0:
        return 1.0
    return float(1.0 - 0.5 ** (delta.transactions_seen / (config.anchor_half_lives * grown)))


def _floors(head: Sums, config: ModelConfig) -> Floats:
    _, deviations = head.scale(config)
    floors = config.variance_floor_share * deviations**2, np.array(config.spread_floors) ** 2
    return np.asarray(np.maximum(*floors))


def _moments(known: Floats, sums: Floats, sums_sq: Floats) -> tuple[Floats, Floats]:
    """Return means and variances; 0 and 0 where nothing is known."""
    safe = np.where(known > 0, known, 1.0)
    means = np.where(known > 0, sums / safe, 0.0)
    return means, np.where(known > 0, np.maximum(sums_sq / safe - means**2, 0.0), 0.0)


def _common(values: Floats, mask: Flags) -> Floats:
    """Return per feature the median over the clusters in ``mask``; 0 for fewer than three."""
    ordered = np.sort(np.where(mask, values, np.inf), axis=0)
    n = mask.sum(axis=0)
    columns = np.arange(values.shape[1])
    lower, upper = (
        ordered[np.maximum(n - 1, 0) // 2, columns],
        ordered[n // 2 % len(values), columns],
    )
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(n >= _FEWEST_CLUSTERS, (lower + upper) / 2, 0.0))


def _on_leash(offsets: Floats, common: Floats, moved: Flags, leash: float) -> Floats:
    """Return scaled ``offsets`` from the anchors drawn in to a norm of ``leash`` around ``common``.

    Features that are not ``moved`` stay as they are.
    """
    if math.isinf(leash):
        return offsets
    own_sq = (offsets - common) ** 2
    unmoved_sq = np.where(moved, 0.0, own_sq).sum(axis=1)
    moved_sq = np.maximum(np.where(moved, own_sq, 0.0).sum(axis=1), 1e-300)
    ratio = np.sqrt(np.clip((leash**2 - unmoved_sq) / moved_sq, 0.0, 1.0))
    return np.where(moved, common + (offsets - common) * ratio[:, None], offsets)


def _within_factor(widths: Floats, anchor_variances: Floats, moved: Flags, leash: float) -> Floats:
    """Return the variances kept within a factor of e^leash of the anchors', the common one apart."""
    if math.isinf(leash):
        return widths
    tiny = 1e-12
    base = np.maximum(anchor_variances, tiny)
    logs = np.log(np.maximum(widths, tiny) / base)
    common = _common(logs, anchor_variances > 0)
    kept = base * np.exp(np.clip(logs, common - leash, common + leash))
    return np.where(moved & (np.abs(logs - common) > leash), kept, widths)
