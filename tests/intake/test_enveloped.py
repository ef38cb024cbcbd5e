"""Every envelope of the corpus, with the declaration that its sample calls for and without one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from streamer.intake import Intake, Payment, Reading, Refund, Refused, parse_declaration
from streamer.intake.suggest import suggest
from tests.intake.enveloped import LAYOUTS, TIME
from tests.intake.messages import ARRIVED_MS

CASES = [
    pytest.param(name, index, id=f"{name}-{index}")
    for name, messages in LAYOUTS.items()
    for index in range(len(messages))
]


def sent(content: Any) -> bytes | None:
    return None if content is None else json.dumps(content).encode()


def word(readings: list[Reading]) -> str:
    """Return one word for what a message is; a payment has to be the one of the corpus."""
    (reading,) = readings
    if isinstance(reading, Payment):
        t = reading.transaction
        assert t.transaction_id in ("t1", "64e8a1f2c3b4d5e6f7a8b9c0")
        assert t.card_id in ("card-000383", "383")
        assert (t.amount, t.currency, t.timestamp.timestamp()) == (42.5, "GBP", TIME)
        return "payment"
    if isinstance(reading, Refund):
        return "refund"
    return f"refused: {reading}" if isinstance(reading, Refused) else reading.reason


@pytest.fixture(scope="module")
def intakes() -> dict[str, Intake]:
    """The intake of the declaration that is suggested for each layout's sample."""
    found: dict[str, Intake] = {}
    for name, messages in LAYOUTS.items():
        sample = [value for content, _ in messages if (value := sent(content)) is not None]
        found[name] = Intake(parse_declaration(suggest(sample), name))
    return found


@pytest.mark.parametrize(("name", "index"), CASES)
def test_an_enveloped_message_is_what_it_is(
    name: str, index: int, intakes: dict[str, Intake]
) -> None:
    """Payments with their fields; updates, deletions and control records are passed over."""
    content, outcome = LAYOUTS[name][index]
    readings = intakes[name].read(sent(content), position="0-17", arrived_ms=ARRIVED_MS)
    assert word(list(readings)) == outcome


# Amounts and times as text, names of another's, or a payment in parts: these need a declaration.
DECLARED = {name for name in LAYOUTS if "legacy" in name} | {"canal", "segment"}


@pytest.mark.parametrize(("name", "index"), [c for c in CASES if c.values[0] not in DECLARED])
def test_without_a_declaration_it_is_the_same(name: str, index: int) -> None:
    """A worker that has been told nothing scores no deletion either."""
    content, outcome = LAYOUTS[name][index]
    readings = Intake().read(sent(content), position="0-17", arrived_ms=ARRIVED_MS)
    assert word(list(readings)) == outcome


def test_the_corpus_is_as_large_as_it_is_said_to_be() -> None:
    """Of every kind of outcome there are several."""
    outcomes = [outcome for messages in LAYOUTS.values() for _, outcome in messages]
    assert len(outcomes) >= 150
    assert all(outcomes.count(kind) >= 5 for kind in ("payment", "updated", "deleted", "refund"))
