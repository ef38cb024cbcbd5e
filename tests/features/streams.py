"""Streams of payments and verdicts, and what the features make of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec
import numpy as np
from hypothesis import strategies as st

from streamer.arrays import Floats
from streamer.contract.messages import Transaction
from streamer.features import (
    CONTEXT_NAMES,
    FEATURE_NAMES,
    Columns,
    History,
    Tables,
    add_verdicts,
)
from tests.builders import payment

__all__ = [
    "DAY",
    "NAMES",
    "Judged",
    "decoded",
    "matrix_of",
    "observed",
    "observed_with_verdicts",
    "streams",
    "verdicts_on",
]

DAY = 86_400.0
NAMES = (*FEATURE_NAMES, *CONTEXT_NAMES)


class Judged(NamedTuple):
    """A verdict on the merchant and the card of payment ``number``, known before payment ``before``."""

    before: int
    number: int
    decided_after_s: float
    is_fraud: bool


def decoded(payments: Sequence[dict[str, Any]]) -> tuple[list[Transaction], list[int]]:
    """Return transactions and their times in epoch milliseconds."""
    transactions = msgspec.convert(payments, list[Transaction])
    return transactions, [round(t.timestamp.timestamp() * 1000) for t in transactions]


def observed(payments: Sequence[dict[str, Any]], tables: Tables) -> Floats:
    """Return X and V of one batch, which ``tables`` (IN/OUT) then know."""
    history = History.observe(Columns.of(*decoded(payments)), tables)
    return np.hstack([history.X, history.V])


def matrix_of(payments: Sequence[dict[str, Any]], cuts: Sequence[int] = ()) -> Floats:
    """Return X and V of ``payments``, processed in batches that end at ``cuts``."""
    return observed_with_verdicts(payments, (), cuts, Tables.empty(1_000, 1_000))


def observed_with_verdicts(
    payments: Sequence[dict[str, Any]],
    verdicts: Sequence[Judged],
    cuts: Sequence[int],
    tables: Tables,
) -> Floats:
    """Return X and V of ``payments`` in batches that end at ``cuts`` and wherever verdicts come."""
    edges = sorted({0, len(payments), *cuts, *(verdict.before for verdict in verdicts)})
    rows = []
    for first, end in pairwise(edges):
        for verdict in verdicts:
            if verdict.before == first:
                _judge(payments[verdict.number], verdict, tables)
        rows.append(observed(payments[first:end], tables))
    return np.vstack(rows)


def _judge(judged: dict[str, Any], verdict: Judged, tables: Tables) -> None:
    (transaction,), (time_ms,) = decoded([judged])
    decided_ms = np.array([time_ms + round(verdict.decided_after_s * 1000)])
    said = decided_ms, np.array([float(verdict.is_fraud)]), np.array([1.0])
    add_verdicts(tables.card_verdicts, [transaction.card_id], *said)
    if transaction.merchant_id is not None:
        add_verdicts(tables.merchant_verdicts, [transaction.merchant_id], *said)


@st.composite
def streams(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A stream of few cards and merchants, with late events, gaps of years, and missing fields."""
    n = draw(st.integers(1, 40))
    seconds = st.sampled_from([0.0, 1.0, 61.0, 3600.0, DAY, -30.0, -DAY, 3 * 365 * DAY / 40])
    clock, payments = 0.0, []
    for i in range(n):
        clock += draw(seconds)
        fields: dict[str, Any] = {
            "card_id": f"card-{draw(st.integers(0, 3))}",
            "amount": draw(st.floats(0.01, 5_000) | st.sampled_from([0.0, 1e-9, 1e12])),
            "currency": draw(st.sampled_from(["EUR", "JPY"])),
        }
        if draw(st.booleans()):
            fields["merchant_id"] = f"m-{draw(st.integers(0, 2))}"
        if draw(st.booleans()):
            fields |= {
                "country": draw(st.sampled_from(["DE", "FR", "BR"])),
                "mcc": draw(st.sampled_from(["5411", "5732"])),
            }
        if draw(st.booleans()):
            fields |= {
                "latitude": draw(st.floats(-90, 90)),
                "longitude": draw(st.floats(-180, 180)),
                "channel": draw(st.sampled_from(["pos", "ecommerce"])),
            }
        payments.append(payment(i, after_s=clock, **fields))
    return payments


@st.composite
def verdicts_on(draw: st.DrawFn, payments: Sequence[dict[str, Any]]) -> list[Judged]:
    """Verdicts on some of the payments, each known sometime after its payment, in any order."""
    found = []
    for _ in range(draw(st.integers(0, 6)) if len(payments) > 1 else 0):
        before = draw(st.integers(1, len(payments) - 1))
        number = draw(st.integers(0, before - 1))
        delay_s = draw(st.sampled_from([0.0, 60.0, DAY, 10 * DAY, 60 * DAY]))
        found.append(Judged(before, number, delay_s, draw(st.booleans())))
    return found
