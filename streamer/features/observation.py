"""The features' definition: a loop over the payments of a batch, in order of arrival.

For each payment the sums of its card and its merchant are brought forward to its time,
read, and added to.  So what is read was there *before* it, and a payment is never compared with itself.
Where batches begin and end changes no bit.

A verification of a card (amount 0) is an event like any other of its card and its merchant, in place
and in pace; it leaves what is known of amounts as it is.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from streamer.arrays import Floats, Integers
from streamer.compiled import compiled
from streamer.durations import DAY_S, HOUR_S
from streamer.features import equations as eq
from streamer.features.fraud_shares import (
    count_payment,
    mature,
    read_card_share,
    read_merchant_shares,
)
from streamer.features.kinds import CARDS, MERCHANTS
from streamer.features.places import CATEGORY, COUNTRY, MERCHANT, forget, salt_of, visit
from streamer.features.records import Record, Records

__all__ = ["compare_amount", "observe"]


# As arrays of the module they are constants of the compiled loop.
_CARD_S: Final = CARDS.half_lives_s
_MERCHANT_S: Final = MERCHANTS.half_lives_s


@compiled
def observe(
    payments: Records,
    times_ms: Integers,
    card_prints: Integers,
    merchant_prints: Integers,
    rows: Records,
    cards: Records,
    merchants: Records,
    card_verdicts: Records,
    merchant_verdicts: Records,
    n_partitions: int,
    X: Records,
    V: Records,
    card_payments_1d: Floats,
    spending_before: Records,
    merchants_before: Records,
) -> int:
    """Describe each payment and add it to its entities (IN/OUT), whose ``rows`` those are.

    OUT are the last five, (n,) like payments and times; ``X`` and ``V`` are NaN before.  Return how
    many payments were older than what their card had done.
    """
    n_late = 0
    for i in range(len(payments)):
        payment, time_ms, row, x, v = payments[i], times_ms[i], rows[i], X[i], V[i]
        card, habit, salt = cards[row.cards], cards[row.habits], salt_of(card_prints[i])
        n_late += time_ms < card.time_ms
        forget(card, time_ms, salt)
        gap_s = eq.bring_forward(card, time_ms, _CARD_S)
        card_payments_1d[i] = card.payments_1d
        _pace_and_hour(payment, gap_s, card, x)
        _travel(payment, time_ms, card, x)

        if row.habits != row.cards:
            eq.bring_forward(habit, time_ms, _CARD_S)
        spending_before[i] = habit
        x.card_high_series = math.log1p(habit.high_series)
        x.card_small_series = math.log1p(habit.small_series)

        shop, merchants_before[i].payments = -1.0, math.nan
        if row.merchants >= 0:
            merchant, shop = merchants[row.merchants], float(salt_of(merchant_prints[i]))
            eq.bring_forward(merchant, time_ms, _MERCHANT_S)
            merchants_before[i] = merchant
            _at_merchant(merchant, x, v)
            judged = merchant_verdicts[row.merchant_verdicts]
            mature(judged, time_ms)
            read_merchant_shares(judged, n_partitions, v.merchant_verdicts)
            count_payment(judged, time_ms)
        judged_row, n_before = row.card_verdicts, card.payments_30d - 1
        read_card_share(card_verdicts, judged_row, time_ms, n_before, v.card_verdicts)
        _places(payment, shop, card, salt, x, v)

        compare_amount(payment.amount, habit, merchants_before[i], x)
        _spend(payment.amount, x.amount_deviation_from_card, habit)
        if row.merchants >= 0:
            _take(payment.amount, x.amount_deviation_from_card, merchants[row.merchants])
    return n_late


@compiled
def _pace_and_hour(payment: Record, gap_s: float, card: Record, x: Record) -> None:
    """The card's payments per hour, day and week, the gap, and the hour of the day."""
    angle = eq.angle_of(payment.local_hour)
    x.card_payments_1h = math.log1p(card.payments_1h + 1)
    x.card_payments_1d = math.log1p(card.payments_1d + 1)
    x.card_pace_ratio = eq.pace(card.payments_1d, card.payments_7d, 7.0)
    x.card_gap = math.log1p(gap_s)
    x.card_hour_familiarity = eq.hour_familiarity(
        angle, card.payments_30d, card.hours_x, card.hours_y
    )
    card.payments_1h += 1
    card.payments_1d += 1
    card.payments_7d += 1
    card.payments_30d += 1
    card.hours_x += math.cos(angle)
    card.hours_y += math.sin(angle)


@compiled
def _travel(payment: Record, time_ms: int, card: Record, x: Record) -> None:
    """How far and how fast the card came from where it was last present, if it is present."""
    if math.isnan(payment.latitude):
        return
    latitude, longitude = eq.in_units(payment.latitude), eq.in_units(payment.longitude)
    if card.present_ms != 0:
        distance_km = eq.great_circle_km(
            eq.in_degrees(latitude),
            eq.in_degrees(longitude),
            eq.in_degrees(card.latitude),
            eq.in_degrees(card.longitude),
        )
        speed_kmh = eq.speed_kmh(distance_km, (time_ms - card.present_ms) / 1000)
        x.travel_distance, x.travel_speed = math.log1p(distance_km), math.log1p(speed_kmh)
    card.latitude, card.longitude, card.present_ms = latitude, longitude, time_ms


@compiled
def _places(
    payment: Record, shop: float, card: Record, salt: np.uint64, x: Record, v: Record
) -> None:
    """How familiar merchant, country and category are to the card."""
    v.card_merchant_familiarity = visit(card, MERCHANT, salt, shop)
    x.card_country_familiarity = visit(card, COUNTRY, salt, payment.country)
    x.card_category_familiarity = visit(card, CATEGORY, salt, payment.category)


@compiled
def _at_merchant(merchant: Record, x: Record, v: Record) -> None:
    """The merchant's pace, and its series of payments beyond their cards' habits."""
    x.merchant_pace_ratio = eq.pace(merchant.payments_1h, merchant.payments_1d, DAY_S / HOUR_S)
    v.merchant_high_series = math.log1p(merchant.high_series)


@compiled
def compare_amount(amount: float, habit: Record, merchant: Record, x: Record) -> None:
    """The features of the amount: against the habit of the card, and what is usual at the merchant.

    All that change with it are these, so that a payment can be asked at other amounts.
    """
    log = eq.log_amount(amount)
    x.amount = log
    x.amount_ratio_to_card, x.amount_deviation_from_card = eq.from_habit(
        log, habit.payments, habit.logs, habit.logs_sq
    )
    x.spend_today_ratio = eq.spend_today(
        amount, habit.payments, habit.logs, habit.spent_1d, habit.spent_30d
    )
    _, x.amount_deviation_from_merchant = eq.from_habit(
        log, merchant.payments, merchant.logs, merchant.logs_sq
    )


@compiled
def _spend(amount: float, deviation: float, habit: Record) -> None:
    """Add a payment to its card's spending; ``deviation`` is from the card's habit."""
    _add_amount(amount, habit)
    habit.spent_1d += amount
    habit.spent_30d += amount
    habit.high_series += eq.surprise(deviation)
    habit.small_series += eq.surprise(-deviation)


@compiled
def _take(amount: float, deviation: float, merchant: Record) -> None:
    """Add a payment to its merchant's."""
    _add_amount(amount, merchant)
    merchant.payments_1h += 1
    merchant.payments_1d += 1
    merchant.high_series += eq.surprise(deviation)


@compiled
def _add_amount(amount: float, habit: Record) -> None:
    """Add an amount to a habit: Σ1, Σ ln amount, Σ (ln amount)².  0 is none."""
    if amount > 0:
        log = eq.log_amount(amount)
        habit.payments += 1
        habit.logs += log
        habit.logs_sq += log * log
