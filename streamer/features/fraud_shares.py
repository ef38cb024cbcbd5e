"""What verdicts said of a payment's merchant and card: decayed shares of fraud.

A verdict is counted at the time at which it was decided, whenever it arrives, so the order of
arrival changes nothing.  A payment older than the latest verdict on its merchant (a replay of the
past) sees the sums as they were left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from streamer.arrays import Floats, Integers
from streamer.compiled import compiled
from streamer.features.entities import EntityTable
from streamer.features.equations import bring_forward, decay, log_odds_of_share
from streamer.features.records import Records
from streamer.indexing import fingerprints

__all__ = ["add_verdicts", "read_verdicts"]


def add_verdicts(
    table: EntityTable, keys: Sequence[str], times_ms: Integers, frauds: Floats, counts: Floats
) -> None:
    """Count verdicts on the entities ``keys`` (IN/OUT ``table``).

    ``frauds`` and ``counts`` (n,): 1 or 0 and 1 for a verdict that begins to stand, the same negated
    for one that no longer does.  What is stored of an entity without a row is still to be merged.
    """
    if not keys:
        return
    prints = fingerprints(keys)
    table.mark_unloaded(table.unknown(prints))
    rows = table.rows(prints, to_change=True)
    count_verdicts(table.records, rows, times_ms, frauds, counts, table.kind.half_lives_s)


@compiled
def count_verdicts(
    entities: Records,
    rows: Integers,
    times_ms: Integers,
    frauds: Floats,
    counts: Floats,
    half_lives_s: Floats,
) -> None:
    """Add each verdict to its entity, faded by as much as it is older than the entity's latest."""
    for i in range(len(rows)):
        entity = entities[rows[i]]
        bring_forward(entity, times_ms[i], half_lives_s)
        behind_s = (entity.time_ms - times_ms[i]) / 1000
        for j in range(len(entity.frauds)):
            left = decay(behind_s, half_lives_s[j])
            entity.frauds[j] += frauds[i] * left
            entity.verdicts[j] += counts[i] * left


@compiled
def read_verdicts(
    entities: Records, row: int, time_ms: int, half_lives_s: Floats, told: Floats
) -> None:
    """Fill ``told`` (OUT): at each half-life the log-odds of fraud, and then each ln(1 + verdicts).

    Those of an entity that nobody has judged where ``row`` is -1.
    """
    n = len(told) // 2
    for j in range(n):
        frauds = verdicts = 0.0
        if row >= 0:
            entity = entities[row]
            left = decay(max(time_ms - entity.time_ms, 0.0) / 1000, half_lives_s[j])
            frauds, verdicts = entity.frauds[j] * left, entity.verdicts[j] * left
        told[j] = log_odds_of_share(frauds, verdicts)
        told[n + j] = math.log1p(max(verdicts, 0.0))
