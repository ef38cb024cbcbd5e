"""The smaller amount that would not have alerted: tried by the pipeline, and against all amounts."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.arrays import Flags, Floats
from streamer.compiled import compiled
from streamer.contract.codes import decimals_of
from streamer.contract.messages import Counterfactual
from streamer.durations import HOUR_MS
from streamer.explaining import counterfactual, findings
from streamer.explaining.findings import findings_of
from streamer.features import (
    Columns,
    History,
    Records,
    Tables,
    compare_amount,
    equations,
    observation,
)
from streamer.features.catalogue import FEATURE_ROW
from streamer.features.records import as_records
from streamer.model import MAIN, Scored, Scorer, kmeans, odds, scores
from streamer.model.histogram import distance_position, share_below
from tests.builders import payment
from tests.explaining.helpers import with_odds
from tests.features.streams import decoded
from tests.features.test_observation import uncompiled
from tests.pipeline.helpers import ordinary, trained

# A past of 60 payments, so that cards and merchants have habits, before the one in question.
PAST = ordinary(60, seed=3)


class Question:
    """One payment after the past, and a version to ask what it would be at other amounts."""

    def __init__(self, version: Scorer, **fields: Any) -> None:
        self.version = version
        self.fields = {"card_id": "card-1", "merchant_id": "shop-1"} | fields
        self.amount = float(self.fields["amount"])
        self.minor_units = 10 ** decimals_of(self.fields.get("currency", "EUR"))

    def _described(self, amount: float) -> tuple[Columns, History, Scored]:
        last = payment(99, after_s=7_200, **self.fields | {"amount": amount})
        tables = Tables.empty(100, 100)
        columns = Columns.of(*decoded([*PAST, last]))
        history = History.observe(columns, tables)
        scored = self.version.score(history.X, columns.currencies, history.V, columns.times_ms)
        return columns, history, scored

    def alerts_at(self, amount: float) -> bool:
        """Ask the whole pipeline, from the bytes of 61 payments on."""
        return bool(self._described(amount)[2].alerted[-1])

    def answer(self) -> Counterfactual | None:
        columns, history, _ = self._described(self.amount)
        shares = self.version.lines.hours["asked"][columns.times_ms // HOUR_MS % 24]
        lanes = np.full(len(columns), MAIN)
        (found,) = findings_of(self.version, columns, history, [len(PAST)], shares, lanes)
        units, is_quiet_below = int(found.quiet_units), found.is_quiet_below > 0
        currency = self.fields.get("currency", "EUR")
        return counterfactual.counterfactual(units, is_quiet_below, currency)

    def alerts_at_all(self) -> Flags:
        """Whether it alerts at each number of minor units from 0 on, up to its own amount."""
        columns, history, _ = self._described(self.amount)
        amounts = np.arange(math.ceil(self.amount * self.minor_units)) / self.minor_units
        same = np.full(len(amounts), len(PAST))
        X = history.X[same]
        records = as_records(X, FEATURE_ROW)
        compare_amounts(amounts, history.spending[-1:], history.merchants[-1:], records)
        return self.version.score(
            X, columns.currencies[same], history.V[same], columns.times_ms[same]
        ).alerted


@compiled
def compare_amounts(amounts: Floats, habits: Records, merchants: Records, X: Records) -> None:
    for i in range(len(amounts)):
        compare_amount(amounts[i], habits[0], merchants[0], X[i])


questions = st.builds(
    Question,
    version=st.sampled_from([trained(), with_odds()]),
    amount=st.floats(1.0, 1e9) | st.decimals(1, 1_000, places=2).map(float),
    currency=st.sampled_from(["EUR", "JPY", "KWD"]),
    merchant_id=st.none() | st.sampled_from(["shop-1", "new"]),
    card_id=st.sampled_from(["card-1", "card-2", "never seen"]),
)


@settings(max_examples=150, deadline=None)
@given(questions)
def test_at_the_amount_found_there_is_no_alert_and_at_one_minor_unit_more_there_is(
    asked: Question,
) -> None:
    answer = asked.answer()
    if answer is None:
        return
    units = round(answer.amount * asked.minor_units)
    assert answer.amount == units / asked.minor_units
    assert asked.amount / 100 - 1 / asked.minor_units < answer.amount < asked.amount
    assert asked.alerts_at(asked.amount)
    assert not asked.alerts_at(answer.amount)
    following = (units + 1) / asked.minor_units
    assert following >= asked.amount or asked.alerts_at(following)


@settings(max_examples=60, deadline=None)
@given(
    version=st.sampled_from([trained(), with_odds()]),
    amount=st.decimals(1, 600, places=2).map(float),
    merchant_id=st.none() | st.sampled_from(["shop-1", "new"]),
    card_id=st.sampled_from(["card-1", "card-2", "never seen"]),
)
def test_it_is_the_largest_of_all_quiet_amounts_where_these_have_one_edge(
    version: Scorer, **fields: Any
) -> None:
    asked = Question(version, **fields)
    alerts = asked.alerts_at_all()
    lowest = max(int(asked.amount), 1)
    quiet = lowest + np.flatnonzero(~alerts[lowest:])
    answer = asked.answer()
    if not asked.alerts_at(asked.amount) or not len(quiet):
        assert answer is None
    elif len(quiet) == quiet[-1] + 1 - lowest:
        assert answer is not None
        assert answer.amount == quiet[-1] / 100
        assert answer.sentence.endswith(" EUR or less.")


def test_where_still_smaller_amounts_alert_it_says_a_little_less() -> None:
    """Amounts count on both sides, and 20 euros are usual: 300 alert, 40 do not, 3 do."""
    version = trained()
    share = 1.0 - share_below(version.distances_below, distance_position(10.0))
    sides = (0, *version.config.sides[1:])
    low = replace(
        version,
        sides=np.array(sides),
        asked=replace(version.asked, hourly=np.full(24, share)),
    )
    asked = Question(low, amount=300.0)
    assert [asked.alerts_at(amount) for amount in (300.0, 40.0, 3.0)] == [True, False, True]
    answer = asked.answer()
    assert answer is not None
    assert answer.sentence == f"No alert at an amount of {answer.amount:,.2f} EUR or a little less."
    assert 40 < answer.amount < 300


def test_a_payment_that_does_not_alert_has_none() -> None:
    asked = Question(trained(), amount=20.0)
    assert not asked.alerts_at(20.0)
    assert asked.answer() is None


@pytest.mark.parametrize("amount", [0.0, 0.01, 0.004])
def test_an_amount_below_which_there_is_none_is_asked_about_in_vain(amount: float) -> None:
    always = replace(trained(), asked=replace(trained().asked, hourly=np.full(24, 2.0)))
    assert Question(always, amount=amount).answer() is None


@settings(max_examples=25, deadline=None)
@given(questions)
def test_the_loop_compiled_and_as_it_is_written_agree(asked: Question) -> None:
    compiled_answer = asked.answer()
    with uncompiled(equations, observation, kmeans, odds, scores, counterfactual, findings):
        assert asked.answer() == compiled_answer
