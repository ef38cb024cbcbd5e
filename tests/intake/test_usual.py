"""The short way through a mapping says what the mapping says, or nothing."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamer.intake import Payment, parse_declaration, preset_text
from streamer.intake.declaration import Declaration
from streamer.intake.mapping import compile_mapping
from streamer.intake.usual import compile_usual
from tests.intake.messages import ARRIVED_MS, VALID
from tests.intake.test_presets import ISO, STRIPE

NESTED = {
    "id": "t1",
    "card": {"token": "c1"},
    "amount": {"value": "-1.234,50", "currency": "€"},
    "day": "28/11/2026",
    "clock": "05:58",
    "kind": "sale",
    "geo": [51.5, -0.1],
}
LINES = """
transaction_id = "id"
card_id = ["card.token", "card.pan"]
amount = { path = "amount.value", decimal = ",", thousands = ".", negative = "payment" }
currency = { path = "amount.currency", values = { "€" = "EUR" }, default = "EUR" }
timestamp = { path = "day + clock", separator = " ", format = "dmy", zone = "Europe/Paris" }
latitude = "geo[0]"
longitude = "geo[1]"
[[refund]]
path = "kind"
starts_with = "re"
[[skip]]
path = "kind"
none_of = ["sale", "void"]
[[decline]]
path = "void"
present = true
"""
CASES: dict[str, tuple[Declaration, dict[str, Any]]] = {
    "contract": (Declaration(), VALID),
    "stripe": (parse_declaration(preset_text("stripe"), "stripe"), STRIPE),
    "iso8583": (parse_declaration(preset_text("iso8583"), "iso8583"), ISO),
    "lines": (parse_declaration(LINES, "lines"), NESTED),
    "position": (parse_declaration("transaction_id = { position = true }", "position"), VALID),
}
READERS = {
    name: (compile_usual(declaration), compile_mapping(declaration, is_rows=False))
    for name, (declaration, _) in CASES.items()
}
PLAIN: list[Any] = [None, True, False, 0, -0.0, 0.0, -1, 42, 4250, 1e13, 826, "826", "GBP", "gbp"]
ODD: list[Any] = ["ZZZ", "", " ", 1795845480, 1795845480000, "2026-11-28T05:58:00Z", "01/02/2026"]
WORDS: list[Any] = [
    "5411",
    742,
    "x" * 129,
    "é",
    "\ud800",
    "refund",
    "sale",
    "charge.failed",
    "null",
    "NaN",
    "(blank)",
    "\0" * 20,
    "4,1E+15",
]
SCALARS = st.sampled_from([*PLAIN, *ODD, *WORDS, "failed", [], {}, [0.0, 0.0], {"a": 1}])


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path to every value of a message."""
    inner: list[tuple[Any, ...]] = [path] if path else []
    entries = value.items() if isinstance(value, dict) else ()
    for name, below in entries:
        inner += places(below, (*path, name))
    return inner


def changed(message: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    target = message
    for step in path[:-1]:
        target = target[step] if isinstance(target, dict) and step in target else {}
    if isinstance(target, dict):
        target[path[-1]] = value
    return message


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_usual_message_takes_the_short_way(name: str) -> None:
    """Else the other test would hold of a function that never returns anything."""
    usual, _ = READERS[name]
    assert isinstance(usual(CASES[name][1], "0-1", ARRIVED_MS), Payment)


@pytest.mark.parametrize("name", sorted(CASES))
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_the_short_way_says_what_the_mapping_says(name: str, data: st.DataObject) -> None:
    """For messages with one to three values that are something else."""
    usual, full = READERS[name]
    original = CASES[name][1]
    message = copy.deepcopy(original)
    for _ in range(data.draw(st.integers(1, 3))):
        extra = [("latitude",), ("longitude",), ("void",), ("39",), ("type",), ("status",)]
        path = data.draw(st.sampled_from(places(original) + extra))
        changed(message, path, copy.deepcopy(data.draw(SCALARS)))
    found = usual(message, "0-1", ARRIVED_MS)
    meant = full(message, message, "$", "0-1", ARRIVED_MS)
    assert found is None or repr(found) == repr(meant), json.dumps(message)
