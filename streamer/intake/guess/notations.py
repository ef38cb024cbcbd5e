"""How the values of a field are written: what a declaration has to say besides where they are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from streamer.intake.code_lists import CURRENCY_OF
from streamer.intake.epochs import SERIAL_ORIGIN, believable_unit, is_serial
from streamer.intake.guess.choice import Settings
from streamer.intake.guess.units import add_unit
from streamer.intake.guess.values import amount_style, is_number, told, value_share
from streamer.intake.leaves import Leaves
from streamer.intake.paths import Steps
from streamer.intake.readings import Fault
from streamer.intake.time_formats import KNOWN_FORMS
from streamer.intake.times import DOTTED, make_time_reader, text_hint

__all__ = ["ZONELESS", "amount_settings", "currency_of_signs", "timestamp_settings"]

# Longer signs first: a real's sign ends in that of a dollar.
_SIGNS: Final = {"R$": "BRL", "A$": "AUD", "C$": "CAD", "NZ$": "NZD", "€": "EUR", "£": "GBP"} | {
    "$": "USD",
    "₹": "INR",
    "Rs": "INR",
    "¥": "JPY",
    "₽": "RUB",
    "₺": "TRY",
    "zł": "PLN",
    "Kč": "CZK",
}
ZONELESS: Final = "the times do not say their zone"
_ARRIVAL_MS: Final = 1_795_845_480_000


def amount_settings(
    steps: Steps, values: Sequence[Any], leaves: Leaves, decimals: int | None = None
) -> Settings:
    """Return how amounts are written; ``decimals`` are those of the sample's one currency."""
    settings = Settings()
    present = told(values)
    texts = [value for value in present if isinstance(value, str)]
    if texts and all(re.fullmatch(r"[A-Za-z0-9+/]{2,14}={1,2}", text) for text in texts):
        settings.entries["scale"] = "2"
        settings.unsure.append(
            "amounts are Base64 decimals; that they have two decimals is a guess"
        )
        return settings
    if texts:
        _signs(settings, texts, decimals)
    add_unit(settings, steps, present, leaves)
    negative = sum(1 for value in present if _is_negative(value))
    if negative * 2 > len(present) and len(present) > 1:
        settings.entries["negative"] = '"payment"'
        settings.unsure.append("most amounts are negative: those are taken for the payments")
    return settings


def timestamp_settings(values: Sequence[Any], words: Sequence[str] = ()) -> Settings:
    """Return how times are written."""
    settings = Settings()
    present = told(values)
    if _all_read(present, make_time_reader()):
        return settings
    numbers = [float(value) for value in present if is_number(value)]
    if len(numbers) == len(present) and numbers:
        return _of_numbers(settings, present, numbers, words)
    if _all_read(present, make_time_reader(zone=UTC)):
        return _with_zone(settings, words)
    found = _forms(present)
    if all(DOTTED.match(str(value).strip()) for value in present):
        found = [form for form in found if form != "mdy"]
    if {"dmy", "mdy"} <= set(found):
        found = _order_of_days(present)
        if not found:
            settings.unsure.append(
                'day or month may come first, and the sample does not tell: format = "dmy" is one, '
                'format = "mdy" is the other; say which'
            )
            return _with_zone(settings, words)
        settings.unsure.append("the order of the rows tells whether day or month comes first")
    if found:
        settings.entries["format"] = f'"{found[0]}"'
        has_offset = _all_read(present, make_time_reader(formats=[found[0]]))
        return settings if has_offset else _with_zone(settings, words)
    hints = Counter(text_hint(value) for value in present if isinstance(value, str))
    hint = hints.most_common(1)[0][0] if hints else ""
    settings.unsure.append(f"how the times are written is not known{'; ' * bool(hint)}{hint}")
    return settings


def currency_of_signs(values: Sequence[Any]) -> str | None:
    """Return the one currency whose sign or code stands in the amounts, or None."""
    found: set[str] = set()
    for value in values:
        if isinstance(value, str):
            codes = [code for code in re.findall(r"[A-Z]{3}", value) if code in CURRENCY_OF]
            signs = [code for sign, code in _SIGNS.items() if sign in value]
            found.update(codes or signs[:1])
    return found.pop() if len(found) == 1 else None


def _signs(settings: Settings, texts: Sequence[str], decimals: int | None) -> None:
    style = amount_style(texts, decimals)
    if style is not None:
        settings.entries["decimal"] = f'"{style[0]}"'
        if style[1] is not None:
            settings.entries["thousands"] = f'"{style[1]}"'
        if decimals != 0 and style[1] in (".", ",") and not any(style[0] in text for text in texts):
            settings.unsure.append(
                f'"{style[1]}" in the amounts is taken for the sign between thousands; if it is the '
                f'decimal one, say decimal = "{style[1]}" and no thousands'
            )
    elif value_share("amount", texts) == 1.0:
        settings.unsure.append(
            "the sign in the amounts may be the decimal one or one between thousands: say "
            'decimal = "." or ",", and thousands if there are any'
        )


def _is_negative(value: Any) -> bool:
    text = str(value).strip()
    return text.startswith(("-", "(", "−")) or text.endswith("-")


def _of_numbers(
    settings: Settings, present: Sequence[Any], numbers: Sequence[float], words: Sequence[str]
) -> Settings:
    if any(map(is_serial, numbers)) and all(32_874 <= number < 73_051 for number in numbers):
        settings.entries |= {"unit": '"day"', "origin": f'"{SERIAL_ORIGIN}"'}
        settings.unsure.append("a spreadsheet's days do not say their zone")
        return settings
    forms = _forms(present)
    unit = Counter(believable_unit(number) for number in numbers).most_common(1)[0][0]
    # MMDDhhmmss reads as seconds of the years before 2010, too.
    if forms and (unit is None or (unit == "s" and "iso8583" in forms and max(numbers) < 1.3e9)):
        settings.entries["format"] = f'"{forms[0]}"'
        if forms[0] == "iso8583":
            settings.entries["zone"] = '"UTC"'
            if "transmission" not in words:
                settings.unsure.append("digits are taken for MMDDhhmmss in UTC, as ISO 8583 has it")
            return settings
        return _with_zone(settings, words)
    if unit is not None:
        settings.entries["unit"] = f'"{unit}"'
    elif max(numbers) < 1e8:
        settings.entries |= {"unit": _step_unit(words), "origin": '"2020-01-01T00:00:00Z"'}
        settings.unsure.append("a count of steps: its unit and where it starts are guesses")
    else:
        settings.unsure.append("what the numbers count is not known")
    return settings


def _forms(present: Sequence[Any]) -> list[str]:
    return [
        form
        for form in KNOWN_FORMS
        if _all_read(present, make_time_reader(formats=[form], zone=UTC))
    ]


def _order_of_days(present: Sequence[Any]) -> list[str]:
    """Return the one order of day and month under which the rows are in the order of time."""
    ordered = []
    for form in ("dmy", "mdy"):
        read = make_time_reader(formats=[form], zone=UTC)
        moments = [read(value, _ARRIVAL_MS) for value in present]
        if len(set(moments)) >= 5 and moments in (sorted(moments), sorted(moments, reverse=True)):
            ordered.append(form)
    return ordered if len(ordered) == 1 else []


def _with_zone(settings: Settings, words: Sequence[str]) -> Settings:
    settings.entries["zone"] = '"UTC"'
    if not {"utc", "gmt"} & set(words):
        settings.unsure.append(ZONELESS)
    return settings


def _step_unit(words: Sequence[str]) -> str:
    for word in words:
        if word in ("day", "days"):
            return '"day"'
        if word in ("second", "seconds", "sec", "datetime"):
            return '"s"'
    return '"hour"'


def _all_read(values: Sequence[Any], read: Any) -> bool:
    for value in values:
        try:
            moment: datetime = read(value, _ARRIVAL_MS)
        except Fault:
            return False
        if not 1990 <= moment.year < 2100:
            return False
    return bool(values)
