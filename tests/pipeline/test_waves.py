"""Alerts of one card, and of one merchant, are one matter, whatever a batch or a crash does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.arrays import Integers
from streamer.contract.messages import Alert, Transaction
from streamer.durations import HOUR_MS
from streamer.explaining.grouping import Wave, wave_id, wave_of, wave_sentence
from streamer.model import MAIN, QUIET, RESERVE, SAMPLE
from streamer.pipeline import PartitionState
from streamer.pipeline.waves import join_waves, no_waves, packed_waves, unpacked_waves
from tests.builders import T0_MS, batch, payment, pipeline_config, state_of
from tests.pipeline.helpers import CARD_KEY, cut, ordinary, run, trained

NOWHERE = -1
Payment = tuple[int, int, float]
"""Card, merchant and hour."""


def joined(
    waves: Integers, payments: Sequence[Payment], lanes: list[int] | None = None
) -> list[Wave | None]:
    """Return the waves of payments that all alert, in hours; ``waves`` is IN/OUT."""
    cards, merchants = (np.array([p[i] for p in payments], np.int64) for i in (0, 1))
    times_ms = np.array([p[2] * HOUR_MS for p in payments]).astype(np.int64)
    n = len(payments)
    found = np.empty((n, 4), np.int64)
    of_all = np.array([MAIN] * n if lanes is None else lanes)
    join_waves(waves, np.arange(n), of_all, cards, merchants, times_ms, found)
    return [wave_of(found, row) for row in range(n)]


def of_card(hour: float, n: int) -> Wave:
    began_ms = int(hour * HOUR_MS)
    return Wave(False, began_ms, began_ms, n)


def of_merchant(window: int, hour: float, n: int) -> Wave:
    return Wave(True, window * HOUR_MS, int(hour * HOUR_MS), n)


def test_a_card_has_one_wave_for_a_day_from_its_first_alert() -> None:
    payments = [(7, NOWHERE, hour) for hour in (30, 31, 53.9, 54, 55)]
    expected = [of_card(30, 1), of_card(30, 2), of_card(30, 3), of_card(54, 1), of_card(54, 2)]
    assert joined(no_waves(), payments) == expected


def test_a_second_card_makes_a_wave_of_the_merchant_within_the_hours_from_6_to_12() -> None:
    """Merchant 9: cards 1, 2, 3, then in the next six hours card 4 alone."""
    payments = [(1, 9, 7), (2, 9, 8), (3, 9, 11.5), (4, 9, 12)]
    expected = [of_card(7, 1), of_merchant(6, 7, 2), of_merchant(6, 7, 3), of_card(12, 1)]
    assert joined(no_waves(), payments) == expected


def test_a_merchant_with_one_card_has_no_wave_and_a_card_keeps_the_wave_that_it_is_in() -> None:
    """Card 1 twice at merchant 9, card 2 there; card 1 again, and card 2 there and elsewhere."""
    payments = [(1, 9, 7), (1, 9, 8), (2, 9, 8), (1, 9, 9), (2, 9, 9), (2, 8, 10), (2, 9, 11)]
    expected = [
        *(of_card(7, 1), of_card(7, 2), of_merchant(6, 7, 3), of_card(7, 3), of_merchant(6, 7, 5)),
        *(of_card(8, 3), of_card(8, 4)),
    ]
    assert joined(no_waves(), payments) == expected


def test_what_was_drawn_is_no_member_and_the_reserve_is_one() -> None:
    payments, lanes = [(1, 9, 7.0)] * 4, [RESERVE, SAMPLE, QUIET, MAIN]
    assert joined(no_waves(), payments, lanes) == [of_card(7, 1), None, None, of_card(7, 2)]


def test_of_more_than_512_cards_and_merchants_those_that_began_first_are_let_go() -> None:
    """Two places an alert, a minute between them: of 300 alerts the first 44 have no room."""
    waves = no_waves()
    joined(waves, [(2 * i, 2 * i + 1, i / 60) for i in range(300)])
    again = [joined(waves.copy(), [(2 * i, NOWHERE, 6)])[0] for i in (43, 44, 45, 299)]
    assert again == [of_card(6, 1), of_card(44 / 60, 2), of_card(45 / 60, 2), of_card(299 / 60, 2)]
    assert len(packed_waves(waves)) == 512 * 40


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(-1, 2), st.integers(0, 60)), max_size=30),
    st.integers(0, 30),
)
def test_batches_and_what_was_saved_between_them_change_no_wave(
    payments: list[Payment], at: int
) -> None:
    whole, waves = no_waves(), no_waves()
    expected = joined(whole, payments)
    found = joined(waves, payments[:at])
    loaded = unpacked_waves(packed_waves(waves))
    assert loaded.tobytes() == waves.tobytes()
    assert found + joined(loaded, payments[at:]) == expected
    assert loaded.tobytes() == whole.tobytes()


def shown(card_id: str, merchant_id: str | None = None) -> Transaction:
    moment = datetime(2026, 1, 5, tzinfo=UTC)
    return Transaction("t", card_id, 1.0, "EUR", moment, merchant_id=merchant_id)


def test_a_merchants_wave_has_one_name_in_all_partitions_and_never_that_of_another() -> None:
    """One partition has seen it begin at 7, another at 8."""
    name = wave_id(of_merchant(6, 7, 2), shown("a", "shop"))
    assert name == wave_id(of_merchant(6, 8, 3), shown("b", "shop"))
    others = [
        wave_id(of_merchant(12, 7, 2), shown("a", "shop")),
        wave_id(of_merchant(6, 7, 2), shown("a", "shop 2")),
        wave_id(of_card(6, 1), shown("shop", "shop")),
        wave_id(of_card(7, 1), shown("shop", "shop")),
    ]
    assert len({name, *others}) == 5
    assert name.startswith("merchant-")
    assert others[2].startswith("card-")


def test_a_sentence_says_which_alert_of_the_wave_it_is_from_the_second_on() -> None:
    assert wave_sentence(of_card(14, 1)) is None
    assert wave_sentence(of_card(14, 2)) == "The second alert of this card since 14:00 UTC"
    assert [_number(n) for n in (10, 11, 12, 13, 21, 22, 103, 111)] == [
        *("tenth", "11th", "12th", "13th", "21st", "22nd", "103rd", "111th")
    ]


def _number(n: int) -> str:
    return (wave_sentence(of_merchant(6, 7, n)) or "").split()[1]


def alerts_of(edges: list[int], state: PartitionState | None = None) -> list[Alert]:
    """Return the alerts of 900 payments of 20 cards, a tenth of them high, in batches."""
    values = [
        each | {"amount": each["amount"] * (60 if i % 10 == 0 else 1)}
        for i, each in enumerate(ordinary(900, seed=1))
    ]
    return run(cut(batch(values), edges), pipeline_config(), trained(), state).alerts


def _told(alerts: list[Alert]) -> list[tuple[int, str | None, int | None]]:
    return [(a.source.offset, a.wave_id, a.wave_alerts) for a in alerts]


def test_alerts_of_one_wave_have_its_name_and_are_numbered_whatever_the_batches() -> None:
    alerts = alerts_of([900])
    assert len(alerts) > 5
    by_card: dict[str, list[int]] = {}
    for alert in alerts:
        assert alert.wave_id is not None
        assert alert.wave_alerts is not None
        assert (alert.wave_sentence is None) == (alert.wave_alerts == 1)
        if alert.wave_id.startswith("card-"):
            by_card.setdefault(alert.wave_id, []).append(alert.wave_alerts)
    assert all(numbers == sorted(set(numbers)) for numbers in by_card.values())
    assert len(by_card) < len(alerts)
    assert _told(alerts_of([1, 2, 77, 450])) == _told(alerts)


def test_after_a_crash_what_is_out_already_counts_where_it_stands() -> None:
    """The first ten alerts are out, and the partition goes on from nothing."""
    alerts, state = alerts_of([900]), state_of(pipeline_config())
    state.published = {alert.source.offset: None for alert in alerts[:10]}
    assert _told(alerts_of([900], state)) == _told(alerts[10:])


def test_where_cards_have_pseudonyms_the_name_is_made_of_these() -> None:
    values = [*ordinary(900, seed=1), payment(900, 54_000, amount=9_999.0)]
    config, wave = pipeline_config(), of_card((T0_MS + 54_000_000) / HOUR_MS, 1)
    (named,) = run([batch(values)], config, trained()).alerts[-1:]
    (hidden,) = run([batch(values)], replace(config, card_key=CARD_KEY), trained()).alerts[-1:]
    assert named.source.offset == hidden.source.offset == 900
    assert hidden.wave_id != named.wave_id == wave_id(wave, named.transaction)
