"""Guesses aloud: looks at a sample and writes the declaration that it believes.

The text is TOML.  What is not sure is said in comments beside the line, and at the end how the sample
reads with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from streamer.errors import ConfigurationError
from streamer.intake.declaration import Declaration, parse_declaration
from streamer.intake.documents import decoded
from streamer.intake.envelopes import Item, text_in, unwrapped
from streamer.intake.fields import OPTIONAL_READERS
from streamer.intake.framing import SchemaDecoder, framed, unframed
from streamer.intake.guess.choice import Choice
from streamer.intake.guess.doubts import is_approved
from streamer.intake.guess.field_paths import choose_fields, debit_and_credit
from streamer.intake.guess.lines import (
    UNSURE_BELOW,
    country_notes,
    currency_lines,
    decimals_in,
    field_lines,
    missing_card_lines,
    table_lines,
)
from streamer.intake.guess.no_payments import UNTOLD, rule_lines
from streamer.intake.guess.notations import amount_settings, timestamp_settings
from streamer.intake.guess.presets import preset_texts
from streamer.intake.guess.unused import unused_lines
from streamer.intake.guess.values import told
from streamer.intake.intake import Intake
from streamer.intake.leaves import Leaves, Objects, leaves_of, list_paths, path_text
from streamer.intake.naming import has_card_number, without_numbers
from streamer.intake.paths import Steps, walked
from streamer.intake.presets import NO_CARD_PAYMENT
from streamer.intake.readings import (
    Fault,
    Payment,
    Reading,
    Refund,
    Refused,
    Skipped,
    outcome_of,
)
from streamer.intake.transfers import transfer_in

__all__ = ["MAX_SAMPLE", "suggest"]

MAX_SAMPLE: Final = 1_000
_ORDER: Final = (
    "transaction_id card_id currency merchant_id mcc country latitude longitude channel label"
).split()
_ADDED: Final = (*OPTIONAL_READERS, "label")
_SURE_LABEL: Final = 90.0
_LEFT_OUT: Final = "# Unsure: what may be card numbers is '...' above; no such line holds.\n"
_NO_CLAIM: Final = "# How the sample reads can be said once that is settled.\n"
_ABOUT: Final = frozenset(("card_id", "timestamp"))
_READABLE: Final = 0.9
_ITSELF: Final = "`streamer intake suggest`"


def suggest(
    sample: Sequence[bytes | Mapping[str, Any]],
    schemas: SchemaDecoder | None = None,
    read: Callable[[Declaration], Sequence[Reading]] | None = None,
) -> str:
    """Return the TOML of a declaration for a sample of messages, or of a file's rows.

    ``read`` returns what rows say in their file, whose reader may find a decimal sign by itself: how
    the sample reads is told by it.
    Raises a `ConfigurationError` when the sample holds nothing that could be a card payment.
    """
    sample = list(sample[:MAX_SAMPLE])
    objects = _objects(sample, schemas)
    if not objects:
        raise ConfigurationError(
            "sample must hold payments as JSON objects or rows, got none; `streamer intake try` says "
            "what they are"
        )
    transfers = Counter(map(transfer_in, objects))
    if None not in transfers:
        kind, about = str(transfers.most_common(1)[0][0]).split(", ", 1)
        raise ConfigurationError(
            f"sample must hold card payments: {kind} is {about} {NO_CARD_PAYMENT}"
        )
    is_rows = not isinstance(sample[0], bytes)
    text = _known_text(objects, sample, schemas)
    if text is None:
        is_readable = _share(_read("", sample, schemas)) >= _READABLE
        text = (
            _additions(objects, is_rows=is_rows)
            if is_readable
            else _guessed(objects, is_rows=is_rows)
        )
    text = _updates_lines(text, objects, sample, schemas) + text
    if has_card_number(text):
        return f"{without_numbers(text)}\n{_LEFT_OUT}{_NO_CLAIM}"
    if UNTOLD in text:
        return f"{text}\n{_NO_CLAIM}"
    readings = _read(text, sample, schemas) if read is None else read(_parsed(text))
    n_read = len(sample) if read is None else len(readings)
    return without_numbers(text + _report(readings, n_read))


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
    for text in preset_texts(objects):
        readings = _read(text, sample, schemas)
        has_payments = any(isinstance(reading, Payment) for reading in readings)
        has_others = any(
            isinstance(reading, Skipped) and reading.reason == "not_a_payment"
            for reading in readings
        )
        if _share(readings) >= _READABLE and (has_payments or not has_others):
            return text
    return None


def _additions(objects: Objects, *, is_rows: bool) -> str:
    """Return what may have to be said of messages that are read as they are.

    A field that need not be there, and a label, may have another name all the same.
    """
    leaves = leaves_of(objects)
    amounts = told(leaves.get(("amount",), ()))
    lines: list[str] = []
    choices = choose_fields(leaves)
    for field in _ADDED if amounts else ():
        choice = choices.get(field)
        if choice is None or (field,) in leaves:
            continue
        if field != "label" or _is_label(choice, is_rows=is_rows):
            lines += field_lines(field, choice, leaves)
    settings = amount_settings(("amount",), amounts, leaves, decimals_in(leaves, [("currency",)]))
    if amounts:
        lines += [f"# Unsure: {note}." for note in settings.unsure]
    said = [name for name in settings.entries if name != "decimal"]
    if settings.entries.get("decimal") == '","':
        said.append("decimal")
    if amounts and said:
        lines += ["[amount]", *(f"{name} = {settings.entries[name]}" for name in said)]
    times = leaves.get(("timestamp",), [])
    if "zone" in (of_times := timestamp_settings(times)).entries:
        unsure = [f"# Unsure: {note}." for note in of_times.unsure]
        lines += ["", *unsure, "[timestamp]", 'zone = "UTC"']
    lines += rule_lines(leaves)
    if not lines:
        lines = ["# Nothing needs to be declared: the messages are read as they are."]
    return "\n".join([*country_notes(leaves), *lines]).strip("\n") + "\n"


def _is_label(choice: Choice, *, is_rows: bool) -> bool:
    """Whether a field is proposed for a label: in messages only one that is called so for sure."""
    return is_rows or choice.score >= _SURE_LABEL


def _guessed(objects: Objects, *, is_rows: bool) -> str:
    each, leaves = _with_each(objects)
    choices = choose_fields(leaves)
    sides = debit_and_credit(leaves)
    amount = choices.get("amount", Choice([], 0.0))
    if sides is not None and (amount.score < UNSURE_BELOW or set(amount.paths) & set(sides)):
        choices["amount"] = Choice([sides[0]], UNSURE_BELOW)
    lines = [f'each = "{path_text(each)}"'] if each else []
    tables: list[str] = []
    if "transaction_id" not in choices:
        lines += [
            "# Unsure: no field names the payment; its place stands for one.",
            "transaction_id = { position = true }",
        ]
    if "card_id" not in choices:
        inner = leaves_of(objects, into_lists=True) if each is None else leaves
        card = choose_fields(inner).get("card_id")
        if card is None:
            lines += missing_card_lines(leaves, is_rows=is_rows)
        else:
            choices["card_id"], leaves = card, leaves | {p: inner[p] for p in card.paths}
    for field in _ORDER:
        if field in choices and (field != "label" or _is_label(choices[field], is_rows=is_rows)):
            lines += field_lines(field, choices[field], leaves)
    lines += country_notes(leaves)
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
    text = "\n".join([*lines, *tables]).strip("\n") + "\n"
    return text + "".join(f"{line}\n" for line in unused_lines(leaves, text))


def _with_each(objects: Objects) -> tuple[Steps | None, Leaves]:
    """Return the list to go into, where the payments lie in one, and the leaves from there."""
    leaves = leaves_of(objects)
    found = choose_fields(leaves)
    is_there = "amount" in found and found["amount"].score >= UNSURE_BELOW
    # A number of items or of pages beside a list of payments is a total, too.
    if is_there and _ABOUT & found.keys():
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
        within = choose_fields(inner)
        if "amount" in within and (not is_there or _ABOUT & within.keys()):
            outer = leaves_of([item for item, _ in parts])
            return steps, inner | {("$", *path): values for path, values in outer.items()}
    return None, leaves


def _parsed(text: str) -> Declaration:
    return parse_declaration(text, "suggestion")


def _read(
    text: str, sample: Sequence[bytes | Mapping[str, Any]], schemas: SchemaDecoder | None
) -> list[Reading]:
    intake = Intake(_parsed(text), schemas)
    readings: list[Reading] = []
    for index, value in enumerate(sample):
        position = f"sample-{index}"
        if isinstance(value, bytes):
            readings.extend(intake.read(value, position=position, arrived_ms=1_795_845_480_000))
        else:
            readings.append(intake.read_row(value, position=position, arrived_ms=1_795_845_480_000))
    return readings


def _updates_lines(
    text: str,
    objects: Objects,
    sample: Sequence[bytes | Mapping[str, Any]],
    schemas: SchemaDecoder | None,
) -> str:
    """Return what counts updates, where events named so are all there is and tell of approvals."""
    readings = _read(text, sample, schemas)
    if not all(isinstance(r, Skipped) and r.reason == "updated" for r in readings):
        return ""
    leaves = leaves_of(objects)
    if not any(is_approved(leaves, index) for index in range(len(objects))):
        return ""
    return (
        "# Unsure: every message is an update by its event's name and approved by its status: updates "
        'are taken for payments.\nupdates = "payment"\n'
    )


def _share(readings: Sequence[Reading]) -> float:
    """Return the share of readings that are no refusals."""
    good = sum(1 for r in readings if isinstance(r, Payment | Refund | Skipped))
    return good / len(readings) if readings else 0.0


def _help(refused: Refused) -> str:
    """Return what would help; not this command, of which a refusal's hint may speak."""
    return refused.detail if _ITSELF in refused.hint else refused.hint or refused.detail


def _report(readings: Sequence[Reading], n_read: int) -> str:
    """Return comments on how a sample of ``n_read`` reads with the suggestion."""
    outcomes = Counter(outcome_of(reading) for reading in readings)
    counts = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in outcomes.most_common())
    lines = ["", f"# The sample of {n_read} reads as: {counts}."]
    if readings and not any(isinstance(reading, Payment) for reading in readings):
        lines.append(
            "# Unsure: no payment is in the sample, by these lines; see whether that is so."
        )
    refusals = Counter((r.reason, r.path, _help(r)) for r in readings if isinstance(r, Refused))
    for (reason, path, help_), n in refusals.most_common(5):
        lines.append(f"# {n} refused, {reason} at {path}: {help_}")
    left = Counter(
        (out.field, out.reason) for r in readings if isinstance(r, Payment) for out in r.left_out
    )
    lines += [f"# {n} without {field} ({reason})." for (field, reason), n in left.most_common(5)]
    return "\n".join(lines) + "\n"
