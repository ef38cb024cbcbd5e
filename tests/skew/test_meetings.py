"""Which answer meets which score, and what explains a difference: small cases, worked by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from streamer.contract.answer_message import Answer
from streamer.contract.decision_message import Decision
from streamer.contract.messages import FeatureRow, Score, Source
from streamer.skew.meetings import Compared, Meetings
from streamer.skew.skew_outcomes import Order

AT = datetime(2026, 11, 29, tzinfo=UTC)
KNOWN: dict[str, float | None] = {"amount": 3.5, "card_gap": 7.0, "merchant_pace_ratio": None}
PLACE = (0, 0)
WITHIN_MS = 1_000


def decision(transaction: str = "t", **changes: Any) -> Decision:
    """Return an answer given when payments up to offset 10 were known; of ``changes`` some are its."""
    of_answer = {
        name: changes.pop(name) for name in list(changes) if name in Answer.__struct_fields__
    }
    answer = Answer(
        transaction_id=transaction, card_id="card", decision="pass", score=0.5, distance=2.0,
        threshold=3.0, model_version="a", mode="normal", log_odds=1.0, partition=0,
    )  # fmt: skip
    made = Decision(
        answer=replace(answer, **of_answer), features=KNOWN, merchant_id="shop", currency="EUR",
        event_timestamp=AT, answered_at=AT, door="native", client="", state=Source("t", 0, 10),
    )  # fmt: skip
    return replace(made, **changes)


def score(transaction: str = "t", offset: int = 12, **changes: Any) -> Score:
    made = Score(
        transaction_id=transaction, card_id="card", score=0.5, distance=2.0, alerted=False,
        status="scored", model_version="a", source=Source("t", 0, offset), log_odds=1.0,
    )  # fmt: skip
    return replace(made, **changes)


def row(transaction: str = "t", offset: int = 12, **changes: Any) -> FeatureRow:
    made = FeatureRow(
        transaction_id=transaction, card_id="card", merchant_id="shop", currency="EUR",
        event_timestamp=AT, created_timestamp=AT, features=KNOWN, source=Source("t", 0, offset),
    )  # fmt: skip
    return replace(made, **changes)


def order(answered_by: str, scored_by: str) -> Order:
    return "newer" if scored_by > answered_by else "older"


def meetings(**limits: int) -> Meetings:
    """Return meetings that have read the partition from offset 8 on."""
    made = Meetings(order, WITHIN_MS, **limits)
    other = {"card_id": "other", "merchant_id": "else"}
    assert made.told(row("before", 8, **other), -1) == []
    return made


def met(made: Meetings, *told: Decision | Score | FeatureRow) -> list[Compared]:
    found = []
    for each in told:
        is_answer = isinstance(each, Decision)
        found += made.answered(each, PLACE, 0) if is_answer else made.told(each, 0)  # type: ignore[arg-type]
    return found


def outcomes(*told: Decision | Score | FeatureRow) -> list[str]:
    return [each.outcome for each in met(meetings(), *told)]


def test_a_card_is_the_same_under_any_of_its_names() -> None:
    """As while its key of pseudonyms is changed: who answers may be ahead of who scores, or behind."""
    new = {"card_id": "new", "other_card_ids": ["old"]}
    old = {"card_id": "old", "other_card_ids": ["new"]}
    for of_answer, of_stream in ((old, new), (new, old)):
        name = of_stream["card_id"]
        told = score(card_id=name), row(**of_stream)
        assert outcomes(decision(**of_answer), *told) == ["equal"]
        assert outcomes(*told, decision(**of_answer)) == ["equal"]
    # Who has not read the file yet knows one name, and the other side both.
    alone = {"card_id": "old"}
    assert outcomes(decision(**alone), score(card_id="new"), row(**new)) == ["equal"]
    assert outcomes(decision(**new), score(card_id="old"), row(**alone)) == ["equal"]
    assert outcomes(decision(**alone), score(card_id="new"), row(card_id="new")) == []


def test_what_came_between_under_another_name_of_the_card_moved_its_state_on() -> None:
    changed = {"features": features(card_gap=8.0)}
    new = {"card_id": "new", "other_card_ids": ["old"]}
    made = meetings()
    between = {"card_id": "old", "other_card_ids": ["new"], "merchant_id": "else"}
    assert met(made, row("u", 11, **between), score("u", 11, card_id="old")) == []
    found = met(made, decision(**new), score(card_id="new"), row(**new | changed))
    assert [each.outcome for each in found] == ["state_moved"]
    # Nothing of either name is kept once all has been compared and forgotten.
    small = meetings(most_scored=1)
    met(small, decision(**new), score(card_id="new"), row(**new), row("v", 13), score("v", 13))
    assert small.n_waiting == 0
    assert {name for name, _ in small._places} == {"card"}
    assert small._numbers == {}


def features(**changes: float | None) -> dict[str, float | None]:
    return KNOWN | changes


def test_whatever_comes_first_the_three_meet_once_and_equal_bits_are_equal() -> None:
    assert outcomes(decision(), score(), row()) == ["equal"]
    assert outcomes(row(), score(), decision()) == ["equal"]
    assert outcomes(score(), decision(), row()) == ["equal"]
    # Asked twice: compared twice.  Told twice, as after a crash: compared once.
    assert outcomes(decision(), score(), row(), decision()) == ["equal", "equal"]
    assert outcomes(decision(), score(), row(), score(), row()) == ["equal"]
    assert outcomes(decision("t"), score("u"), row("u")) == []


@pytest.mark.parametrize(
    ("answer", "scored", "wanted"),
    [
        ({}, {"model_version": "b"}, "newer_version"),
        ({}, {"model_version": "A"}, "older_version"),
        # By another version the same features may have any score.
        ({"score": 0.1, "distance": 9.0}, {"model_version": "b"}, "newer_version"),
        ({}, {"alerted": True}, "other_line"),
        ({"decision": "alert"}, {"alerted": True}, "equal"),
        ({"log_odds": 1.5, "score": 0.6}, {}, "odds_moved"),
        ({"distance": 2.0000000000000004}, {}, "unexplained"),
        ({"score": 0.6}, {}, "unexplained"),
        ({"features": features(amount=3.5000000000000004)}, {}, "unexplained"),
        ({"features": features(amount=None)}, {"model_version": "b"}, "unexplained"),
        ({"features": {"amount": 3.5, "card_gap": 7.0}}, {}, "unexplained"),
        ({"features": features(card_gap=8.0), "state": None}, {}, "without_state"),
        ({"features": features(card_gap=8.0), "state": Source("t", 1, 10)}, {}, "other_partition"),
        (
            {"features": features(card_gap=8.0), "state": Source("t", 0, 10, 1)},
            {},
            "other_partition",
        ),
        ({"features": features(card_gap=8.0), "mode": "redis-unavailable"}, {}, "without_state"),
        ({"log_odds": 1.5, "score": 0.6, "state": Source("t", 1, 10)}, {}, "other_partition"),
        ({"features": features(card_gap=8.0), "currency": "USD"}, {}, "other_payment"),
        # What was read begins at offset 8, or the payment was in the state already.
        ({"features": features(card_gap=8.0), "state": Source("t", 0, 7)}, {}, "unwitnessed"),
        ({"features": features(card_gap=8.0), "state": Source("t", 0, 13)}, {}, "state_moved"),
    ],
)
def test_a_difference_is_told_by_what_explains_it(
    answer: dict[str, Any], scored: dict[str, Any], wanted: str
) -> None:
    assert outcomes(decision(**answer), score(**scored), row()) == [wanted]


@pytest.mark.parametrize(
    ("between", "offset", "differs", "wanted"),
    [
        ({}, 11, "card_gap", "state_moved"),
        ({}, 11, "merchant_pace_ratio", "state_moved"),
        # At offset 9 it was in the state that the answer knew.
        ({}, 9, "card_gap", "unexplained"),
        ({"card_id": "other"}, 11, "merchant_pace_ratio", "state_moved"),
        # Another card's payment moves nothing of this card, nor does one in another currency.
        ({"card_id": "other"}, 11, "card_gap", "unexplained"),
        ({"card_id": "other", "currency": "USD"}, 11, "merchant_pace_ratio", "unexplained"),
        ({"card_id": "other", "merchant_id": None}, 11, "merchant_pace_ratio", "unexplained"),
    ],
)
def test_payments_between_explain_what_they_can_have_moved_and_no_more(
    between: dict[str, Any], offset: int, differs: str, wanted: str
) -> None:
    asked = decision(features=features(**{differs: 1.0}))
    assert outcomes(asked, row("between", offset, **between), score(), row()) == [wanted]


def test_an_answer_waits_so_long_and_so_many_wait() -> None:
    made = meetings(most_waiting=2)
    assert made.answered(decision("first"), PLACE, 0) == []
    assert made.answered(decision("second"), PLACE, 500) == []
    assert [each.outcome for each in made.answered(decision("third"), PLACE, 900)] == ["given_up"]
    assert made.passed(1_499) == []
    assert [each.outcome for each in made.passed(1_500)] == ["never_met"]
    assert [each.decision.answer.transaction_id for each in made.waiting()] == ["third"]
    assert made.n_waiting == 1


def test_what_was_let_go_for_want_of_room_is_no_witness() -> None:
    made = meetings(most_witnessed=2)
    asked = decision(features=features(card_gap=1.0))
    between = [row(f"t{offset}", offset, card_id="other") for offset in (9, 10, 11)]
    assert [each.outcome for each in met(made, asked, *between, score(), row())] == ["unwitnessed"]


def again(offset: int, **changes: Any) -> list[Score | FeatureRow]:
    """Return what the stream gave to a payment at this offset, at a time of its own."""
    at = AT + timedelta(seconds=offset)
    return [score(offset=offset, **changes), row(offset=offset, event_timestamp=at)]


def test_an_id_that_is_used_again_is_another_payment() -> None:
    """The payments of offsets 12 and 30 have one id; an answer is of the one with its time."""
    first = decision(event_timestamp=AT + timedelta(seconds=12))
    second = decision(event_timestamp=AT + timedelta(seconds=30), score=0.7)
    same = {"score": 0.7}
    for told in (
        [first, *again(12), second, *again(30, **same)],
        [*again(12), second, *again(30, **same), first],
        [second, first, *again(30, **same), *again(12)],
        # Halves of both come before the others.
        [again(12)[0], again(30, **same)[0], first, second, again(12)[1], again(30)[1]],
    ):
        compared = met(meetings(), *told)
        assert [each.outcome for each in compared] == ["equal", "equal"]
        offsets = {each.row.source.offset for each in compared if each.row is not None}
        assert offsets == {12, 30}


def test_of_a_payment_that_came_twice_it_is_the_first_that_was_not_known() -> None:
    for known, wanted in ((10, 12), (13, 30), (31, 30)):
        twice = [score(offset=12), row(offset=12), score(offset=30), row(offset=30)]
        [compared] = met(meetings(), *twice, decision(state=Source("t", 0, known)))
        assert compared.row is not None
        assert compared.row.source.offset == wanted


def test_a_payment_at_another_time_is_compared_once_no_other_comes() -> None:
    asked = decision(event_timestamp=AT, features=features(card_gap=8.0))
    for told in ([asked, *again(30), *again(12)], [*again(30), *again(12), asked]):
        made = meetings()
        assert met(made, *told) == []
        assert made.passed(WITHIN_MS - 1) == []
        [compared] = made.passed(WITHIN_MS)
        assert compared.outcome == "other_payment"
        assert compared.row is not None
        assert compared.row.source.offset == 12
        made = meetings()
        met(made, *told)
        assert [each.outcome for each in made.ended()] == ["other_payment"]
        assert made.n_waiting == 0


def test_each_answer_to_a_payment_waits_by_itself() -> None:
    made = meetings()
    made.answered(decision(), PLACE, 0)
    made.answered(decision(), PLACE, 900)
    assert len(made.passed(1_000)) == 1
    assert [each.outcome for each in met(made, score(), row())] == ["equal"]


def test_what_was_forgotten_for_want_of_room_is_given_up_and_not_called_missing() -> None:
    made = meetings(most_scored=1)
    # Its score goes as the next one comes: nothing is left to compare features with.
    made.answered(decision(), PLACE, 0)
    assert made.told(score(), 500) == []
    [compared] = made.told(score("other", 13), 600)
    assert (compared.outcome, compared.waited.place) == ("given_up", PLACE)
    # Written before what was forgotten at 500: it may have been its score.  After it: it was not.
    made.answered(decision("early"), PLACE, 500)
    made.answered(decision("late"), PLACE, 501)
    assert [each.outcome for each in made.passed(2_000)] == ["given_up", "never_met"]
