"""Requests whose card is a card's number: refused without it, or answered under its mask."""

from __future__ import annotations

import json
from typing import Any

import pytest

from streamer.contract.card_rule import CardRule
from streamer.settings import Settings
from tests.serving.stored_service import StoredService
from tests.serving.test_native_door import served

PAN = "4929 1234 5678 1236"
KEY = "0123456789abcdef"

Records = list[tuple[bytes, bytes]]


def about(record: tuple[bytes, bytes], card: str) -> bytes:
    return json.dumps(json.loads(record[1]) | {"card_id": card}).encode()


def test_a_number_is_refused_beside_good_payments_and_is_not_in_the_answer(
    service: StoredService, following: Records
) -> None:
    with served(service.settings) as door:
        status, told, _ = door.ask("/v1/score", about(following[0], PAN))
        assert (status, told["error"]["reason"]) == (422, "card_number")
        assert "1236" not in json.dumps(told)
        both = b"[" + about(following[0], PAN) + b"," + following[1][1] + b"]"
        status, told, _ = door.ask("/v1/score?explain=true", both)
    assert status == 200
    assert told[0]["error"]["path"] == "$.card_id"
    assert told[1]["answer"]["card_id"] == json.loads(following[1][1])["card_id"]


@pytest.mark.parametrize("alert_card_key", [None, "k" * 16])
def test_masked_it_is_answered_as_its_mask_would_be(
    service: StoredService, following: Records, alert_card_key: str | None
) -> None:
    """Each bit of the answer, in every spelling, with pseudonyms or without."""
    given: dict[str, Any] = {"card_numbers": "mask", "card_number_key": KEY}
    if alert_card_key is not None:
        given["alert_card_key"] = alert_card_key
    told = Settings(**given)
    names = ("card_numbers", "card_number_key", "alert_card_key")
    settings = service.settings.model_copy(update={name: getattr(told, name) for name in names})
    mask = CardRule("mask", KEY.encode()).id_of(PAN)
    assert mask is not None
    cards = PAN, PAN.replace(" ", ""), mask
    with served(settings) as door:
        answers = [door.ask("/v1/score", about(following[0], card))[1] for card in cards]
    assert answers[0] == answers[1] == answers[2]
    assert PAN.replace(" ", "") not in json.dumps(answers[0])
    assert (answers[0]["card_id"] == mask) is (alert_card_key is None)
