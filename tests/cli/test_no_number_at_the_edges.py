"""No card's number in anything that is printed, logged, kept or shown, whatever edge it came to.

Everything here is pure; what runs with servers is in `tests/stream/test_card_numbers_kept_out.py`,
`tests/cli/test_dlq_command.py` and `tests/console/test_numbers_typed.py`.
"""

from __future__ import annotations

import html
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click
import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from streamer.audit.audit_entry import Actor, AuditEntry, Card, Subject, Told, sealed
from streamer.cli.dlq_selection import mended
from streamer.cli.options import without_number
from streamer.console.pages.message_pages import message_page
from streamer.contract.batch import Batch, StoredRecord
from streamer.contract.card_rule import REFUSED, CardRule
from streamer.datafiles import FileReport, PaymentFile
from streamer.display.dlq_display import marked_lines, text_of
from streamer.intake import Intake, parse_declaration
from streamer.intake.decoding import PLAIN, TimestampRange, decode_batch
from streamer.intake.naming import has_card_number, shown, without_numbers
from streamer.stream.publishing.dead_letter_topic import StoredLetter
from streamer.telemetry.redaction import redact, redact_event
from tests.builders import ARRIVAL_MS, payment
from tests.contract.card_samples import SPELLINGS, digits_in, numbers

PAN: Final = "4929123456781236"
MASKING: Final = CardRule("mask", b"0123456789abcdef")
BELIEVABLE: Final = TimestampRange(earliest_ms=946_684_800_000, max_ahead_ms=86_400_000)
SPELLED: Final = st.tuples(numbers(), st.sampled_from(sorted(SPELLINGS)))


def dead_letter(value: bytes, cards: CardRule = REFUSED) -> str:
    """Return everything that goes to the topic of a record that is refused."""
    record = StoredRecord(0, ARRIVAL_MS, value[:40], value)
    parts = []
    batch = Batch("t", 0, [record], ARRIVAL_MS)
    for letter in decode_batch(batch, BELIEVABLE, PLAIN, cards).dead_letters:
        kept = letter.record
        parts += [letter.path, letter.detail, letter.hint]
        parts += [(part or b"").decode("latin-1") for part in (kept.key, kept.value)]
    return "|".join(parts)


def within_a_text(spelled: str) -> str:
    """As a message that is wrapped in another: JSON in a text of JSON, once and twice."""
    inner = json.dumps({"card": {"number": spelled}, "note": f"of {spelled}"})
    twice = json.dumps({"payload": json.dumps({"payload": inner})})
    told = payment(amount="much")
    return "|".join(
        dead_letter(json.dumps(told | {"payload": each}).encode(), cards)
        for each in (inner, twice)
        for cards in (REFUSED, MASKING)
    )


def shown_of_a_letter(spelled: str) -> str:
    """What `streamer dlq show` prints of letters of an earlier release."""
    message = {spelled: [f"of {spelled}\n", {"payload": json.dumps({"card": spelled})}]}
    values = [
        json.dumps(message).encode(),
        json.dumps(message, ensure_ascii=False).encode(),
        json.dumps(message).encode()[:-1],
        b"\x80" + spelled.encode() + b"\x00\x10",
    ]
    lines = [
        line
        for value in values
        for line in marked_lines(value, f"$.{spelled}", "wrong_type", is_raw=False)
    ]
    return "\n".join([*lines, text_of(spelled.encode(), is_raw=False)])


def log_line(spelled: str) -> str:
    event = redact_event(
        None,
        "",
        {"event": f"not made: {spelled}", "path": f"/alerts/{spelled}", spelled: [spelled]},
    )
    return json.dumps([event, redact(ValueError(f"got {spelled}"))], ensure_ascii=False)


def audit_entry(spelled: str) -> str:
    told = Told(
        actor=Actor(spelled, "nothing"),
        action="denied",
        subject=Subject("alert", f"x/{spelled}"),
        card=Card("c-1", "t-1", f"is it {spelled}?"),
        details={"why": spelled, "subject": f"of {spelled}"},
    ).fit()
    return sealed(AuditEntry.of(told, writer="w", before=None, at="", heads=[])).value.decode()


def console_page(spelled: str) -> str:
    made = message_page(400, "Nothing was sent", f"got {spelled}", comment=f"of {spelled}")
    return html.unescape(bytes(made.body).decode())


def reason_of_a_command(spelled: str) -> str:
    @click.command()
    @click.option("--reason", callback=without_number)
    def given(reason: str) -> None:
        click.echo(reason)

    ran = CliRunner().invoke(given, ["--reason", f"of {spelled}"])
    assert "a card's number in --reason is left out" in ran.stderr
    return ran.stdout


def rows_of_a_file(spelled: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path, rejected = Path(folder) / "a.jsonl", Path(folder) / "r.jsonl"
        rows = [payment(card_id=spelled), {spelled: 1}, payment(amount="much", note=spelled)]
        path.write_text("\n".join(map(json.dumps, rows)))
        with rejected.open("wb") as rejects:
            report = FileReport(PaymentFile.of([path]), rejects)
            for batch in report.batches(10):
                stored = [
                    StoredRecord(i, ARRIVAL_MS, *pair)
                    for i, pair in enumerate(zip(batch.keys, batch.values, strict=True))
                ]
                decoded = decode_batch(Batch("f", 0, stored, ARRIVAL_MS), BELIEVABLE)
                report.add(batch, 0, decoded)
        assert report.n_refused == 3
        return json.dumps([report.to_dict(), rejected.read_text()], ensure_ascii=False)


def replayed(spelled: str) -> str:
    """What is sent again of an old letter, under either rule, and what is said where nothing is."""
    value = json.dumps({"id": "t-1", "pan": spelled} | payment()).encode()
    letter = StoredLetter(
        *("dlq", 0, 7, spelled.encode(), value, "wrong_type", "$", "", "", "t", 0, 1, 5, False), ""
    )
    intake = Intake(parse_declaration('[card_id]\npath = "pan"', "test"))
    assert mended(letter, intake, REFUSED) == "not mended by the intake (card_number at $.pan)"
    [again] = mended(letter, intake, MASKING)
    assert not isinstance(again, str)
    assert again.key is not None
    assert again.key.decode() == MASKING.id_of(spelled)
    return (again.key + (again.value or b"")).decode()


EDGES: Final[dict[str, Callable[[str], str]]] = {
    "a dead letter with JSON in a text": within_a_text,
    "dlq show": shown_of_a_letter,
    "dlq replay --intake": replayed,
    "a log line": log_line,
    "an audit entry": audit_entry,
    "a page of the console": console_page,
    "a reason that the history keeps": reason_of_a_command,
    "demo --input and other files": rows_of_a_file,
    "names that a suggestion shows": lambda spelled: (
        f"{shown([spelled])} {without_numbers(spelled)}"
    ),
}


@pytest.mark.parametrize("edge", EDGES)
@given(SPELLED)
def test_no_number_comes_through(edge: str, spelled: tuple[str, str]) -> None:
    number, spelling = spelled
    told = EDGES[edge](SPELLINGS[spelling](number))
    assert number not in digits_in(told), told


def test_a_raw_letter_is_shown_as_it_is() -> None:
    """Who asks for it by --raw sees it, and the audit topic says so."""
    value = json.dumps({"card": PAN}).encode()
    assert any(PAN in line for line in marked_lines(value, "$", "x", is_raw=True))
    assert text_of(b"\xff" + PAN.encode(), is_raw=True) == f"\\xff{PAN}"


@pytest.mark.parametrize(
    ("value", "kept"),
    [(501800000009, False), (501800000000, True), (4929123456781236.0, False), (4.5e300, True)],
)
def test_numbers_in_an_event_are_looked_at_like_texts(value: float, kept: bool) -> None:
    """501800000009 is Maestro's of 12 digits; by hand 9+0+0+0+0+0+0+0+8+2+0+1 = 20."""
    assert (redact(value) == value) is kept


def test_a_letter_keeps_its_key_where_that_is_no_card() -> None:
    value = msgspec.json.encode(payment())
    letter = StoredLetter(
        *("dlq", 0, 7, b"of a producer", value, "wrong_type", "$", "", "", "t", 0, 1, 5, False), ""
    )
    [again] = mended(letter, Intake(), REFUSED)
    assert not isinstance(again, str)
    assert again.key == b"of a producer"


def test_a_name_of_a_field_may_have_no_number_in_any_script() -> None:
    names: list[Any] = [SPELLINGS[each](PAN) for each in sorted(SPELLINGS)]
    assert all(map(has_card_number, names))
