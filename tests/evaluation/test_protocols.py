"""Which rows are measured: the Handbook's exclusions worked by hand, and the first quarter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from streamer.durations import DAY_MS
from streamer.errors import ConfigurationError
from streamer.evaluation.protocols import remaining, window_of
from streamer.evaluation.row_range import RowRange
from streamer.evaluation.rows import NEVER, Rows

APRIL = int(datetime(2018, 4, 1, tzinfo=UTC).timestamp() * 1000)
N_DAYS = 136


def rows_of(
    days: Sequence[int], cards: Sequence[int], frauds: Sequence[bool], first_ms: int = APRIL
) -> Rows:
    n = len(days)
    return Rows(
        times_ms=first_ms + np.array(days) * DAY_MS + 3_600_000,
        cards=np.array(cards),
        amounts=np.ones(n),
        stakes=np.ones(n),
        scenarios=np.where(frauds, 0, -1),
        scenario_names=("1",),
        scores=np.ones(n),
        probabilities=np.full(n, np.nan),
        alerted=np.zeros(n, dtype=bool),
        held_back=np.zeros(n, dtype=bool),
        sample_weights=np.zeros(n),
        judged_ms=np.full(n, NEVER),
        X=np.zeros((n, 2), dtype=np.float32),
        inputs=np.zeros((n, 0), dtype=np.float32),
    )


def one_row_per_card_and_day(frauds: set[tuple[int, int]], n_cards: int = 4) -> Rows:
    """Cards 0 to n - 1 pay once on each of the 136 days; ``frauds`` are (day, card) pairs."""
    days = np.repeat(np.arange(N_DAYS), n_cards)
    cards = np.tile(np.arange(n_cards), N_DAYS)
    is_fraud = [(d, c) in frauds for d, c in zip(days.tolist(), cards.tolist(), strict=True)]
    return rows_of(days.tolist(), cards.tolist(), is_fraud)


def test_cards_with_a_fraud_in_the_training_week_are_left_out_of_the_whole_test_week() -> None:
    """Protocol A begins on day 129: days 115 to 121 are known, 122 only from the second day on."""
    rows = one_row_per_card_and_day({(115, 0), (121, 1), (122, 2), (114, 3), (130, 3)})
    measured = window_of("handbook-a", rows).measured
    kept = {
        (d, c)
        for d, c in zip(rows.days[measured].tolist(), rows.cards[measured].tolist(), strict=True)
    }
    week = range(129, 136)
    assert kept == {(d, 3) for d in week} | {(129, 2)}


def test_a_fraud_after_the_training_week_is_known_eight_days_later() -> None:
    """The Handbook's own off-by-one: of day 124, the measured days 129 to 131 still have the card."""
    rows = one_row_per_card_and_day({(124, 0), (129, 1)})
    kept = remaining(rows.days, rows.cards, rows.frauds, 129)
    of_card = rows.days[kept & (rows.cards == 0)]
    assert of_card.tolist() == [129, 130, 131]


def test_protocol_b_measures_the_last_week_of_july_and_trains_two_weeks_before() -> None:
    rows = one_row_per_card_and_day({(115, 0)})
    window = window_of("handbook-b", rows)
    assert set(rows.days[window.measured].tolist()) == set(range(115, 122))
    assert set(rows.days[window.folds[0].training].tolist()) == set(range(101, 108))
    dates = rows.times_ms[window.measured].astype("datetime64[ms]").astype("datetime64[D]")
    assert (str(dates.min()), str(dates.max())) == ("2018-07-25", "2018-07-31")


def test_a_row_that_was_not_scored_is_measured_for_nobody() -> None:
    rows = one_row_per_card_and_day({(130, 0)})
    rows.scores[(rows.days == 131) & (rows.cards == 2)] = np.nan
    window = window_of("handbook-a", rows)
    assert int(window.measured.sum()) == 7 * 4 - 1
    assert set(window.periods[window.measured].tolist()) == set(range(129, 136))


@pytest.mark.parametrize("protocol", ["handbook-a", "handbook-b"])
def test_a_file_of_other_dates_is_told_which_protocol_there_is(protocol: str) -> None:
    rows = rows_of([0, 1, 2], [0, 1, 2], [True, False, True], first_ms=APRIL + 1_000 * DAY_MS)
    with pytest.raises(ConfigurationError, match=r"file must cover 2018-07-.*prequential"):
        window_of(protocol, rows)  # type: ignore[arg-type]


def test_prequential_measures_all_scored_rows_after_the_first_quarter() -> None:
    """Of 8 rows the first 2 train; row 5 was not scored."""
    rows = rows_of(range(8), [0] * 8, [i % 2 == 0 for i in range(8)])
    rows.scores[5] = np.nan
    window = window_of("prequential", rows)
    assert np.flatnonzero(window.measured).tolist() == [2, 3, 4, 6, 7]
    assert np.flatnonzero(window.folds[0].training).tolist() == [0, 1]
    assert window.periods[window.measured].tolist() == [2, 3, 4, 6, 7]


def test_within_one_day_card_precision_is_averaged_over_equal_stretches() -> None:
    rows = rows_of([0] * 40, range(40), [i % 2 == 0 for i in range(40)])
    window = window_of("prequential", rows)
    assert np.bincount(window.periods[window.measured]).tolist() == [3] * 10
    assert any("equal stretches" in note for note in window.notes)


def test_rows_without_any_fraud_cannot_be_measured() -> None:
    rows = rows_of(range(8), [0] * 8, [True] + [False] * 7)
    with pytest.raises(ConfigurationError, match="measured rows must hold a fraud one"):
        window_of("prequential", rows)


def test_protocol_c_measures_the_last_four_weeks_that_the_file_covers_each_by_itself() -> None:
    """The file ends on day 135. Card 0's fraud of day 101 is known on 109, card 1's on 116, ..."""
    rows = one_row_per_card_and_day({(101, 0), (108, 1), (115, 2), (122, 3), (129, 1)})
    window = window_of("handbook-c", rows)
    assert [fold.name for fold in window.folds] == [
        "2018-07-18",
        "2018-07-25",
        "2018-08-01",
        "2018-08-08",
    ]
    for number, fold in enumerate(window.folds):
        first = 108 + 7 * number
        assert set(rows.days[fold.measured].tolist()) == set(range(first, first + 7))
        assert set(rows.days[fold.training].tolist()) == set(range(first - 14, first - 7))
        late, gone = rows.cards == number, rows.cards == number - 1
        assert rows.days[fold.measured & late].tolist() == [first]
        assert not (fold.measured & gone).any()
    assert "published figures are of the weeks from 2018-08-08, 2018-08-15" in window.notes[0]


def test_protocol_c_of_a_whole_file_measures_the_handbooks_own_weeks() -> None:
    days = np.arange(183)
    frauds = [day % 7 == 0 for day in days]
    rows = rows_of(np.repeat(days, 2).tolist(), [0, 1] * 183, np.repeat(frauds, 2).tolist())
    rows.cards[:] = np.arange(len(rows))
    window = window_of("handbook-c", rows)
    names = [fold.name for fold in window.folds]
    assert (names[0], names[-1], len(names)) == ("2018-08-08", "2018-08-29", 4)
    assert "published" not in window.notes[0]


def test_a_range_of_rows_is_of_the_file_without_what_was_put_into_it() -> None:
    """Rows 2 to 4 of the file are 3, 4 and 6: rows 1 and 5 were injected; 5 lies between them."""
    rows = rows_of(range(8), [0] * 8, [i % 2 == 0 for i in range(8)])
    rows.scenarios[[1, 5]] = 1
    rows = replace(rows, scenario_names=("x", "break:small-bursts"))
    assert rows.file_rows.tolist() == [0, 1, 1, 2, 3, 4, 4, 5]
    window = window_of("prequential", rows, RowRange(2, 5))
    assert np.flatnonzero(window.measured).tolist() == [3, 4, 5, 6]
    assert np.flatnonzero(window.folds[0].training).tolist() == [0, 1, 2]


@pytest.mark.parametrize("text", ["5", "5:5", "9:5", ":5", "a:b", "-1:5"])
def test_a_range_is_two_rows_the_first_smaller(text: str) -> None:
    with pytest.raises(ValueError, match="450000:700000"):
        RowRange.parse(text)
