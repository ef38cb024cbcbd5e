"""What verdicts said of a payment's merchant and card: decayed shares of known frauds.

A share is of the payments that could have been judged by now, and not of those that were: where only
alerts are judged, nearly all verdicts say fraud, of a compromised terminal as of any other.  A
merchant's payments wait for eight days, counted by their day, and from then on they could have been
judged.  Where more were judged than that, every payment for instance or before its eighth day, the
share is of the judged ones.

A verdict is counted at the time at which it was decided, and a payment at the beginning of the day on
which it could have been judged, whenever they arrive: so the order of arrival changes nothing but
rounding.  A payment older than the latest verdict on its merchant (a replay of the past) sees the
sums as they were left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from streamer.arrays import Floats, Integers
from streamer.compiled import compiled
from streamer.durations import DAY_MS
from streamer.features.entities import EntityTable, add_sums
from streamer.features.equations import bring_forward, decay, log_odds_of_share
from streamer.features.kinds import CARD_VERDICTS, LABEL_DAYS, MERCHANT_VERDICTS
from streamer.features.records import Record, Records
from streamer.indexing import fingerprints

__all__ = [
    "MerchantVerdictTable",
    "add_verdicts",
    "count_payment",
    "read_card_share",
    "read_merchant_shares",
]

_CARD_S: Final = CARD_VERDICTS.half_lives_s
_MERCHANT_S: Final = MERCHANT_VERDICTS.half_lives_s
_N_MERCHANT: Final = len(_MERCHANT_S) // 3


class MerchantVerdictTable(EntityTable):
    """Up to ``capacity`` merchants, what verdicts said of each and how much could be judged."""

    def __init__(self, capacity: int) -> None:
        super().__init__(MERCHANT_VERDICTS, capacity)

    def _merge(self, rows: Integers, stored: Records) -> None:
        own = self.records[rows]
        add_waiting(own, stored)
        add_sums(own, stored, self.kind.half_lives_s)
        self._put(rows, own)


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
    if table.kind is MERCHANT_VERDICTS:
        let_mature(table.records, rows, times_ms)
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
def let_mature(merchants: Records, rows: Integers, times_ms: Integers) -> None:
    """Bring merchants forward, each of ``rows`` to its time."""
    for i in range(len(rows)):
        mature(merchants[rows[i]], times_ms[i])


@compiled
def mature(merchant: Record, time_ms: float) -> None:
    """Bring a merchant forward, its payments out of ``waiting`` as each one's eighth day begins.

    The payments of day d lie in the slot d mod 8, and leave it when day d + 8 begins.
    """
    if merchant.time_ms >= 0:
        last = int(merchant.time_ms // DAY_MS)
        newest = min(int(time_ms // DAY_MS), last + LABEL_DAYS)
        for day in range(last + 1, newest + 1):
            slot = day % LABEL_DAYS
            if merchant.waiting[slot] > 0:
                bring_forward(merchant, float(day * DAY_MS), _MERCHANT_S)
                for j in range(_N_MERCHANT):
                    merchant.payments[j] += merchant.waiting[slot]
                merchant.waiting[slot] = 0
    bring_forward(merchant, time_ms, _MERCHANT_S)


@compiled
def count_payment(merchant: Record, time_ms: int) -> None:
    """Let a payment wait at a merchant that is there, or later; one of long ago waits no more."""
    day = time_ms // DAY_MS
    if int(merchant.time_ms // DAY_MS) - day < LABEL_DAYS:
        merchant.waiting[day % LABEL_DAYS] += 1
        return
    behind_s = (merchant.time_ms - (day + LABEL_DAYS) * DAY_MS) / 1000
    for j in range(_N_MERCHANT):
        merchant.payments[j] += decay(behind_s, _MERCHANT_S[j])


@compiled
def add_waiting(own: Records, stored: Records) -> None:
    """Bring merchants and what is stored of them to one time (both IN/OUT); add up what waits."""
    for i in range(len(own)):
        latest_ms = max(own[i].time_ms, stored[i].time_ms)
        mature(own[i], latest_ms)
        mature(stored[i], latest_ms)
        for j in range(LABEL_DAYS):
            own[i].waiting[j] += stored[i].waiting[j]


@compiled
def read_merchant_shares(merchant: Record, n_partitions: int, told: Floats) -> None:
    """Fill ``told`` (OUT): at each half-life the log-odds of fraud, and then each ln(1 + payments).

    Verdicts are on the payments of all ``n_partitions``, of which one has its part.
    """
    for j in range(_N_MERCHANT):
        payments = max(merchant.payments[j] * n_partitions, merchant.verdicts[j])
        told[j] = log_odds_of_share(merchant.frauds[j], payments)
        told[_N_MERCHANT + j] = math.log1p(max(payments, 0.0))


@compiled
def read_card_share(cards: Records, row: int, time_ms: int, payments: float, told: Floats) -> None:
    """Fill ``told`` (OUT) as `read_merchant_shares` does; ``payments`` are the card's, decayed.

    ``row`` is -1 of a card that nobody has judged.
    """
    frauds = verdicts = 0.0
    if row >= 0:
        card = cards[row]
        left = decay(max(time_ms - card.time_ms, 0.0) / 1000, _CARD_S[0])
        frauds, verdicts = card.frauds[0] * left, card.verdicts[0] * left
    payments = max(payments, verdicts)
    told[0], told[1] = log_odds_of_share(frauds, payments), math.log1p(max(payments, 0.0))
