"""What may differ from an undisturbed run, and by how much, and what may not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from streamer.batch import Batch, StoredRecord
from streamer.features import History, Tables
from streamer.features.entities import EntityTable
from streamer.features.history import MERCHANTS, SPENDING
from streamer.pipeline import prepare
from tests.builders import pipeline_config
from tests.faults.undisturbed import differing, undisturbed

CONFIG = pipeline_config()
NOW_MS = 2_000_000_000_000
N_CARDS = 6
N = 240


def _records() -> list[StoredRecord]:
    """Payments in turn of six cards at three merchants, every hour, of amounts that jump."""
    amounts = np.random.default_rng(1).lognormal(3.0, 1.5, N)
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
                    "currency": "EUR",
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
    return [after.cards, after.spending, after.merchants]


def test_of_who_began_anew_only_the_surprises_are_off_and_within_their_bound() -> None:
    """Everything else adds up; without the excuse most spendings and all merchants differ."""
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
    assert n_off == {"cards": 0, "spending": N_CARDS - 1, "merchants": 3}


def test_a_payment_that_nobody_noted_excuses_nothing() -> None:
    """Those of one card left out, its spending differs and no other's."""
    records = _records()
    noted = [f"t-{i}" for i in range(N // 2, N) if i % N_CARDS != 1]
    wanted = undisturbed(records, CONFIG, NOW_MS, noted)
    spending = _begun_anew(records)[1]
    assert differing(SPENDING, wanted[SPENDING], spending.take_changed()) == ["c-1\x1fEUR"]


def test_the_bound_is_what_three_deviations_have_decayed_to() -> None:
    """One payment, of card 0 at merchant 0, 234 h before the last of both."""
    wanted = undisturbed(_records(), CONFIG, NOW_MS, ["t-0"])
    spending, merchants = wanted[SPENDING].doubts, wanted[MERCHANTS].doubts
    assert [list(spending), list(merchants)] == [["c-0\x1fEUR"], ["m-0\x1fEUR"]]
    # Half-lives of 3 days and an hour; of 7 days, and the last payment there is 3 h later.
    hours = [3 * 2 ** (-234 / 72), 3 * 2.0**-234]
    assert spending["c-0\x1fEUR"].tolist() == pytest.approx([0, 0, 0, 0, 0, *hours])
    assert merchants["m-0\x1fEUR"].tolist() == pytest.approx([0] * 5 + [3 * 2 ** (-237 / 168)])


@pytest.mark.parametrize(("column", "is_found"), [(5, False), (4, True)])
def test_the_excuse_is_for_sums_of_surprises_alone(column: int, is_found: bool) -> None:
    """Half a deviation more in one sum of a card whose last payment is in doubt."""
    wanted = undisturbed(_records(), CONFIG, NOW_MS, [f"t-{N - 1}"])[SPENDING]
    key = f"c-{(N - 1) % N_CARDS}\x1fEUR"
    state = np.frombuffer(wanted.states[key], "<f8").copy()
    state[1 + column] += 0.5
    found = {**wanted.states, key: state.tobytes()}
    assert differing(SPENDING, wanted, found) == ([key] if is_found else [])
