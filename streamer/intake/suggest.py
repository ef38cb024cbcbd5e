"""Guesses aloud: looks at a sample and writes the declaration that it believes.

The text is TOML.  What is not sure is said in comments beside the line, and at the end how the sample
reads with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from streamer.errors import ConfigurationError
from streamer.intake.declaration import parse_declaration
from streamer.intake.documents import decoded
from streamer.intake.envelopes import Item, text_in, unwrapped
from streamer.intake.framing import SchemaDecoder, framed, unframed
from streamer.intake.guess_fields import Choice, choose_fields, clock_path
from streamer.intake.guess_names import words_of
from streamer.intake.guess_rules import rule_lines
from streamer.intake.guess_settings import (
    Settings,
    amount_settings,
    currency_of_signs,
    timestamp_settings,
)
from streamer.intake.hints import is_credit_transfer, recognised
from streamer.intake.intake import Intake
from streamer.intake.iso8583 import elements_of, has_preset_names, iso8583_text
from streamer.intake.leaves import Leaves, Objects, leaves_of, list_paths, path_text
from streamer.intake.naming import has_card_number, without_numbers
from streamer.intake.paths import Steps, walked
from streamer.intake.presets import REFUSED
from streamer.intake.readings import (
    Fault,
    Payment,
    Reading,
    Refund,
    Refused,
    Skipped,
    outcome_of,
)

__all__ = ["MAX_SAMPLE", "suggest"]

MAX_SAMPLE: Final = 1_000
_ORDER: Final = (
    "transaction_id card_id currency merchant_id mcc country latitude longitude channel label"
).split()
_LEFT_OUT: Final = (
    "# Unsure: what may be card numbers is left out above, as '...'; no such line holds.\n"
)
_UNSURE_BELOW: Final = 70.0
_READABLE: Final = 0.9


def suggest(
    sample: Sequence[bytes | Mapping[str, Any]], schemas: SchemaDecoder | None = None
) -> str:
    """Return the TOML of a declaration for a sample of messages, or of a file's rows.

    Raises a `ConfigurationError` when the sample holds nothing that could be a card payment.
    """
    sample = list(sample[:MAX_SAMPLE])
    objects = _objects(sample, schemas)
    if not objects:
        raise ConfigurationError(
            "sample must hold payments as JSON objects or rows, got none; `streamer intake try` says "
            "what they are"
        )
    if all(is_credit_transfer(item) for item in objects):
        raise ConfigurationError(REFUSED["pacs008"])
    is_rows = not isinstance(sample[0], bytes)
    text = _known_text(objects, sample, schemas)
    if text is None:
        is_readable = _share(_read("", sample, schemas)) >= _READABLE
        text = _additions(objects) if is_readable else _guessed(objects, is_rows=is_rows)
    text += _report(text, sample, schemas)
    if has_card_number(text):
        text = without_numbers(text) + _LEFT_OUT
    return text


def _objects(
    sample: Sequence[bytes | Mapping[str, Any]], schemas: SchemaDecoder | None
) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    for value in sample:
        if not isinstance(value, bytes):
            found.append(value)
            continue
        try:
            frame = framed(value)
            message = decoded(value) if frame is None else unframed(frame, schemas)
        except Fault:  # The report says so.
            continue
        items = [item.value for item in unwrapped(message) if isinstance(item, Item)]
        found += [_object_of(item) for item in items if type(item) is dict]
    return found


def _object_of(message: dict[str, Any]) -> dict[str, Any]:
    """Return the object that has a message's fields: the one in a text, where it has no amount."""
    if "amount" in choose_fields(leaves_of([message])):
        return message
    return text_in(message) or message


def _known_text(
    objects: Objects,
    sample: Sequence[bytes | Mapping[str, Any]],
    schemas: SchemaDecoder | None,
) -> str | None:
    """Return the lines of a layout that is known, where they read the sample as payments too."""
    presets = [name for name, _ in Counter(map(recognised, objects)).most_common() if name]
    note = "# The layout is known: `streamer intake show {0}` prints its lines."
    texts = [f'{note.format(name)}\npreset = "{name}"\n' for name in presets]
    elements = elements_of(objects) if "iso8583" in presets else None
    if elements is not None and not has_preset_names(elements):
        texts.insert(0, iso8583_text(elements))
    for text in texts:
        readings = _read(text, sample, schemas)
        has_payments = any(isinstance(reading, Payment) for reading in readings)
        has_others = any(
            isinstance(reading, Skipped) and reading.reason == "not_a_payment"
            for reading in readings
        )
        if _share(readings) >= _READABLE and (has_payments or not has_others):
            return text
    return None


def _additions(objects: Objects) -> str:
    """Return what may have to be said of messages that are read as they are."""
    leaves = leaves_of(objects)
    amounts = [value for value in leaves.get(("amount",), ()) if value not in (None, "")]
    lines: list[str] = []
    settings = amount_settings(("amount",), amounts, list(leaves))
    if amounts and "unit" in settings.entries:
        notes = [f"# Unsure: {note}." for note in settings.unsure]
        lines += [*notes, "[amount]", f"unit = {settings.entries['unit']}"]
    lines += rule_lines(leaves)
    if not lines:
        return "# Nothing needs to be declared: the messages are read as they are.\n"
    return "\n".join(lines).strip("\n") + "\n"


def _guessed(objects: Objects, *, is_rows: bool) -> str:
    each, leaves = _with_each(objects)
    choices = choose_fields(leaves)
    lines = [f'each = "{path_text(each)}"'] if each else []
    tables: list[str] = []
    if "transaction_id" not in choices:
        lines += [
            "# Unsure: no field names the payment; its place stands for one.",
            "transaction_id = { position = true }",
        ]
    if "card_id" not in choices:
        lines += [
            "# Missing: which field is the card or the account that pays?",
            '# card_id = "..."',
        ]
    for field in _ORDER:
        if field in choices and (field != "label" or is_rows):
            lines += _field_lines(field, choices[field], leaves)
    if "currency" not in choices:
        amounts = leaves[choices["amount"].paths[0]] if "amount" in choices else []
        lines += _currency_lines(currency_of_signs(amounts))
    for field in ("amount", "timestamp"):
        if field in choices:
            tables += _table_lines(field, choices[field], leaves, is_rows=is_rows)
        else:
            tables += ["", f"# Missing: which field is the {field}?", f'# {field} = "..."']
    tables += rule_lines(leaves)
    return "\n".join([*lines, *tables]).strip("\n") + "\n"


def _with_each(objects: Objects) -> tuple[Steps | None, Leaves]:
    """Return the list to go into, where the payments lie in one, and the leaves from there."""
    leaves = leaves_of(objects)
    found = choose_fields(leaves)
    if "amount" in found and found["amount"].score >= _UNSURE_BELOW:
        return None, leaves
    for steps in list_paths(objects):
        parts = [(item, part) for item in objects for part in walked(item, item, steps) or ()]
        inner = leaves_of([part for _, part in parts])
        if "amount" in choose_fields(inner):
            outer = leaves_of([item for item, _ in parts])
            return steps, inner | {("$", *path): values for path, values in outer.items()}
    return None, leaves


def _field_lines(field: str, choice: Choice, leaves: Leaves) -> list[str]:
    paths = [path_text(steps) for steps in choice.paths]
    unsure = [f"# Unsure: {field} is a guess."] if choice.score < _UNSURE_BELOW else []
    values = [value for steps in choice.paths for value in leaves[steps] if value is not None]
    if field == "card_id" and "customer" in words_of(choice.paths[0][-1]):
        unsure = ["# No field names the card; the customer's stands for it."]
    if field == "currency":
        signs = {str(value): currency_of_signs([value]) for value in values}
        odd = {sign: code for sign, code in signs.items() if code and not sign.isalnum()}
        if odd:
            table = ", ".join(f"{_quoted(sign)} = {_quoted(code)}" for sign, code in odd.items())
            return [*unsure, f"currency = {{ path = {_paths(paths)}, values = {{ {table} }} }}"]
    if paths == [field]:
        return []
    return [*unsure, f"{field} = {_paths(paths)}"]


def _currency_lines(code: str | None) -> list[str]:
    return [
        "# Unsure: no field names the currency."
        if code is None
        else "# Unsure: no field names the currency; the amounts carry its sign.",
        f'currency = {{ constant = "{code or "EUR"}" }}',
    ]


def _table_lines(field: str, choice: Choice, leaves: Leaves, *, is_rows: bool) -> list[str]:
    steps = choice.paths[0]
    paths = [path_text(path) for path in choice.paths]
    values = [value for path in choice.paths for value in leaves[path] if value not in (None, "")]
    if field == "amount":
        settings = amount_settings(steps, values, list(leaves))
        if is_rows and settings.entries.get("decimal") == '"."' and len(settings.entries) == 1:
            plain = all(str(v).strip().lstrip("-").replace(".", "", 1).isdigit() for v in values)
            settings = Settings() if plain else settings
    else:
        clock = clock_path(leaves, steps)
        if clock is not None:
            paths = [f"{paths[0]} + {path_text(clock)}"]
            pairs = zip(leaves[steps], leaves[clock], strict=True)
            values = [f"{day} {time}" for day, time in pairs if day and time]
        settings = timestamp_settings(values, words_of(steps[-1]))
        if clock is not None:
            settings.entries["separator"] = '" "'
    if choice.score < _UNSURE_BELOW:
        settings.unsure.insert(0, f"that this is the {field} is a guess")
    if paths == [field] and not settings.entries:
        return []
    lines = ["", *(f"# Unsure: {note}." for note in settings.unsure), f"[{field}]"]
    if paths != [field]:
        lines.append(f"path = {_paths(paths)}")
    return lines + [f"{key} = {value}" for key, value in settings.entries.items()]


def _paths(paths: Sequence[str]) -> str:
    quoted = [_quoted(path) for path in paths]
    return quoted[0] if len(quoted) == 1 else f"[{', '.join(quoted)}]"


def _quoted(text: str) -> str:
    if '"' in text and "'" not in text and "\\" not in text:
        return f"'{text}'"
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _read(
    text: str, sample: Sequence[bytes | Mapping[str, Any]], schemas: SchemaDecoder | None
) -> list[Reading]:
    intake = Intake(parse_declaration(text, "suggestion"), schemas)
    readings: list[Reading] = []
    for index, value in enumerate(sample):
        position = f"sample-{index}"
        if isinstance(value, bytes):
            readings.extend(intake.read(value, position=position, arrived_ms=1_795_845_480_000))
        else:
            readings.append(intake.read_row(value, position=position, arrived_ms=1_795_845_480_000))
    return readings


def _share(readings: Sequence[Reading]) -> float:
    """Return the share of readings that are no refusals."""
    good = sum(1 for r in readings if isinstance(r, Payment | Refund | Skipped))
    return good / len(readings) if readings else 0.0


def _report(
    text: str, sample: Sequence[bytes | Mapping[str, Any]], schemas: SchemaDecoder | None
) -> str:
    """Return comments on how the sample reads with the suggestion."""
    readings = _read(text, sample, schemas)
    outcomes = Counter(outcome_of(reading) for reading in readings)
    counts = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in outcomes.most_common())
    lines = ["", f"# The sample of {len(sample)} reads as: {counts}."]
    refusals = Counter(
        (r.reason, r.path, r.hint or r.detail) for r in readings if isinstance(r, Refused)
    )
    for (reason, path, help_), n in refusals.most_common(5):
        lines.append(f"# {n} refused, {reason} at {path}: {help_}")
    left = Counter(
        (out.field, out.reason) for r in readings if isinstance(r, Payment) for out in r.left_out
    )
    lines += [f"# {n} without {field} ({reason})." for (field, reason), n in left.most_common(5)]
    return "\n".join(lines) + "\n"
