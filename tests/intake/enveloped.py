"""Messages as what carries them wraps them, after the published layouts, with what each one is.

A layout is a sample of one topic.  Its payments are all the same one, so that a message's outcome is
one word: ``payment``, ``refund``, or the reason for which it is passed over.
"""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any, Final

from tests.intake.messages import VALID

__all__ = ["LAYOUTS", "TIME"]

TIME: Final = 1_795_845_480
"""2026-11-28T05:58:00Z."""

Messages = list[tuple[Any, str]]

_LEGACY: Final = {
    "txn_id": "t1",
    "card_number": "card-000383",
    "amt": "42.50",
    "ccy": "GBP",
    "created_at": "2026-11-28 05:58:00",
}
_TEXT: Final = json.dumps(VALID)


_READ: Final = "2026-11-28T06:00:00Z"
"""When a message was read or queued, which is not when it was paid."""


def _docker(line: str, stream: str = "stdout") -> dict[str, Any]:
    return {"log": line, "stream": stream, "time": _READ}


def _cloudwatch(kind: str, text: str) -> dict[str, Any]:
    event = {"id": "3", "timestamp": 1_795_845_999_000, "message": text}
    return {"messageType": kind, "owner": "1", "logGroup": "pay", "logEvents": [event]}


def _gzipped(content: Any) -> str:
    return base64.b64encode(gzip.compress(json.dumps(content).encode())).decode()


def _captured(**body: Any) -> dict[str, Any]:
    return {"SequenceNumber": 9, "Offset": "4", "EnqueuedTimeUtc": _READ, "Properties": {}, **body}


def _b64(content: Any) -> str:
    return base64.b64encode(json.dumps(content).encode()).decode()


def _debezium(op: str, row: Any = VALID, **more: Any) -> dict[str, Any]:
    before = row if op in "ud" else None
    after = None if op in "dt" else row
    source = {"version": "3.0.0", "connector": "postgresql", "table": "tx", "lsn": 2401}
    return {"before": before, "after": after, "source": source, "op": op, "ts_ms": 1, **more}


def _dms(operation: str, kind: str = "data", row: Any = VALID) -> dict[str, Any]:
    metadata = {
        "timestamp": "2026-11-28T06:00:00.000000Z",
        "record-type": kind,
        "operation": operation,
        "partition-key-type": "primary-key",
        "schema-name": "shop",
        "table-name": "tx",
        "transaction-id": 8_589_934,
    }
    return {"metadata": metadata} if kind == "control" else {"data": row, "metadata": metadata}


def _maxwell(kind: str, **more: Any) -> dict[str, Any]:
    return {"database": "shop", "table": "tx", "type": kind, "ts": 1, "xid": 9, **more}


def _canal(kind: str, row: Any = VALID) -> dict[str, Any]:
    texts = {name: str(value) for name, value in row.items()}
    return {
        "data": None if kind == "ALTER" else [texts],
        "database": "shop",
        "es": 1_795_845_480_000,
        "id": 3,
        "isDdl": kind == "ALTER",
        "mysqlType": {"amount": "decimal(10,2)"},
        "old": [{"amount": "41.00"}] if kind == "UPDATE" else None,
        "pkNames": ["transaction_id"],
        "sql": "",
        "table": "tx",
        "ts": 1_795_845_480_123,
        "type": kind,
    }


def _goldengate(kind: str) -> dict[str, Any]:
    images = {"I": {"after": VALID}, "D": {"before": VALID}, "U": {"before": VALID, "after": VALID}}
    head = {"table": "SHOP.TX", "op_type": kind, "op_ts": "2026-11-28 06:00:00.000000"}
    return {**head, "current_ts": "2026-11-28T06:00:01", "pos": "0000001", **images.get(kind, {})}


_DOCUMENT: Final = {
    "_id": {"$oid": "64e8a1f2c3b4d5e6f7a8b9c0"},
    "transaction_id": "t1",
    "card_id": {"$numberLong": "383"},
    "amount": {"$numberDecimal": "42.50"},
    "currency": "GBP",
    "timestamp": {"$date": {"$numberLong": "1795845480000"}},
    "latitude": {"$numberDouble": "51.5"},
    "longitude": {"$numberInt": "0"},
}


def _mongo(kind: str, document: Any = _DOCUMENT) -> dict[str, Any]:
    content = {"_id": {"_data": "8264E8"}, "operationType": kind, "ns": {"db": "s", "coll": "tx"}}
    if kind in ("insert", "update", "replace"):
        content["fullDocument"] = document
    return {**content, "documentKey": {"_id": document["_id"]}}


def _dynamodb(kind: str, **more: Any) -> dict[str, Any]:
    image = {
        "transaction_id": {"S": "t1"},
        "card_id": {"S": "card-000383"},
        "amount": {"N": "42.5"},
        "currency": {"S": "GBP"},
        "timestamp": {"S": "2026-11-28T05:58:00Z"},
        "online": {"BOOL": False},
        "note": {"NULL": True},
        "tags": {"L": [{"S": "a"}, {"M": {"b": {"N": "1"}}}]},
    }
    images = {"INSERT": {"NewImage": image}, "REMOVE": {"OldImage": image}}
    both = {"NewImage": image, "OldImage": image}
    return {
        "eventID": "c4ca4238",
        "eventName": kind,
        "eventSource": "aws:dynamodb",
        "dynamodb": {"Keys": {"transaction_id": {"S": "t1"}}, **images.get(kind, both)},
        **more,
    }


def _qlik(kind: str) -> dict[str, Any]:
    headers = {"operation": kind, "changeSequence": "2026", "timestamp": "2026-11-28T06:00:00.000"}
    before = VALID if kind == "UPDATE" else None
    inner = {"data": VALID, "beforeData": before, "headers": headers}
    return {"magic": "atMSG", "type": "DT", "headers": None, "message": inner}


def _wal2json(action: str) -> dict[str, Any]:
    columns = [{"name": n, "type": "text", "value": v} for n, v in VALID.items()]
    head = {"action": action, "schema": "public", "table": "tx"}
    if action in "BC":
        return {"action": action}
    return {**head, "identity" if action == "D" else "columns": columns}


def _outbox(kind: str, payload: Any) -> dict[str, Any]:
    return {
        "id": "5c0e2a1f",
        "aggregate_type": "payment",
        "aggregate_id": "t1",
        "event_type": kind,
        "payload": payload,
        "created_at": 1_795_845_999_000,
    }


def _cloud(kind: str = "com.shop.payment.authorized", **more: Any) -> dict[str, Any]:
    return {"specversion": "1.0", "id": "ce-1", "source": "/pos", "type": kind, **more}


def _event_grid(kind: str, data: Any) -> dict[str, Any]:
    return {
        "id": "831e1650",
        "topic": "/subscriptions/x",
        "subject": "payments/t1",
        "eventType": kind,
        "eventTime": "2026-11-28T06:00:00Z",
        "data": data,
        "dataVersion": "1.0",
        "metadataVersion": "1",
    }


def _record(source: str, **more: Any) -> dict[str, Any]:
    return {"Records": [{"eventSource": source, "awsRegion": "eu-west-1", **more}]}


def _segment(kind: str, **more: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "anonymousId": "a1",
        "userId": "u1",
        "messageId": "m1",
        "context": {"library": {"name": "js"}},
        "timestamp": "2026-11-28T05:58:00Z",
        **more,
    }


def _tagged(name: str, *values: tuple[Any, str]) -> Messages:
    return [({**VALID, name: value}, outcome) for value, outcome in values]


LAYOUTS: Final[dict[str, Messages]] = {
    "debezium": [
        (_debezium("c"), "payment"),
        (_debezium("r"), "payment"),
        (_debezium("u"), "updated"),
        (_debezium("d"), "deleted"),
        (_debezium("t"), "not_a_payment"),
        (None, "tombstone"),
        ({"op": "m", "ts_ms": 1, "source": {}, "message": {"prefix": "x"}}, "not_a_payment"),
        (
            {
                "status": "BEGIN",
                "id": "5:1",
                "event_count": None,
                "data_collections": None,
                "ts_ms": 1,
            },
            "not_a_payment",
        ),
        (
            {
                "status": "END",
                "id": "5:1",
                "event_count": 1,
                "data_collections": [{"event_count": 1}],
                "ts_ms": 1,
            },
            "not_a_payment",
        ),
        (
            {
                "source": {"connector": "mysql"},
                "ts_ms": 1,
                "databaseName": "shop",
                "ddl": "CREATE TABLE",
                "tableChanges": [],
            },
            "not_a_payment",
        ),
        ({"ts_ms": 1_795_845_480_000}, "not_a_payment"),
    ],
    "debezium in connect's schema": [
        ({"schema": {"type": "struct"}, "payload": _debezium("c")}, "payment"),
        ({"schema": {"type": "struct"}, "payload": _debezium("u")}, "updated"),
        ({"schema": {"type": "struct"}, "payload": _debezium("d")}, "deleted"),
        ({"schema": {"type": "struct"}, "payload": {"ts_ms": 1}}, "not_a_payment"),
        ({"schema": {"type": "struct"}, "payload": None}, "tombstone"),
    ],
    "debezium, a legacy table": [
        (_debezium("c", _LEGACY), "payment"),
        (_debezium("u", _LEGACY), "updated"),
        (_debezium("d", _LEGACY), "deleted"),
    ],
    "debezium, an outbox": [
        (
            _debezium(
                "c",
                {
                    "id": "1",
                    "aggregatetype": "payment",
                    "aggregateid": "t1",
                    "type": "PaymentAuthorized",
                    "payload": _TEXT,
                },
            ),
            "payment",
        ),
        (
            _debezium(
                "c",
                {
                    "id": "2",
                    "aggregatetype": "payment",
                    "aggregateid": "t1",
                    "type": "PaymentRefunded",
                    "payload": _TEXT,
                },
            ),
            "refund",
        ),
        (
            _debezium(
                "d",
                {
                    "id": "1",
                    "aggregatetype": "payment",
                    "aggregateid": "t1",
                    "type": "PaymentAuthorized",
                    "payload": _TEXT,
                },
            ),
            "deleted",
        ),
    ],
    "debezium, flattened": [
        ({**VALID, "__op": "c", "__deleted": "false"}, "payment"),
        ({**VALID, "__op": "r", "__deleted": "false"}, "payment"),
        ({**VALID, "__op": "u", "__deleted": "false"}, "updated"),
        ({**VALID, "__op": "d", "__deleted": "true"}, "deleted"),
    ],
    "debezium, flattened, the operation alone": _tagged(
        "__op", ("c", "payment"), ("u", "updated"), ("d", "deleted")
    ),
    "debezium, flattened, deletions alone": _tagged(
        "__deleted",
        ("false", "payment"),
        ("true", "deleted"),
        (False, "payment"),
        (True, "deleted"),
    ),
    "debezium, flattened, a legacy table": [
        ({**_LEGACY, "__op": "c", "__deleted": "false"}, "payment"),
        ({**_LEGACY, "__op": "u", "__deleted": "false"}, "updated"),
        ({**_LEGACY, "__op": "d", "__deleted": "true"}, "deleted"),
    ],
    "dms": [
        (_dms("load"), "payment"),
        (_dms("insert"), "payment"),
        (_dms("update"), "updated"),
        (_dms("delete"), "deleted"),
        (_dms("create-table", "control"), "not_a_payment"),
        (_dms("drop-table", "control"), "not_a_payment"),
    ],
    "dms, a legacy table": [
        (_dms("insert", row=_LEGACY), "payment"),
        (_dms("update", row=_LEGACY), "updated"),
        (_dms("delete", row=_LEGACY), "deleted"),
    ],
    "dms, flat": _tagged("Op", ("I", "payment"), ("U", "updated"), ("D", "deleted")),
    "maxwell": [
        (_maxwell("insert", data=VALID), "payment"),
        (_maxwell("bootstrap-insert", data=VALID), "payment"),
        (_maxwell("update", data=VALID, old={"amount": 41}), "updated"),
        (_maxwell("delete", data=VALID), "deleted"),
        (_maxwell("bootstrap-start", data={}), "not_a_payment"),
        (_maxwell("table-create", **{"def": {"columns": []}, "sql": "create"}), "not_a_payment"),
    ],
    "canal": [
        (_canal("INSERT"), "payment"),
        (_canal("UPDATE"), "updated"),
        (_canal("DELETE"), "deleted"),
        (_canal("ALTER"), "not_a_payment"),
    ],
    "goldengate": [
        (_goldengate("I"), "payment"),
        (_goldengate("U"), "updated"),
        (_goldengate("D"), "deleted"),
        (_goldengate("T"), "not_a_payment"),
    ],
    "goldengate, flat": _tagged("op_type", ("I", "payment"), ("U", "updated"), ("D", "deleted")),
    "mongodb": [
        (_mongo("insert"), "payment"),
        (_mongo("update"), "updated"),
        (_mongo("replace"), "updated"),
        (_mongo("delete"), "deleted"),
        (_mongo("drop"), "not_a_payment"),
        (_mongo("invalidate"), "not_a_payment"),
    ],
    "mongodb, whole documents": [(_DOCUMENT, "payment"), (_DOCUMENT, "payment")],
    "mongodb by debezium": [
        (_debezium("c", json.dumps(_DOCUMENT)), "payment"),
        (_debezium("u", json.dumps(_DOCUMENT)), "updated"),
        (_debezium("d", json.dumps(_DOCUMENT)), "deleted"),
    ],
    "sql server": _tagged(
        "__$operation", (2, "payment"), (1, "deleted"), (3, "not_a_payment"), (4, "updated")
    ),
    "fivetran": _tagged("_fivetran_deleted", (False, "payment"), (True, "deleted")),
    "airbyte": [
        (
            {
                "_airbyte_ab_id": "x",
                "_airbyte_stream": "tx",
                "_airbyte_emitted_at": 1,
                "_airbyte_data": VALID,
            },
            "payment",
        ),
        (
            {
                "_airbyte_ab_id": "x",
                "_airbyte_stream": "tx",
                "_airbyte_emitted_at": 1,
                "_airbyte_data": _TEXT,
            },
            "payment",
        ),
        (
            {
                "_airbyte_raw_id": "x",
                "_airbyte_data": {**VALID, "_ab_cdc_deleted_at": "2026-11-28"},
            },
            "deleted",
        ),
    ],
    "airbyte's protocol": [
        ({"type": "RECORD", "record": {"stream": "tx", "data": VALID, "emitted_at": 1}}, "payment"),
        ({"type": "STATE", "state": {"data": {}}}, "not_a_payment"),
        ({"type": "LOG", "log": {"level": "INFO", "message": "x"}}, "not_a_payment"),
    ],
    "singer": [
        ({"type": "RECORD", "stream": "tx", "record": VALID}, "payment"),
        ({"type": "SCHEMA", "stream": "tx", "schema": {}, "key_properties": []}, "not_a_payment"),
        ({"type": "STATE", "value": {}}, "not_a_payment"),
    ],
    "qlik replicate": [
        (_qlik("INSERT"), "payment"),
        (_qlik("REFRESH"), "payment"),
        (_qlik("UPDATE"), "updated"),
        (_qlik("DELETE"), "deleted"),
    ],
    "wal2json": [
        (_wal2json("I"), "payment"),
        (_wal2json("U"), "updated"),
        (_wal2json("D"), "deleted"),
        (_wal2json("B"), "not_a_payment"),
    ],
    "cockroachdb": [
        ({"after": VALID, "key": ["t1"], "updated": "1795845480.0"}, "payment"),
        ({"after": VALID, "before": VALID, "key": ["t1"]}, "updated"),
        ({"after": None, "key": ["t1"], "updated": "1795845480.0"}, "deleted"),
        ({"resolved": "1795845480.0000000000"}, "not_a_payment"),
    ],
    "outbox, a text": [
        (_outbox("PaymentAuthorized", _TEXT), "payment"),
        (_outbox("PaymentDeclined", _TEXT), "declined"),
        (_outbox("PaymentRefunded", _TEXT), "refund"),
    ],
    "outbox, nested": [
        (_outbox("PaymentAuthorized", VALID), "payment"),
        (_outbox("PaymentDeclined", VALID), "declined"),
        (_outbox("payment_refunded", VALID), "refund"),
    ],
    "a payload and when it was sent": [
        ({"eventId": "e1", "eventTime": "2026-11-29T00:00:00Z", "payload": VALID}, "payment"),
        ({"eventId": "e2", "eventTime": "2026-11-29T00:00:00Z", "payload": VALID}, "payment"),
    ],
    "cloudevents": [
        (_cloud(data=VALID), "payment"),
        (_cloud(data=_TEXT), "payment"),
        (_cloud(data_base64=_b64(VALID)), "payment"),
        ([_cloud(data=VALID)], "payment"),
        (_cloud("com.shop.payment.declined", data=VALID), "declined"),
        (_cloud("com.shop.payment.refunded.v1", data=VALID), "refund"),
    ],
    "eventbridge": [
        (
            {
                "version": "0",
                "id": "1",
                "detail-type": "Payment Authorized",
                "source": "shop",
                "time": "2026-11-28T06:00:00Z",
                "detail": VALID,
            },
            "payment",
        ),
        (
            {
                "version": "0",
                "id": "1",
                "detail-type": "Payment Declined",
                "source": "shop",
                "time": "2026-11-28T06:00:00Z",
                "detail": VALID,
            },
            "declined",
        ),
    ],
    "event grid": [
        ([_event_grid("Shop.PaymentAuthorized", VALID)], "payment"),
        (_event_grid("Shop.PaymentAuthorized", VALID), "payment"),
        ([_event_grid("Shop.PaymentRefunded", VALID)], "refund"),
        (
            [
                _event_grid(
                    "Microsoft.EventGrid.SubscriptionValidationEvent", {"validationCode": "5"}
                )
            ],
            "not_a_payment",
        ),
    ],
    "sns": [
        ({"Type": "Notification", "MessageId": "1", "TopicArn": "arn", "Message": _TEXT}, "payment")
    ],
    "sqs": [
        (_record("aws:sqs", messageId="1", receiptHandle="h", body=_TEXT), "payment"),
        (
            _record(
                "aws:sqs",
                messageId="1",
                body=json.dumps({"Type": "Notification", "MessageId": "1", "Message": _TEXT}),
            ),
            "payment",
        ),
        ({"Messages": [{"MessageId": "1", "ReceiptHandle": "h", "Body": _TEXT}]}, "payment"),
        ({"MessageId": "1", "ReceiptHandle": "h", "Body": _TEXT}, "payment"),
    ],
    "lambda of sns": [
        (
            {
                "Records": [
                    {"EventSource": "aws:sns", "Sns": {"Type": "Notification", "Message": _TEXT}}
                ]
            },
            "payment",
        ),
    ],
    "kinesis": [
        (
            _record(
                "aws:kinesis",
                eventName="aws:kinesis:record",
                kinesis={"partitionKey": "c", "data": _b64(VALID)},
            ),
            "payment",
        ),
    ],
    "firehose": [
        ({"invocationId": "i", "records": [{"recordId": "1", "data": _b64(VALID)}]}, "payment"),
        ({"requestId": "r", "timestamp": 1, "records": [{"data": _b64(VALID)}]}, "payment"),
    ],
    "lambda of kafka": [
        (
            {
                "eventSource": "aws:kafka",
                "records": {
                    "tx-0": [
                        {
                            "topic": "tx",
                            "partition": 0,
                            "offset": 15,
                            "key": "Yw==",
                            "value": _b64(VALID),
                        }
                    ]
                },
            },
            "payment",
        ),
    ],
    "dynamodb streams": [
        (_dynamodb("INSERT"), "payment"),
        (_dynamodb("MODIFY"), "updated"),
        (_dynamodb("REMOVE"), "deleted"),
        ({"Records": [_dynamodb("INSERT")]}, "payment"),
        (_dynamodb("INSERT", recordFormat="application/json", tableName="tx"), "payment"),
    ],
    "dynamodb's export": [({"Item": _dynamodb("INSERT")["dynamodb"]["NewImage"]}, "payment")],
    "api gateway": [
        ({"httpMethod": "POST", "path": "/tx", "body": _TEXT, "isBase64Encoded": False}, "payment"),
        (
            {
                "version": "2.0",
                "requestContext": {"http": {"method": "POST"}},
                "body": _b64(VALID),
                "isBase64Encoded": True,
            },
            "payment",
        ),
    ],
    "pub/sub": [
        ({"message": {"data": _b64(VALID), "messageId": "1"}, "subscription": "s"}, "payment"),
        ({"message": {"data": _b64(VALID), "message_id": "1"}, "subscription": "s"}, "payment"),
        (
            {
                "receivedMessages": [
                    {"ackId": "a", "message": {"data": _b64(VALID), "messageId": "1"}}
                ]
            },
            "payment",
        ),
        (
            {
                "data": _b64(VALID),
                "attributes": {},
                "messageId": "1",
                "publishTime": "2026-11-28T06:00:00Z",
            },
            "payment",
        ),
    ],
    "segment": [
        (
            _segment(
                "track",
                event="Payment Authorized",
                properties={
                    "payment_id": "t1",
                    "card_id": "card-000383",
                    "amount": 42.5,
                    "currency": "GBP",
                },
            ),
            "payment",
        ),
        (_segment("identify", traits={"plan": "pro"}), "not_a_payment"),
        (_segment("page", name="Checkout", properties={"url": "https://shop"}), "not_a_payment"),
    ],
    "self-describing": [
        ({"schema": "iglu:com.shop/payment/jsonschema/1-0-0", "data": VALID}, "payment"),
        (
            {
                "schema": "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0",
                "data": {"schema": "iglu:com.shop/payment/jsonschema/1-0-0", "data": VALID},
            },
            "payment",
        ),
    ],
    "docker": [
        (_docker(_TEXT + "\n"), "payment"),
        (_docker("Started in 3.2 s\n", "stderr"), "not_a_payment"),
        (_docker("\n"), "not_a_payment"),
    ],
    "kubernetes, by fluentd": [
        ({"log": _TEXT, "kubernetes": {"pod_name": "pay-1"}, "docker": {}}, "payment"),
        ({"log": "GET /health", "kubernetes": {"pod_name": "pay-1"}}, "not_a_payment"),
    ],
    "fluentd": [(["shop.payments", 1_795_845_999, VALID], "payment")],
    "fluentd, forwarded": [(["shop.payments", [[1_795_845_999, VALID]], {"size": 1}], "payment")],
    "logstash": [
        ({"@timestamp": _READ, "@version": "1", "message": _TEXT, "host": "h"}, "payment"),
    ],
    "google's logging": [
        ({"logName": "p", "timestamp": _READ, "jsonPayload": VALID}, "payment"),
        ({"logName": "p", "timestamp": _READ, "textPayload": _TEXT}, "payment"),
    ],
    "cloudwatch": [
        (_cloudwatch("DATA_MESSAGE", _TEXT), "payment"),
        (_cloudwatch("CONTROL_MESSAGE", "CWL CONTROL MESSAGE"), "not_a_payment"),
        ({"awslogs": {"data": _gzipped(_cloudwatch("DATA_MESSAGE", _TEXT))}}, "payment"),
        (_record("aws:kinesis", kinesis={"data": _gzipped(VALID)}), "payment"),
    ],
    "kinesis, fetched": [
        (
            {"Records": [{"SequenceNumber": "49", "Data": _b64(VALID), "PartitionKey": "c"}]},
            "payment",
        )
    ],
    "event hubs' capture": [
        (_captured(Body=_b64(VALID)), "payment"),
        (_captured(Body=_TEXT), "payment"),
        (_captured(Body=VALID), "payment"),
    ],
    "iot hub": [({"body": _b64(VALID), "systemProperties": {"contentType": "x"}}, "payment")],
    "service bus": [({"body": _TEXT, "messageId": "1", "enqueuedTimeUtc": _READ}, "payment")],
    "rabbitmq's management": [
        ({"exchange": "pay", "payload": _TEXT, "payload_encoding": "string"}, "payment"),
        ({"exchange": "pay", "payload": _b64(VALID), "payload_encoding": "base64"}, "payment"),
    ],
    "nats": [({"subject": "pay", "seq": 1, "data": _b64(VALID), "time": _READ}, "payment")],
    "json in json": [(_TEXT, "payment"), (json.dumps(_TEXT), "payment")],
    "rest proxy": [({"records": [{"key": None, "value": VALID}]}, "payment")],
}
