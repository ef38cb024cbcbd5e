"""Verdicts as people send them, and what is told of those that cannot be used."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from streamer.contract.batch import Batch, StoredRecord
from streamer.contract.messages import Feedback, Transaction
from streamer.contract.pseudonyms import pseudonym
from streamer.intake.decoding import DeadLetter
from streamer.verdicts.sent import SentVerdict, completed, decode_verdicts
from tests.builders import T0_MS, payment, pipeline_config

KEY = b"k" * 16
DECIDED = {"transaction_id": "t-1", "card_id": "c-1", "origin": "reviewer"}
NOON = datetime(2026, 1, 6, 12, tzinfo=UTC)
NOON_S = 1_767_700_800


def decode(content: Any, timestamp: int = T0_MS) -> SentVerdict | DeadLetter:
    value = content if isinstance(content, bytes) else json.dumps(content).encode()
    batch = Batch("fraud-feedback", 0, [StoredRecord(7, timestamp, None, value)], T0_MS * 2)
    verdicts, letters = decode_verdicts(batch, pipeline_config().believable)
    (found,) = [*verdicts, *letters]
    return found


@pytest.mark.parametrize(
    ("said", "ruling"),
    [
        ({"verdict": "FRAUD"}, "fraud"),
        ({"verdict": "Legitimate"}, "legitimate"),
        ({"is_fraud": True}, "fraud"),
        ({"is_fraud": False}, "legitimate"),
        ({"fraud": True}, "fraud"),
        ({"verdict": "fraud", "is_fraud": True, "fraud": None}, "fraud"),
    ],
)
def test_a_verdict_may_be_a_word_in_any_case_or_yes_and_no(
    said: dict[str, Any], ruling: str
) -> None:
    found = decode(DECIDED | said)
    assert isinstance(found, SentVerdict)
    assert found.ruling == ruling


@pytest.mark.parametrize(
    "when",
    [NOON_S, NOON_S * 1_000, float(NOON_S), "2026-01-06T12:00:00Z", "2026-01-06T13:00:00+01:00"],
)
def test_a_time_may_count_seconds_or_milliseconds(when: Any) -> None:
    found = decode(DECIDED | {"verdict": "fraud", "decided_at": when})
    assert isinstance(found, SentVerdict)
    assert found.decided_at == NOON


@pytest.mark.parametrize("changes", [{}, {"decided_at": None}])
def test_without_a_time_kafkas_counts(changes: dict[str, Any]) -> None:
    found = decode(DECIDED | {"verdict": "fraud"} | changes, NOON_S * 1_000)
    assert isinstance(found, SentVerdict)
    assert found.decided_at == NOON


@pytest.mark.parametrize(
    ("content", "reason", "path"),
    [
        (b"", "empty", "$"),
        (b"[]", "not_an_object", "$"),
        (DECIDED, "missing_field", "$.verdict"),
        (DECIDED | {"verdict": "maybe"}, "unknown_code", "$.verdict"),
        (DECIDED | {"verdict": True}, "wrong_type", "$.verdict"),
        (DECIDED | {"verdict": "fraud", "fraud": False}, "contradictory", "$.is_fraud"),
        ({"verdict": "fraud", "origin": "reviewer"}, "missing_field", "$.transaction_id"),
        ({"verdict": "fraud", "transaction_id": "t-1"}, "missing_field", "$.origin"),
        (DECIDED | {"fraud": True, "decided_at": 3}, "invalid_timestamp", "$.decided_at"),
        (
            DECIDED | {"fraud": True, "decided_at": "2026-01-06T12:00:00"},
            "timestamp_without_offset",
            "$.decided_at",
        ),
    ],
)
def test_what_is_no_verdict_has_a_reason_and_a_path(content: Any, reason: str, path: str) -> None:
    found = decode(content)
    assert isinstance(found, DeadLetter)
    assert (found.reason, found.path) == (reason, path)


def test_an_alert_id_alone_is_a_reviewers_verdict_on_the_payment_of_its_alert() -> None:
    sent = decode({"alert_id": "transactions-0-4", "is_fraud": True})
    assert isinstance(sent, SentVerdict)
    transaction = msgspec.convert(payment(4, card_id="c-4", merchant_id="shop-4"), Transaction)
    found = completed(sent, transaction, None)
    assert isinstance(found, Feedback)
    assert (found.transaction_id, found.card_id, found.merchant_id) == ("t-4", "c-4", "shop-4")
    assert (found.verdict, found.origin) == ("fraud", "reviewer")
    unknown = completed(sent, None, None)
    assert isinstance(unknown, DeadLetter)
    assert unknown.reason == "unknown_alert"


@pytest.mark.parametrize(
    ("named", "reason"),
    [
        ({"card_id": pseudonym("c-4", KEY)}, None),
        ({"card_id": "c-4"}, None),
        ({"card_id": "c-5"}, "contradictory"),
        ({"transaction_id": "t-5"}, "contradictory"),
    ],
)
def test_what_stands_beside_an_alert_id_must_be_of_its_payment(
    named: dict[str, str], reason: str | None
) -> None:
    """The pseudonym of the payment's card is."""
    sent = decode({"alert_id": "transactions-0-4", "is_fraud": True} | named)
    assert isinstance(sent, SentVerdict)
    found = completed(sent, msgspec.convert(payment(4, card_id="c-4"), Transaction), KEY)
    assert getattr(found, "reason", None) == reason
    if isinstance(found, Feedback):
        assert found.card_id == "c-4"
