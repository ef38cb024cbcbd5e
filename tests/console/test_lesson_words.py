"""What a verdict taught, from no lesson to one, in words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from streamer.console.alert.lesson_words import overruled_text, told_lesson
from streamer.store import Review, StoredLesson
from streamer.store.judged_alerts import judged_alert
from streamer.verdicts.lesson_record import Lesson
from tests.console.conftest import alert

REVIEW = Review("a", "k", "fraud", "mona", 1_000_000, is_sent=True)


def lesson(**changes: Any) -> StoredLesson:
    fields: dict[str, Any] = {
        "transaction_id": "t-1",
        "verdict": "fraud",
        "origin": "reviewer",
        "decided_at": datetime.fromtimestamp(1_000, UTC),
        "alerted": True,
        "before": "nothing",
        "weight": 1.0,
        "model_version": "0f",
        "probability_before": 0.021,
        "probability_after": 0.34,
    }
    return StoredLesson(1_002_000, "transactions", 0, Lesson(**fields | changes))


@pytest.mark.parametrize(("after_ms", "state"), [(599_999, "learning"), (600_000, "nothing")])
def test_a_verdict_is_being_learned_for_ten_minutes(after_ms: int, state: str) -> None:
    assert told_lesson(REVIEW, None, 1_000_000 + after_ms).state == state


def test_the_probability_is_told_before_and_after() -> None:
    told = told_lesson(REVIEW, lesson(), 1_003_000)
    assert (told.state, told.is_first) == ("learned", True)
    assert told.sentences == (
        "By this verdict alone the probability of fraud of this payment went from 2.1% to 34%.",
    )


@pytest.mark.parametrize(
    ("changes", "sentence", "is_first"),
    [
        ({"before": "presumed"}, "Nobody had judged it, so it had been presumed legitimate", True),
        ({"before": "legitimate"}, "It overruled an earlier verdict, which had said leg", False),
        ({"before": "fraud", "weight": 0.0}, "had been learned as fraud before, so the od", False),
        ({"weight": 12.5}, "It counts for 12.5 payments", True),
        ({"probability_before": None, "probability_after": None}, "There are no odds yet", True),
    ],
)
def test_what_the_verdict_came_upon_is_told(
    changes: dict[str, Any], sentence: str, is_first: bool
) -> None:
    told = told_lesson(REVIEW, lesson(**changes), 1_003_000)
    assert sentence in " ".join(told.sentences)
    assert told.is_first is is_first


def test_the_verdict_that_was_overruled_is_told_by_whose_it_was_and_when() -> None:
    """By name where a console sent it; the next before is meant, and not the verdict itself."""
    given = [("mona", 1_000_000), ("noor", 900_000), ("lea", 800_000)]
    entries = [
        judged_alert(alert(1), who, "legitimate", at_ms, is_correction=False)
        for who, at_ms in given
    ]
    assert overruled_text(REVIEW, entries, []) == "noor's verdict of 1970-01-01 00:15 UTC"
    own, before = lesson(), lesson(decided_at=datetime.fromtimestamp(600, UTC))
    assert overruled_text(REVIEW, entries[:1], [before, own]) == (
        "an earlier verdict by a reviewer, not of this console (1970-01-01 00:10 UTC)"
    )
    bank = lesson(decided_at=datetime.fromtimestamp(600, UTC), origin="chargeback")
    assert "by the bank (" in overruled_text(REVIEW, [], [bank])
    assert overruled_text(REVIEW, [], [own]) == ""
    told = told_lesson(REVIEW, lesson(before="legitimate"), 1_003_000, "noor's verdict of then")
    assert "It overruled noor's verdict of then, which had said legitimate." in told.sentences
