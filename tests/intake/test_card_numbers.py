"""No card number of a message is shown by what is suggested, refused or warned of."""

from __future__ import annotations

import json
from typing import Any

import pytest

from streamer.errors import ConfigurationError
from streamer.intake import Intake, Refused, parse_declaration
from streamer.intake.naming import has_card_number
from streamer.intake.suggest import suggest
from tests.intake.messages import VALID

PAN = "4111111111111111"
SPACED = "4111 1111 1111 1111"

SAMPLES: dict[str, list[dict[str, Any]]] = {
    "a name": [{PAN: {**VALID, "card_id": None}}, {SPACED: VALID}],
    "a name beside others": [{**VALID, "card_id": None, f"card {PAN}": 1}],
    "a word for a refund": [VALID | {"type": f"REFUND {PAN}"}, VALID | {"type": "SALE"}],
    "a word for a decline": [VALID | {"status": f"declined {SPACED}"}, VALID],
    "a currency": [VALID | {"currency": f"€{PAN}"}],
    "an amount": [VALID | {"amount": PAN}],
    "a time": [VALID | {"timestamp": PAN}],
    "a wrapped name": [{"op": "c", "after": {PAN: VALID}}],
    "an event's name": [{"specversion": "1.0", "type": PAN, "data": {"a": PAN}}],
}


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_no_card_number_is_shown(name: str) -> None:
    """Neither in the lines that are suggested nor in what is said of a message."""
    values = [json.dumps(content).encode() for content in SAMPLES[name]]
    text = suggest(values)
    assert not has_card_number(text), text
    for intake in (Intake(), Intake(parse_declaration(text, "suggestion"))):
        for value in values:
            for reading in intake.read(value, position="0-1"):
                if isinstance(reading, Refused):
                    shown = f"{reading.path} {reading.detail} {reading.hint}"
                    assert not has_card_number(shown), shown


def test_a_fault_of_a_declaration_shows_no_card_number() -> None:
    """It may have been copied from a message."""
    with pytest.raises(ConfigurationError) as raised:
        parse_declaration(f'envelope = "{PAN}"\n[amount]\nunit = "{SPACED}"', "test")
    assert not has_card_number(str(raised.value))
    assert "envelope must be one of" in str(raised.value)
