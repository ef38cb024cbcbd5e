"""Rows that are taken directly are what the intake makes of them, or are left to it."""

from __future__ import annotations

from typing import Any

import pytest

from streamer.datafiles import declared
from streamer.datafiles.declared import for_rows
from streamer.datafiles.direct import DirectRows
from streamer.intake import Intake, Payment

ROW = {
    "transaction_id": "t1",
    "card_id": "c1",
    "amount": "12.5",
    "currency": "EUR",
    "timestamp": "2026-01-05T05:58:00+01:00",
    "country": "GB",
    "latitude": "51.5",
    "longitude": "0",
}
ODD: list[dict[str, Any]] = [
    {},
    *({name: ""} for name in ROW),
    *({name: "null"} for name in ROW),
    *({name: None} for name in ROW),
    *({name: " x "} for name in ROW),
    *({"amount": value} for value in ("-3", "1e3", "nan", "inf", "0", "-0", 5, 5.25, True, "1,5")),
    *({"timestamp": value} for value in ("1795845480", "2026-01-05", "2026-01-05 05:58", 5)),
    *({"card_id": value} for value in ("4.92912E+15", "N/A", "x" * 129, 383, "\u00e9")),
    *({name: value} for name in ("card_id", "merchant_id") for value in ("2972.0", "v2.0", "0.0")),
    {"latitude": "0"},
    {"latitude": "91"},
    {"mcc": "es_food"},
    {"mcc": "742"},
    {"country": "GBR"},
]


@pytest.mark.parametrize("changes", ODD, ids=str)
@pytest.mark.parametrize("maps", [(), ("card_id=who", "merchant_id=card_id")])
def test_a_row_is_read_directly_as_by_the_intake_or_not_at_all(
    changes: dict[str, Any], maps: tuple[str, ...]
) -> None:
    row = ROW | changes
    row["who"] = row["card_id"]
    declaration = for_rows(declared(maps), ())
    direct = DirectRows.of(declaration, list(row))
    assert direct is not None
    found = direct.transaction(row, "row-0")
    reading = Intake(declaration).read_row(row, position="row-0")
    if not changes:
        assert found is not None
    if found is not None:
        assert reading == Payment(found)


def test_what_a_declaration_says_of_values_is_left_to_the_intake() -> None:
    for intake in ("stripe", "tabformer"):
        assert DirectRows.of(for_rows(declared(intake=intake), ()), list(ROW)) is None
    assert DirectRows.of(for_rows(declared(time_unit="epoch-s"), ()), list(ROW)) is None
