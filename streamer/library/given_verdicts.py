"""Verdicts as a program has them, dicts or the rows of a data frame, as they are kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from streamer.contract.messages import Feedback
from streamer.errors import ConfigurationError
from streamer.library.frame_rows import is_missing, rows_of_frame

__all__ = ["Verdicts", "feedback_of"]

_IDS: Final = ("transaction_id", "card_id", "merchant_id")

Verdicts = Any
"""Mappings, or a data frame: of pandas, polars or pyarrow."""


def feedback_of(verdicts: Verdicts) -> list[Feedback]:
    """Return the verdicts; raise `ConfigurationError` naming one that is none by its place."""
    rows = rows_of_frame(verdicts)
    found = verdicts if rows is None else rows
    return [_feedback(number, verdict) for number, verdict in enumerate(found)]


def _feedback(number: int, verdict: Mapping[str, Any]) -> Feedback:
    try:
        given = {
            name: _id(value) if name in _IDS else _plain(value)
            for name, value in verdict.items()
            if not is_missing(value)
        }
        return msgspec.convert({"card_id": None, **given}, Feedback)
    except (msgspec.ValidationError, AttributeError) as error:
        raise ConfigurationError(
            f"verdict {number} must have transaction_id, verdict, origin and decided_at: {error}"
        ) from error


def _id(value: Any) -> Any:
    """Return an id as the intake reads it from a payment: a number as its digits."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        is_whole = isinstance(value, float) and value.is_integer()
        return str(int(value)) if is_whole else value
    return str(int(value))


def _plain(value: Any) -> Any:
    # pandas' Timestamp is a datetime, and yet another type.
    return value.isoformat() if isinstance(value, datetime) else value
