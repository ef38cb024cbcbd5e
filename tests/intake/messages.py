"""A message that follows the contract, and others made from it."""

from __future__ import annotations

import json
from typing import Any, Final

from streamer.intake import Intake, Payment, Reading, parse_declaration

__all__ = ["VALID", "declared", "message", "one", "paid"]

VALID: Final[dict[str, Any]] = {
    "card_id": "card-000383",
    "amount": 42.5,
    "currency": "GBP",
    "timestamp": "2026-11-28T05:58:00Z",
    "merchant_id": "m-1",
    "mcc": "5411",
    "country": "GB",
    "channel": "pos",
    "transaction_id": "t1",
}
ARRIVED_MS: Final = 1_795_845_480_000
"""2026-11-28T05:58:00Z, which is when all of these were made."""


def message(**changes: Any) -> bytes:
    """Return the valid message with changes; a value of ... takes the field out."""
    fields = {name: value for name, value in (VALID | changes).items() if value is not ...}
    return json.dumps(fields).encode()


def declared(text: str) -> Intake:
    """Return the intake of a TOML text."""
    return Intake(parse_declaration(text, "test"))


def one(intake: Intake, value: bytes | None) -> Reading:
    """Return the only reading of a message."""
    (reading,) = intake.read(value, position="0-17", arrived_ms=ARRIVED_MS)
    return reading


def paid(intake: Intake, value: bytes) -> Payment:
    """Return the only reading of a message, which has to be a payment."""
    reading = one(intake, value)
    assert isinstance(reading, Payment), reading
    return reading
