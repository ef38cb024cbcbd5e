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
from streamer.intake.guess_fields import Choice, choose_fields, debit_and_credit
from streamer.intake.guess_lines import (
    UNSURE_BELOW,
    currency_lines,
    decimals_in,
    field_lines,
    table_lines,
)
from streamer.intake.guess_rules import rule_lines
from streamer.intake.guess_settings import amount_settings, timestamp_settings
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
    if text is None or not _fits(text, sample, schemas):
        is_readable = _share_read("", sample, schemas) >= _READABLE
        text = _additions(objects) if is_readable else _guessed(objects, is_rows=is_rows)
        if any(isinstance(value, bytes) and b'"__deleted"' in value for value in sample):
            text += _FLATTENED
    return text + _report(text, sample, schemas)


def _fits(
    text: str, sample: Sequence[bytes | Mapping[str, Any]], schemas: SchemaDecoder | None
) -> bool:
    """Whether a preset reads the sample, and not only as something else than payments."""
    readings = _read(text, sample, schemas)
    outcomes = Counter(outcome_of(reading) for reading in readings)
    other = sum(r.reason == "not_a_payment" for r in readings if isinstance(r, Skipped))
    return other < len(readings) and outcomes["dead_letter"] <= (1 - _READABLE) * len(readings)


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
    preset = Counter(_preset_of(item) for item in objects).most_common(1)[0][0]
    if preset is None:
        return None
    note = f"# The layout is known: `streamer intake show {preset}` prints its lines."
    return f'{note}\npreset = "{preset}"\n'


def _preset_of(item: Mapping[str, Any]) -> str | None:
    inner = item.get("fields", item.get("data"))
    below = recognised(inner) if isinstance(inner, Mapping) else None
    return recognised(item) or ("iso8583" if below == "iso8583" else None)


def _additions(objects: Objects) -> str:
    """Return what may have to be said of messages that are read as they are."""
    leaves = leaves_of(objects)
    amounts = [value for value in leaves.get(("amount",), ()) if value not in (None, "")]
    lines: list[str] = []
    settings = amount_settings(("amount",), amounts, leaves, decimals_in(leaves, [("currency",)]))
    if amounts:
        lines += [f"# Unsure: {note}." for note in settings.unsure]
    if amounts and "unit" in settings.entries:
        lines += ["[amount]", f"unit = {settings.entries['unit']}"]
    times = leaves.get(("timestamp",), [])
    if "zone" in (of_times := timestamp_settings(times)).entries:
        notes = [f"# Unsure: {note}." for note in of_times.unsure]
        lines += ["", *notes, "[timestamp]", 'zone = "UTC"']
    lines += rule_lines(leaves)
    if not lines:
        return "# Nothing needs to be declared: the messages are read as they are.\n"
    return "\n".join(lines).strip("\n") + "\n"


def _guessed(objects: Objects, *, is_rows: bool) -> str:
    each, leaves = _with_each(objects)
    choices = choose_fields(leaves)
    sides = debit_and_credit(leaves)
    if sides is not None and choices.get("amount", Choice([], 0.0)).score < UNSURE_BELOW:
        choices["amount"] = Choice([sides[0]], UNSURE_BELOW)
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
            lines += field_lines(field, choices[field], leaves)
    if "currency" not in choices:
        lines += currency_lines(choices, leaves)
    for field in ("amount", "timestamp"):
        if field in choices:
            tables += table_lines(field, choices[field], choices, leaves, is_rows=is_rows)
        else:
            tables += ["", f"# Missing: which field is the {field}?", f'# {field} = "..."']
    if sides is not None and choices["amount"].paths == [sides[0]]:
        tables += ["", "[[refund]]", f'path = "{path_text(sides[1])}"', "present = true"]
    tables += rule_lines(leaves)
    return "\n".join([*lines, *tables]).strip("\n") + "\n"


def _with_each(objects: Objects) -> tuple[Steps | None, Leaves]:
    """Return the list to go into, where the payments lie in one, and the leaves from there."""
    leaves = leaves_of(objects)
    found = choose_fields(leaves)
    if "amount" in found and found["amount"].score >= UNSURE_BELOW:
        return None, leaves
    for steps in list_paths(objects):
        parts = [(item, part) for item in objects for part in walked(item, item, steps) or ()]
        inner = leaves_of([part for _, part in parts])
        if "amount" in choose_fields(inner):
            outer = leaves_of([item for item, _ in parts])
            return steps, inner | {("$", *path): values for path, values in outer.items()}
    return None, leaves


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
