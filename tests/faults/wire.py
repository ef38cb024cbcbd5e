"""How the traffic's payments look on the wire, and what it sends that is no payment.

A payment in another form says the same: what comes of it must be what comes of the plain one.
"""

from __future__ import annotations

import json
from typing import Any, Final

import numpy as np

__all__ = ["BAD", "BAD_VERDICTS", "INTAKE", "passed_over", "verdict", "with_amount_zero", "wrapped"]

INTAKE: Final = """
card_id = "card.token"
amount = { path = "sum.text", decimal = "." }
currency = "sum.code"

[[decline]]
path = "status"
one_of = "declined"
"""
BAD: Final[tuple[bytes | None, ...]] = (
    b"hello",
    b"",
    b"[1]",
    b"[" * 5_000,
    b'{"transaction_id": "x", "card_id"',
    b'{"transaction_id":"b","card_id":"c","amount":1e13,"currency":"EUR","timestamp":"2026-01-05T00:00:00Z"}',
    b'{"transaction_id":"b","card_id":"c","amount":1,"currency":"XXX","timestamp":"2026-01-05T00:00:00Z"}',
    b'{"transaction_id":"b","card_id":"c","amount":"12","currency":"EUR","timestamp":"2026-01-05T00:00:00Z"}',
    b"\xff\xfe\x00",
)
BAD_VERDICTS: Final = (
    b"",
    b"{",
    b'{"verdict": "fraud"}',
    b'{"transaction_id": "t", "verdict": "maybe"}',
    b'{"alert_id": "none", "verdict": "fraud"}',
)
_DELETED: Final = {"after": None, "op": "d", "source": {"connector": "postgresql"}}


def _encoded(content: Any) -> bytes:
    return json.dumps(content).encode()


def with_amount_zero(value: bytes) -> bytes:
    """Return the verification of the same card."""
    return _encoded(json.loads(value) | {"amount": 0})


def wrapped(value: bytes, rng: np.random.Generator) -> bytes:
    """Return the same payment by the names of `INTAKE`, in an envelope, or both."""
    content = json.loads(value)
    if rng.random() < 0.6:
        content = _mapped(content)
    draw = rng.random()
    if draw < 0.3:
        return _encoded({"before": None, "after": content, "op": "c", "source": {}})
    if draw < 0.6:
        return _encoded({"specversion": "1.0", "id": "1", "type": "paid", "data": content})
    return _encoded(content)


def _mapped(content: dict[str, Any]) -> dict[str, Any]:
    rest = {k: v for k, v in content.items() if k not in ("card_id", "amount", "currency")}
    money = {"text": f"{content['amount']!r}", "code": content["currency"].lower()}
    return {**rest, "card": {"token": content["card_id"]}, "sum": money}


def passed_over(value: bytes, rng: np.random.Generator) -> bytes | None:
    """Return what is made of a payment that is none: a refund, a decline, a deletion, a tombstone."""
    content = json.loads(value)
    refund = content | {"amount": -1 - content["amount"]}
    ways = (refund, _mapped(refund), _mapped(content) | {"status": "declined"}, None)
    way = ways[int(rng.integers(len(ways)))]
    if way is None:
        return None if rng.random() < 0.5 else _encoded(_DELETED | {"before": content})
    return _encoded(way)


def verdict(payment_id: str, key: bytes, rng: np.random.Generator) -> bytes:
    """Return what a reviewer says of a payment."""
    ruling = "fraud" if rng.random() < 0.5 else "legitimate"
    said = {"transaction_id": payment_id, "card_id": key.decode(), "origin": "reviewer"}
    return _encoded({**said, "verdict": ruling})
