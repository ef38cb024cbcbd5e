"""A suggestion knows declines and money back by words, codes and reasons, in the producers'
languages."""

from __future__ import annotations

from typing import Any

import pytest

from streamer.intake import Payment
from streamer.intake.readings import outcome_of
from tests.intake.messages import VALID
from tests.intake.test_suggest_doubts import suggested


def outcomes(name: str, *values: Any) -> tuple[str, list[str]]:
    """Return the text and the outcomes for messages with a field that has these values."""
    text, readings = suggested(*(VALID | {name: value} for value in values))
    return text, [outcome_of(reading) for reading in readings]


@pytest.mark.parametrize(
    ("field", "purchase", "back"),
    [
        ("vorgang", "Kauf", "Gutschrift"),
        ("tipo", "COMPRA", "DEVOLUCIÓN"),
        ("tipo", "compra", "estorno"),
        ("nature", "achat", "Remboursement"),
        ("type", "Achat", "Avoir"),
        ("causale", "ACQUISTO", "RESO"),
        ("causale", "acquisto", "storno"),
        ("soort", "Aankoop", "Teruggave"),
        ("rodzaj", "zakup", "zwrot"),
        ("tur", "SATIŞ", "İADE"),
        ("種別", "購入", "返金"),
        ("交易类型", "消费", "退款"),
        ("вид", "покупка", "возврат"),
        ("anything", "Kjøp", "Refusjon"),
    ],
)
def test_money_back_is_known_in_the_language_of_the_till(
    field: str, purchase: str, back: str
) -> None:
    """Whatever the field is called, where purchases stand beside it."""
    text, found = outcomes(field, purchase, back, purchase)
    assert found == ["payment", "refund", "payment"], text


@pytest.mark.parametrize(
    ("field", "yes", "no"),
    [
        ("status", "genehmigt", "abgelehnt"),
        ("estado", "APROBADA", "RECHAZADA"),
        ("statut", "ACCEPTÉ", "REFUSÉ"),
        ("situacao", "aprovada", "recusada"),
        ("stan_platnosci", "zatwierdzona", "odrzucona"),
        ("durum", "onaylandı", "reddedildi"),
        ("whatever", "Godkänd", "Nekad"),
        ("статус", "одобрено", "отклонено"),
        ("auth_result", "Y", "N"),
        ("auth_response", True, False),
        ("approved", 1, 0),
        ("status", 200, 402),
        ("response_code", "200", "503"),
        ("status", "00", "51"),
        ("return_code", "00", "05"),
    ],
)
def test_declines_are_known_by_words_flags_and_codes(field: str, yes: Any, no: Any) -> None:
    text, found = outcomes(field, yes, no, yes)
    assert found == ["payment", "skipped", "payment"], text


@pytest.mark.parametrize(
    ("field", "none", "why"),
    [
        ("decline_reason", None, "insufficient_funds"),
        ("decline_code", "", "51"),
        ("motivo_rechazo", None, "Fondos insuficientes"),
        ("Ablehnungsgrund", "keine", "Limit"),
        ("error_code", "00", "do_not_honor"),
        (
            "failure_message",
            None,
            "Your card was declined, and this is a long text about why that is",
        ),
        ("error", None, {"code": "E51", "message": "no funds"}),
    ],
)
def test_a_reason_of_a_failure_is_a_decline(field: str, none: Any, why: Any) -> None:
    """A value is there for those that failed; null, empty and a word for none are not."""
    text, found = outcomes(field, none, why, none)
    assert found == ["payment", "skipped", "payment"], text


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("error_count", [0, 3, 1]),
        ("failed_attempts", [0, 2, 0]),
        ("last_error_code", [None, "timeout", None]),
        ("fraud_reject_reason", [None, "velocity", None]),
        ("is_error", [False, True, False]),
        ("merchant_state", ["CA", "TX", "NY"]),
        ("state", ["CA", "TX", "NY"]),
        ("auth_code", ["00", "51", "14"]),
        ("risk_result", ["NEGATIVE", "POSITIVE", "NEGATIVE"]),
    ],
)
def test_other_matters_decline_nothing(field: str, values: list[Any]) -> None:
    """Neither a rule nor a question comes of them."""
    text, found = outcomes(field, *values)
    assert set(found) == {"payment"}, text
    assert "decline" not in text


def test_a_reason_beside_an_approval_or_in_every_message_declines_nothing() -> None:
    """What is there for every payment is asked about."""
    contents = [
        VALID | {"status": "APPROVED", "error_message": why} for why in (None, "retried", None)
    ]
    _, readings = suggested(*contents)
    assert all(isinstance(reading, Payment) for reading in readings)
    text, found = outcomes("decline_reason", "a", "b", "c")
    assert found == ["payment"] * 3
    assert "# Unsure: every payment of the sample has a value in decline reason" in text


def test_single_letters_are_taken_for_an_answer_and_asked_about() -> None:
    text, found = outcomes("status", "A", "D", "A")
    assert found == ["payment", "skipped", "payment"]
    assert "# Unsure: of the letters in status, D is taken for declined" in text


def test_a_kind_of_transaction_is_no_channel_but_for_its_words() -> None:
    """``purchase`` says nothing of the way to pay, ``ATM withdrawal`` does."""
    base = {name: value for name, value in VALID.items() if name not in ("channel", "card_id")}
    for kinds, is_channel in (
        (["purchase", "top up"], False),
        (["POS sale", "ATM withdrawal"], True),
    ):
        contents = [base | {"card": f"c{n}", "transaction_type": kinds[n % 2]} for n in range(4)]
        text, _ = suggested(*contents)
        assert ("channel =" in text) == is_channel, text
