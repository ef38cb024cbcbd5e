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
from streamer.intake.envelopes import Item, unwrapped
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
from streamer.intake.leaves import Leaves, Objects, leaves_of, list_paths, path_text
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
_FLATTENED: Final = """
# Rows that a change capture has flattened.
[[skip]]
path = "__deleted"
one_of = "true"
"""
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
            "sample must hold JSON objects or rows, got none; `streamer intake try` says why"
        )
    if all(is_credit_transfer(item) for item in objects):
        raise ConfigurationError(REFUSED["pacs008"])
    is_rows = not isinstance(sample[0], bytes)
    text = _preset_text(objects)
    if text is None or _share_read(text, sample, schemas) < _READABLE:
        is_readable = _share_read("", sample, schemas) >= _READABLE
        text = _additions(objects) if is_readable else _guessed(objects, is_rows=is_rows)
        if any(isinstance(value, bytes) and b'"__deleted"' in value for value in sample):
            text += _FLATTENED
    return text + _report(text, sample, schemas)


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
        items = unwrapped(message, updates_count=False)
        found += [i.value for i in items if isinstance(i, Item) and isinstance(i.value, Mapping)]
    return found


def _preset_text(objects: Objects) -> str | None:
    preset = Counter(recognised(item) for item in objects).most_common(1)[0][0]
    if preset is None:
        return None
    note = f"# The layout is known: `streamer intake show {preset}` prints its lines."
    return f'{note}\npreset = "{preset}"\n'


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
        lists = [(item, walked(item, item, steps)) for item in objects]
        # Another message may have a value there, or a list of values.
        parts = [
            (item, part)
            for item, found_list in lists
            if isinstance(found_list, list)
            for part in found_list
            if isinstance(part, Mapping)
        ]
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


def _share_read(
    text: str, sample: Sequence[bytes | Mapping[str, Any]], schemas: SchemaDecoder | None
) -> float:
    readings = _read(text, sample, schemas)
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
