"""Change capture: what replicators of a database send for a row, and for themselves.

Known are Debezium, GoldenGate, Maxwell, Canal, AWS DMS, Qlik Replicate, Striim, wal2json, CockroachDB,
Hasura, Supabase, Salesforce, and the streams of MongoDB and DynamoDB; besides, any that names an
operation beside its row; rows whose envelope is gone already are `flattened`'s.

The rule: an insert is a payment, and so is a row of a snapshot unless the declaration says
``snapshots = "skip"`` (a connector that starts anew sends every row again); an update is skipped
unless it says ``updates = "payment"``, since a payment that was scored already would be learned twice;
a delete is skipped, and so is what a replicator says of itself: heartbeats, transactions, schemas.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple

from streamer.intake.envelopes.typed_values import of_dynamodb, of_mongodb
from streamer.intake.readings import Fault

__all__ = ["OPERATIONS", "Change", "ChangeKind", "change_of"]

ChangeKind = Literal["row", "snapshot", "update", "delete", "other"]


class Change(NamedTuple):
    """What happened and the path to what told it; the row as it is now and the path to that."""

    kind: ChangeKind
    told_at: str
    row: Any = None
    row_at: str = ""


_WORDS: Final[dict[ChangeKind, str]] = {
    "row": "c i insert create +i undelete",
    "snapshot": "r load refresh read bootstrap-insert",
    "update": "u update replace modify +u",
    "delete": "d delete remove -d",
    "other": "t m truncate message bootstrap-start bootstrap-complete begin commit -u",
}
OPERATIONS: Final[dict[Any, ChangeKind]] = {
    word: kind for kind, words in _WORDS.items() for word in words.split()
}
_OPERATION_NAMES: Final = ("operation", "action", "op", "changeType", "change_type")
_PLAIN_OPERATIONS: Final = frozenset(
    "i u d insert create read update modify delete remove +i -u +u -d".split()
)
_ROW_NAMES: Final = ("record", "data", "row", "new", "payload", "entity")
_TRANSACTION_MARKS: Final = ("BEGIN", "END")
_COCKROACH: Final = frozenset("after before key updated mvcc_timestamp topic cursor".split())


def change_of(message: dict[str, Any]) -> Change | None:
    """Return what a message says of a row, or None when it is no change capture."""
    for dialect in _DIALECTS:
        change = dialect(message)
        if change is not None:
            return change
    return None


def _change(operation: Any, row: Any, operation_at: str, row_at: str) -> Change | None:
    """Return a change by the word for it, or None where it is no word that is known."""
    kind = OPERATIONS.get(operation.lower()) if isinstance(operation, str) else None
    if kind is None:
        return None
    if kind in ("delete", "other"):
        return Change(kind, operation_at)
    return Change(kind, operation_at, row, row_at)


def _debezium(message: dict[str, Any]) -> Change | None:
    if "op" in message:
        if "after" in message or "before" in message:
            return _change(message["op"], message.get("after"), ".op", ".after")
        if message["op"] in ("t", "m") and "source" in message:
            return Change("other", ".op")
    if "data_collections" in message and message.get("status") in _TRANSACTION_MARKS:
        return Change("other", ".status")
    if "ddl" in message and "databaseName" in message:
        return Change("other", ".ddl")
    is_heartbeat = len(message) == 1 and "ts_ms" in message
    return Change("other", ".ts_ms") if is_heartbeat else None


def _goldengate(message: dict[str, Any]) -> Change | None:
    if "op_type" not in message:
        return None
    if "after" in message or "before" in message:
        return _change(message["op_type"], message.get("after"), ".op_type", ".after")
    is_truncation = message["op_type"] == "T" and "table" in message
    return Change("other", ".op_type") if is_truncation else None


def _by_table(message: dict[str, Any]) -> Change | None:
    """Return the change in a message of Maxwell, Canal or TiCDC; a change of a schema has no data."""
    kind = message.get("type")
    if not ("database" in message and isinstance(kind, str)):
        return None
    if message.get("isDdl") is True or kind.lower().startswith(("table-", "database-")):
        return Change("other", ".type")
    if "data" not in message:
        is_empty = "sql" in message or kind in ("WATERMARK", "BOOTSTRAP", "TIDB_WATERMARK")
        return Change("other", ".type") if is_empty else None
    return _change(kind, message["data"], ".type", ".data") if "table" in message else None


def _with_metadata(message: dict[str, Any]) -> Change | None:
    """Return the change in a message of AWS DMS or of Striim."""
    metadata = message.get("metadata")
    if type(metadata) is not dict:
        return None
    if "OperationName" in metadata:
        operation, at = metadata["OperationName"], ".metadata.OperationName"
    elif "operation" in metadata and ("record-type" in metadata or "table-name" in metadata):
        operation, at = metadata["operation"], ".metadata.operation"
    else:
        return None
    if metadata.get("record-type") == "control" or "data" not in message:
        return Change("other", at)
    return _change(operation, message["data"], at, ".data") or Change("other", at)


def _mongodb(message: dict[str, Any]) -> Change | None:
    if "operationType" not in message or not ("ns" in message or "fullDocument" in message):
        return None
    row = of_mongodb(message.get("fullDocument"))
    change = _change(message["operationType"], row, ".operationType", ".fullDocument")
    # "create" is that of a collection.
    if change is None or message["operationType"] == "create":
        return Change("other", ".operationType")
    return change


def _dynamodb(message: dict[str, Any]) -> Change | None:
    images = message.get("dynamodb")
    if type(images) is not dict or "eventName" not in message:
        return None
    image = images.get("NewImage")
    change = _change(message["eventName"], of_dynamodb(image), ".eventName", ".dynamodb.NewImage")
    if change is not None and change[0] == "row" and image is None:
        raise Fault(
            "missing_field",
            "a stream of DynamoDB must carry the new image",
            "set StreamViewType to NEW_IMAGE or NEW_AND_OLD_IMAGES",
            at=".dynamodb.NewImage",
        )
    return change


def _qlik(message: dict[str, Any]) -> Change | None:
    inner: Any = message.get("message")
    if message.get("magic") == "atMSG" and message.get("type") != "DT":
        return Change("other", ".type")
    headers = inner.get("headers") if type(inner) is dict else None
    if type(headers) is not dict or "operation" not in headers:
        return None
    at = ".message.headers.operation"
    return _change(headers["operation"], inner.get("data"), at, ".message.data")


def _wal2json(message: dict[str, Any]) -> Change | None:
    """Return the change in an object of wal2json, of its second format or its first."""
    if "kind" in message and ("columnnames" in message or "oldkeys" in message):
        names, values = message.get("columnnames"), message.get("columnvalues")
        row = None
        if isinstance(names, list) and isinstance(values, list):
            row = dict(zip(map(str, names), values, strict=False))
        return _change(message["kind"], row, ".kind", ".columnvalues")
    action = message.get("action")
    if action in ("B", "C") and len(message) <= 4:
        return Change("other", ".action")
    if "schema" in message and "table" in message and "action" in message:
        return _change(action, _of_pairs(message.get("columns")), ".action", ".columns")
    return None


def _of_pairs(columns: Any) -> dict[str, Any] | None:
    if not isinstance(columns, list):
        return None
    pairs = [column for column in columns if type(column) is dict and "name" in column]
    return {str(column["name"]): column.get("value") for column in pairs}


def _hasura(message: dict[str, Any]) -> Change | None:
    event = message.get("event")
    if not ("trigger" in message and type(event) is dict and type(event.get("data")) is dict):
        return None
    return _change(event.get("op"), event["data"].get("new"), ".event.op", ".event.data.new")


def _salesforce(message: dict[str, Any]) -> Change | None:
    header = message.get("ChangeEventHeader")
    if type(header) is not dict:
        return None
    row = {name: value for name, value in message.items() if name != "ChangeEventHeader"}
    at = ".ChangeEventHeader.changeType"
    return _change(header.get("changeType"), row, at, "") or Change("other", at)


def _beside_row(message: dict[str, Any]) -> Change | None:
    """Return the change in an object that names an operation and, beside it, a row."""
    is_supabase = "record" in message and "old_record" in message
    for name in ("type",) if is_supabase else _OPERATION_NAMES:
        operation = message.get(name)
        if isinstance(operation, str) and operation.lower() in _PLAIN_OPERATIONS:
            row = next((row for row in _ROW_NAMES if row in message), None)
            if row is not None and type(message[row]) in (dict, type(None)):
                return _change(operation, message[row], f".{name}", f".{row}")
    return None


def _cockroachdb(message: dict[str, Any]) -> Change | None:
    """Return the change of a changefeed, which names no operation: the images tell it."""
    if message.keys() == {"resolved"}:
        return Change("other", ".resolved")
    if "after" not in message or not _COCKROACH.issuperset(message):
        return None
    if message["after"] is None:
        return Change("delete", ".after")
    kind: ChangeKind = "row" if message.get("before") is None else "update"
    return Change(kind, ".after", message["after"], ".after")


_DIALECTS: Final[tuple[Callable[[dict[str, Any]], Change | None], ...]] = (
    _debezium,
    _goldengate,
    _by_table,
    _with_metadata,
    _mongodb,
    _dynamodb,
    _qlik,
    _wal2json,
    _cockroachdb,
    _hasura,
    _salesforce,
    _beside_row,
)
