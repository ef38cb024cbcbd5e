"""Records keep the contract of the ``transactions`` topic and never carry the label."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import numpy as np
import orjson
import pytest

from streamer.contract.messages import Transaction
from streamer.simulator import FRAUD_PATTERNS, Payments, Simulator, SimulatorConfig
from tests.simulator.conftest import Run

CONTRACT = {field.name for field in msgspec.structs.fields(Transaction)}


@pytest.fixture(scope="module")
def payments() -> Payments:
    """Three event-days with much fraud, so that every pattern's records are among them."""
    return Simulator(SimulatorConfig(seed=3, fraud_share=0.05)).generate(20_000)


def test_every_record_decodes_as_a_transaction_with_the_values_of_its_columns(
    payments: Payments,
) -> None:
    decoder = msgspec.json.Decoder(Transaction)
    for i, (key, value) in enumerate(payments.records()):
        transaction = decoder.decode(value)
        assert key == transaction.card_id.encode() == payments.card_ids[i].encode()
        assert transaction.transaction_id == payments.transaction_ids[i]
        assert transaction.amount == payments.amounts[i]
        assert transaction.currency == payments.currencies[i]
        assert round(transaction.timestamp.timestamp() * 1000) == payments.timestamps_ms[i]
        offset = timedelta(minutes=int(payments.utc_offsets_min[i]))
        assert transaction.timestamp.utcoffset() == offset
        assert transaction.merchant_id == payments.merchant_ids[i]
        assert transaction.mcc == payments.mccs[i]
        assert transaction.country == payments.countries[i]
        assert transaction.channel == payments.channels[i]
        if np.isnan(payments.latitudes[i]):
            assert transaction.latitude is transaction.longitude is None
        else:
            assert transaction.latitude == payments.latitudes[i]
            assert transaction.longitude == payments.longitudes[i]


def test_a_record_holds_no_field_beyond_the_contract_and_no_null(payments: Payments) -> None:
    assert set(payments.patterns) == {None, *FRAUD_PATTERNS}
    for _, value in payments.records():
        document = orjson.loads(value)
        assert set(document) <= CONTRACT
        assert None not in document.values()


def test_rows_have_every_field_of_the_contract_and_the_label(payments: Payments) -> None:
    rows = payments.rows()
    for row, pattern, (_, value) in zip(rows, payments.patterns, payments.records(), strict=True):
        assert set(row) == {*CONTRACT, "label", "fraud_pattern"}
        assert row["label"] == (pattern is not None)
        assert row["fraud_pattern"] == pattern
        document = orjson.loads(value)
        assert {name: row[name] for name in document} == document
        assert all(row[name] is None for name in CONTRACT - set(document))


def test_amounts_have_two_decimals_and_yen_none(run: Run) -> None:
    amounts = run.payments.amounts
    assert (amounts > 0).all()
    np.testing.assert_array_equal(amounts, np.round(amounts, 2))
    yen = np.array(run.payments.currencies) == "JPY"
    assert yen.any()
    np.testing.assert_array_equal(amounts[yen], np.round(amounts[yen]))


def test_optional_fields_are_missing_now_and_then(run: Run) -> None:
    payments = run.payments
    for column in (payments.merchant_ids, payments.mccs, payments.countries, payments.channels):
        missing = sum(value is None for value in column) / len(payments)
        assert 0.002 < missing < 0.02


def test_only_payments_with_the_card_present_have_a_place(run: Run) -> None:
    channel = np.array(run.payments.channels, dtype=object)
    assert not run.located[channel == "ecommerce"].any()
    assert run.located[np.isin(channel, ["pos", "atm"])].mean() == pytest.approx(0.98, abs=0.005)
