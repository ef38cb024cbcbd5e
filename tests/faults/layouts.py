"""Payments in the layouts that producers really send: envelopes, data sets, schemes, frames.

Each takes a payment of the contract and a number of its own, and says the same in other words; no two
payments say it with the same id.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from tests.intake.test_presets import CARD, CHARGE, ISO, ROWS, STRIPE, adyen
from tests.intake.test_schemas import FRAME, avro, proto

__all__ = ["DECLARED", "ENVELOPES", "LAYOUTS", "Document", "framed"]

Document = dict[str, Any]

DECLARED: Final = """
currency = { path = ["sum.code", "data.object.currency", "currency", "49"], default = "EUR" }
merchant_id = ["merchant_id", "nameDest", "merchant", "Merchant Name", "42"]
channel = { path = ["channel", "Use Chip"], values = { "Chip Transaction" = "pos" } }

[transaction_id]
path = ["transaction_id", "data.object.id", "37", "trans_num", "TRANSACTION_ID", "TransactionID", "ref"]

[card_id]
path = [
    "card.token", "card_id", "cc_num", "2", "CUSTOMER_ID", "nameOrig", "customer", "User + Card",
    "card1 + card2", "data.object.payment_method_details.card.fingerprint",
]
default = "nobody"

[amount]
path = ["sum.text", "amount", "amt", "TX_AMOUNT", "4", "Amount", "TransactionAmt", "data.object.amount"]
decimal = "."

[timestamp]
path = [
    "timestamp", "date + time", "unix_time", "TX_DATETIME", "data.object.created", "step",
    "Year + Month", "7",
]
unit = "s"
zone = "Europe/London"
format = ["dmy", "compact", "iso8583", "%d %b %y, %H.%M"]
separator = " "

[[decline]]
path = ["status", "39"]
one_of = ["declined", "05"]

[[refund]]
path = "kind"
one_of = ["refund", "reversal"]

[[skip]]
path = "test"
one_of = true

[schema]
file = "payment.avsc"
"""
"""One declaration that has something to say to every layout, with every kind of rule."""


def mapped(payment: Document, n: int) -> Document:
    """Return what `DECLARED` was written for, with an outcome of each kind now and then."""
    at = datetime.fromisoformat(payment["timestamp"])
    return {
        "ref": f"m-{n}",
        "card": {"token": payment["card_id"]},
        "sum": {"text": f"EUR {payment['amount']:.2f}", "code": payment["currency"].lower()},
        "date": at.strftime("%d/%m/%Y"),
        "time": at.strftime("%H:%M:%S"),
        "status": ("ok", "ok", "ok", "declined")[n % 4],
        "kind": ("sale", "sale", "refund")[n % 3],
        "test": n % 7 == 0,
    }


def _epoch(payment: Document) -> int:
    return round(datetime.fromisoformat(payment["timestamp"]).timestamp())


def _stripe(payment: Document, n: int) -> Document:
    card = CARD | {"fingerprint": payment["card_id"]}
    charge = CHARGE | {
        "id": f"ch_{n}",
        "amount": round(payment["amount"] * 100),
        "created": _epoch(payment),
        "payment_method_details": {"type": "card", "card": card},
    }
    kinds = ("charge.succeeded", "charge.failed", "charge.refunded", "customer.created")
    return STRIPE | {"id": f"evt_{n}", "type": kinds[n % 4], "data": {"object": charge}}


def _stripe_intent(payment: Document, n: int) -> Document:
    intent = {
        "id": f"pi_{n}",
        "object": "payment_intent",
        "amount": round(payment["amount"] * 100),
        "currency": payment["currency"].lower(),
        "created": _epoch(payment),
        "payment_method": payment["card_id"],
    }
    kinds = ("payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.created")
    return STRIPE | {"id": f"evt_pi_{n}", "type": kinds[n % 3], "data": {"object": intent}}


def _stripe_checkout(payment: Document, n: int) -> Document:
    session = {
        "id": f"cs_{n}",
        "object": "checkout.session",
        "amount_total": round(payment["amount"] * 100),
        "currency": payment["currency"].lower(),
        "created": _epoch(payment),
        "customer": payment["card_id"],
        "payment_status": ("paid", "paid", "unpaid")[n % 3],
    }
    kinds = ("checkout.session.completed", "checkout.session.expired")
    return STRIPE | {"id": f"evt_cs_{n}", "type": kinds[n % 2], "data": {"object": session}}


def _adyen(payment: Document, n: int) -> Document:
    return adyen(
        pspReference=f"p{n}",
        eventDate=payment["timestamp"],
        success=("true", "true", "false")[n % 3],
        eventCode=("AUTHORISATION", "AUTHORISATION", "REFUND", "REPORT_AVAILABLE")[n % 4],
        additionalData={"alias": payment["card_id"]},
        amount={"currency": payment["currency"], "value": round(payment["amount"] * 100)},
    )


def _iso8583(payment: Document, n: int) -> Document:
    return ISO | {
        "0": ("0100", "0200", "0400", "0800")[n % 4],
        "2": f"4{n % 300:015}",
        "4": f"{round(payment['amount'] * 100):012}",
        "7": datetime.fromisoformat(payment["timestamp"]).strftime("%m%d%H%M%S"),
        "37": f"{n:012}",
        "39": ("00", "05")[n % 2],
    }


def _row(name: str, **fields: str) -> Callable[[Document, int], Document]:
    """Return a data set's row; ``fields`` name what holds card, amount, epoch, id and its text."""

    def row(payment: Document, n: int) -> Document:
        made: Document = dict(ROWS[name][0]) | {"ref": f"{name}-{n}"}
        values = {
            "card": payment["card_id"],
            "amount": payment["amount"],
            "dollars": f"${payment['amount']:.2f}",
            "epoch": _epoch(payment),
            "id": f"{name}-{n}",
        }
        return made | {column: values[kind] for kind, column in fields.items()}

    return row


LAYOUTS: Final[dict[str, Callable[[Document, int], Document]]] = {
    "contract": lambda payment, _: payment,
    "mapped": mapped,
    "stripe": _stripe,
    "stripe-payment-intents": _stripe_intent,
    "stripe-checkout": _stripe_checkout,
    "adyen": _adyen,
    "iso8583": _iso8583,
    "handbook": _row("handbook", card="CUSTOMER_ID", amount="TX_AMOUNT", id="TRANSACTION_ID"),
    "sparkov": _row("sparkov", card="cc_num", amount="amt", epoch="unix_time", id="trans_num"),
    "paysim": _row("paysim", card="nameOrig", amount="amount"),
    "ieee-cis": _row("ieee-cis", amount="TransactionAmt", id="TransactionID"),
    "banksim": _row("banksim", card="customer", amount="amount"),
    "tabformer": _row("tabformer", card="User", dollars="Amount"),
    "ulb": _row("ulb", amount="Amount"),
}
"""Every preset by its name, the contract, and what `DECLARED` maps."""


def _text(content: Any) -> str:
    return json.dumps(content)


def _base64(content: Any) -> str:
    return base64.b64encode(_text(content).encode()).decode()


_CLOUD: Final = {"specversion": "1.0", "id": "ce", "source": "/pos", "type": "com.shop.payment"}
_CONNECT: Final = "org.apache.kafka.connect.data.Decimal"
_DECIMAL: Final = {
    "field": "amount",
    "type": "bytes",
    "name": _CONNECT,
    "parameters": {"scale": "2"},
}

ENVELOPES: Final[dict[str, Callable[[Document], Any]]] = {
    "none": lambda inner: inner,
    "connect": lambda inner: {"schema": {"type": "struct", "fields": []}, "payload": inner},
    "connect with a decimal": lambda inner: {
        "schema": {"type": "struct", "fields": [_DECIMAL]},
        "payload": inner | {"amount": "EJo="},
    },
    "debezium": lambda inner: {
        "before": None, "after": inner, "op": "c", "ts_ms": 1795845480000,
        "source": {"connector": "postgresql"},
    },
    "a deletion": lambda inner: {"before": inner, "after": None, "op": "d", "source": {}},
    "flattened": lambda inner: inner | {"__op": "c", "__deleted": "false"},
    "goldengate": lambda inner: {"op_type": "I", "op_ts": "2026-11-28", "after": inner},
    "maxwell": lambda inner: {"database": "d", "table": "t", "type": "insert", "data": inner},
    "canal": lambda inner: {
        "database": "d", "table": "t", "type": "INSERT", "isDdl": False, "data": [inner],
    },
    "cloudevents": lambda inner: _CLOUD | {"data": inner},
    "cloudevents as text": lambda inner: _CLOUD | {"data": _text(inner)},
    "cloudevents in Base64": lambda inner: _CLOUD | {"data_base64": _base64(inner)},
    "eventbridge": lambda inner: {"detail-type": "payment", "source": "shop", "detail": inner},
    "sns": lambda inner: {"Type": "Notification", "MessageId": "1", "Message": _text(inner)},
    "pubsub": lambda inner: {"message": {"data": _base64(inner), "messageId": "1"}},
    "rest proxy": lambda inner: {"records": [{"key": None, "value": inner}]},
    "a list": lambda inner: [inner],
    "a list of two": lambda inner: [inner, inner],
    "a text": _text,
}  # fmt: skip


def framed(payment: Document, kind: int) -> bytes:
    """Return a payment as Avro, Protobuf or JSON in the frame of a registry, by its number."""
    if kind % 3 == 0:
        record = {name: payment[name] for name in ("transaction_id", "card_id", "currency")}
        amount = Decimal(f"{payment['amount']:.2f}")
        at = datetime.fromisoformat(payment["timestamp"])
        return FRAME + avro({**record, "amount": amount, "timestamp": at, "mcc": None})
    if kind % 3 == 1:
        # The second message of its file, by the schema that the registry has as 8.
        return b"\0\0\0\0\x08\x02\x02" + proto(
            transaction_id=payment["transaction_id"], amount=round(payment["amount"] * 100)
        )
    return b"\0\0\0\0\x01" + json.dumps(payment).encode()
