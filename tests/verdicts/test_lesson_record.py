"""What people are told of each verdict: what it came upon, what it counted for, what it moved."""

from __future__ import annotations

import json
from typing import Any

import pytest

from streamer.errors import InvariantError
from streamer.pipeline import PartitionState
from streamer.verdicts import LessonRecord
from streamer.verdicts.lesson_record import Lesson, decode_lesson
from tests.pipeline.helpers import trained
from tests.verdicts.test_lessons import apply, later, scored, with_odds
from tests.verdicts.test_rulings import verdict


def recording(capacity: int = 100) -> PartitionState:
    state = scored()
    state.verdicts.record = LessonRecord(capacity)
    return state


def taken(state: PartitionState) -> list[Lesson]:
    return [decode_lesson({b"lesson": each.encoded()}) for each in state.verdicts.record.take()]


def test_a_verdict_on_a_waiting_payment_is_told_once_and_one_on_an_unknown_not() -> None:
    state, version = recording(), with_odds()
    apply(state, [verdict("fraud", number=3), verdict("fraud", number=10_000)], version)
    (lesson,) = taken(state)
    assert (lesson.transaction_id, lesson.verdict, lesson.origin) == ("t-3", "fraud", "reviewer")
    assert (lesson.before, lesson.weight, lesson.alerted) == ("nothing", 1.0, False)
    assert lesson.model_version == version.id
    assert lesson.probability_before is not None
    assert lesson.probability_after is not None
    assert 0 < lesson.probability_before < lesson.probability_after < 1
    assert 1 <= len(lesson.moved) <= 3
    sizes = [abs(moved.log_odds) for moved in lesson.moved]
    assert sizes == sorted(sizes, reverse=True)
    steps = [abs(moved.after - moved.before) for moved in lesson.coefficients]
    assert len(steps) == 5
    assert steps == sorted(steps, reverse=True)
    assert not taken(state)


def test_what_a_verdict_came_upon_is_told() -> None:
    """Silence, then a fraud, then a chargeback that says no; and one that says what silence had."""
    state, version = recording(), with_odds()
    later(state, 9, version)
    assert not taken(state), "what is presumed is told to nobody"
    apply(state, [verdict("fraud", number=3), verdict("legitimate", number=4)], version)
    apply(state, [verdict("legitimate", "chargeback", number=3)], version)
    found, agreed, overruled = taken(state)
    assert (found.before, found.weight) == ("presumed", 1.0)
    assert (agreed.before, agreed.weight, agreed.moved) == ("presumed", 0.0, [])
    assert agreed.probability_before == agreed.probability_after
    assert (overruled.before, overruled.weight) == ("fraud", 1.0)
    assert found.probability_after > found.probability_before  # type: ignore[operator]
    assert overruled.probability_after < overruled.probability_before  # type: ignore[operator]


def test_before_the_first_odds_a_lesson_has_no_probability() -> None:
    state = recording()
    apply(state, [verdict("fraud", number=3)], trained())
    (lesson,) = taken(state)
    assert (lesson.probability_before, lesson.probability_after, lesson.moved) == (None, None, [])


def test_a_lesson_names_no_card_and_no_merchant() -> None:
    state = recording()
    apply(state, [verdict("fraud", number=3)])
    (noted,) = state.verdicts.record.take()
    encoded = noted.encoded()
    told: dict[str, Any] = json.loads(encoded)
    assert not {"card_id", "merchant_id"} & told.keys()
    assert b"card-" not in encoded.replace(b"card_", b"")
    assert b"shop-" not in encoded


@pytest.mark.parametrize(("capacity", "kept"), [(0, []), (2, ["t-4", "t-5"])])
def test_the_latest_lessons_are_kept_up_to_the_capacity(capacity: int, kept: list[str]) -> None:
    state = recording(capacity)
    apply(state, [verdict("fraud", number=n) for n in (3, 4, 5)])
    assert [lesson.transaction_id for lesson in taken(state)] == kept


@pytest.mark.parametrize("entry", [{}, {b"lesson": b"{}"}, {b"lesson": b"\xff"}])
def test_what_is_no_lesson_is_refused_in_words(entry: dict[bytes, bytes]) -> None:
    with pytest.raises(InvariantError, match="stored lesson"):
        decode_lesson(entry)
