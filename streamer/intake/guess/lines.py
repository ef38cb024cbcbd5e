"""The lines of a suggested declaration, field by field, what is not sure in comments above them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from streamer.contract.codes import decimals_of
from streamer.intake.code_lists import CURRENCY_OF
from streamer.intake.guess.choice import Choice, Settings
from streamer.intake.guess.field_paths import clock_path, zone_path
from streamer.intake.guess.known_names import is_issuers_country
from streamer.intake.guess.notations import (
    ZONELESS,
    amount_settings,
    currency_of_signs,
    timestamp_settings,
)
from streamer.intake.guess.pairs import code_in_name
from streamer.intake.guess.units import WHOLE
from streamer.intake.guess.values import told, value_share
from streamer.intake.guess.words import words_of
from streamer.intake.leaves import Leaves, path_text
from streamer.intake.money_texts import currency_in
from streamer.intake.paths import Steps
from streamer.intake.time_words import zone_named

__all__ = [
    "UNSURE_BELOW",
    "country_notes",
    "currency_lines",
    "decimals_in",
    "field_lines",
    "missing_card_lines",
    "table_lines",
]

UNSURE_BELOW: Final = 70.0
_CARD: Final = frozenset(("card", "pan"))
_USE_CHIP: Final = {
    "Swipe Transaction": "pos",
    "Chip Transaction": "pos",
    "Online Transaction": "ecommerce",
}
"""The words of TabFormer's layout and of those made after it."""
_ENDINGS: Final = frozenset("last digits suffix four".split())


def field_lines(field: str, choice: Choice, leaves: Leaves) -> list[str]:
    """Return the line of a field that only has to be found."""
    paths = [path_text(steps) for steps in choice.paths]
    unsure = [f"# Unsure: {field} is a guess."] if choice.score < UNSURE_BELOW else []
    unsure += [f"# Unsure: {choice.doubt}."] if choice.doubt else []
    values = [value for steps in choice.paths for value in leaves[steps] if value is not None]
    if field == "card_id" and "customer" in words_of(choice.paths[0][-1]):
        unsure = ["# No field names the card; the customer's stands for it."]
    if field == "currency":
        signs = {str(value): currency_of_signs([value]) for value in values}
        odd = {sign: code for sign, code in signs.items() if code and not sign.isalnum()}
        if odd:
            table = ", ".join(f"{_quoted(sign)} = {_quoted(code)}" for sign, code in odd.items())
            return [*unsure, f"currency = {{ path = {_paths(paths)}, values = {{ {table} }} }}"]
    words = dict.fromkeys(value for value in values if type(value) is str)
    if field == "channel" and (meant := [word for word in words if word in _USE_CHIP]):
        table = ", ".join(f"{_quoted(word)} = {_quoted(_USE_CHIP[word])}" for word in meant)
        return [*unsure, f"channel = {{ path = {_paths(paths)}, values = {{ {table} }} }}"]
    if paths == [field]:
        return []
    if field == "label":
        unsure.append(
            f"# {paths[0]} has the labels, for evaluate and fit; --map label={paths[0]} says the same."
        )
    return [*unsure, f"{field} = {_paths(paths)}"]


def missing_card_lines(leaves: Leaves, *, is_rows: bool) -> list[str]:
    """Return what is asked where no field may be the card; its last digits are those of many cards."""
    lines = ["# Missing: which field is the card or the account that pays?"]
    lines += [
        f"# {path_text(steps)} has the last digits of a card, which many cards share: it is none."
        for steps in leaves
        if _CARD & (words := set(words_of(steps[-1]))) and _ENDINGS & words
    ][:1]
    lines.append('# card_id = "..."')
    if is_rows:
        lines.append(
            "# card_id = { position = true } takes every row for a card of its own; features of a "
            "card's past are off then."
        )
    return lines


def country_notes(leaves: Leaves) -> list[str]:
    """Return what is said of a country that is the card's and not the payment's."""
    found = [
        path_text(steps)
        for steps, values in leaves.items()
        if is_issuers_country(steps) and value_share("country", values) > 0
    ]
    return [
        f"# {path} is the country of the card or its holder, and not taken: country is where the "
        "payment is made."
        for path in found[:1]
    ]


def currency_lines(choices: Mapping[str, Choice], leaves: Leaves) -> list[str]:
    """Return the line of a currency that no field names."""
    steps = choices["amount"].paths[0] if "amount" in choices else ()
    named = code_in_name(steps)
    if named is not None:
        note = "# The amount's own name says its currency."
        return [note, f'currency = {{ constant = "{named}" }}']
    amounts = leaves[steps] if steps else []
    present = told(amounts)
    codes = {currency_in(value) for value in present}
    if codes and None not in codes:
        note = "# No field names the currency; the texts of the amounts do, each its own."
        return [note, f"currency = {_quoted(path_text(steps))}"]
    code = currency_of_signs(amounts)
    if code is not None:
        note = "# Unsure: no field names the currency; the amounts carry its sign."
        return [note, f'currency = {{ constant = "{code}" }}']
    return ["# Unsure: no field names the currency.", 'currency = { constant = "EUR" }']


def table_lines(
    field: str, choice: Choice, choices: Mapping[str, Choice], leaves: Leaves, *, is_rows: bool
) -> list[str]:
    """Return the table of an amount or a timestamp."""
    steps = choice.paths[0]
    paths = [path_text(path) for path in choice.paths]
    values = told(value for path in choice.paths for value in leaves[path])
    if field == "amount":
        currencies = choices["currency"].paths if "currency" in choices else []
        settings = amount_settings(steps, values, leaves, decimals_in(leaves, currencies))
        if is_rows and settings.entries.get("decimal") == '"."' and len(settings.entries) == 1:
            plain = all(str(v).strip().lstrip("-").replace(".", "", 1).isdigit() for v in values)
            settings = Settings() if plain else settings
    else:
        paths, settings = _time(paths, steps, values, leaves)
    if choice.doubt:
        settings.unsure.insert(0, choice.doubt)
    if choice.score < UNSURE_BELOW:
        settings.unsure.insert(0, f"that this is the {field} is a guess")
    if paths == [field] and not settings.entries:
        return [f"# Unsure: {note}." for note in settings.unsure]
    lines = ["", *(f"# Unsure: {note}." for note in settings.unsure)]
    lines += [*(f"# {note}." for note in settings.notes), f"[{field}]"]
    if paths != [field]:
        lines.append(f"path = {_paths(paths)}")
    return lines + [f"{key} = {value}" for key, value in settings.entries.items()]


def decimals_in(leaves: Leaves, currencies: Sequence[Steps]) -> int | None:
    """Return the decimals of the currencies at the paths, None where they differ or are not known.

    Of those whose amounts are given whole they are none, whatever the standard says.
    """
    codes = {
        CURRENCY_OF.get(value) if isinstance(value, str | int) else None
        for steps in currencies
        for value in leaves.get(steps, ())
    }
    found = {0 if code in WHOLE else decimals_of(code) for code in codes if code is not None}
    return found.pop() if len(found) == 1 else None


def _time(
    paths: list[str], steps: Steps, values: list[Any], leaves: Leaves
) -> tuple[list[str], Settings]:
    """Return the paths and settings of a time, which may be in two fields."""
    words = words_of(steps[-1])
    clock = clock_path(leaves, steps)
    if clock is None:
        settings = timestamp_settings(values, words)
        if all(
            not isinstance(value, datetime) and len(str(value).strip()) < 12 for value in values
        ):
            has_clock = any(":" in str(value) for value in values)
            is_day = "unit" not in settings.entries and not has_clock
            if is_day and "iso8583" not in settings.entries.get("format", ""):
                settings.unsure.append("the dates have no time of day: midnight is taken")
        return _zoned(paths, steps, settings, leaves)
    pairs = zip(leaves[steps], leaves[clock], strict=True)
    settings = timestamp_settings([f"{day} {time}" for day, time in pairs if day and time], words)
    settings.entries["separator"] = '" "'
    return _zoned([f"{path_text(steps)} + {path_text(clock)}"], steps, settings, leaves)


def _zoned(
    paths: list[str], steps: Steps, settings: Settings, leaves: Leaves
) -> tuple[list[str], Settings]:
    """Return the paths with that of the zone beside a time; one elsewhere may be of something else."""
    zone = zone_path(leaves, steps)
    if zone is None or "zone" not in settings.entries or ZONELESS not in settings.unsure:
        return paths, settings
    is_named = all(type(value) is str and zone_named(value) for value in leaves[zone])
    if not is_named or zone[:-1] != steps[:-1]:
        settings.unsure.append(f"{path_text(zone)} may tell the zone, and is not used")
        return paths, settings
    del settings.entries["zone"]
    settings.unsure.remove(ZONELESS)
    settings.notes.append(f"The zone of each time is that in {path_text(zone)}")
    settings.entries["separator"] = '" "'
    return [f"{path} + {path_text(zone)}" for path in paths], settings


def _paths(paths: Sequence[str]) -> str:
    quoted = [_quoted(path) for path in paths]
    return quoted[0] if len(quoted) == 1 else f"[{', '.join(quoted)}]"


def _quoted(text: str) -> str:
    if '"' in text and "'" not in text and "\\" not in text:
        return f"'{text}'"
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
