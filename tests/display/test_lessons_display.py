"""What verdicts taught, as a person reads it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from streamer.display.lessons_display import delay_sentences, lesson_rows, print_lessons
from streamer.store import StoredLesson
from streamer.verdicts import Lesson
from streamer.verdicts.lesson_record import Moved

LESSON = Lesson(
    transaction_id="t-1",
    verdict="fraud",
    origin="chargeback",
    decided_at=datetime(2026, 1, 6, 12, tzinfo=UTC),
    alerted=False,
    before="presumed",
    weight=3.25,
    model_version="abc",
    probability_before=0.0125,
    probability_after=0.25,
    moved=[Moved("merchant_fraud_share_7d", 1.5), Moved("log_amount", -0.25)],
)
DELAYS = {
    "frauds": 40.0,
    "median_days": 1.04,
    "longest_days": 31.8,
    "share_found_by_days": {"1": 0.4, "7": 1.0},
}


def stored(**changes: Any) -> StoredLesson:
    return StoredLesson(
        1_767_700_800_000, "transactions", 3, msgspec.structs.replace(LESSON, **changes)
    )


def printed(capsys: pytest.CaptureFixture[str], **changes: Any) -> str:
    print_lessons([stored(**changes)])
    return capsys.readouterr().out


def test_a_lesson_is_a_line_with_its_probability_before_and_after(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = printed(capsys)
    for told in (
        "2026-01-06T12:00:00.000Z",
        "fraud (chargeback), learned before: legitimate, by silence",
        "3.2",
        "1.25% to 25.00%",
        "merchant_fraud_share_7d +1.500",
        "log_amount -0.250",
    ):
        assert told in text


def test_one_before_the_first_odds_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    changes = {"probability_before": None, "probability_after": None, "moved": []}
    text = printed(capsys, before="nothing", alerted=True, **changes)
    assert "no odds yet" in text
    assert "fraud (chargeback), of an alert" in text


def test_a_transaction_that_is_called_by_a_card_or_by_markup_is_shown_safely(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = printed(capsys, transaction_id="4111111111111111-[red]x\x1b")
    assert "****************-[red]x\\x1b" in text


def test_a_lesson_is_an_object_with_where_and_when_it_was_learned() -> None:
    (row,) = lesson_rows([stored()])
    assert row["learned_at"] == "2026-01-06T12:00:00.000Z"
    assert row["partition"] == "transactions/3"
    assert row["probability_after"] == 0.25
    assert row["moved"][0] == {"input": "merchant_fraud_share_7d", "log_odds": 1.5}


def test_delays_are_told_as_far_as_they_are_known() -> None:
    (told,) = delay_sentences({"alerted": DELAYS, "other": None})
    assert told == (
        "that alerted are found after 1.0 days in the median (40% by 1 days, 100% by 7 days), of those "
        "found within 32 days"
    )
