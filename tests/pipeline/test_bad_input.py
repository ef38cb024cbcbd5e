"""Whatever lies on the topic: one dead letter that says what and where, and the good ones scored."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.contract.card_rule import REFUSED
from streamer.errors import UnavailableError
from streamer.intake import Intake, Reading, parse_declaration
from streamer.intake.decoding import decode_batch
from streamer.intake.schemas import Schemas
from streamer.model import Scorer, Sums, advance
from streamer.stream.publishing.dead_letters import dead_letter_message
from tests.builders import ARRIVAL_MS, T0_MS, batch, payment, pipeline_config
from tests.pipeline.helpers import cut, ordinary, run, trained

CONFIG = replace(pipeline_config(), with_scores=True)
CARD = "4111111111111111"
GOOD = json.dumps(payment())
AHEAD = "2028-01-05T12:00:00Z"


def with_field(name: str, raw: str) -> bytes:
    """Return a good payment in which field ``name`` has ``raw`` as its JSON."""
    fields = {key: json.dumps(value) for key, value in payment().items()} | {name: raw}
    return ("{" + ", ".join(f'"{k}": {v}' for k, v in fields.items()) + "}").encode()


def without(name: str) -> bytes:
    return json.dumps({k: v for k, v in payment().items() if k != name}).encode()


DEEP = "[" * 10_000 + "]" * 10_000
BAD: dict[str, tuple[bytes | None, str, str]] = {
    "not JSON": (b"hello", "malformed_json", "$"),
    "array": (b"[1, 2]", "not_an_object", "$[0]"),
    "number": (b"42", "not_an_object", "$"),
    "string": (f'"{CARD}"'.encode(), "not_an_object", "$"),
    "truncated": (GOOD[:-20].encode(), "truncated_json", "$"),
    "two objects": ((GOOD + GOOD).encode(), "malformed_json", "$"),
    "only blanks": (b"   ", "empty", "$"),
    "empty value": (b"", "empty", "$"),
    "amount NaN": (with_field("amount", "NaN"), "out_of_range", "$.amount"),
    "amount Infinity": (with_field("amount", "Infinity"), "out_of_range", "$.amount"),
    "amount 1e300": (with_field("amount", "1e300"), "out_of_range", "$.amount"),
    "amount 1e999": (with_field("amount", "1e999"), "out_of_range", "$.amount"),
    "amount of 5,000 digits": (with_field("amount", "1" * 5_000), "malformed_json", "$"),
    "amount string": (with_field("amount", '"12.50"'), "wrong_type", "$.amount"),
    "amount null": (with_field("amount", "null"), "missing_field", "$.amount"),
    "amount true": (with_field("amount", "true"), "wrong_type", "$.amount"),
    "card empty": (with_field("card_id", '""'), "missing_field", "$.card_id"),
    "card a word for nothing": (with_field("card_id", '"null"'), "missing_field", "$.card_id"),
    "card rounded by a spreadsheet": (
        with_field("card_id", '"4.92912E+15"'),
        "wrong_format",
        "$.card_id",
    ),
    "card not a number": (with_field("card_id", '"nan"'), "missing_field", "$.card_id"),
    "card blank": (with_field("card_id", f'"{" " * 40}"'), "missing_field", "$.card_id"),
    "transaction id None": (
        with_field("transaction_id", '"None"'),
        "missing_field",
        "$.transaction_id",
    ),
    "card too long": (with_field("card_id", f'"{"x" * 129}"'), "wrong_format", "$.card_id"),
    "transaction id an object": (
        with_field("transaction_id", "{}"),
        "wrong_type",
        "$.transaction_id",
    ),
    "unknown currency": (with_field("currency", '"QQQ"'), "unknown_code", "$.currency"),
    "card in currency": (with_field("currency", f'"{CARD}"'), "unknown_code", "$.currency"),
    "card in amount": (with_field("amount", f'"{CARD}"'), "wrong_type", "$.amount"),
    "card in timestamp": (
        with_field("timestamp", f'"{CARD}"'),
        "invalid_timestamp",
        "$.timestamp",
    ),
    "timestamp a number": (with_field("timestamp", CARD), "wrong_type", "$.timestamp"),
    "timestamp without offset": (
        with_field("timestamp", '"2026-01-05T12:00:00"'),
        "timestamp_without_offset",
        "$.timestamp",
    ),
    "timestamp of no day": (
        with_field("timestamp", '"2026-02-30T12:00:00Z"'),
        "invalid_timestamp",
        "$.timestamp",
    ),
    "timestamp in 1970": (
        with_field("timestamp", '"1970-01-01T00:00:00Z"'),
        "timestamp_too_old",
        "$.timestamp",
    ),
    "timestamp in year 1": (
        with_field("timestamp", '"0001-01-01T00:00:00+23:59"'),
        "timestamp_too_old",
        "$.timestamp",
    ),
    "timestamp a year ahead": (
        with_field("timestamp", f'"{AHEAD}"'),
        "timestamp_in_future",
        "$.timestamp",
    ),
    "timestamp in year 9999": (
        with_field("timestamp", '"9999-12-31T23:59:59-23:59"'),
        "timestamp_in_future",
        "$.timestamp",
    ),
    "10 MB of zeros": (b"0" * 10_000_000, "malformed_json", "$"),
    "10 MB of zero bytes": (bytes(10_000_000), "unknown_schema", "$"),
    "deep": (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "nested_too_deep", "$"),
    "deep array": (DEEP.encode(), "nested_too_deep", "$"),
    "deep in a known field": (with_field("amount", DEEP), "nested_too_deep", "$"),
    "deep in an unknown field": (with_field("extra", DEEP), "nested_too_deep", "$"),
    "very deep in an unknown field": (with_field("extra", "[" * 1_000_000), "nested_too_deep", "$"),
    "invalid UTF-8 in a known field": (
        with_field("card_id", '"?"').replace(b"?", b"\xff"),
        "invalid_utf8",
        "$",
    ),
    "invalid UTF-8 in an unknown field": (
        with_field("extra", '"?"').replace(b"?", b"\xff"),
        "invalid_utf8",
        "$",
    ),
    "invalid UTF-8 whole": (b"\xff\xfe\x00\x80", "malformed_json", "$"),
    "half a surrogate pair in a card": (
        with_field("card_id", '"a\\ud800b"'),
        "lone_surrogate",
        "$.card_id",
    ),
    "two payments": (f"[{GOOD}, {GOOD}]".encode(), "several_payments", "$"),
    "a payment and a fault": (f"[{GOOD}, 1]".encode(), "several_payments", "$"),
    **{
        f"no {name}": (without(name), "missing_field", f"$.{name}")
        for name in ("transaction_id", "card_id", "amount", "currency", "timestamp")
    },
}


@pytest.mark.parametrize(("value", "reason", "path"), BAD.values(), ids=BAD.keys())
def test_a_bad_record_is_one_dead_letter_and_its_neighbours_are_scored(
    value: bytes | None, reason: str, path: str
) -> None:
    good = [payment(i, after_s=i) for i in range(2)]
    result = run([batch([good[0], value, good[1]])], CONFIG, trained())
    (letter,) = result.dead_letters
    assert (letter.record.offset, letter.reason, letter.path) == (1, reason, path)
    # Its bytes are the record's own, but for a card's number.
    kept = (
        value if value is None or CARD.encode() not in value else REFUSED.without_numbers(value)[0]
    )
    assert letter.record.value == kept
    assert CARD.encode() not in (letter.record.value or b"")
    assert [score.source.offset for score in result.scores] == [0, 2]
    ledger = result.state.ledger
    assert (ledger.consumed, ledger.scored, ledger.dead_lettered) == (3, 2, 1)
    assert ledger.imbalance == 0
    assert result.state.next_offset == 3


@pytest.mark.parametrize("name", BAD)
def test_neither_detail_nor_headers_repeat_a_string_of_the_message(name: str) -> None:
    value, _, _ = BAD[name]
    source = batch([value])
    (letter,) = run([source], CONFIG, trained()).dead_letters
    assert 0 < len(letter.detail) < 200
    assert "\n" not in letter.detail
    message = dead_letter_message(letter, source, 900_000)
    told = b" ".join(v for _, v in message.headers).decode() + letter.detail
    for secret in (CARD, "card-1", "QQQ", "hello", AHEAD):
        assert secret not in told


def test_one_batch_of_everything_bad_is_answered_in_order_of_offsets() -> None:
    values = [value for value, _, _ in BAD.values()]
    result = run([batch(values)], CONFIG, trained())
    assert [letter.record.offset for letter in result.dead_letters] == list(range(len(BAD)))
    assert result.state.ledger.dead_lettered == len(BAD)
    assert result.state.delta.transactions_seen == 0


def test_the_detail_says_what_would_have_been_right() -> None:
    told = {
        name: run([batch([value])], CONFIG, trained()).dead_letters[0].detail
        for name, (value, _, _) in BAD.items()
    }
    assert told["amount 1e300"] == "amount must be a finite number of at most 1e12"
    assert told["card too long"] == "card_id must have at most 128 characters"
    assert told["two payments"] == "value must hold one payment, got 2"
    # The earliest believable time of these tests is the first second of 2000.
    assert told["timestamp in 1970"] == "timestamp must be in 2000 or later"
    # Arrival is 400 days after 2026-01-05; 2028-01-05 is 730 days after it: 330·86400 s.
    assert told["timestamp a year ahead"].endswith(
        "at most 86400 s ahead of the time of arrival, got 28512000 s ahead"
    )


LEFT_OUT = {
    ("merchant_id", "wrong_type"): with_field("merchant_id", '["a"]'),
    ("country", "unknown_code"): with_field("country", f'"{CARD}"'),
    ("mcc", "wrong_format"): with_field("mcc", f'"{CARD}"'),
    ("channel", "wrong_format"): with_field("channel", f'"{CARD * 4}"'),
    ("latitude", "out_of_range"): with_field("latitude", "91"),
    ("longitude", "out_of_range"): with_field("longitude", "-181"),
    ("merchant_id", "missing_field"): with_field("merchant_id", '"N/A"'),
}


def test_a_payment_is_scored_without_an_optional_field_that_cannot_be_used() -> None:
    """Each of them has one, and it is counted by field and reason."""
    values = list(LEFT_OUT.values())
    result = run([batch(values)], CONFIG, trained())
    assert result.dead_letters == []
    assert len(result.scores) == len(values)
    decoded = decode_batch(batch(values), CONFIG.believable)
    assert decoded.left_out == dict.fromkeys(LEFT_OUT, 1)


def test_names_that_are_none_are_judged_among_names_that_are() -> None:
    """In their order: of 4 payments one is without a merchant, and one is none; the keys are told."""
    named = payment(1, merchant_id="m-1")
    values = [named, payment(2, merchant_id="null"), payment(3, card_id="-"), payment(4)]
    decoded = decode_batch(batch(values), CONFIG.believable)
    assert [t.merchant_id for t in decoded.transactions][:2] == ["m-1", None]
    assert len(decoded.transactions) == len(decoded.offsets) == len(decoded.times_ms) == 3
    assert [letter.reason for letter in decoded.dead_letters] == ["missing_field"]
    assert decoded.left_out == {("merchant_id", "missing_field"): 1}


def test_0_0_is_no_place() -> None:
    here = payment(latitude=0, longitude=0, channel="pos")
    decoded = decode_batch(batch([here, payment(latitude=0, longitude=5)]), CONFIG.believable)
    assert [t.latitude for t in decoded.transactions] == [None, 0.0]
    assert decoded.left_out == {("latitude", "null_island"): 1, ("longitude", "null_island"): 1}


def test_refunds_and_deletions_are_skipped_in_the_ledger_and_counted_by_reason() -> None:
    """Of 5 offsets one is a payment, two are refunds and two say that something is gone."""
    refund = with_field("amount", "-3.0")
    values = [refund, payment(), None, b"null", refund]
    result = run([batch(values)], CONFIG, trained())
    ledger = result.state.ledger
    assert (ledger.consumed, ledger.scored, ledger.skipped, ledger.dead_lettered) == (5, 1, 4, 0)
    assert ledger.imbalance == 0
    decoded = decode_batch(batch(values), CONFIG.believable)
    assert decoded.passed_over == {"refund": 2, "tombstone": 2}


def test_mapped_and_plain_messages_of_one_topic_are_read_by_its_intake() -> None:
    """1250 minor units of EUR are 12.50; the plain message has 10.00 and stays as it is."""
    declared = 'card_id = "card"\namount = { path = "minor", unit = "minor" }\n'
    declared += '[[decline]]\npath = "status"\none_of = ["declined"]\n'
    config = replace(CONFIG, intake=Intake(parse_declaration(declared, "test")))
    common = {k: v for k, v in payment(1).items() if k not in ("card_id", "amount")}
    mapped = json.dumps({**common, "card": "card-1", "minor": 1250}).encode()
    declined = json.dumps({**common, "card": "card-1", "minor": 1, "status": "declined"}).encode()
    values = [mapped, payment(2), declined, with_field("extra", "1")]
    decoded = decode_batch(batch(values), config.believable, config.intake)
    assert [t.amount for t in decoded.transactions] == [12.5, 10.0, 10.0]
    ledger = run([batch(values)], config, trained()).state.ledger
    assert (ledger.scored, ledger.skipped, ledger.imbalance) == (3, 1, 0)


def test_a_position_stands_for_an_id_that_a_producer_does_not_have() -> None:
    """Partition 0, offset 41."""
    intake = Intake(parse_declaration("transaction_id = { position = true }", "test"))
    decoded = decode_batch(batch([without("transaction_id")], 41), CONFIG.believable, intake)
    assert [t.transaction_id for t in decoded.transactions] == ["0-41"]


@pytest.mark.parametrize(
    "fields",
    [
        {"amount": 0},
        {"amount": 5e-324},
        {"amount": 1e12},
        {"latitude": 90, "longitude": -180},
        {"card_id": "x" * 128},
        {"card_id": "Ünïcode-卡"},
        {"extra": {"nested": [1, {"a": None}]}},
        {"mcc": None, "channel": None},
        {"timestamp": "2026-01-05T12:00:00.123456789+05:30"},
    ],
)
def test_what_the_contract_allows_is_scored(fields: dict[str, Any]) -> None:
    result = run([batch([payment(**fields)])], CONFIG, trained())
    assert result.dead_letters == []
    assert len(result.scores) == 1


_garbage = st.one_of(
    st.binary(max_size=60),
    st.sampled_from([value for value, _, _ in BAD.values() if value is None or len(value) < 1_000]),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
        max_leaves=6,
    ).map(lambda value: json.dumps(value).encode()),
)


@st.composite
def _near_misses(draw: st.DrawFn) -> bytes:
    """A good payment with some bytes changed, or some fields made something else."""
    if draw(st.booleans()):
        raw = bytearray(GOOD.encode())
        for position in draw(st.lists(st.integers(0, len(raw) - 1), min_size=1, max_size=3)):
            raw[position] = draw(st.integers(0, 255))
        return bytes(raw)
    names = [*payment(), "merchant_id", "mcc", "country", "latitude", "longitude", "channel"]
    values = st.none() | st.text(max_size=6) | st.floats() | st.integers() | st.just([])
    return json.dumps(payment(**draw(st.dictionaries(st.sampled_from(names), values)))).encode()


@st.composite
def _good(draw: st.DrawFn) -> dict[str, Any]:
    """Anything that the contract allows, extremes of amount, place and time included."""
    fields: dict[str, Any] = {
        "card_id": draw(st.sampled_from(["a", "b", "c"])),
        "amount": draw(st.floats(0, 1e12) | st.sampled_from([5e-324, 1e12, 0.01, 10.0])),
        "currency": draw(st.sampled_from(["EUR", "JPY"])),
        "after_s": draw(st.floats(-8e8, 3e7)),
    }
    if draw(st.booleans()):
        fields |= {
            "merchant_id": draw(st.sampled_from(["m", "n"])),
            "latitude": draw(st.floats(-90, 90)),
            "longitude": draw(st.floats(-180, 180)),
        }
    return payment(**fields)


def test_the_smallest_and_the_largest_amount_of_one_card_do_not_spoil_the_first_centers() -> None:
    """1e12 / 5e-324 is beyond a float: taken as a ratio, it made every later center NaN."""
    extremes = [
        payment(900, after_s=9e5, card_id="z", amount=5e-324),
        payment(901, after_s=9e5 + 60, card_id="z", amount=1e12),
    ]
    delta = run([batch([*ordinary(300), *extremes])], CONFIG).state.delta
    sums = advance(Sums.zero(CONFIG.model), delta, CONFIG.model)
    version = Scorer.of("", sums, CONFIG.model)
    assert np.isfinite(version.centers).all()
    assert np.isfinite(version.variances).all()
    assert np.isfinite(version.threshold_sq)


@settings(max_examples=150, deadline=None)
@given(
    values=st.lists(_garbage | _near_misses() | _good(), min_size=1, max_size=25),
    edges=st.lists(st.integers(1, 25), max_size=4),
    is_warm=st.booleans(),
)
def test_every_offset_is_scored_refused_or_passed_over_once_and_nothing_raises(
    values: list[Any], edges: list[int], is_warm: bool
) -> None:
    """Invariants 1 and 5: any bytes between any good payments, cut anywhere, warming or not."""
    whole = batch(values)
    batches = cut(whole, [edge for edge in edges if edge < len(values)])
    result = run(batches, CONFIG, trained() if is_warm else None)
    scored = [score.source.offset for score in result.scores]
    dead = [letter.record.offset for letter in result.dead_letters]
    ledger = result.state.ledger
    assert len(set(scored + dead)) == len(scored) + len(dead) == len(values) - ledger.skipped
    assert ledger.consumed == len(values)
    assert (ledger.scored, ledger.dead_lettered) == (len(scored), len(dead))
    assert ledger.imbalance == 0
    assert ledger.alerted <= ledger.scored
    assert result.state.delta.transactions_seen == len(scored)
    good = {i for i, value in enumerate(values) if isinstance(value, dict)}
    assert good <= set(scored)


def test_the_arrival_time_decides_what_is_in_the_future() -> None:
    """86,400 s ahead is allowed to the millisecond."""
    ahead_s = (ARRIVAL_MS - T0_MS) / 1000 + 86_400
    at_limit, beyond = payment(after_s=ahead_s), payment(after_s=ahead_s + 0.001)
    result = run([batch([at_limit, beyond])], CONFIG, trained())
    assert [letter.record.offset for letter in result.dead_letters] == [1]


class _Defective(Intake):
    """Fails on one message, as no intake should."""

    def read(self, value: bytes | None, **place: Any) -> Sequence[Reading]:
        if value == b"boom":
            raise AttributeError("card 4111111111111111")
        return super().read(value, **place)


def test_a_defect_of_the_intake_costs_its_own_message_alone() -> None:
    """A dead letter that says so, without the message; a registry that is away is none of it."""
    decoded = decode_batch(
        batch([payment(1), b"boom", payment(2)]), CONFIG.believable, _Defective()
    )
    assert [t.transaction_id for t in decoded.transactions] == ["t-1", "t-2"]
    (letter,) = decoded.dead_letters
    assert (letter.reason, letter.record.offset) == ("unreadable", 1)
    assert letter.detail == "value must be readable, got AttributeError in the intake"

    def away(_: int) -> None:
        raise UnavailableError("schema registry must answer")

    with pytest.raises(UnavailableError):
        decode_batch(batch([b"\0\0\0\0\x07x"]), CONFIG.believable, Intake(schemas=Schemas(away)))
