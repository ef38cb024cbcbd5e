"""A card's row, and the rows of what it spends in other currencies: saved, loaded and merged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streamer.contract.codes import CURRENCY_INDEX
from streamer.features import Columns, Tables, add_verdicts
from streamer.features.packed import names_of
from streamer.indexing import extended, fingerprints
from tests.builders import payment
from tests.features.streams import DAY, decoded, observed

T_MS = 1_767_614_400_000


def paid(number: int, amount: float, currency: str, **fields: Any) -> dict[str, Any]:
    return payment(number, after_s=number * DAY, amount=amount, currency=currency, **fields)


PAYMENTS = [
    paid(0, 20.0, "EUR", country="DE"),
    paid(1, 3_000.0, "JPY", country="JP"),
    paid(2, 30.0, "EUR", country="DE"),
    paid(3, 4_000.0, "JPY", country="JP"),
]
(CARD,) = fingerprints(["card-1"]).tolist()
(IN_YEN,) = extended(np.array([CARD]), np.array([CURRENCY_INDEX["JPY"]])).tolist()
# What a payment adds by how it compares is not known of one that met no history.
SURPRISES = {"high_series", "small_series", "sums"}


def stored(tables: Tables) -> dict[str, dict[str, bytes]]:
    return {table.kind.name: dict(table.take_changed()) for table in tables.all()}


def load(tables: Tables, columns: Columns, from_: dict[str, dict[str, bytes]]) -> int:
    """Load what ``columns`` need until nothing more is wanted; return after how many round trips."""
    for n_trips in range(5):
        wanted = tables.unknown(columns)
        if not wanted:
            return n_trips
        for table, names in wanted.items():
            table.load({name: from_[table.kind.name].get(name) for name in names})
    raise AssertionError(f"everything must be loaded, got {wanted}")


def numbers(tables: Tables, print_: int, but: set[str]) -> dict[str, list[float]]:
    """Return every field of a card's row by name."""
    cards = tables.cards
    record = cards.records[cards.rows(np.array([print_]))[0]]
    names = [name for name in cards.kind.row.names or () if name not in but]
    return {name: np.atleast_1d(record[name]).tolist() for name in names}


def test_the_first_currency_is_in_the_cards_row_and_each_other_in_one_of_its_own() -> None:
    tables = Tables.empty(10, 10)
    observed(PAYMENTS, tables)
    own, yen = (numbers(tables, print_, set()) for print_ in (CARD, IN_YEN))
    assert len(tables.cards) == 2
    # After three days: ln 20 two days before ln 30, and a day more of all, at 60 days' half-life.
    left = [2 ** (-3 / 60), 2 ** (-1 / 60)]
    assert own["payments"] == pytest.approx([sum(left)])
    assert own["logs"] == pytest.approx([np.log(20) * left[0] + np.log(30) * left[1]])
    assert own["payments_30d"] == pytest.approx([sum(2 ** (-day / 30) for day in range(4))])
    assert yen["payments"] == pytest.approx([1 + 2 ** (-2 / 60)])
    assert yen["payments_30d"] == yen["currency"] == [0.0]


def test_what_was_saved_in_two_currencies_is_looked_up_in_two_steps() -> None:
    """The second is known to be wanted when the first is there; then all goes on as if never saved."""
    tables, again = Tables.empty(10, 10), Tables.empty(10, 10)
    observed(PAYMENTS[:3], tables)
    there = stored(tables)
    columns = Columns.of(*decoded(PAYMENTS[3:]))
    assert load(again, columns, there) == 2
    assert observed(PAYMENTS[3:], again).tobytes() == observed(PAYMENTS[3:], tables).tobytes()
    assert stored(again) == stored(tables)
    # A card that has never paid in it has no row for it, and is asked for once.
    fresh = Tables.empty(10, 10)
    assert load(fresh, columns, stored(Tables.empty(10, 10))) == 1


@pytest.mark.parametrize("n_before", [1, 2, 3])
def test_a_card_that_began_anew_in_another_currency_is_what_it_would_be(n_before: int) -> None:
    """In yen while Redis is away, and in euros before: what it spent goes to its currency's row."""
    undisturbed, before, after = (Tables.empty(10, 10) for _ in range(3))
    observed(PAYMENTS, undisturbed)
    observed(PAYMENTS[:n_before], before)
    there, rest = stored(before), PAYMENTS[n_before:]
    after.cards.mark_unloaded(names_of(np.array([CARD])))
    observed(rest, after)
    while waiting := after.cards.unloaded:
        after.cards.load({name: there["cards"].get(name) for name in waiting})
    for print_ in (CARD, IN_YEN):
        found, wanted = (numbers(tables, print_, SURPRISES) for tables in (after, undisturbed))
        for name, values in wanted.items():
            assert found[name] == pytest.approx(values), name
    assert len(after.cards) == 2


def test_a_verdict_on_an_entity_that_is_not_in_memory_is_added_to_what_is_stored() -> None:
    """Two of them, then a fresh table and one more: three, and not one."""
    tables, again = Tables.empty(10, 10), Tables.empty(10, 10)
    at, one = np.array([T_MS]), np.ones(1)
    for _ in range(2):
        add_verdicts(tables.merchant_verdicts, ["shop-1"], at, one, one)
    there = stored(tables)["merchant_verdicts"]
    judged = again.merchant_verdicts
    add_verdicts(judged, ["shop-1"], at, one, one)
    (waiting,) = judged.unloaded
    # A payment there has it loaded before it is scored.
    shop = fingerprints(["shop-1"])
    assert judged.unknown(shop, np.array([False])) == [waiting]
    judged.load({waiting: there[waiting]})
    assert judged.records["verdicts"][judged.rows(shop)].tolist() == [[3.0] * 3]
    assert judged.unloaded == []


def test_cards_in_memory_ask_for_no_verdicts_and_new_ones_ask_once() -> None:
    tables = Tables.empty(10, 10)
    columns = Columns.of(*decoded([paid(0, 5.0, "EUR", merchant_id="m-1")]))
    wanted = {table.kind.name for table in tables.unknown(columns)}
    assert wanted == {"cards", "merchants", "card_verdicts", "merchant_verdicts"}
    nothing: dict[str, dict[str, bytes]] = {name: {} for name in wanted}
    assert load(tables, columns, nothing) == 1
    assert [len(table) for table in tables.all()] == [1, 1, 0, 1]
