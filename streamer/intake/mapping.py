"""A declaration compiled to one function from a producer's object to a reading.

All that a declaration says is settled once: the function only walks paths and reads values.  Where a
value lay is found out again only when it is faulty.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from streamer.contract.messages import Transaction
from streamer.intake.amounts import AmountReader, make_amount_reader
from streamer.intake.checking import origin_of, zone_of
from streamer.intake.declaration import Declaration
from streamer.intake.extraction import compile_extraction
from streamer.intake.fields import (
    OPTIONAL_READERS,
    category_code,
    channel,
    country,
    currency,
    identifier,
    identifier_of_cell,
)
from streamer.intake.message_rules import compile_rules
from streamer.intake.paths import parse_paths, shown, walked
from streamer.intake.readings import Fault, LeftOut, Payment, Reading, Refund, Refused
from streamer.intake.slots import adjustment_of, field_paths, field_slot
from streamer.intake.times import TimeReader, make_time_reader

__all__ = ["REQUIRED", "MapObject", "amount_reader_of", "compile_mapping", "time_reader_of"]

MapObject = Callable[[Any, Any, str, str, int | None], Reading]
"""Takes an item, its message, the item's path, the message's position and its time of arrival."""

REQUIRED: Final = ("transaction_id", "card_id", "amount", "currency", "timestamp")


def amount_reader_of(declaration: Declaration, *, is_rows: bool) -> AmountReader:
    """Return the reader of a declaration's amounts."""
    amount = declaration.amount
    return make_amount_reader(
        minor=amount.unit == "minor",
        decimal=amount.decimal or ("." if is_rows else None),
        thousands=amount.thousands,
        scale=amount.scale,
        decimals=amount.decimals,
    )


def time_reader_of(declaration: Declaration, *, is_rows: bool) -> TimeReader:
    """Return the reader of a declaration's times."""
    time = declaration.timestamp
    return make_time_reader(
        unit=time.unit,
        origin=origin_of(time.origin) if time.origin else None,
        zone=zone_of(time.zone or "UTC") if is_rows or time.zone else None,
        formats=time.format,
    )


def compile_mapping(declaration: Declaration, *, is_rows: bool) -> MapObject:
    """Return the function that reads one object; rows of a file say less, and more is taken for said.

    In rows every value may be a text: an empty one is missing, a plain number is an amount, and a time
    without a zone is UTC.
    """
    names = (*REQUIRED, *OPTIONAL_READERS)
    fields = {name: getattr(declaration, name) for name in names}
    slots = [field_slot(name, field, is_rows=is_rows) for name, field in fields.items()]
    rules, judge = compile_rules(declaration, len(slots), is_rows=is_rows)
    extract = compile_extraction([*slots, *rules])
    adjustments = [
        (index, adjust)
        for index, field in enumerate(fields.values())
        if (adjust := adjustment_of(field, is_rows=is_rows)) is not None
    ]
    read_id = identifier_of_cell if is_rows else identifier
    id_is_position = declaration.transaction_id.position
    card_is_position = declaration.card_id.position
    read_amount = amount_reader_of(declaration, is_rows=is_rows)
    read_time = time_reader_of(declaration, is_rows=is_rows)
    below_zero_is_payment = declaration.amount.negative == "payment"
    read_latitude, read_longitude = OPTIONAL_READERS["latitude"], OPTIONAL_READERS["longitude"]

    def finder(item: Any, root: Any, at: str) -> Callable[[str], str]:
        return lambda field: _path_of(field, declaration, item, root, at)

    def read(item: Any, root: Any, at: str, position: str, arrived_ms: int | None) -> Reading:
        values = extract(item, root)
        if judge is not None:
            judged = judge(values, at)
            if judged is not None:
                return judged
            del values[len(slots) :]
        for index, adjust in adjustments:
            values[index] = adjust(values[index])
        payment, card, amount, code, timestamp, merchant, category, place, lat, lon, way = values
        name = "transaction_id"
        try:
            payment = read_id(position if id_is_position else payment)
            name = "card_id"
            card = read_id(position if card_is_position else card)
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
        try:
            if merchant is not None:
                merchant = read_id(merchant)
            if category is not None:
                category = category_code(category)
            if place is not None:
                place = country(place)
            if lat is not None:
                lat = read_latitude(lat)
            if lon is not None:
                lon = read_longitude(lon)
            if way is not None:
                way = channel(way)
        except Fault:
            required = payment, card, amount or 0.0, code, timestamp
            return _without_faulty(required, values[len(REQUIRED) :], finder(item, root, at))
        if lat == 0.0 and lon == 0.0:
            required = payment, card, amount or 0.0, code, timestamp
            others = [merchant, category, place, lat, lon, way]
            return _without_faulty(required, others, finder(item, root, at))
        total = amount or 0.0
        transaction = Transaction(
            payment, card, total, code, timestamp, merchant, category, place, lat, lon, way
        )
        return Payment(transaction)

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


def _without_faulty(
    required: tuple[Any, ...], optional: Sequence[Any], path_of: Callable[[str], str]
) -> Payment:
    """Return the payment without the optional fields that cannot be used."""
    kept: dict[str, Any] = {}
    left_out: list[LeftOut] = []
    for (field, read), value in zip(OPTIONAL_READERS.items(), optional, strict=True):
        if value is not None:
            try:
                kept[field] = read(value)
            except Fault as fault:
                reason = "empty" if value == "" else fault.reason
                left_out.append(LeftOut(field, reason, path_of(field)))
    if kept.get("latitude") == 0.0 and kept.get("longitude") == 0.0:
        for field in ("latitude", "longitude"):
            del kept[field]
            left_out.append(LeftOut(field, "null_island", path_of(field)))
    return Payment(Transaction(*required, **kept), tuple(left_out))
