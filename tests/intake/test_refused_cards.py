"""A card's number where a card's id is expected, by every way in, and dead letters without one."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamer.contract.batch import Batch, StoredRecord
from streamer.contract.card_rule import ALLOWED, REFUSED, CardRule
from streamer.errors import UnavailableError
from streamer.intake import Intake, parse_declaration
from streamer.intake.decoding import PLAIN, DeadLetter, Decoded, TimestampRange, decode_batch
from streamer.intake.hidden_numbers import has_number, without_card_numbers
from streamer.verdicts.sent import decode_verdicts
from tests.builders import ARRIVAL_MS, payment
from tests.contract.card_samples import NUMBERS, SPELLINGS, digits_in, numbers

PAN = "4929123456781236"
MASKING = CardRule("mask", b"0123456789abcdef")
MASK = MASKING.id_of(PAN)
BELIEVABLE = TimestampRange(earliest_ms=946_684_800_000, max_ahead_ms=86_400_000)
RENAMED = Intake(
    parse_declaration(
        '[transaction_id]\npath = "id"\n[card_id]\npath = "card.pan"\n[amount]\nunit = "minor"',
        "test",
    )
)


def decoded(
    value: bytes, cards: CardRule = REFUSED, intake: Intake = PLAIN, key: bytes | None = None
) -> Decoded:
    record = StoredRecord(0, ARRIVAL_MS, key, value)
    return decode_batch(Batch("t", 0, [record], ARRIVAL_MS), BELIEVABLE, intake, cards)


def letter_of(value: bytes, **how: Any) -> DeadLetter:
    [letter] = decoded(value, **how).dead_letters
    return letter


def shown(letter: DeadLetter) -> str:
    """Return everything of a dead letter that goes anywhere."""
    texts = letter.path, letter.detail, letter.hint, letter.masked
    parts = letter.record.key or b"", letter.record.value or b""
    return "|".join([*texts, *(part.decode(errors="replace") for part in parts)])


def carries(text: str, number: str) -> bool:
    """Whether a number is in a text in any spelling that keeps its digits in their order."""
    return number in digits_in(text)


def cdc(card: str) -> bytes:
    return json.dumps({"op": "c", "before": None, "after": payment(card_id=card)}).encode()


def gzipped(card: str) -> bytes:
    event = {"id": "3", "timestamp": 1, "message": json.dumps(payment(card_id=card))}
    logs = {"messageType": "DATA_MESSAGE", "owner": "1", "logGroup": "p", "logEvents": [event]}
    data = base64.b64encode(gzip.compress(json.dumps(logs).encode())).decode()
    return json.dumps({"awslogs": {"data": data}}).encode()


WAYS = {
    "plain": lambda card: json.dumps(payment(card_id=card), ensure_ascii=False).encode(),
    "escaped": lambda card: (
        json.dumps(payment())
        .replace("card-1", "".join(f"\\u{ord(each):04x}" for each in card))
        .encode()
    ),
    "a number": lambda card: json.dumps(payment(card_id=int(digits_in(card)))).encode(),
    "other spellings of a payment": lambda card: json.dumps(
        payment(card_id=card, currency="978", country="GBR"), ensure_ascii=False
    ).encode(),
    "a change of a database": cdc,
    "a logged line in gzip": gzipped,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("spelling", ["plain", "spaces", "full width"])
def test_it_is_refused_however_it_comes_and_the_dead_letter_does_not_carry_it(
    way: str, spelling: str
) -> None:
    value = WAYS[way](SPELLINGS[spelling](PAN))
    assert len(decoded(value, ALLOWED)) == 1, "the message must be a payment but for the card"
    letter = letter_of(value, key=PAN.encode())
    assert letter.reason == "card_number"
    assert letter.masked
    assert not carries(shown(letter), PAN)
    assert PAN.encode() not in base64.b64encode(letter.record.value or b"")
    assert not any(map(has_number, PLAIN.contents(letter.record.value or b"")))
    masked = decoded(value, MASKING)
    assert [each.card_id for each in masked.transactions] == [MASK]
    assert not masked.dead_letters


def test_the_reason_says_what_to_do_and_the_path_is_the_producer_s() -> None:
    letter = letter_of(WAYS["plain"](PAN))
    assert letter.path == "$.card_id"
    assert letter.detail == (
        "card_id must be a token or a pseudonym, got the number of a card (PAN), which is refused"
    )
    assert letter.hint.startswith("have the producer send a token, or set STREAMER_CARD_NUMBERS")
    assert len(letter.detail) <= 170
    assert len(letter.hint) <= 200
    value = {"id": "t-1", "card": {"pan": PAN}, "amount": 1000, "currency": "EUR"}
    mapped = json.dumps(value | {"timestamp": payment()["timestamp"]}).encode()
    assert letter_of(mapped, intake=RENAMED).path == "$.card.pan"
    assert decoded(mapped, MASKING, RENAMED).transaction(0).card_id == MASK


def test_good_payments_beside_refused_ones_are_read_and_keep_their_order() -> None:
    """One in three of a batch, through the compiled loop and beside it."""
    cards = ["c-0", PAN, "c-2", "c-3", " ".join(PAN[i : i + 4] for i in range(0, 16, 4)), "c-5"]
    records = [
        StoredRecord(i, ARRIVAL_MS, card.encode(), json.dumps(payment(i, card_id=card)).encode())
        for i, card in enumerate(cards)
    ]
    batch = Batch("t", 0, records, ARRIVAL_MS)
    refused = decode_batch(batch, BELIEVABLE)
    assert [t.card_id for t in refused.transactions] == ["c-0", "c-2", "c-3", "c-5"]
    assert refused.offsets.tolist() == [0, 2, 3, 5]
    assert [letter.record.offset for letter in refused.dead_letters] == [1, 4]
    masked = decode_batch(batch, BELIEVABLE, PLAIN, MASKING)
    assert [t.card_id for t in masked.transactions] == ["c-0", MASK, "c-2", "c-3", MASK, "c-5"]
    assert masked.payments.names.column(1).strings() == [t.card_id for t in masked.transactions]
    # A key that is the number is the card all the same.
    assert (refused.n_key_mismatches, masked.n_key_mismatches) == (0, 0)
    assert (
        decode_batch(batch, BELIEVABLE, PLAIN, ALLOWED).payments.names.column(1).strings() == cards
    )


def test_masked_payments_have_the_numbers_that_the_masked_id_would_have() -> None:
    by_number = decoded(WAYS["plain"](PAN), MASKING)
    by_mask = decoded(WAYS["plain"](str(MASK)), MASKING)
    assert by_number.columns.cards.tolist() == by_mask.columns.cards.tolist()
    assert by_number.payments.prints.tolist() == by_mask.payments.prints.tolist()


BROKEN = (
    {"amount": -1}, {"currency": "XXX"}, {"timestamp": "1999-01-01T00:00:00Z"}, {"timestamp": None},
    {"transaction_id": "null"}, {"amount": "much"},
)  # fmt: skip


@given(
    numbers(),
    st.sampled_from(sorted(SPELLINGS)),
    st.sampled_from(BROKEN),
    st.sampled_from(["card_id", "merchant_id", "note", "name", "key", "within"]),
    st.sampled_from(["whole", "cut", "utf-16", "latin-1", "escaped"]),
)
@example("501800000009", "plain", BROKEN[0], "card_id", "utf-16")
def test_no_dead_letter_carries_a_number_wherever_it_stood_and_whatever_else_is_wrong(
    number: str, spelling: str, broken: dict[str, Any], where: str, form: str
) -> None:
    spelled = SPELLINGS[spelling](number)
    fields: dict[str, Any] = {where: spelled}
    if where == "name":
        fields = {spelled: {"a": 1}}
    elif where == "within":
        fields = {"card": {"pans": [{"pan": spelled}]}}
    text = json.dumps(payment() | fields | broken, ensure_ascii=form == "escaped")
    value = text.encode("utf-16" if form == "utf-16" else "utf-8")
    if form == "cut":
        value = value[:-1]
    elif form == "latin-1":
        value += b"\xe9"
    key = spelled.encode() if where == "key" else None
    for cards in (REFUSED, MASKING):
        found = decoded(value, cards, key=key)
        for letter in found.dead_letters:
            told = shown(letter)
            assert number not in told
            assert number not in told.replace("\0", "").replace("\ufffd", "")
            # In any spelling, cut or not.
            assert form == "utf-16" or not carries(told, number), told
            if form in ("whole", "escaped"):
                assert not any(map(has_number, PLAIN.contents(letter.record.value or b"")))


def test_what_is_allowed_goes_to_the_dead_letters_untouched() -> None:
    value = json.dumps(payment(card_id=PAN, amount="much")).encode()
    letter = letter_of(value, cards=ALLOWED, key=PAN.encode())
    assert (letter.record.value, letter.record.key, letter.masked) == (value, PAN.encode(), "")


def test_under_masking_a_dead_letter_is_the_card_s_and_can_be_sent_again() -> None:
    value = json.dumps(payment(card_id=int(PAN), amount="much")).encode()
    letter = letter_of(value, cards=MASKING, key=PAN.encode())
    assert letter.masked == ""
    assert letter.record.key == str(MASK).encode()
    assert json.loads(letter.record.value or b"")["card_id"] == MASK


@pytest.mark.parametrize(
    ("fields", "key", "masked"),
    [
        ({"card_id": PAN, "amount": "much"}, None, ""),
        ({"card_id": "49-29 1234567812 36", "amount": "much"}, b"49-29 1234567812 36", ""),
        ({"card_id": f"{PAN}.0", "amount": "much"}, None, "in part"),
        ({"card_id": f" x {PAN}", "amount": "much"}, None, "in part"),
        ({"card_id": "c-1", "merchant_id": PAN, "amount": "much"}, None, "in part"),
        ({"card_id": PAN, "merchant_id": PAN, "amount": "much"}, None, "in part"),
        ({"card_id": "c-1", "amount": "much"}, f"x:{PAN}".encode(), "in part"),
        ({"card_id": "4929 1234567812 36 9", "amount": "much"}, None, "in part"),
    ],
)
def test_under_masking_what_is_no_longer_the_message_of_its_card_says_so(
    fields: dict[str, Any], key: bytes | None, masked: str
) -> None:
    """Else a replay would make one card of all whose digits are stars."""
    letter = letter_of(json.dumps(payment() | fields).encode(), cards=MASKING, key=key)
    assert (letter.masked, carries(shown(letter), PAN)) == (masked, False)
    value = json.loads(letter.record.value or b"")
    assert "masked-" not in json.dumps(value | {"card_id": ""})
    assert value["card_id"] == MASK if not masked else "masked-" not in value["card_id"]


@pytest.mark.parametrize(
    "error", [ValueError("x"), ArithmeticError("x"), UnavailableError("x"), MemoryError()]
)
def test_what_cannot_be_looked_through_is_withheld(error: Exception) -> None:
    """A worker would end at the record each time; only what may be well later goes up."""

    def contents(value: bytes) -> list[Any]:
        raise error

    letter = DeadLetter(StoredRecord(1, 5, b"k", b"{}"), "malformed_json", "$", "wrong")
    if isinstance(error, UnavailableError | MemoryError):
        with pytest.raises(type(error)):
            without_card_numbers([letter], REFUSED, contents)
    else:
        [hidden] = without_card_numbers([letter], REFUSED, contents)
        assert (hidden.masked, hidden.record.value) == ("withheld", b"")


def test_a_record_of_any_kind_keeps_what_else_it_has() -> None:
    class Parsed(msgspec.Struct):
        offset: int
        timestamp: int
        key: bytes | None
        value: bytes | None

    @dataclass(frozen=True)
    class Consumed:
        offset: int
        timestamp: int
        key: bytes | None
        value: bytes | None
        more: str = "kept"

    records = Parsed(3, 5, b"k", PAN.encode()), Consumed(1, 5, b"k", PAN.encode())
    letters = [DeadLetter(each, "malformed_json", "$", "wrong") for each in records]
    hidden = without_card_numbers(letters, REFUSED, PLAIN.contents)
    assert [each.record for each in hidden] == [
        Consumed(1, 5, b"k", b"*" * 16),
        StoredRecord(3, 5, b"k", b"*" * 16),
    ]
    assert without_card_numbers(hidden, REFUSED, PLAIN.contents) == hidden


def test_numbers_are_found_in_all_that_a_decoder_gives() -> None:
    """However deep it lies."""
    for held in (PAN, int(PAN), float(PAN), Decimal(PAN), PAN.encode(), (PAN,), {PAN: None}):
        assert has_number([held]), held
    for other in (
        None,
        True,
        "c-1",
        -int(PAN),
        10**30,
        float("inf"),
        float("nan"),
        Decimal("NaN"),
        Decimal("sNaN"),
        b"x",
        object(),
    ):
        assert not has_number([other]), other
    deep: Any = PAN
    for _ in range(10_000):
        deep = [deep]
    assert has_number(deep)


@pytest.mark.parametrize("card_id", [PAN, "4929 1234 5678 1236", int(PAN)])
def test_a_verdict_that_names_a_number_is_treated_as_a_payment_is(card_id: str | int) -> None:
    verdict = {"transaction_id": "t-1", "card_id": card_id, "is_fraud": True, "origin": "reviewer"}
    record = StoredRecord(0, ARRIVAL_MS, PAN.encode(), json.dumps(verdict).encode())
    batch = Batch("f", 0, [record], ARRIVAL_MS)
    _, [letter] = decode_verdicts(batch, BELIEVABLE)
    assert (letter.reason, letter.path) == ("card_number", "$.card_id")
    assert not carries(shown(letter), PAN)
    [sent], none = decode_verdicts(batch, BELIEVABLE, MASKING)
    assert (sent.card_id, none) == (MASK, [])
    [sent], _ = decode_verdicts(batch, BELIEVABLE, ALLOWED)
    assert sent.card_id == str(card_id)


def test_every_network_is_refused_on_the_way_in() -> None:
    for number in NUMBERS:
        assert letter_of(WAYS["plain"](number)).reason == "card_number", number
