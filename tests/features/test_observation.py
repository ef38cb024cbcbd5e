"""The loop over payments: against the definition, against its own Python, and in any batches."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.compiled import compiled
from streamer.features import (
    Columns,
    History,
    Records,
    Tables,
    cards,
    compare_amount,
    entities,
    equations,
    fraud_shares,
    history,
    observation,
    places,
)
from streamer.features.catalogue import FEATURE_ROW
from streamer.features.records import as_records
from tests.builders import payment
from tests.features.oracle import features_of
from tests.features.streams import (
    NAMES,
    Judged,
    decoded,
    matrix_of,
    observed,
    observed_with_verdicts,
    streams,
    verdicts_on,
)
from tests.features.uncompiled import uncompiled

MODULES = (equations, places, entities, cards, fraud_shares, observation, history)


@st.composite
def judged_streams(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[Judged], list[int]]:
    """A stream, verdicts on it, and where its batches end."""
    payments = draw(streams())
    cuts = draw(st.lists(st.integers(1, len(payments)), max_size=5))
    return payments, draw(verdicts_on(payments)), cuts


def states(tables: Tables) -> dict[str, dict[str, bytes]]:
    return {table.kind.name: dict(table.take_changed()) for table in tables.all()}


@settings(max_examples=60, deadline=None)
@given(judged_streams())
def test_the_features_are_those_of_the_definition(stream: Any) -> None:
    payments, verdicts, cuts = stream
    found = observed_with_verdicts(payments, verdicts, cuts, Tables.empty(1_000, 1_000))
    for i, expected in enumerate(features_of(payments, verdicts)):
        row = {n: x for n, x in zip(NAMES, found[i].tolist(), strict=True) if not math.isnan(x)}
        assert row == pytest.approx(expected, rel=1e-9, abs=1e-9), f"payment {i}"


@settings(max_examples=60, deadline=None)
@given(judged_streams())
def test_batch_boundaries_change_no_bit_of_feature_or_state(stream: Any) -> None:
    """Invariant 4: cut anywhere or one by one, they are those of the longest batches there can be."""
    payments, verdicts, cuts = stream
    results = []
    for ends in ((), cuts, range(1, len(payments))):
        tables = Tables.empty(1_000, 1_000)
        found = observed_with_verdicts(payments, verdicts, ends, tables)
        results.append((found.tobytes(), states(tables)))
    assert results[1] == results[0]
    assert results[2] == results[0]


@settings(max_examples=20, deadline=None)
@given(judged_streams())
def test_compiled_and_uncompiled_loops_agree(stream: Any) -> None:
    payments, verdicts, cuts = stream
    tables, again = Tables.empty(1_000, 1_000), Tables.empty(1_000, 1_000)
    compiled = observed_with_verdicts(payments, verdicts, cuts, tables)
    with uncompiled(*MODULES):
        python = observed_with_verdicts(payments, verdicts, cuts, again)
    np.testing.assert_allclose(compiled, python, rtol=1e-12, atol=1e-12)
    for one, other in zip(tables.all(), again.all(), strict=True):
        assert one.changed.tobytes() == other.changed.tobytes()
        for name in one.records.dtype.names or ():
            mine, theirs = one.records[name], other.records[name]
            np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-12, err_msg=name)


def test_a_payment_that_names_everything_knows_every_feature() -> None:
    """The fifth of five alike: no column of X and V is left as it was made."""
    full = {
        "merchant_id": "m",
        "mcc": "5411",
        "country": "DE",
        "channel": "pos",
        "latitude": 52.0,
        "longitude": 13.0,
    }
    assert not np.isnan(matrix_of([payment(i, after_s=i, **full) for i in range(5)])[-1]).any()


@compiled
def compare(amount: float, habits: Records, merchants: Records, features: Records) -> None:
    compare_amount(amount, habits[0], merchants[0], features[0])


def test_what_changes_with_the_amount_is_what_another_payment_would_have_had() -> None:
    """Of a stream's last payment, asked at other amounts, 0 among them; the rest of X stays."""
    first = [payment(i, after_s=60 * i, amount=20.0 + i, merchant_id="m") for i in range(5)]
    last = payment(5, after_s=600, amount=90.0, merchant_id="m")
    amounts = [90.0, 0.0, 7.5, 1e12]
    before = Tables.empty(10, 10)
    observed(first, before)
    asked = History.observe(Columns.of(*decoded([last])), before)
    X = asked.X.copy()
    x, features = X[0], as_records(X, FEATURE_ROW)
    for amount in amounts:
        compare(amount, asked.spending, asked.merchants, features)
        tables = Tables.empty(10, 10)
        observed(first, tables)
        wanted = observed([last | {"amount": amount}], tables)[0, : len(x)]
        assert x.tobytes() == wanted.tobytes(), amount
    assert asked.X[0].tobytes() != x.tobytes()
