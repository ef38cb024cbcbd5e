"""Goes inwards through a message's envelopes until it stands before a payment, or several.

Invariant: the work is bounded.  No envelope is followed deeper than `_DEEPEST`, and a message gives at
most `MAX_ITEMS` payments.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from streamer.intake.documents import decoded
from streamer.intake.envelopes.carriers import carried, is_of_the_carrier
from streamer.intake.envelopes.change_capture import change_of
from streamer.intake.envelopes.connect import is_connect, payload_of
from streamer.intake.envelopes.counted_changes import Counting, skipped_change
from streamer.intake.envelopes.events import event_of, is_tracked, name_of, told_by_name, with_time
from streamer.intake.envelopes.flattened import MARKS, flattened_change
from streamer.intake.envelopes.log_lines import LOG_NAMES, logged, tagged
from streamer.intake.readings import Fault, Reading, Refused, Skipped

__all__ = ["MARKERS", "MAX_ITEMS", "Item", "unwrapped"]

MAX_ITEMS: Final = 10_000
_DEEPEST: Final = 12

MARKERS: Final = MARKS | frozenset(
    "payload op database metadata operationType dynamodb after columns columnnames specversion "
    "detail-type eventType schema aggregatetype aggregateid aggregate_type aggregate_id "
    "aggregateType aggregateId Message message Records records Messages receivedMessages change "
    "Sns kinesis Body body recordId Item publishTime publish_time offset _airbyte_data record "
    "_id context trigger ChangeEventHeader operation action changeType change_type".split()
)
"""An object without any of these names is no envelope that could be taken for a payment."""
# These are in envelopes which hold no payment, and in none that could be taken for one.
_EMPTY: Final = frozenset(
    "data_collections ddl ts_ms kind magic resolved state value key_properties trace "
    "catalog spec connectionStatus control version data Data TopicArn".split()
)
_KNOWN: Final = MARKERS | _EMPTY | LOG_NAMES


class Item(NamedTuple):
    """An object that may be a payment, and the path to it."""

    value: Any
    at: str


_INSERTS: Final = Counting()


def unwrapped(message: Any, counting: Counting = _INSERTS, at: str = "$") -> list[Item | Reading]:
    """Return the items in a message, or what there is to say instead of each."""
    found: list[Item | Reading] = []
    try:
        _collect(message, at, counting, 0, found)
    except Fault as fault:
        found.append(Refused(fault.reason, at + fault.at, fault.detail, fault.hint))
    return found


def _collect(
    message: Any, at: str, counting: Counting, depth: int, found: list[Item | Reading]
) -> None:
    if depth > _DEEPEST:
        raise Fault("nested_too_deep", f"a message must be wrapped at most {_DEEPEST} times")
    if type(message) is dict:
        inner = None if _KNOWN.isdisjoint(message) else _inner(message, at, counting)
        if inner is None:
            found.append(Item(message, at))
        elif isinstance(inner, tuple):
            _collect(inner[0], at + inner[1], counting, depth + 1, found)
        else:
            found.append(inner)
    elif type(message) is list:
        if len(found) + len(message) > MAX_ITEMS:
            raise Fault("out_of_range", f"a message must hold at most {MAX_ITEMS:,} payments")
        if not message:
            found.append(Skipped("not_a_payment", at))
        inside = tagged(message)
        if inside is not None:
            _collect(inside[0], at + inside[1], counting, depth + 1, found)
            return
        for index, item in enumerate(message):
            _collect(item, f"{at}[{index}]", counting, depth + 1, found)
    elif message is None:
        found.append(Skipped("tombstone", at))
    elif isinstance(message, bytes) or (
        isinstance(message, str) and message.lstrip()[:1] in ("{", "[", '"')
    ):
        document = message if isinstance(message, bytes) else message.encode(errors="surrogatepass")
        _collect(_document(document, at), at, counting, depth + 1, found)
    else:
        found.append(Refused("not_an_object", at, "value must be a JSON object"))


def _inner(
    message: dict[str, Any], at: str, counting: Counting
) -> tuple[Any, str] | Reading | None:
    """Return what is inside of an envelope and the path to it, or a reading, or None for none."""
    if is_connect(message):
        return payload_of(message), ".payload"
    change = change_of(message) or flattened_change(message)
    if change is not None:
        if counting.counts(change.kind) and change.row is not None:
            # A flattened row has lost its marks, so that this does not come back here.
            return change.row, change.row_at
        return skipped_change(change, at)
    event = event_of(message)
    if event is not None:
        told = told_by_name(event, at, counting)
        data = event.data
        if told is None and type(data) is dict and _KNOWN.isdisjoint(data):
            data = with_time(data, message)
        return told or (data, event.at)
    if is_of_the_carrier(message):
        return Skipped("not_a_payment", at + (".Type" if "Type" in message else ".type"))
    line = logged(message, at)
    if line is not None:
        return line
    inner = carried(message)
    if inner is None and is_tracked(message):
        return told_by_name(name_of(message), at, counting)
    return inner


def _document(value: bytes, at: str) -> Any:
    try:
        return decoded(value)
    except Fault as fault:
        raise Fault(fault.reason, fault.detail, fault.hint, at[1:]) from None
