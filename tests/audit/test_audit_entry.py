"""What an entry has of what people typed and of what programs made."""

from __future__ import annotations

from streamer.audit.audit_entry import Actor, Card, Subject, Told

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
