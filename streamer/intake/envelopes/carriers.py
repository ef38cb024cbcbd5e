"""What queues, streams and functions put around a message: it is one record of a list, or Base64.

Known are Kinesis, Firehose, SQS, SNS, the API gateway, CloudWatch's subscriptions and Lambda's Kafka of
Amazon, Pub/Sub of Google, Event Hubs, Service Bus and IoT Hub of Azure, RabbitMQ's and NATS's tools,
Kafka's REST proxy, the messages that Airbyte and Singer carry rows in, and records of Kafka that
somebody has written down.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import Any, Final

from streamer.intake.envelopes.typed_values import is_dynamodb, is_extended, of_dynamodb, of_mongodb
from streamer.intake.readings import Fault

__all__ = ["carried", "decoded_base64", "is_of_the_carrier"]

# A list of records, below the name that each of these messages has for it.
_LISTS: Final = ("Records", "records", "Messages", "receivedMessages", "change")
# The names that Azure gives to what it knows of a message, and to the message.
_AZURE: Final = ("EnqueuedTimeUtc", "enqueuedTimeUtc", "SystemProperties", "systemProperties")
_BODIES: Final = ("Body", "body")
_GZIP: Final = b"\x1f\x8b"
_LARGEST: Final = 16 << 20
_PROTOCOL: Final = {
    "STATE": ("state", "value"),
    "SCHEMA": ("key_properties",),
    "LOG": ("log",),
    "TRACE": ("trace",),
    "CATALOG": ("catalog",),
    "SPEC": ("spec",),
    "CONNECTION_STATUS": ("connectionStatus",),
    "CONTROL": ("control",),
    "ACTIVATE_VERSION": ("version",),
}


def carried(message: dict[str, Any]) -> tuple[Any, str] | None:
    """Return what a message carries and the path to it, or None when it is no carrier.

    Base64 is returned as bytes; text is returned as it is, to be looked at again.
    """
    for name in _LISTS:
        records = message.get(name)
        if type(records) is list and _are_records(name, message, records):
            return records, f".{name}"
    records = message.get("records")
    if type(records) is dict and "eventSource" in message:  # Lambda's event of Kafka
        return [r for part in records.values() if type(part) is list for r in part], ".records"
    return (
        _amazon(message)
        or _google(message)
        or _azure(message)
        or _broker(message)
        or _kafka(message)
        or _rows(message)
    )


def is_of_the_carrier(message: dict[str, Any]) -> bool:
    """Whether a message is one of the carrier's own: of SNS to subscribe, of Airbyte beside rows."""
    if message.get("Type") in ("SubscriptionConfirmation", "UnsubscribeConfirmation"):
        return True
    beside = _PROTOCOL.get(str(message.get("type")), ())
    return any(name in message for name in beside)


def decoded_base64(text: Any, at: str) -> bytes:
    """Return the bytes of a Base64 text, unpacked; a `Fault` at ``at`` says that it is none."""
    try:
        data = base64.b64decode(text, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise Fault("wrong_format", "data must be Base64", at=at) from None
    return _unpacked(data, at) if data.startswith(_GZIP) else data


def _unpacked(data: bytes, at: str) -> bytes:
    unpacking = zlib.decompressobj(wbits=31)
    try:
        found = unpacking.decompress(data, _LARGEST)
    except zlib.error:
        raise Fault("wrong_format", "data must be whole gzip data", at=at) from None
    if unpacking.unconsumed_tail:
        raise Fault("out_of_range", f"data must unpack to at most {_LARGEST:,} bytes", at=at)
    if not unpacking.eof:
        raise Fault("wrong_format", "data must be whole gzip data, got its start", at=at)
    return found


def _are_records(name: str, message: dict[str, Any], records: list[Any]) -> bool:
    if name == "records":
        return len(message) == 1 or "invocationId" in message or "requestId" in message
    if name == "change":  # wal2json
        return all(type(r) is dict and "kind" in r for r in records)
    return all(type(r) is dict for r in records)


def _amazon(message: dict[str, Any]) -> tuple[Any, str] | None:
    if message.get("Type") == "Notification" and "Message" in message:
        return message["Message"], ".Message"
    if "Sns" in message and len(message) <= 4:
        return message["Sns"], ".Sns"
    kinesis = message.get("kinesis")
    if type(kinesis) is dict and "data" in kinesis:
        return decoded_base64(kinesis["data"], ".kinesis.data"), ".kinesis.data"
    if "Data" in message and "SequenceNumber" in message:
        return decoded_base64(message["Data"], ".Data"), ".Data"
    logs = message.get("awslogs")
    if type(logs) is dict and "data" in logs:
        return decoded_base64(logs["data"], ".awslogs.data"), ".awslogs.data"
    if "Body" in message and ("ReceiptHandle" in message or "MessageId" in message):
        return message["Body"], ".Body"
    if "body" in message and message.get("eventSource") == "aws:sqs":
        return message["body"], ".body"
    if "body" in message and ("httpMethod" in message or "requestContext" in message):
        is_base64 = message.get("isBase64Encoded") is True
        body = message["body"]
        return decoded_base64(body, ".body") if is_base64 else body, ".body"
    is_firehose = "recordId" in message or len(message) == 1
    if is_firehose and isinstance(message.get("data"), str):
        return decoded_base64(message["data"], ".data"), ".data"
    if message.keys() == {"Item"} and is_dynamodb(message["Item"]):
        return of_dynamodb(message["Item"]), ".Item"
    return None


def _google(message: dict[str, Any]) -> tuple[Any, str] | None:
    inner = message.get("message")
    if type(inner) is dict and "data" in inner and ("messageId" in inner or "message_id" in inner):
        return decoded_base64(inner["data"], ".message.data"), ".message.data"
    is_message = "publishTime" in message or "publish_time" in message
    if is_message and isinstance(message.get("data"), str):
        return decoded_base64(message["data"], ".data"), ".data"
    return None


def _azure(message: dict[str, Any]) -> tuple[Any, str] | None:
    body = next((name for name in _BODIES if name in message), None)
    if body is None or not any(name in message for name in _AZURE):
        return None
    return _text_or_base64(message[body], f".{body}"), f".{body}"


def _broker(message: dict[str, Any]) -> tuple[Any, str] | None:
    """Return what RabbitMQ's management or NATS's command has got."""
    if message.get("payload_encoding") == "base64" and "payload" in message:
        return decoded_base64(message["payload"], ".payload"), ".payload"
    if "subject" in message and "seq" in message and "data" in message:
        return _text_or_base64(message["data"], ".data"), ".data"
    return None


def _text_or_base64(value: Any, at: str) -> Any:
    is_text = isinstance(value, str) and value.lstrip()[:1] not in ("{", "[", '"')
    return decoded_base64(value, at) if is_text else value


def _kafka(message: dict[str, Any]) -> tuple[Any, str] | None:
    """Return the value of a record of Kafka, which the REST proxy and Lambda write down."""
    if message.keys() <= {"key", "value", "partition"} and "value" in message:
        return message["value"], ".value"
    if not ("topic" in message and "partition" in message and "offset" in message):
        return None
    name = next((name for name in ("value", "payload") if name in message), None)
    if name is None:
        return None
    return _text_or_base64(message[name], f".{name}"), f".{name}"


def _rows(message: dict[str, Any]) -> tuple[Any, str] | None:
    """Return the row that Airbyte, Singer or MongoDB has wrapped without saying what happened."""
    if "_airbyte_data" in message:
        return message["_airbyte_data"], "._airbyte_data"
    record = message.get("record")
    if message.get("type") == "RECORD" and type(record) is dict:
        if "stream" in record and "data" in record:
            return record["data"], ".record.data"
        return record, ".record"
    payload = message.get("payload")
    if type(payload) is dict and "ChangeEventHeader" in payload:  # Salesforce
        return payload, ".payload"
    if "_id" in message and is_extended(message):
        return of_mongodb(message), ""
    return None
