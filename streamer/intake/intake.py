"""The intake: from a producer's bytes, or a file's row, to readings.

Invariants: no input raises, whatever it is; a message that is the contract's already is decoded once,
straight into a `Transaction`, and nothing else is done to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from streamer.contract.messages import Transaction
from streamer.intake.declaration import Declaration
from streamer.intake.documents import decoded
from streamer.intake.envelopes import (
    EVENT_NAMES,
    MARKERS,
    MARKS,
    MAX_ITEMS,
    Counting,
    Item,
    flattened_change,
    name_of,
    nested_in,
    skipped_change,
    told_by_itself,
    told_by_name,
    unwrapped,
)
from streamer.intake.framing import SchemaDecoder, framed, unframed
from streamer.intake.hints import hinted
from streamer.intake.mapping import compile_mapping
from streamer.intake.paths import Steps, parse_path, parse_paths, shown, walked
from streamer.intake.plain import is_named, nameless, plain_transaction, plain_transactions
from streamer.intake.readings import Fault, Payment, Reading, Refund, Refused, Skipped
from streamer.intake.slots import field_paths
from streamer.intake.usual import compile_usual

__all__ = ["Intake", "nameless", "plain_transaction", "plain_transactions"]

_decode: Final = msgspec.json.Decoder().decode
_NOT_PLAIN: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def _none_plain(values: Sequence[bytes]) -> list[Transaction | None]:
    return [None] * len(values)


class Intake:
    """A compiled declaration; without one, what needs no setting is understood all the same.

    ``schemas`` decodes messages that are not JSON.  One object serves a whole process: reading changes
    nothing in it.
    """

    def __init__(
        self, declaration: Declaration | None = None, schemas: SchemaDecoder | None = None
    ) -> None:
        self.declaration = declaration or Declaration()
        self.hash = self.declaration.hash
        self.is_default = self.declaration.is_default
        self.plain: Callable[[Sequence[bytes]], list[Transaction | None]] = (
            plain_transactions if self.is_default else _none_plain
        )
        """Returns the transactions of messages that need no reading, None for others: `read` them."""
        self.schemas = schemas
        paths = field_paths("card_id", self.declaration.card_id)
        steps = [step for path in paths[:1] for step in parse_paths(path)[0] if step != "$"]
        self.card_path = "$" + shown(steps)
        """Where a card's id is looked for first."""
        self._is_bare = self.declaration.envelope == "none"
        has_rules = (
            self.declaration.refund
            or self.declaration.only
            or self.declaration.skip
            or self.declaration.decline
        )
        # Whether an event's name says what a payment is instead: where nobody has said it by rules.
        self._is_told = not (has_rules or self._is_bare)
        # Without any of these names, a message is neither an envelope nor an event.
        self._names = MARKERS | EVENT_NAMES if self._is_told else MARKERS
        self._counting = Counting(
            self.declaration.updates == "payment", self.declaration.snapshots == "payment"
        )
        schema = self.declaration.schema
        self._is_unframed = schema is not None and not schema.framed
        each = self.declaration.each
        self._each = parse_path(each) if each else None
        self._each_path = shown(self._each) if self._each else ""
        self._map = compile_mapping(self.declaration, is_rows=False)
        self._usual = compile_usual(self.declaration)
        self._map_row = compile_mapping(self.declaration, is_rows=True)
        self._map_plain = compile_mapping(Declaration(), is_rows=False)
        self._map_plain_row = compile_mapping(Declaration(), is_rows=True)
        self._foreign = _foreign_paths(self.declaration)

    def read(
        self, value: bytes | None, *, position: str = "", arrived_ms: int | None = None
    ) -> Sequence[Reading]:
        """Return what a message says, at least one reading.

        ``position`` names the message's place, for ids that it does not have; ``arrived_ms`` gives a
        date without a year its year.
        """
        if value and not self._is_unframed:
            if self.is_default:
                transaction = plain_transaction(value)
                if transaction is not None and is_named(transaction):
                    return (Payment(transaction),)
            try:
                message = _decode(value)
            except _NOT_PLAIN:
                return self._readings(value, position, arrived_ms)
            if self._each is None and type(message) is dict:
                is_unnamed = self._names.isdisjoint(message)
                if is_unnamed or self._is_bare or MARKERS.isdisjoint(message):
                    payment = self._usual(message, position, arrived_ms)
                    if payment is not None:
                        told = None if is_unnamed else self._told(message, "$")
                        return (told or payment,)
            return self._readings_of(message, position, arrived_ms)
        return self._readings(value, position, arrived_ms)

    def read_row(
        self, row: Mapping[str, Any], *, position: str = "", arrived_ms: int | None = None
    ) -> Reading:
        """Return what one row of a file says: a value per column, typed or text."""
        row = row if type(row) is dict else dict(row)
        if not MARKS.isdisjoint(row) and not self._is_bare:
            change = flattened_change(row)
            if change is not None and not self._counting.counts(change.kind):
                return skipped_change(change, "$")
        reading = self._map_row(row, row, "$", position, arrived_ms)
        if self._may_be_plain(reading, row, row):
            plain = self._map_plain_row(row, row, "$", position, arrived_ms)
            if isinstance(plain, Payment | Refund):
                return plain
        return hinted(reading, row, self.declaration) if isinstance(reading, Refused) else reading

    def _readings(
        self, value: bytes | None, position: str, arrived_ms: int | None
    ) -> Sequence[Reading]:
        """Return the readings of bytes that are no JSON as it should be."""
        try:
            message = self._document(value)
        except Fault as fault:
            return (Refused(fault.reason, "$" + fault.at, fault.detail, fault.hint),)
        return self._readings_of(message, position, arrived_ms)

    def _readings_of(
        self, message: Any, position: str, arrived_ms: int | None
    ) -> Sequence[Reading]:
        readings: list[Reading] = []
        for item in self._items(message):
            if isinstance(item, Item):
                readings.extend(self._each_of(item, position, arrived_ms))
            else:
                readings.append(item)
        return readings

    def contents(self, value: bytes) -> list[Any]:
        """Return what bytes say and what their envelopes hold, [] where they cannot be read."""
        try:
            message = self._document(value)
            items = self._items(message)
        except (Fault, RecursionError):
            return []
        held = (item.value for item in items if isinstance(item, Item))
        return [message, *(value for value in held if value is not message)]

    def _document(self, value: bytes | None) -> Any:
        if value is None:
            return None
        if not value:
            raise Fault("empty", "value must be a JSON object, got nothing")
        if self._is_unframed and self.schemas is not None:
            return self.schemas.decode(None, value)
        frame = framed(value)
        return decoded(value) if frame is None else unframed(frame, self.schemas)

    def _items(self, message: Any, at: str = "$") -> Sequence[Item | Reading]:
        if self._is_bare and type(message) is dict:
            return (Item(message, at),)
        return unwrapped(message, self._counting, at)

    def _each_of(self, item: Item, position: str, arrived_ms: int | None) -> Sequence[Reading]:
        message, at = item
        if self._each is None:
            return (self._reading(message, message, at, position, arrived_ms),)
        parts = walked(message, message, self._each)
        if not isinstance(parts, list):
            reading = Refused("missing_field", at + self._each_path, "each must lead to a list")
            if self._may_be_plain(reading, message, message):
                plain = self._map_plain(message, message, at, position, arrived_ms)
                return (plain if isinstance(plain, Payment | Refund) else reading,)
            return (hinted(reading, message, self.declaration),)
        if not parts:
            return (Skipped("not_a_payment", at + self._each_path),)
        if len(parts) > MAX_ITEMS:
            detail = f"a message must hold at most {MAX_ITEMS:,} payments"
            return (Refused("out_of_range", at + self._each_path, detail),)
        return [
            self._reading(
                part, message, f"{at}{self._each_path}[{index}]", f"{position}-{index}", arrived_ms
            )
            for index, part in enumerate(parts)
        ]

    def _reading(
        self, item: Any, root: Any, at: str, position: str, arrived_ms: int | None
    ) -> Reading:
        reading = self._map(item, root, at, position, arrived_ms)
        if type(reading) is Payment:
            return self._told(item, at) or reading
        if self._may_be_plain(reading, item, root):
            plain = self._map_plain(item, root, at, position, arrived_ms)
            if isinstance(plain, Payment | Refund):
                told = not self._is_bare and told_by_itself(item, at, self._counting)
                return told or plain
        if not isinstance(reading, Refused):
            return reading
        nested = self._nested(reading, item, at, position, arrived_ms)
        return hinted(reading, item, self.declaration) if nested is None else nested

    def _told(self, message: Any, at: str) -> Reading | None:
        if not self._is_told or type(message) is not dict:
            return None
        return told_by_itself(message, at, self._counting)

    def _nested(
        self, refused: Refused, item: Any, at: str, position: str, arrived_ms: int | None
    ) -> Reading | None:
        """Return what an object says that lies below the one which has not the fields, or None."""
        if refused.reason != "missing_field" or self._is_bare or type(item) is not dict:
            return None
        for inner, below in nested_in(item):
            for found in self._items(inner, at + below):
                if not isinstance(found, Item):
                    reading: Reading = found
                else:
                    reading = self._map(found.value, found.value, found.at, position, arrived_ms)
                if not isinstance(reading, Refused):
                    return told_by_name(name_of(item), at, self._counting) or reading
        return None

    def _may_be_plain(self, reading: Reading, item: Any, root: Any) -> bool:
        """Whether a message of a mapped topic is the contract's own: none of the mapping's is there."""
        if not self._foreign:
            return False
        if not (
            (isinstance(reading, Refused) and reading.reason == "missing_field")
            or (isinstance(reading, Skipped) and reading.reason == "not_a_payment")
        ):
            return False
        return all(walked(item, root, steps) is None for steps in self._foreign)


def _foreign_paths(declaration: Declaration) -> list[Steps]:
    """Return every declared path that the contract does not have by itself."""
    names = Transaction.__struct_fields__
    paths = {path for name in names for path in field_paths(name, getattr(declaration, name))}
    return [parse_paths(path)[0] for path in sorted(paths - set(names))]
