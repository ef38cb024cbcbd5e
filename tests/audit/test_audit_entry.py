"""What an entry has of what people typed and of what programs made."""

from __future__ import annotations

import pytest

from streamer.audit.audit_entry import Actor, Card, Subject, Told
from streamer.contract.card_numbers import has_card_number

# With the digits before its dash, 8 and 1, this time has a card number's check digit.
JOINT = "1a22c669757.ufKq0h9QRNpl.8cc5432278dece73f54826bcfaefe5c8.1-1796041250671"
NUMBER, MASKED = "4929 1234-5678 1236", "**** ****-**** ****"


def test_numbers_of_cards_that_were_typed_are_masked_and_ids_stay_as_they_are() -> None:
    """By an id that was masked nobody would find the verdict again."""
    told = Told(
        actor=Actor("mona", "session", "reviewer"),
        action="verdict",
        subject=Subject("alert", f"x {NUMBER}"),
        card=Card("c-1", "t-1", f"is it {NUMBER}?"),
        details={"id": JOINT, "alerts": f"{NUMBER}", "holder": NUMBER},
    ).fit()
    assert isinstance(told.card, Card)
    assert told.card.comment == f"is it {MASKED}?"
    assert told.subject == Subject("alert", f"x {MASKED}")
    assert told.details == {"id": JOINT, "alerts": NUMBER, "holder": MASKED}


def told_of(of: Subject, **details: str) -> Told:
    return Told(
        actor=Actor("mona", "session", "reviewer"), action="erase", subject=of, details=details
    ).fit()


@pytest.mark.parametrize(
    ("kind", "made"),
    [
        ("erasure", "erase-a4929123456781236bcdef01"),
        ("alert", "transactions-3782-12345678127"),
        ("alert", "eu.transactions-v2-3782-12345678127@1"),
    ],
)
def test_an_id_of_ours_that_has_a_number_s_digits_by_chance_stays(kind: str, made: str) -> None:
    """With stars in it an erasure could not be tied to its proposal.  The numbers have 16 and 15."""
    assert has_card_number(made)
    told = told_of(Subject(kind, made), proposal=made)
    assert told.subject == Subject(kind, made)
    assert told.details == {"proposal": made}


def test_what_the_console_says_an_erasure_is_stays() -> None:
    made = "erasure: erase-a4929123456781236bcdef01"
    assert told_of(Subject("alert"), subject=made).details == {"subject": made}


@pytest.mark.parametrize(
    "typed",
    [
        "4929-1234-5678-1236",
        "card-4929-1234-5678-1236",
        "x-4929123456781236-1",
        "x-0-4929123456781236",
        "x492-9123-4567-81236",
        "erase-4929123456781236",
        "erase-a4929123456781236bcdef01 4929123456781236",
    ],
)
def test_a_number_that_was_typed_where_an_id_belongs_is_stars(typed: str) -> None:
    subject = told_of(Subject("alert", typed)).subject
    assert subject is not None
    assert not has_card_number(subject.id)
    assert "4929" not in subject.id
