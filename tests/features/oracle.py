"""The features by their definition: every sum is added up anew over all that went before.

No loop, no state, no record and no constant is the product's.  Half-lives stand here a second time.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from streamer.contract.messages import Transaction
from streamer.indexing import fingerprints
from tests.features.streams import Judged, decoded

__all__ = ["features_of"]

HOUR, DAY = 3_600.0, 86_400.0
SLOTS = {"merchant": 24, "country": 14, "category": 14}
DAY_MS = 86_400_000
PERIOD_MS = 60 * DAY_MS
WORD = 2**64


class Past:
    """Everything that happened, by entity and by what it counts for."""

    def __init__(self) -> None:
        self.values: dict[Any, list[tuple[int, float]]] = defaultdict(list)
        self.latest_ms: dict[Any, int] = {}
        self.currencies: dict[str, str] = {}
        self.visits: dict[str, Counter[Any]] = defaultdict(Counter)
        self.periods: dict[str, int] = {}

    def reach(self, entity: Any, time_ms: int) -> int:
        """Return the time at which an event of ``entity`` counts: never before an earlier one's."""
        self.latest_ms[entity] = max(time_ms, self.latest_ms.get(entity, time_ms))
        return self.latest_ms[entity]

    def add(self, time_ms: int, name: Any, value: float = 1.0) -> None:
        self.values[name].append((time_ms, value))

    def sum(self, time_ms: int, name: Any, half_life_s: float, until: float = math.inf) -> float:
        return math.fsum(
            value * 0.5 ** ((time_ms - at) / 1000 / half_life_s)
            for at, value in self.values[name]
            if at <= until
        )


def features_of(
    payments: Sequence[dict[str, Any]], verdicts: Sequence[Judged] = ()
) -> list[dict[str, float]]:
    """Return the known features of each payment by name."""
    transactions, times_ms = decoded(payments)
    past, rows = Past(), []
    for i, (transaction, time_ms) in enumerate(zip(transactions, times_ms, strict=True)):
        for verdict in verdicts:
            if verdict.before == i:
                at = times_ms[verdict.number] + round(verdict.decided_after_s * 1000)
                judged = transactions[verdict.number]
                for entity in (("card", judged.card_id), ("merchant", judged.merchant_id)):
                    past.reach(("verdicts", *entity), at)
                    past.add(at, ("verdicts", *entity))
                    past.add(at, ("frauds", *entity), float(verdict.is_fraud))
        row: dict[str, float] = {}
        card(past, transaction, time_ms, row)
        places(past, transaction, row)
        amounts(past, transaction, time_ms, row)
        shares(past, time_ms, "card", transaction.card_id, (30,), row)
        if transaction.merchant_id is not None:
            shares(past, time_ms, "merchant", transaction.merchant_id, (1, 3, 7), row)
            past.reach(("verdicts", "merchant", transaction.merchant_id), time_ms)
            # Judged by the beginning of the eighth day after its own, if ever.
            day = time_ms // DAY_MS
            past.add((day + 8) * DAY_MS, ("judgeable", "merchant", transaction.merchant_id))
        rows.append({name: x for name, x in row.items() if not math.isnan(x)})
    return rows


def card(past: Past, t: Transaction, time_ms: int, row: dict[str, float]) -> None:
    """Pace, gap, hours and travel of the card."""
    own = ("card", t.card_id)
    before_ms = past.latest_ms.get(own)
    at = past.reach(own, time_ms)
    if before_ms is not None:
        row["card_gap"] = math.log1p((at - before_ms) / 1000)
    hour, day, week, month = (past.sum(at, own, h) for h in (HOUR, DAY, 7 * DAY, 30 * DAY))
    row["card_payments_1h"], row["card_payments_1d"] = math.log1p(hour + 1), math.log1p(day + 1)
    if week > 0.49:
        row["card_pace_ratio"] = math.log((day + 1) / (week / 7 + 1))
    angle = 2 * math.pi * (t.timestamp.hour + t.timestamp.minute / 60) / 24
    if month >= 2.95:
        x, y = (past.sum(at, (*own, axis), 30 * DAY) for axis in "xy")
        row["card_hour_familiarity"] = (x * math.cos(angle) + y * math.sin(angle)) / (month + 1)
    past.add(at, own)
    past.add(at, (*own, "x"), math.cos(angle))
    past.add(at, (*own, "y"), math.sin(angle))
    if t.latitude is not None and t.longitude is not None and t.channel != "ecommerce":
        units = (math.floor(degrees * 1e7 + 0.5) for degrees in (t.latitude, t.longitude))
        here = tuple(math.radians(unit / 1e7) for unit in units)
        for left_ms, there in past.values[(*own, "present")][-1:]:
            turn = math.sin((here[1] - there[1]) / 2) ** 2 * math.cos(here[0]) * math.cos(there[0])
            chord = math.sin((here[0] - there[0]) / 2) ** 2 + turn
            km = 2 * 6371 * math.asin(min(chord, 1.0) ** 0.5)
            row["travel_distance"] = math.log1p(km)
            row["travel_speed"] = math.log1p(km / max((time_ms - left_ms) / 1000, 60) * 3600)
        past.add(time_ms, (*own, "present"), here)  # type: ignore[arg-type]


def places(past: Past, t: Transaction, row: dict[str, float]) -> None:
    """Familiarity of merchant, country and category: what fell into the same slot is the same.

    Two halves are counted for a visit, and all are halved where one of the card's periods ends.
    """
    named = [key for key in (t.card_id, t.merchant_id) if key is not None]
    salt, *shop = [number % 2**32 for number in fingerprints(named).tolist()]
    country = t.country and int.from_bytes(t.country.encode(), "big")
    at, known = past.latest_ms["card", t.card_id], past.visits[t.card_id]
    period = math.floor(at / PERIOD_MS + salt / 2**32)
    n_ended = period - past.periods.get(t.card_id, period)
    past.periods[t.card_id] = period
    for name in known:
        known[name] >>= n_ended
    named_places = {"merchant": shop[0] if shop else None, "country": country, "category": t.mcc}
    for kind, place in named_places.items():
        if place is None:
            continue
        z = (salt << 32 ^ int(place)) * 0x9E3779B97F4A7C15 % WORD
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % WORD
        z = (z ^ z >> 27) * 0x94D049BB133111EB % WORD
        slot = ((z ^ z >> 31) >> 11) % SLOTS[kind]
        n = known[kind, "all"] / 2
        if n >= 2.95:
            row[f"card_{kind}_familiarity"] = (known[kind, slot] / 2 + 1) / (n + 1)
        known[kind, "all"] += 2
        known[kind, slot] += 2


def amounts(past: Past, t: Transaction, time_ms: int, row: dict[str, float]) -> None:
    """The amount against the habits of card and merchant, and the series that went beyond them."""
    log = math.log(max(t.amount, 1e-3)) if t.amount else math.nan
    row["amount"] = log
    own = ("spending", t.card_id, t.currency)
    # What is in a card's first currency goes by the card's own time.
    is_first = past.currencies.setdefault(t.card_id, t.currency) == t.currency
    at = past.latest_ms["card", t.card_id] if is_first else past.reach(own, time_ms)
    ratio, deviation = against(past, at, own, 60 * DAY, log)
    row |= {"amount_ratio_to_card": ratio, "amount_deviation_from_card": deviation}
    for name, half_life_s in (("high", 3 * DAY), ("small", HOUR)):
        row[f"card_{name}_series"] = math.log1p(past.sum(at, (*own, name), half_life_s))
    if not math.isnan(ratio):
        today = past.sum(at, (*own, "spent"), DAY) + t.amount
        usual = past.sum(at, (*own, "spent"), 30 * DAY) / 30 + math.exp(log - ratio)
        row["spend_today_ratio"] = math.log(today) - math.log(usual)
    high, small = (min(max(side * deviation - 1.5, 0.0), 3.0) for side in (1, -1))
    if math.isnan(deviation):
        high = small = 0.0
    past.add(at, (*own, "high"), high)
    past.add(at, (*own, "small"), small)
    remember(past, at, own, t.amount, log)
    if t.merchant_id is None:
        return
    shop = ("merchant", t.merchant_id, t.currency)
    at = past.reach(shop, time_ms)
    hour, day = past.sum(at, shop, HOUR), past.sum(at, shop, DAY)
    if day > 0.49:
        row["merchant_pace_ratio"] = math.log((hour + 1) / (day / 24 + 1))
    _, row["amount_deviation_from_merchant"] = against(past, at, shop, 30 * DAY, log)
    row["merchant_high_series"] = math.log1p(past.sum(at, (*shop, "high"), 7 * DAY))
    past.add(at, shop)
    past.add(at, (*shop, "high"), high)
    remember(past, at, shop, t.amount, log)


def against(past: Past, at: int, own: Any, half_life_s: float, log: float) -> tuple[float, float]:
    n, logs, logs_sq = (past.sum(at, (*own, power), half_life_s) for power in (0, 1, 2))
    if n <= 0.49:
        return math.nan, math.nan
    variance = max(logs_sq / n - (logs / n) ** 2, 0.0)
    spread = math.sqrt((n * variance + 3 * 0.8**2) / (n + 3) * (1 + 1 / n))
    return log - logs / n, (log - logs / n) / spread


def remember(past: Past, at: int, own: Any, amount: float, log: float) -> None:
    if amount:
        past.add(at, (*own, "spent"), amount)
        for power in (0, 1, 2):
            past.add(at, (*own, power), log**power)


def shares(
    past: Past, time_ms: int, kind: str, key: str, days: tuple[int, ...], row: dict[str, float]
) -> None:
    """The known frauds of what could have been judged: of a card all payments before this one.

    A payment from before the latest sees the sums as they were left.
    """
    at = max(time_ms, past.latest_ms.get(("verdicts", kind, key), time_ms))
    for d in days:
        frauds = past.sum(at, ("frauds", kind, key), d * DAY)
        n = past.sum(at, ("verdicts", kind, key), d * DAY)
        if kind == "card":
            # The last one is the payment itself.
            others = past.values[kind, key][:-1]
            now = past.latest_ms[kind, key]
            n = max(n, math.fsum(0.5 ** ((now - then) / 1000 / (d * DAY)) for then, _ in others))
        else:
            n = max(n, past.sum(at, ("judgeable", kind, key), d * DAY, until=at))
        row[f"{kind}_fraud_share_{d}d"] = math.log((frauds + 0.01) / (max(n - frauds, 0) + 0.99))
        row[f"{kind}_judgeable_{d}d"] = math.log1p(n)
