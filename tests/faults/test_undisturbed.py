"""What may differ from an undisturbed run, and by how much, and what may not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from streamer.contract.batch import Batch, StoredRecord
from streamer.contract.codes import CURRENCY_INDEX
from streamer.features import History, Tables
from streamer.features.entities import EntityTable
from streamer.features.kinds import CARDS, MERCHANTS
from streamer.features.packed import names_of
from streamer.indexing import extended, fingerprints
from streamer.pipeline import prepare
from tests.builders import pipeline_config
from tests.faults.undisturbed import differing, undisturbed

CONFIG = pipeline_config()
NOW_MS = 2_000_000_000_000
N_CARDS = 6
N = 240


def _records(currencies: str = "") -> list[StoredRecord]:
    """Payments in turn of six cards at three merchants, every hour, of amounts that jump.

    ``currencies`` are those of the last, a letter each; all others are in euros.
    """
    amounts = np.random.default_rng(1).lognormal(3.0, 1.5, N)
    names = ["EUR"] * (N - len(currencies)) + [{"E": "EUR", "U": "USD"}[c] for c in currencies]
    return [
        StoredRecord(
            i,
            NOW_MS,
            None,
            json.dumps(
                {
                    "transaction_id": f"t-{i}",
                    "card_id": f"c-{i % N_CARDS}",
                    "merchant_id": f"m-{i % 3}",
                    "amount": round(float(amount), 2),
                    "currency": names[i],
                    "timestamp": f"2026-01-{1 + i // 24:02}T{i % 24:02}:00:00Z",
                }
            ).encode(),
        )
        for i, amount in enumerate(amounts)
    ]


def _observe(records: Sequence[StoredRecord], tables: Tables) -> None:
    for first in range(0, len(records), 7):
        columns = prepare(Batch("t", 0, records[first : first + 7], NOW_MS), CONFIG).columns
        assert columns is not None
        History.observe(columns, tables)


def _begun_anew(records: Sequence[StoredRecord]) -> list[EntityTable]:
    """Return tables that did not know the first half when the second came, and merged it then."""
    before, after = (Tables.empty(100, 100) for _ in range(2))
    _observe(records[: N // 2], before)
    _observe(records[N // 2 :], after)
    for old, new in zip(before.all(), after.all(), strict=True):
        stored = old.take_changed()
        new.mark_unloaded(stored)
        new.load(stored)
    return [after.cards, after.merchants]


def _card(name: str) -> str:
    return names_of(fingerprints([name]))[0]


def test_of_who_began_anew_only_the_surprises_are_off_and_within_their_bound() -> None:
    """Everything else adds up; without the excuse most cards and all merchants differ."""
    records = _records()
    noted = [f"t-{i}" for i in range(N // 2, N)]
    wanted = undisturbed(records, CONFIG, NOW_MS, noted)
    n_off = {}
    for table in _begun_anew(records):
        found = table.take_changed()
        assert differing(table.kind, wanted[table.kind], found) == []
        n_off[table.kind.name] = len(
            differing(table.kind, replace(wanted[table.kind], doubts={}), found)
        )
    # One card's payments were no surprise either way.
    assert n_off == {"cards": N_CARDS - 1, "merchants": 3}


def test_what_a_card_spent_otherwise_before_its_merge_may_be_as_of_a_later_time() -> None:
    """Every card pays in dollars first when it begins anew, and in euros 19 times after it."""
    currencies = "U" * N_CARDS + "E" * (N // 2 - N_CARDS)
    records = _records(currencies)
    noted = [f"t-{i}" for i in range(N // 2, N)]
    wanted = undisturbed(records, CONFIG, NOW_MS, noted)[CARDS]
    found = _begun_anew(records)[0].take_changed()
    assert len(found) == 2 * N_CARDS
    assert differing(CARDS, wanted, found) == []
    in_dollars = extended(
        fingerprints([f"c-{i}" for i in range(N_CARDS)]), np.full(N_CARDS, CURRENCY_INDEX["USD"])
    )
    later = differing(CARDS, replace(wanted, doubts={}), found)
    assert set(names_of(in_dollars)) <= set(later)


def test_a_payment_that_nobody_noted_excuses_nothing() -> None:
    """Those of one card left out, it differs and no other."""
    records = _records()
    noted = [f"t-{i}" for i in range(N // 2, N) if i % N_CARDS != 1]
    wanted = undisturbed(records, CONFIG, NOW_MS, noted)
    cards = _begun_anew(records)[0]
    assert differing(CARDS, wanted[CARDS], cards.take_changed()) == [_card("c-1")]


def test_the_bound_is_what_three_deviations_have_decayed_to() -> None:
    """One payment, of card 0 at merchant 0, 234 h before the last of both."""
    wanted = undisturbed(_records(), CONFIG, NOW_MS, ["t-0"])
    cards, merchants = wanted[CARDS].doubts, wanted[MERCHANTS].doubts
    (till,) = names_of(extended(fingerprints(["m-0"]), np.array([CURRENCY_INDEX["EUR"]])))
    assert [list(cards), list(merchants)] == [[_card("c-0")], [till]]
    # Half-lives of 3 days and an hour; of 7 days, and the last payment there is 3 h later.
    hours = [3 * 2 ** (-234 / 72), 3 * 2.0**-234]
    bounds = dict(zip(CARDS.sums, cards[_card("c-0")].tolist(), strict=True))
    expected = dict.fromkeys(CARDS.sums, 0.0) | {"high_series": hours[0], "small_series": hours[1]}
    assert bounds == pytest.approx(expected)
    assert merchants[till].tolist() == pytest.approx([0] * 5 + [3 * 2 ** (-237 / 168)])


@pytest.mark.parametrize(
    ("name", "is_found"),
    [("high_series", False), ("small_series", False), ("spent_30d", True), ("longitude", True)],
)
def test_the_excuse_is_for_sums_of_surprises_alone(name: str, is_found: bool) -> None:
    """One more in one field of a card whose last payment is in doubt."""
    wanted = undisturbed(_records(), CONFIG, NOW_MS, [f"t-{N - 1}"])[CARDS]
    key = _card(f"c-{(N - 1) % N_CARDS}")
    state = np.frombuffer(bytearray(wanted.states[key]), CARDS.row)
    state[name] += 1
    found = {**wanted.states, key: state.tobytes()}
    assert differing(CARDS, wanted, found) == ([key] if is_found else [])
