"""How the values of a field are written: what a declaration has to say besides where they are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from streamer.intake.epochs import believable_unit
from streamer.intake.guess_values import amount_style, is_number
from streamer.intake.guess_words import words_of
from streamer.intake.paths import Steps
from streamer.intake.readings import Fault
from streamer.intake.time_formats import KNOWN_FORMS
from streamer.intake.times import make_time_reader

__all__ = ["Settings", "amount_settings", "currency_of_signs", "timestamp_settings"]

_MINOR_WORDS: Final = frozenset(
    "minor cents cent pence penny pennies subunits kopecks paise".split()
)
_SIGNS: Final = {"€": "EUR", "£": "GBP", "$": "USD", "₹": "INR", "¥": "JPY", "₽": "RUB", "₺": "TRY"}
_ARRIVAL_MS: Final = 1_795_845_480_000


@dataclass(slots=True)
class Settings:
    """Entries of a field's table as TOML, and what is not sure about them."""

    entries: dict[str, str] = field(default_factory=dict)
    unsure: list[str] = field(default_factory=list)


def amount_settings(steps: Steps, values: Sequence[Any], names: Sequence[Steps]) -> Settings:
    """Return how amounts are written; ``names`` are the paths of all values beside them."""
    settings = Settings()
    present = [value for value in values if value is not None and value != ""]
    texts = [value for value in present if isinstance(value, str)]
    if texts and all(re.fullmatch(r"[A-Za-z0-9+/]{2,14}={1,2}", text) for text in texts):
        settings.entries["scale"] = "2"
        settings.unsure.append(
            "amounts are Base64 decimals; that they have two decimals is a guess"
        )
        return settings
    if texts:
        style = amount_style(texts)
        if style is not None:
            settings.entries["decimal"] = f'"{style[0]}"'
            if style[1] is not None:
                settings.entries["thousands"] = f'"{style[1]}"'
            elif all(re.search(r"\d[.,]\d{3}$", text.strip()) for text in texts):
                settings.unsure.append("the sign may be one between thousands, not the decimal one")
    _minor(settings, steps, present, names)
    negative = sum(1 for value in present if str(value).strip().startswith(("-", "(")))
    if negative * 2 > len(present) and len(present) > 1:
        settings.entries["negative"] = '"payment"'
        settings.unsure.append("most amounts are negative: those are taken for the payments")
    return settings


def timestamp_settings(values: Sequence[Any], words: Sequence[str] = ()) -> Settings:
    """Return how times are written."""
    settings = Settings()
    present = [value for value in values if value is not None and value != ""]
    if _all_read(present, make_time_reader()):
        return settings
    numbers = [float(value) for value in present if is_number(value)]
    if len(numbers) == len(present):
        units = Counter(believable_unit(number) for number in numbers)
        unit = units.most_common(1)[0][0]
        if unit is not None:
            settings.entries["unit"] = f'"{unit}"'
            return settings
    if _all_read(present, make_time_reader(zone=UTC)):
        return _with_zone(settings)
    found = [
        form
        for form in KNOWN_FORMS
        if _all_read(present, make_time_reader(formats=[form], zone=UTC))
    ]
    if found:
        settings.entries["format"] = f'"{found[0]}"'
        if {"dmy", "mdy"} <= set(found):
            settings.unsure.append('day or month may come first: format = "mdy" is the other')
        has_offset = _all_read(present, make_time_reader(formats=[found[0]]))
        return settings if has_offset else _with_zone(settings)
    if len(numbers) == len(present):
        settings.entries |= {"unit": _step_unit(words), "origin": '"2020-01-01T00:00:00Z"'}
        settings.unsure.append("a count of steps: its unit and where it starts are guesses")
    return settings


def currency_of_signs(values: Sequence[Any]) -> str | None:
    """Return the currency whose sign stands in the amounts, or None."""
    for value in values:
        for sign, code in _SIGNS.items():
            if isinstance(value, str) and sign in value:
                return code
        code_found = re.search(r"\b[A-Z]{3}\b", value) if isinstance(value, str) else None
        if code_found:
            return code_found[0]
    return None


def _minor(settings: Settings, steps: Steps, values: Sequence[Any], names: Sequence[Steps]) -> None:
    """Add the unit where amounts are, or may be, in minor units."""
    words = {word for step in steps for word in words_of(step)}
    beside = {word for name in names if name[:-1] == steps[:-1] for word in words_of(name[-1])}
    digits = [str(value).strip() for value in values]
    is_whole = bool(digits) and all(re.fullmatch(r"[+-]?\d+", text) for text in digits)
    is_padded = any(re.fullmatch(r"0\d{5,}", text) for text in digits)
    if words & _MINOR_WORDS or is_padded or ("exponent" in beside and is_whole):
        settings.entries["unit"] = '"minor"'
        settings.entries.pop("decimal", None)
    elif is_whole and any(abs(int(text)) >= 100 for text in digits):
        settings.entries["unit"] = '"minor"'
        settings.entries.pop("decimal", None)
        settings.unsure.append(
            "all amounts are whole numbers: they are taken for minor units; if 4250 means 4250.00, "
            'say unit = "major"'
        )


def _with_zone(settings: Settings) -> Settings:
    settings.entries["zone"] = '"UTC"'
    settings.unsure.append("the times do not say their zone")
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
