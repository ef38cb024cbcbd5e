"""Messages between accounts are called what they are, and no card payments."""

from __future__ import annotations

import json
from typing import Any

import pytest

from streamer.errors import ConfigurationError
from streamer.intake import Intake, Refused
from streamer.intake.suggest import suggest
from streamer.intake.transfers import transfer_in
from tests.intake.messages import VALID, one

TAGS = {
    "20": "REF1",
    "23B": "CRED",
    "32A": "261128EUR1250,50",
    "50K": "/DE1\nA",
    "59": "/FR2\nB",
    "71A": "SHA",
}
MESSAGES: dict[str, Any] = {
    "tags": TAGS,
    "tags with colons": {f":{tag}:": value for tag, value in TAGS.items()},
    "tags with a prefix": {f"F{tag}": value for tag, value in TAGS.items()},
    "blocks": {"block1": {"bic": "X"}, "block4": {f"field{tag}": v for tag, v in TAGS.items()}},
    "a list of tags": {"textBlock": {"tags": [{"tag": t, "value": v} for t, v in TAGS.items()]}},
    "a list of objects": {"fields": [{tag: value} for tag, value in TAGS.items()]},
    "its type": {"messageType": "MT103", "amount": 1250.5, "currency": "EUR"},
    "its type with fin": {"message": {"type": "fin.MT103"}, "body": {"amount": 1}},
    "words": {
        "senderReference": "R1",
        "bankOperationCode": "CRED",
        "valueDate": "2026-11-28",
        "currency": "EUR",
        "interbankSettledAmount": 1250.5,
        "orderingCustomer": {"account": "DE1", "name": "A"},
        "beneficiaryCustomer": {"account": "FR2", "name": "B"},
        "detailsOfCharges": "SHA",
    },
}


@pytest.mark.parametrize("name", MESSAGES)
def test_an_mt103_is_refused_by_its_name(name: str) -> None:
    """However its tags are written."""
    value = json.dumps(MESSAGES[name]).encode()
    refused = one(Intake(), value)
    assert isinstance(refused, Refused)
    assert refused.reason == "not_a_card_payment"
    assert "MT103, a credit transfer" in refused.detail
    with pytest.raises(ConfigurationError, match=r"MT103 is a credit transfer .* no card payment"):
        suggest([value])


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ({"20": "R", "21": "R", "32A": "261128EUR5,", "58A": "X"}, "MT202"),
        ({"20": "R", "25": "A", "60F": "C261128EUR5,", "61": "x", "62F": "y"}, "MT940"),
        ({"mt": "MT101"}, "MT101"),
        ({"MT103": {"amount": 5}}, "MT103"),
        ({"f20": "R", "f23b": "CRED", "f32a": "261128EUR5,"}, "MT103"),
        ({"ns:FIToFICstmrCdtTrf": {}}, "pacs.008"),
        ({"BusMsg": {"Document": {"PmtRtr": {}}}}, "pacs.004"),
        ({"batches": [{"batchHeader": {"standardEntryClassCode": "PPD"}}]}, "NACHA"),
        ({"fedWireMessage": {"amount": "1"}}, "Fedwire"),
    ],
)
def test_others_of_the_kind_have_names_too(content: dict[str, Any], name: str) -> None:
    assert str(transfer_in(content)).startswith(name)


def test_a_card_payment_is_none_whatever_its_names() -> None:
    """ISO 8583 numbers its fields, and a payment may have a beneficiary."""
    fields = {"mti": "0100", "2": "4", "4": "1", "20": "1", "32": "7", "49": "978", "59": "x"}
    for content in (VALID, fields, VALID | {"beneficiaryCustomer": "B", "type": "MT103S"}):
        assert transfer_in(content) is None
    swift = one(Intake(), b"{1:F01BANKDEFFAXXX0000000000}{2:I103BANKFRPPXXXXN}{4:\n:20:R\n-}")
    assert isinstance(swift, Refused)
    assert "MT of SWIFT" in swift.hint
