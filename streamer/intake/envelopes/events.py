"""Event envelopes: CloudEvents in structured mode, and what event routers put around a message."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from streamer.intake.readings import Fault

__all__ = ["event_data"]


def event_data(message: dict[str, Any]) -> tuple[Any, str] | None:
    """Return what an event carries and the path to it, or None when the message is no event.

    Base64 is returned as bytes; text is returned as it is, to be looked at again.
    """
    if "specversion" in message and "type" in message:
        if "data" in message:
            return message["data"], ".data"
        if "data_base64" in message:
            return _base64(message["data_base64"], ".data_base64"), ".data_base64"
        raise Fault("missing_field", "a CloudEvent must have data", at=".data")
    if "detail-type" in message and "detail" in message:  # Amazon EventBridge
        return message["detail"], ".detail"
    if message.get("Type") == "Notification" and "Message" in message:  # Amazon SNS
        return message["Message"], ".Message"
    inner = message.get("message")
    if type(inner) is dict and "data" in inner and "messageId" in inner:  # Google Pub/Sub
        return _base64(inner["data"], ".message.data"), ".message.data"
    records = message.get("records")
    if len(message) == 1 and type(records) is list:  # Confluent's REST proxy
        values = [r["value"] if type(r) is dict and "value" in r else r for r in records]
        return values, ".records"
    return None


def _base64(text: Any, at: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise Fault("wrong_format", "data must be Base64", at=at) from None
