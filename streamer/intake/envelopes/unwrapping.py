"""Goes inwards through a message's envelopes until it stands before a payment, or several.

Invariant: the work is bounded.  No envelope is followed deeper than `_DEEPEST`, and a message gives at
most `MAX_ITEMS` payments.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from streamer.intake.documents import decoded
from streamer.intake.envelopes.change_capture import change_of
from streamer.intake.envelopes.connect import is_connect, payload_of
from streamer.intake.envelopes.events import event_data
from streamer.intake.readings import Fault, Reading, Refused, Skipped

__all__ = ["MARKERS", "MAX_ITEMS", "Item", "unwrapped"]

MAX_ITEMS: Final = 10_000
_DEEPEST: Final = 8

# An object without any of these names is no envelope.
MARKERS: Final = frozenset(
    "payload op op_type database __op __deleted specversion detail-type Message message records".split()
)


class Item(NamedTuple):
    """An object that may be a payment, and the path to it."""

    value: Any
    at: str


def unwrapped(message: Any, *, updates_count: bool, at: str = "$") -> list[Item | Reading]:
    """Return the items in a message, or what there is to say instead of each."""
    found: list[Item | Reading] = []
    try:
        _collect(message, at, updates_count, 0, found)
    except Fault as fault:
        found.append(Refused(fault.reason, at + fault.at, fault.detail, fault.hint))
    return found


def _collect(
    message: Any, at: str, updates_count: bool, depth: int, found: list[Item | Reading]
) -> None:
    if depth > _DEEPEST:
        raise Fault("nested_too_deep", f"a message must be wrapped at most {_DEEPEST} times")
    if type(message) is dict:
        inner = None if MARKERS.isdisjoint(message) else _inner(message, at, updates_count)
        if inner is None:
            found.append(Item(message, at))
        elif isinstance(inner, tuple):
            _collect(inner[0], at + inner[1], updates_count, depth + 1, found)
        else:
            found.append(inner)
    elif type(message) is list:
        if len(found) + len(message) > MAX_ITEMS:
            raise Fault("out_of_range", f"a message must hold at most {MAX_ITEMS:,} payments")
        if not message:
            found.append(Skipped("not_a_payment", at))
        for index, item in enumerate(message):
            _collect(item, f"{at}[{index}]", updates_count, depth + 1, found)
    elif message is None:
        found.append(Skipped("tombstone", at))
    elif isinstance(message, bytes) or (
        isinstance(message, str) and message.lstrip()[:1] in ("{", "[", '"')
    ):
        document = message if isinstance(message, bytes) else message.encode(errors="surrogatepass")
        _collect(_document(document, at), at, updates_count, depth + 1, found)
    else:
        found.append(Refused("not_an_object", at, "value must be a JSON object"))


def _inner(
    message: dict[str, Any], at: str, updates_count: bool
) -> tuple[Any, str] | Reading | None:
    """Return what is inside of an envelope and the path to it, or a reading, or None for none."""
    if is_connect(message):
        return payload_of(message), ".payload"
    change = change_of(message)
    if change is not None:
        kind, row, path = change
        if kind == "row" or (kind == "update" and updates_count):
            # A flattened row has lost its marks, so that this does not come back here.
            return row, path
        reasons = {"update": "updated", "delete": "deleted"}
        return Skipped(reasons.get(kind, "not_a_payment"), at + path)  # type: ignore[arg-type]
    return event_data(message)


def _document(value: bytes, at: str) -> Any:
    try:
        return decoded(value)
    except Fault as fault:
        raise Fault(fault.reason, fault.detail, fault.hint, at[1:]) from None
