"""Payments as a program has them, dicts or a data frame, as the bytes that a topic would have.

Invariant: what a row says is read by the intake as if it had been published: nothing is guessed here
but that a missing value of a data frame (None, NaN, NaT) is a field that is not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from itertools import islice
from typing import Any, Final

import msgspec

from streamer.errors import ConfigurationError
from streamer.library.frame_rows import is_missing, plain_number, rows_of_frame

__all__ = ["Payments", "messages_of"]

Payments = Any
"""Mappings, JSON objects as bytes or text, or a data frame: of pandas, polars or pyarrow."""


def messages_of(
    payments: Payments, n_at_most: int, *, has_zone: bool = False
) -> Iterator[list[bytes]]:
    """Yield the payments as JSON, ``n_at_most`` at a time, in their order.

    Times without a zone are left to an intake that declares one (``has_zone``), and else an error.

    Raises `ConfigurationError` for what is no payment at all, naming its row from 0 on.

    >>> frame = [{"card_id": "c", "amount": 1.5, "mcc": None}, b'{"card_id": "d"}']
    >>> list(messages_of(frame, 10))
    [[b'{"card_id":"c","amount":1.5}', b'{"card_id": "d"}']]
    """
    rows = enumerate(_rows(payments))
    while some := list(islice(rows, n_at_most)):
        yield [_message(number, row, has_zone=has_zone) for number, row in some]


def _rows(payments: Payments) -> Iterable[Any]:
    """Return the rows of whatever has been given."""
    if isinstance(payments, Mapping | bytes | str):
        raise ConfigurationError(
            "payments must be many (a list, an iterator, a data frame), got one "
            f"{type(payments).__name__}; put it into a list"
        )
    rows = rows_of_frame(payments)
    if rows is not None:
        return rows
    is_lazy = hasattr(payments, "collect")
    if isinstance(payments, Iterable) and not is_lazy:
        return payments
    help_ = "; collect() it first" if is_lazy else ""
    raise ConfigurationError(
        "payments must be dicts, JSON objects or a data frame of pandas, polars or pyarrow, got "
        f"{type(payments).__name__}{help_}"
    )


def _message(number: int, row: Any, *, has_zone: bool) -> bytes:
    if isinstance(row, bytes):
        return row
    if isinstance(row, str):
        return row.encode()
    if not isinstance(row, Mapping):
        raise ConfigurationError(
            f"payment {number} must be a dict, or a JSON object as bytes or text, got "
            f"{type(row).__name__}"
        )
    given = {str(name): value for name, value in row.items() if not is_missing(value)}
    for name, value in given.items():
        if isinstance(value, datetime) and value.tzinfo is None and not has_zone:
            raise ConfigurationError(
                f"payment {number} must have a time zone in its {name}, got {value.isoformat()}; of a "
                f"column of pandas frame[{name!r}].dt.tz_localize('UTC') gives it one, of polars "
                f"pl.col({name!r}).dt.replace_time_zone('UTC'); or declare zone in the file of intake="
            )
    try:
        return _ENCODER.encode(given)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"payment {number} must be of text, numbers and times, got what is none: {error}"
        ) from error


def _plain(value: Any) -> Any:
    """Return what numpy and pandas hold as Python does."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if not hasattr(value, "item"):
        raise TypeError(f"{type(value).__name__} {value!r:.60}")
    return plain_number(value)


_ENCODER: Final = msgspec.json.Encoder(enc_hook=_plain, decimal_format="number")
