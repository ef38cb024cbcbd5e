"""A declaration compiled to one function from a producer's object to a reading.

All that a declaration says is settled once: the function only walks paths and reads values.  Where a
value lay is found out again only when it is faulty.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from streamer.events import Transaction
from streamer.intake.amounts import make_amount_reader
from streamer.intake.checking import origin_of, zone_of
from streamer.intake.declaration import Declaration
from streamer.intake.extraction import compile_extraction
from streamer.intake.fields import OPTIONAL_READERS, currency, identifier
from streamer.intake.paths import parse_paths, shown, walked
from streamer.intake.readings import Fault, LeftOut, Payment, Reading, Refund, Refused
from streamer.intake.slots import adjustment_of, field_paths, field_slot
from streamer.intake.times import make_time_reader

__all__ = ["MapObject", "compile_mapping"]

MapObject = Callable[[Any, Any, str, str, int | None], Reading]
"""Takes an item, its message, the item's path, the message's position and its time of arrival."""

_REQUIRED: Final = ("transaction_id", "card_id", "amount", "currency", "timestamp")
_LATITUDE: Final = len(_REQUIRED) + list(OPTIONAL_READERS).index("latitude")
_LONGITUDE: Final = len(_REQUIRED) + list(OPTIONAL_READERS).index("longitude")


def compile_mapping(declaration: Declaration, *, is_rows: bool) -> MapObject:
    """Return the function that reads one object; rows of a file say less, and more is taken for said.

    In rows every value may be a text: an empty one is missing, a plain number is an amount, and a time
    without a zone is UTC.
    """
    names = (*_REQUIRED, *OPTIONAL_READERS)
    fields = {name: getattr(declaration, name) for name in names}
    extract = compile_extraction(
        [field_slot(name, field, is_rows=is_rows) for name, field in fields.items()]
    )
    adjustments = [
        (index, adjust)
        for index, field in enumerate(fields.values())
        if (adjust := adjustment_of(field, is_rows=is_rows)) is not None
    ]
    id_is_position = declaration.transaction_id.position
    card_is_position = declaration.card_id.position
    read_amount = make_amount_reader(
        minor=declaration.amount.unit == "minor",
        decimal=declaration.amount.decimal or ("." if is_rows else None),
        thousands=declaration.amount.thousands,
        scale=declaration.amount.scale,
        decimals=declaration.amount.decimals,
    )
    time_field = declaration.timestamp
    read_time = make_time_reader(
        unit=time_field.unit,
        origin=origin_of(time_field.origin) if time_field.origin else None,
        zone=zone_of(time_field.zone or "UTC") if is_rows or time_field.zone else None,
        formats=time_field.format,
    )
    below_zero_is_payment = declaration.amount.negative == "payment"
    optional = list(enumerate(OPTIONAL_READERS.items(), start=len(_REQUIRED)))

    def read(item: Any, root: Any, at: str, position: str, arrived_ms: int | None) -> Reading:
        values = extract(item, root)
        for index, adjust in adjustments:
            values[index] = adjust(values[index])
        transaction_id, card_id, amount, code, timestamp = values[:5]
        name = "transaction_id"
        try:
            transaction_id = identifier(position if id_is_position else transaction_id)
            name = "card_id"
            card_id = identifier(position if card_is_position else card_id)
            name = "amount"
            if amount is None:
                raise Fault("missing_field", "amount must be there")
            name = "currency"
            code = currency(code)
            name = "amount"
            amount = read_amount(amount, code)
            name = "timestamp"
            timestamp = read_time(timestamp, arrived_ms)
        except Fault as fault:
            return _refused(name, declaration, item, root, at, fault)
        if below_zero_is_payment:
            amount = -amount
        if amount < 0:
            return Refund(_path_of("amount", declaration, item, root, at))
        left_out: list[LeftOut] | None = None
        for index, (field, read_field) in optional:
            value = values[index]
            if value is not None:
                try:
                    values[index] = read_field(value)
                except Fault as fault:
                    values[index] = None
                    path = _path_of(field, declaration, item, root, at)
                    left_out = [*(left_out or ()), LeftOut(field, _left_reason(value, fault), path)]
        if values[_LATITUDE] == 0.0 and values[_LONGITUDE] == 0.0:
            values[_LATITUDE] = values[_LONGITUDE] = None
            left_out = [*(left_out or ()), *_null_island(declaration, item, root, at)]
        transaction = Transaction(
            transaction_id, card_id, amount or 0.0, code, timestamp, *values[5:]
        )
        return Payment(transaction, tuple(left_out)) if left_out else Payment(transaction)

    return read


def _refused(
    name: str, declaration: Declaration, item: Any, root: Any, at: str, fault: Fault
) -> Refused:
    detail = fault.detail
    if fault.reason == "missing_field":
        detail = f"{name} must be there"
    elif name in ("transaction_id", "card_id"):
        detail = detail.replace("an id", name).replace("value", name)
    path = _path_of(name, declaration, item, root, at)
    return Refused(fault.reason, path + fault.at, detail, fault.hint)


def _path_of(name: str, declaration: Declaration, item: Any, root: Any, at: str) -> str:
    """Return where a field was found, or where it was looked for first."""
    paths = [parse_paths(path)[0] for path in field_paths(name, getattr(declaration, name))]
    if not paths:
        return f"{at}.{name}"
    present = [steps for steps in paths if walked(item, root, steps) not in (None, "")]
    steps = (present or paths)[0]
    return "$" + shown(steps[1:]) if steps[0] == "$" else at + shown(steps)


def _left_reason(value: Any, fault: Fault) -> Any:
    return "empty" if value == "" else fault.reason


def _null_island(declaration: Declaration, item: Any, root: Any, at: str) -> list[LeftOut]:
    return [
        LeftOut(name, "null_island", _path_of(name, declaration, item, root, at))
        for name in ("latitude", "longitude")
    ]
