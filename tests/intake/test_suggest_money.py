"""Of several amounts and currencies a suggestion pairs those of one side, or asks."""

from __future__ import annotations

from typing import Any

import pytest

from tests.intake.test_suggest_doubts import payments, suggested

BASE: dict[str, Any] = {
    "transaction_id": "t1",
    "card_id": "c1",
    "timestamp": "2026-11-28T05:58:00Z",
}
PAIRS: dict[str, tuple[dict[str, Any], tuple[float, str], str]] = {
    "one side, in names": (
        {
            "cardholder_amount": 40.0,
            "cardholder_currency": "EUR",
            "merchant_amount": 44.0,
            "merchant_currency": "USD",
        },
        (40.0, "EUR"),
        "merchant_amount in merchant_currency is another",
    ),
    "one side, in objects": (
        {
            "billing": {"amount": 40.0, "currency": "EUR"},
            "purchase": {"amount": 44.0, "currency": "USD"},
        },
        (44.0, "USD"),
        "billing.amount in billing.currency is another",
    ),
    "a currency in the amount's name": (
        {"amount_usd": 40.0, "local_amount": 6000.0, "local_currency": "JPY"},
        (40.0, "USD"),
        "local_amount in local_currency is another",
    ),
    "a currency in the amount's object": (
        {"amounts": {"gbp": {"value": 40.0}}, "settlement_currency": "EUR"},
        (40.0, "GBP"),
        "",
    ),
    "an amount whose currency nobody names": (
        {"amount": 44.0, "billing_amount": 40.0, "billing_currency": "EUR"},
        (40.0, "EUR"),
        "no currency is named like amount",
    ),
    "a currency of another side alone": (
        {"cardholder_amount": 40.0, "settlement_currency": "EUR"},
        (40.0, "EUR"),
        "the currency may be another one's than the amount's",
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_an_amount_has_the_currency_of_its_own_side(name: str) -> None:
    """What else the message tells in another currency is asked about."""
    content, right, question = PAIRS[name]
    (payment,) = payments(BASE | content)
    assert (payment.amount, payment.currency) == right
    text, _ = suggested(BASE | content)
    unsure = [line for line in text.split("\n") if line.startswith("# Unsure")]
    assert any(question in line for line in unsure) if question else not unsure


@pytest.mark.parametrize(
    "content",
    [
        {"amount": 40.0, "currency": "EUR", "billing_amount": 40.0, "billing_currency": "EUR"},
        {"transaction_amount": 40.0, "transaction_currency": "EUR", "fee_amount": 1.0},
        {"billing_amount": 40.0, "currency": "EUR"},
        {"amount_eur": 40.0, "currency": "EUR"},
        {"original": {"amount": 1.0}, "amount": 40.0, "currency": "EUR"},
    ],
)
def test_nothing_is_asked_where_the_pair_is_plain(content: dict[str, Any]) -> None:
    """One currency, or two that are the same, belong to every amount of a payment."""
    (payment,) = payments(BASE | content)
    assert (payment.amount, payment.currency) == (40.0, "EUR")
    text, _ = suggested(BASE | content)
    assert "another" not in text
    assert "no currency" not in text


@pytest.mark.parametrize("amounts", [[-4.5, -7.25, 3.0, -1.0], ["-4.50", "-7.25", "3.00", "-1.00"]])
def test_negative_payments_of_the_contract_are_declared(amounts: list[Any]) -> None:
    """Its own names, as numbers and as texts: the positive one is money back."""
    contents = [BASE | {"currency": "EUR", "amount": amount} for amount in amounts]
    text, readings = suggested(*contents)
    assert 'negative = "payment"' in text
    assert "# Unsure: most amounts are negative" in text
    assert [type(reading).__name__ for reading in readings] == [
        *("Payment", "Payment", "Refund", "Payment")
    ]


@pytest.mark.parametrize(
    "money",
    [
        ["42.50", "7.99", "120.00"],
        ["$42.50", "$7.99", "$1,120.00"],
        ["42,50 €"] * 3,
        [4.5, 7.25, 1.1],
    ],
)
def test_money_is_no_card(money: list[Any]) -> None:
    """A column may be called Card and hold what was paid by card."""
    contents: list[dict[str, Any]] = [
        {
            "id": f"t{n}",
            "Card": value,
            "amount": 5.0 + n,
            "currency": "EUR",
            "time": BASE["timestamp"],
        }
        for n, value in enumerate(money)
    ]
    text, _ = suggested(*contents)
    assert "# Missing: which field is the card" in text
    found = payments(*(content | {"account": "a1"} for content in contents))
    assert {payment.card_id for payment in found} == {"a1"}


def test_whole_ten_thousands_are_millionths() -> None:
    """As a guess; not in rupiah, where they are prices, nor where all are whole millions."""
    amounts = (42_500_000, 7_990_000, 120_000_000)
    contents = [BASE | {"total": amount, "currency": "USD"} for amount in amounts]
    assert [payment.amount for payment in payments(*contents)] == [42.5, 7.99, 120.0]
    assert "# Unsure: all amounts are whole ten thousands" in suggested(*contents)[0]
    for currency, factor in (("IDR", 1), ("USD", 1_000)):
        others = [c | {"currency": currency, "total": c["total"] * factor} for c in contents]
        assert "decimals" not in suggested(*others)[0]
