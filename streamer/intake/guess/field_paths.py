"""Which path of a sample is which field: by its name, by its values, and by what is left."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from streamer.contract.network_numbers import card_number
from streamer.intake.guess.choice import Choice
from streamer.intake.guess.known_names import FIELDS, name_score
from streamer.intake.guess.literals import literal_fields
from streamer.intake.guess.pairs import with_own_currency
from streamer.intake.guess.values import is_channel_word, is_money, told, value_share
from streamer.intake.guess.words import words_of
from streamer.intake.leaves import Leaves
from streamer.intake.nothing import is_there
from streamer.intake.paths import Steps

__all__ = ["choose_fields", "clock_path", "debit_and_credit", "zone_path"]

_ENOUGH: Final = 40.0
# An object of these is the amount's own, and one named after these is about the payment itself.
_MONEY: Final = frozenset("amount amounts money value price total totals billing".split())
_PAYMENT: Final = frozenset("transaction payment purchase".split())
_MASKED: Final = re.compile(r".*[*xX•#]{3,}.*|\D*\d{4}", re.DOTALL)
_NUMBERED: Final = re.compile(r"\d{9}", re.ASCII)
_MONTH_AND_DAY: Final = re.compile(r"(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])", re.ASCII)
_CLOCK_NAMES: Final = frozenset("time hour clock".split())
_CLOCK: Final = re.compile(
    r"\d{1,2}[:.h]\d\d([:.]\d\d([.,]\d+)?)?(\s*[AaPp]\.?\s?[Mm]\.?)?(\s*Uhr)?|\d{6}|\d{4}", re.ASCII
)
# Nothing else is written so, whatever its name is.
_COLONS: Final = re.compile(r"([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?", re.ASCII)
_NAIVE: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?", re.ASCII)
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_OFFSET: Final = re.compile(_NAIVE.pattern + r" ?(Z|[+-]\d\d:?\d\d)", re.ASCII)
_SURE: Final = 60.0
_ZONE_NAMES: Final = frozenset(
    tuple(name.split())
    for name in ("time zone", "timezone", "tz", "utc offset", "time offset", "zone offset")
)
_APPROVAL: Final = frozenset("authorization authorisation approval auth".split())
_SEVERAL: Final = 5
_SURE_CHANNEL: Final = 84.0
# More than any name and place can have together.
_LITERAL: Final = 150.0


def choose_fields(leaves: Leaves) -> dict[str, Choice]:
    """Return the fields that were found; no path is two fields, and none has a number in its names.

    A name with so many digits is a card's: it is data, and not to be shown.
    """
    leaves = {
        steps: values
        for steps, values in leaves.items()
        if not any(isinstance(step, str) and _NUMBERED.search(step) for step in steps)
    }
    amount = max(leaves, key=lambda steps: _score("amount", steps, leaves[steps]), default=())
    scored = [
        (score + _nearness(field, steps, amount, values), field, steps)
        for field in FIELDS
        for steps, values in leaves.items()
        if (score := _score(field, steps, values)) >= _ENOUGH
    ]
    scored = _repeating_first(_without_idle_cards(scored, leaves), leaves)
    literal = literal_fields(leaves, _base_of(amount))
    scored = [entry for entry in scored if literal.get(entry[1]) != entry[2]]
    scored += [(_LITERAL, field, steps) for field, steps in literal.items()]
    scored.sort(key=lambda entry: (-entry[0], len(entry[2]), entry[1]))
    chosen: dict[str, Choice] = {}
    taken: set[Steps] = set()
    for score, field, steps in scored:
        if steps in taken:
            continue
        if field not in chosen:
            chosen[field] = Choice([steps], score)
            taken.add(steps)
        elif _fills_gaps(chosen[field].paths, steps, leaves) and len(chosen[field].paths) < 4:
            chosen[field].paths.append(steps)
            taken.add(steps)
    if "timestamp" in chosen:
        chosen["timestamp"] = _with_offset(chosen["timestamp"], scored, leaves)
    for field in ("card_id", "currency", "timestamp", "amount"):
        if field not in chosen:
            by_value = _by_value(field, leaves, taken)
            if by_value is not None:
                chosen[field] = Choice([by_value], 20.0)
                taken.add(by_value)
    names = ("amount", "currency")
    found = {name: [steps for _, field, steps in scored if field == name] for name in names}
    return with_own_currency(chosen, found, leaves)


def debit_and_credit(leaves: Leaves) -> tuple[Steps, Steps] | None:
    """Return the columns of payments and of money back, where a row has its amount in one of them."""
    sides: dict[str, Steps] = {}
    for steps, values in leaves.items():
        present = told(values)
        named = {"debit", "credit"} & set(words_of(steps[-1]))
        if present and len(named) == 1 and value_share("amount", present) == 1.0:
            sides.setdefault(named.pop(), steps)
    if len(sides) < 2:
        return None
    pairs = zip(leaves[sides["debit"]], leaves[sides["credit"]], strict=True)
    is_one = all(is_there(debit) != is_there(credit) for debit, credit in pairs)
    return (sides["debit"], sides["credit"]) if is_one else None


def _nearness(field: str, steps: Steps, amount: Steps, values: Sequence[Any]) -> float:
    """Return what it speaks for an id, a time or a currency to lie where the amount does.

    An envelope has an id and a time too, which are not the payment's.
    """
    if steps[0] == "$":
        # Of all payments in the message, unless each has its own or all are of one card.
        if field == "transaction_id":
            return -20.0 if len(set(map(str, values))) < len(values) else -5.0
        if field == "card_id" and "card" in {word for step in steps for word in words_of(step)}:
            return 0.0
        return -20.0 if field in ("timestamp", "card_id") else 0.0
    weight = {"transaction_id": 12.0, "timestamp": 22.0, "currency": 8.0}.get(field, 0.0)
    above = amount[:-1] if field == "currency" else _base_of(amount)
    if not above or not weight:
        return 0.0
    if field == "timestamp" and _PAYMENT & set(words_of(steps[-1])):
        return weight
    shared = sum(1 for n in range(1, len(above) + 1) if steps[:n] == above[:n] and len(steps) > n)
    return weight * shared / len(above)


def _base_of(amount: Steps) -> Steps:
    """Return the path to the object that an amount, or the object of an amount, lies in."""
    above = amount[:-1]
    while above and _MONEY & set(words_of(above[-1])):
        above = above[:-1]
    return above


def clock_path(leaves: Leaves, date_steps: Steps) -> Steps | None:
    """Return the path of the time of day that belongs to a date of its own, or None."""
    dates = [value for value in leaves[date_steps] if value]
    if not dates or not all(_is_date_only(value) for value in dates):
        return None
    clocks: list[Steps] = []
    for steps, values in leaves.items():
        present = [str(value).strip() for value in told(values)]
        if not present or steps == date_steps:
            continue
        if _CLOCK_NAMES & set(words_of(steps[-1])) and all(map(_CLOCK.fullmatch, present)):
            return steps
        if all(map(_COLONS.fullmatch, present)):
            clocks.append(steps)
    return clocks[0] if len(clocks) == 1 else None


def zone_path(leaves: Leaves, time: Steps) -> Steps | None:
    """Return the path of a field that is named after the zone of a time, best beside it, or None."""
    found = [
        steps
        for steps, values in leaves.items()
        if words_of(steps[-1]) in _ZONE_NAMES
        and any(isinstance(value, str) and value for value in values)
    ]
    return max(found, key=lambda steps: steps[:-1] == time[:-1], default=None)


def _score(field: str, steps: Steps, values: Sequence[Any]) -> float:
    by_name = name_score(field, steps)
    if by_name <= 0:
        return 0.0
    present = told(values)
    share = value_share(field, values)
    if field == "timestamp" and "date" in words_of(steps[-1]) and not share:
        share = float(all(_MONTH_AND_DAY.fullmatch(str(value)) for value in present))
    if field == "card_id" and all(_MASKED.fullmatch(str(value)) for value in present):
        # The last digits of a card are those of many cards.
        by_name -= 25.0
    words = set(words_of(steps[-1]))
    if (
        field == "card_id"
        and words & _APPROVAL
        and "code" in words
        and all(map(_is_approval, present))
    ):
        # What the issuer said to one payment, and no token that a producer calls so.
        return 0.0
    is_of_payment = "reference" in words or ("tid" in words and len(present) >= _SEVERAL)
    if field == "merchant_id" and is_of_payment and len(set(map(str, present))) == len(present):
        # One of its own for every payment: the merchant's reference of it, or the payment's id.
        return 0.0
    if field == "channel" and by_name < _SURE_CHANNEL and not all(map(is_channel_word, present)):
        # A kind of transaction or an interaction is a way to pay only where its words say so.
        return 0.0
    if field == "card_id" and len(present) >= _SEVERAL and len(set(map(str, present))) == 1:
        # More likely the merchant's own account.
        by_name -= 15.0
    if field == "card_id" and not any(map(str.isdigit, "".join(map(str, present)))):
        by_name -= 30.0
    if share < 0.6 and not (field in ("currency", "country", "mcc") and by_name >= 95):
        return 0.0
    return by_name * max(share, 0.6) * (0.8 + 0.2 * len(present) / len(values))


def _is_same(naive: Any, told: str) -> bool:
    """Whether a time without an offset may be the moment that is told: on the clock of some zone."""
    if not naive or len(naive) == len("2026-11-28"):
        return bool(naive == told[:10])
    try:
        moment, clock = datetime.fromisoformat(told), datetime.fromisoformat(naive)
    except ValueError:
        return False
    ahead = (clock.replace(tzinfo=UTC) - moment).total_seconds()
    return abs(ahead) <= 50_400 and (ahead + 2) % 900 <= 4


def _without_idle_cards(
    scored: list[tuple[float, str, Steps]], leaves: Leaves
) -> list[tuple[float, str, Steps]]:
    """Leave out constants and brands as cards, where another field that may be one varies."""
    cards = [steps for _, field, steps in scored if field == "card_id"]
    idle = {steps for steps in cards if _is_idle(leaves[steps])}
    if len(idle) == len(cards):
        return scored
    return [entry for entry in scored if not (entry[1] == "card_id" and entry[2] in idle)]


def _repeating_first(
    scored: list[tuple[float, str, Steps]], leaves: Leaves
) -> list[tuple[float, str, Steps]]:
    """Put what is another one for every payment behind the cards that come again, if there are any."""
    cards = [steps for _, field, steps in scored if field == "card_id"]
    single = {steps for steps in cards if _is_single(leaves[steps])}
    if not single or single == set(cards):
        return scored
    return [
        (score - 15.0 if field == "card_id" and steps in single else score, field, steps)
        for score, field, steps in scored
    ]


def _is_single(values: Sequence[Any]) -> bool:
    present = [str(value) for value in told(values)]
    return len(present) >= _SEVERAL and len(set(present)) == len(present)


def _is_idle(values: Sequence[Any]) -> bool:
    present = [str(value) for value in told(values)]
    has_digits = any(map(str.isdigit, "".join(present)))
    return len(present) >= _SEVERAL and (len(set(present)) == 1 or not has_digits)


def _is_approval(value: Any) -> bool:
    text = str(value)
    return len(text) <= 8 and text.isalnum()


def _with_offset(
    choice: Choice, scored: Sequence[tuple[float, str, Steps]], leaves: Leaves
) -> Choice:
    """Return the choice of a time that says its offset, where the one at hand does not."""
    mine = leaves[choice.paths[0]]
    present = [str(value) for value in mine if value]
    is_day = all(map(_DAY.fullmatch, present)) and clock_path(leaves, choice.paths[0]) is None
    if not (is_day or all(map(_NAIVE.fullmatch, present))):
        return choice
    for score, field, steps in scored:
        values = leaves[steps]
        is_told = all(isinstance(v, str) and _OFFSET.fullmatch(v) for v in values)
        if field == "timestamp" and score >= _SURE and is_told and all(map(_is_same, mine, values)):
            return Choice([steps], score)
    return choice


def _fills_gaps(paths: Sequence[Steps], steps: Steps, leaves: Leaves) -> bool:
    """Whether another path has values in most of the objects in which the chosen ones have none."""
    gaps = [
        index
        for index in range(len(leaves[steps]))
        if not any(is_there(leaves[path][index]) for path in paths)
    ]
    return bool(gaps) and sum(is_there(leaves[steps][i]) for i in gaps) * 2 >= len(gaps)


def _by_value(field: str, leaves: Leaves, taken: set[Steps]) -> Steps | None:
    for steps, values in leaves.items():
        present = told(values)
        if steps in taken or not present:
            continue
        if field == "card_id":
            fits = all(card_number(str(value)) is not None for value in present)
        elif field == "currency":
            fits = all(isinstance(v, str) and len(v) == 3 and v.isalpha() for v in present)
            fits = fits and value_share(field, present) == 1.0
        elif field == "timestamp":
            fits = all(isinstance(value, str) and len(value) >= 16 for value in present)
            fits = fits and value_share(field, present) == 1.0
        else:
            fits = all(isinstance(value, float) or is_money(value) for value in present)
        if fits:
            return steps
    return None


def _is_date_only(value: Any) -> bool:
    text = str(value).strip()
    return len(text) <= 11 and ":" not in text and not re.fullmatch(r"\d{9,}", text)
