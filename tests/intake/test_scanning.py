"""Messages straight into columns: what the compiled loop takes is, to the bit, what decoding gives."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamer.contract.batch import Batch, StoredRecord
from streamer.contract.clocks import NO_TIME, clocks, read_time
from streamer.contract.codes import COUNTRIES, CURRENCIES
from streamer.contract.messages import Transaction
from streamer.contract.record_columns import Records, Spans, joined
from streamer.features.columns import PAYMENT
from streamer.intake import Intake, decoding, plain_transaction
from streamer.intake.decoding import Decoded, TimestampRange, decode_batch
from streamer.intake.nothing import NO_NAMES
from streamer.intake.plain import nameless
from streamer.intake.scanning import scanner
from streamer.intake.scanning.batches import scan
from streamer.intake.scanning.decimals import decimal
from streamer.intake.scanning.scanner import N_FIELDS, N_NUMBERS, ODD, READ, UNBELIEVABLE
from streamer.intake.scanning.tokens import NONE, end_of_number, end_of_string
from tests.builders import payment
from tests.faults.fuzzed import fuzzed, fuzzed_layouts

NOW_MS = 1_800_000_000_000
BELIEVABLE = TimestampRange(earliest_ms=631_152_000_000, max_ahead_ms=300_000)
FULL = payment() | {
    "merchant_id": "shop-é",
    "mcc": "5411",
    "country": "DE",
    "latitude": 52.52,
    "longitude": 13.4,
    "channel": "pos",
}


def batch_of(values: Sequence[bytes | None], keys: Sequence[bytes | None] = ()) -> Batch:
    keys = keys or [b"card-1"] * len(values)
    records = [
        StoredRecord(7 + i, NOW_MS - 1_000 * i, key, value)
        for i, (key, value) in enumerate(zip(keys, values, strict=True))
    ]
    return Batch("transactions", 0, records, NOW_MS, (7, 7 + len(values)))


def as_fetched(batch: Batch) -> Batch:
    """Return a batch whose keys and values lie in one array, last to first, among other bytes."""
    texts = [part for record in reversed(batch.records) for part in (record.value, record.key)]
    spans = joined(part for text in texts for part in (b'\xc3"{', text))
    content, starts, lengths = spans
    values, keys = (
        Spans(content, starts[at::4][::-1].copy(), lengths[at::4][::-1].copy()) for at in (1, 3)
    )
    headers_at = np.zeros(len(batch), np.int64)
    records = Records(batch.offsets, batch.timestamps, keys, values, headers_at)
    return Batch(batch.topic, batch.partition, records, batch.received_at_ms, batch.covers)


def by_objects(batch: Batch) -> Decoded:
    """Return what comes of a batch if an object is made of every message."""
    places = np.arange(len(batch))
    return decoding._Decoding(batch, BELIEVABLE, Intake(), places).decoded()


def told(decoded: Decoded) -> list[Any]:
    """Return all that is known of a batch, numbers as their bits."""
    payments, columns = decoded.payments, decoded.columns
    numbers = [columns.cards, columns.merchants, columns.tills, columns.times_ms]
    numbers += [columns.currencies, payments.ids, payments.prints, decoded.offsets]
    letters = [
        (of.record[:4], of.reason, of.path, of.detail, of.hint) for of in decoded.dead_letters
    ]
    return [
        *(column.tolist() for column in numbers),
        columns.payments.tobytes(),
        *(payments.names.column(k).strings() for k in range(3)),
        decoded.transactions,
        letters,
        decoded.n_key_mismatches,
        dict(decoded.passed_over),
        dict(decoded.left_out),
    ]


def is_read(value: bytes) -> bool:
    """Whether the loop takes a message."""
    [became] = scan(batch_of([value]), 0, NOW_MS).becomes.tolist()
    return bool(became != ODD)


def check(values: Sequence[bytes | None], keys: Sequence[bytes | None] = ()) -> None:
    """Hold a batch, and each of its messages alone, against objects."""
    whole = batch_of(values, keys)
    decoded = decode_batch(whole, BELIEVABLE)
    assert told(decoded) == told(by_objects(whole))
    if not values:
        return
    assert told(decode_batch(as_fetched(whole), BELIEVABLE)) == told(decoded)
    alone = [decode_batch(part, BELIEVABLE) for part in whole.parts(1)]
    assert decoded.columns.payments.tobytes() == b"".join(
        part.columns.payments.tobytes() for part in alone
    )
    prints = [part.payments.prints for part in alone]
    assert decoded.payments.prints.tolist() == np.concatenate(prints).tolist()
    for value, became in zip(values, scan(whole, 0, 2**62).becomes.tolist(), strict=True):
        if became != ODD:
            transaction = plain_transaction(value)
            assert transaction is not None
            assert nameless([transaction]) == []


def text_of(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, ensure_ascii=False).encode(errors="surrogatepass")


_TEXTS = st.one_of(
    st.text(max_size=6),
    st.sampled_from([*sorted(NO_NAMES), "", " ", "1.5E+9", "a+b", "é" * 128, "é" * 129, "n" * 129]),
    st.sampled_from(["ecommerce", "moto", "pos", "5411", "0000", "541", "２３４５"]),
    st.sampled_from([*CURRENCIES, *COUNTRIES, "eur", "EURO", "E\u0130R"]),
)
_NUMBERS = st.one_of(
    st.floats(),
    st.floats(-200, 200),
    st.integers(-(2**70), 2**70),
    st.sampled_from([0, -0.0, 0.0, 90, -90, 180, 180.1, 1e12, 1e12 + 1, -1]),
)
_TIMES = st.one_of(
    st.datetimes(timezones=st.timezones()).map(lambda time: time.isoformat()),
    st.from_regex(
        r"\A[0-2]\d{3}-[01]\d-[0-3]\d[Tt ][0-2]\d:[0-6]\d:[0-6]\d(\.\d{0,9})?"
        r"(Z|z|[+-][0-2]\d:?[0-6]\d|)\Z"
    ),
)
_VALUES = st.one_of(
    _TEXTS, _NUMBERS, _TIMES, st.none(), st.booleans(), st.lists(st.integers(), max_size=2)
)
_NAMES = st.sampled_from([*FULL, "x", "note", "type", "__op", "event_type", "é", "Card_id"])
_FRAGMENTS = st.sampled_from(
    [
        *(
            b" ",
            b"\n",
            b"\t\r",
            b'"',
            b"\\",
            b"\\u0041",
            b"\\n",
            b"\x00",
            b"\x7f",
            b"\xff",
            b"\xc3",
        ),
        *(b"\xc3\xa9", b"\xed\xa0\x80", b"{", b"}", b"[", b"]", b",", b":", b"0", b"1", b"9", b"-"),
        *(b"+", b".", b"e", b"E5", b"null", b"true", b"nul", b"NaN", b"\xef\xbb\xbf", b"/**/"),
    ]
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Return a payment with other values, and with bytes put in, taken out and moved."""
    fields = dict(FULL) if draw(st.booleans()) else payment()
    for name in draw(st.lists(st.sampled_from(sorted(FULL)), max_size=2)):
        fields.pop(name, None)
    fields |= draw(st.dictionaries(_NAMES, _VALUES, max_size=3))
    names = draw(st.permutations(list(fields)))
    twice = draw(st.lists(st.sampled_from(names), max_size=1)) if names else []
    pairs = [(json.dumps(name), text_of(fields[name])) for name in [*names, *twice]]
    blank = draw(st.sampled_from([b"", b" ", b"\r\n\t"]))
    raw = b"{" + b",".join(name.encode() + b":" + blank + value for name, value in pairs) + b"}"
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(raw)))
        gone = draw(st.integers(0, 2))
        raw = raw[:at] + draw(_FRAGMENTS) + raw[at + gone :]
    return raw


@given(
    st.lists(mutated(), max_size=5),
    st.lists(
        st.sampled_from([b"card-1", b"card-2", None, b"", b"\xff\xfe"]), min_size=5, max_size=5
    ),
)
def test_whatever_is_sent_comes_to_the_same_as_by_objects(
    values: list[bytes], keys: list[bytes | None]
) -> None:
    """Columns, prints, names, dead letters and counts, in a batch and one at a time."""
    check(values, keys[: len(values)])


@pytest.mark.parametrize("seed", range(4))
def test_what_the_fuzzer_makes_comes_to_the_same_as_by_objects(seed: int) -> None:
    """2,000 of its records, and most payments that are right are read without an object."""
    for records in (list(fuzzed(1_500, seed)), list(fuzzed_layouts(500, seed))):
        keys, values = zip(*records, strict=True)
        check(values, keys)
    assert sum(is_read(value) for _, value in fuzzed(200, seed) if value) > 40


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"merchant_id": None, "mcc": None, "country": None, "channel": None},
        {"latitude": None, "longitude": 5.5},
        {"latitude": -90, "longitude": 180},
        {"channel": "ecommerce"},
        {"transac-tion_id": 5, "card-id": "x"},
        {"amount": 0},
        {"amount": 1e12},
        {"amount": 12.3456789012345678},
        {"latitude": 52.520006599999997, "longitude": -0.12775829999998223},
        {"card_id": "я" * 128, "merchant_id": "nulls"},
        {"note": "anything", "n": -1.5e-3, "is_test": False, "nothing": None},
        {"timestamp": "2024-02-29T23:59:59.123456-09:30"},
    ],
)
def test_a_payment_in_a_plain_form_is_read_without_an_object(changes: dict[str, Any]) -> None:
    value = text_of(FULL | changes)
    assert is_read(value)
    assert is_read(b" " + json.dumps(FULL | changes, indent=1, ensure_ascii=False).encode() + b"\n")
    check([value])


@pytest.mark.parametrize(
    "changes",
    [
        {"card_id": "null"},
        {"transaction_id": " "},
        {"merchant_id": "1.5E+9"},
        {"channel": "NONE"},
        {"card_id": "é" * 129},
        {"card_id": ""},
        {"card_id": 5},
        {"amount": -1},
        {"amount": -0.0},
        {"amount": "10"},
        {"amount": 1_000_000_000_000.5},
        {"currency": "EUT"},
        {"currency": "eur"},
        {"currency": "AAA"},
        {"currency": "EURO"},
        {"country": "ZZ"},
        {"mcc": "541"},
        {"mcc": "54110"},
        {"mcc": "54a1"},
        {"mcc": 5411},
        {"latitude": 0, "longitude": 0},
        {"latitude": 90.5},
        {"latitude": -90.5},
        {"longitude": -180.5},
        {"longitude": 180.5},
        {"channel": "c" * 33},
        {"timestamp": "2023-02-29T00:00:00Z"},
        {"timestamp": "2024-02-29T00:00:00"},
        {"timestamp": "2024-02-29T00:00:00.1234567Z"},
        {"__op": None},
        {"type": "payment"},
        {"note": {"a": 1}},
        {"note": "a\\b"},
        {"note": "a\nb"},
        {"note": 1e300},
    ],
)
def test_what_is_odd_is_left_to_the_decoder(changes: dict[str, Any]) -> None:
    value = text_of(FULL | changes)
    assert not is_read(value)
    check([text_of(FULL), value, text_of(FULL)])


def test_an_odd_message_between_two_plain_ones_is_in_its_place() -> None:
    """By hand: three rows in order, and the time of arrival, a second earlier each, is the limit."""
    late = {"timestamp": "2027-01-15T08:00:00Z"}
    changes = {"amount": 1.5}, {"amount": 2, "note": {}}, {"amount": 3}
    values = [text_of(payment(i) | late | odd) for i, odd in enumerate(changes)]
    decoded = decode_batch(batch_of(values, [b"card-1", b"x", None]), BELIEVABLE)
    assert decoded.payments.names.column(0).strings() == ["t-0", "t-1", "t-2"]
    assert decoded.columns.amounts.tolist() == [1.5, 2.0, 3.0]
    assert decoded.times_ms.tolist() == [NOW_MS, NOW_MS - 1_000, NOW_MS - 2_000]
    assert decoded.n_key_mismatches == 2
    assert [decoded.transaction(i).amount for i in range(3)] == [1.5, 2.0, 3.0]


def test_a_plus_in_a_merchant_means_the_same_in_any_batch() -> None:
    """A number that a spreadsheet has rounded names no merchant, whoever its neighbours are."""
    value = text_of(FULL | {"merchant_id": "4.9E+15"})
    neighbour = text_of(FULL | {"card_id": "a+b"})
    for values in ([value], [value, neighbour]):
        assert decode_batch(batch_of(values), BELIEVABLE).payments.names.text(0, 2) == b""


@given(
    st.one_of(
        st.floats(allow_nan=False, allow_infinity=False).map(repr),
        st.decimals(allow_nan=False, allow_infinity=False).map(str),
        st.from_regex(r"\A-?(0|[1-9]\d{0,17})(\.\d{1,17})?([eE][+-]?\d{1,2})?\Z"),
        st.floats(-180, 180).map(lambda number: f"{number:.17g}"),
    )
)
@example("9007199254740993")
@example("0.9007199254740993")
@example("-0")
@example("1e22")
@example("1e23")
@example("123456789012345.678")
def test_a_number_is_the_nearest_float_or_none(text: str) -> None:
    content = np.frombuffer(text.encode(), np.uint8)
    end = end_of_number(content, 0, len(content))
    assert end in (NONE, len(text)) or end == end_of_number.py_func(content, 0, len(content))
    if end != len(text):
        return
    found = decimal(content, 0, end)
    again = decimal.py_func(content, 0, end)
    assert np.array([found]).tobytes() == np.array([again]).tobytes()
    if not math.isnan(found):
        assert np.array([found]).tobytes() == np.array([float(text)]).tobytes()


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12.5", 12.5),
        ("0.1", 0.1),
        ("1e-2", 0.01),
        ("-77.25", -77.25),
        ("125E2", 12_500.0),
        ("52.520006599999997", 52.520006599999997),
        ("-0.12775829999998223", -0.12775829999998223),
    ],
)
def test_numbers_by_hand(text: str, number: float) -> None:
    assert decimal(np.frombuffer(text.encode(), np.uint8), 0, len(text)) == number


@pytest.mark.parametrize(
    "text",
    [
        *("01", "-01", "00.5", "1.", "-1.", ".5", "-.5", "1.e5", "-", "+1", "1e", "1e+", "1e5.5"),
        *(
            "1e-",
            "e5",
            "1e23",
            "1e-23",
            "0.1e-22",
            "1e005",
            "1234567890123456789",
            "0.1234567890123456789",
        ),
        *("0x1", "1_0", "NaN"),
    ],
)
def test_what_is_no_number_or_too_long_is_left_to_the_decoder(text: str) -> None:
    value = text_of(FULL).replace(b"52.52", text.encode())
    assert not is_read(value)
    check([value])


@pytest.mark.parametrize("text", ["0", "0.0", "-0.5", "5e1", "5E+1", "5e-22", "0.5e-21", "1e-0"])
def test_a_number_in_any_plain_form_is_read_without_an_object(text: str) -> None:
    value = text_of(FULL).replace(b"52.52", text.encode())
    assert is_read(value)
    check([value])


def test_a_key_is_the_card_byte_for_byte() -> None:
    """Four of five differ: another, a longer, an empty one and none."""
    keys = [b"card-1", b"card-2", b"card-12", b"", None]
    check([text_of(FULL)] * 5, keys)
    assert scan(batch_of([text_of(FULL)] * 5, keys), 0, NOW_MS).n_key_mismatches == 4


def test_a_time_that_nobody_can_believe_is_no_payment_and_no_arrival() -> None:
    """By hand: a second before 1990 and one beyond the limit; a record sent in 1970 came just now."""
    late = text_of(FULL | {"timestamp": "2027-01-15T08:05:00Z"})
    values = [
        text_of(FULL | {"timestamp": "1989-12-31T23:59:59Z"}),
        text_of(FULL | {"timestamp": "2027-01-15T08:05:01Z"}),
        None,
        late,
    ]
    check(values)
    records = [record._replace(timestamp=5) for record in batch_of([late]).records]  # type: ignore[attr-defined]
    [read] = scan(Batch("t", 0, records, NOW_MS), 10, 2**62).payments.columns.times_ms.tolist()
    assert read == NOW_MS
    scanned = scan(batch_of(values), BELIEVABLE.earliest_ms, NOW_MS + BELIEVABLE.max_ahead_ms)
    assert scanned.becomes.tolist() == [UNBELIEVABLE, UNBELIEVABLE, ODD, READ]
    assert scanned.payments.columns.times_ms.item(3) == NOW_MS - 3_000


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'"channel"', b'"amount":1.0,"channel"'),
        (b'"channel"', b'"note":1,"note":2,"mcc":"5411","channel"'),
        (b'"pos"}', b'"pos"}x'),
        (b'"pos"}', b'"pos"}{}'),
        (b'"pos"}', b'"pos",}'),
        (b'"pos"}', b'"pos"'),
        (b'"pos"}', b'"pos'),
        (b'"pos"', b"nulx"),
        (b'"pos"', b"nul"),
        (b'"pos"', b'"po\x1fs"'),
        (b'"pos"', b'"po\\u0073"'),
        (b'"pos"', b"tru"),
        (b'"channel":', b'"channel"'),
        (b'"5411"', b"54110"),
        (b'"5411"', b"154111"),
        (b'"DE"', b"1DE1"),
        (b'"EUR"', b"[EUR]"),
    ],
)
def test_what_is_no_object_of_the_plainest_form_is_left_to_the_decoder(
    before: bytes, after: bytes
) -> None:
    value = text_of(FULL).replace(b": ", b":").replace(b", ", b",")
    assert before in value
    value = value.replace(before, after)
    assert not is_read(value)
    check([value])


@given(_TIMES)
def test_a_time_is_what_the_decoder_reads_or_none(text: str) -> None:
    content = np.frombuffer(text.encode(), np.uint8)
    time_ms, hour = read_time(content, 0, len(content))
    assert read_time.py_func(content, 0, len(content)) == (time_ms, hour)
    if time_ms == NO_TIME:
        return
    sent = msgspec.json.decode(text_of(FULL | {"timestamp": text}), type=Transaction)
    [times_ms], [local_hours] = clocks([sent.timestamp])
    assert (time_ms, hour) == (times_ms, local_hours)
    assert time_ms == int(sent.timestamp.timestamp() * 1000)
    assert hour == sent.timestamp.hour + sent.timestamp.minute / 60


@pytest.mark.parametrize(
    ("text", "time_ms", "hour"),
    [
        ("1970-01-01T00:00:00Z", 0, 0.0),
        ("1970-01-01T01:30:00.25+01:00", 1_800_250, 1.5),
        ("2000-02-29T00:00:00.000001-00:30", 951_784_200_000, 0.0),
        ("1969-12-31T23:59:59.5Z", -500, 23 + 59 / 60),
        ("2026-12-31T23:45:30.123456+23:45", 1_798_675_230_123, 23.75),
        ("1900-02-29T00:00:00Z", NO_TIME, 0.0),
        *((f"2026-{day}T00:00:00Z", NO_TIME, 0.0) for day in ("04-31", "06-31", "09-31", "11-31")),
        *((f"2026-{day}T00:00:00Z", NO_TIME, 0.0) for day in ("00-01", "13-01", "01-00", "01-32")),
        ("0000-01-01T00:00:00Z", NO_TIME, 0.0),
        ("2026-01-05T10:60:00Z", NO_TIME, 0.0),
        ("2026-01-05T10:00:00.1234567Z", NO_TIME, 0.0),
        ("2026-01-05T10:00:00+01:60", NO_TIME, 0.0),
        ("2026-01-05T10:00:00+01.30", NO_TIME, 0.0),
        ("2022-02-29T00:00:00Z", NO_TIME, 0.0),
        ("2026-01-05T24:00:00Z", NO_TIME, 0.0),
        ("2026-01-05T10:00:60Z", NO_TIME, 0.0),
        ("2026-01-05T10:00:00.Z", NO_TIME, 0.0),
        ("2026-01-05T10:00:00+24:00", NO_TIME, 0.0),
        ("2026-01-05 10:00:00Z", NO_TIME, 0.0),
        ("2026-1-05T10:00:000Z", NO_TIME, 0.0),
    ],
)
def test_times_by_hand(text: str, time_ms: int, hour: float) -> None:
    assert read_time(np.frombuffer(text.encode(), np.uint8), 0, len(text)) == (time_ms, hour)


@given(st.lists(mutated(), min_size=1, max_size=3))
def test_the_compiled_loop_is_its_python(values: list[bytes]) -> None:
    """`scan_messages` and the two that it calls for each message."""
    n, laid, keys = len(values), joined(values), joined([b"card-1"] * len(values))
    found = []
    for scan_them in (scanner.scan_messages, scanner.scan_messages.py_func):
        names = np.zeros((2, n, 3), np.int64)
        out = np.zeros((N_NUMBERS, n), np.int64), np.zeros(n, PAYMENT), names
        scratch, sent_ms = np.zeros((2, N_FIELDS), np.int64), np.full(n, NOW_MS)
        counted = scan_them(*laid, *keys, sent_ms, NOW_MS, 0, NOW_MS, True, scratch, *out)
        found.append((counted, [part.tobytes() for part in out]))
    assert found[0] == found[1]
    text = laid.content
    for value, first in zip(values, laid.starts.tolist(), strict=True):
        spans = []
        for find in (scanner._find_fields, scanner._find_fields.py_func):
            scratch = np.zeros((2, N_FIELDS), np.int64)
            last = first + len(value)
            is_object = bool(find(text, first, last, scratch[0], scratch[1]))
            rows = (
                np.zeros((N_NUMBERS, 1), np.int64),
                np.zeros(1, PAYMENT),
                np.zeros((2, 1, 3), np.int64),
            )
            is_payment = None
            if is_object:
                read = scanner._read_fields
                read = read.py_func if find is scanner._find_fields.py_func else read
                is_payment = bool(read(text, scratch[0], scratch[1], 0, True, *rows))
            spans.append((is_object, is_payment, [part.tobytes() for part in rows if is_payment]))
        assert spans[0] == spans[1]


def test_one_bad_byte_makes_no_other_message_odd() -> None:
    """Not UTF-8 in one: the others are read; keys may be any bytes."""
    ascii_one, other = text_of(payment()), text_of(FULL)
    bad = text_of(payment(note="?")).replace(b"?", b"\xff")
    cut = text_of(FULL)[:-1] + "é".encode()[:1]
    became = scan(batch_of([ascii_one, bad, other]), 0, NOW_MS).becomes.tolist()
    assert became == [READ, ODD, READ]
    assert scan(batch_of([other], [b"\xff"]), 0, NOW_MS).becomes.tolist() == [READ]
    check([ascii_one, bad, other, cut, "é".encode()[1:] + other, ascii_one])


@given(
    st.binary(max_size=6)
    | st.text(max_size=3).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
@example(b"\xc0\x80")
@example(b"\xc1\xbf")
@example(b"\xe0\x9f\xbf")
@example(b"\xed\xa0\x80")
@example(b"\xed\x9f\xbf")
@example(b"\xf0\x8f\xbf\xbf")
@example(b"\xf4\x90\x80\x80")
@example(b"\xf4\x8f\xbf\xbf")
@example(b"\xf5\x80\x80\x80")
@example(b"\xf0\x9f\x98\x80")
@example(b"\xf0\x9f\x98")
@example(b"\xf0\x9f")
@example(b"\xe2\x82\x28")
def test_a_string_ends_at_its_quote_if_it_is_text(content: bytes) -> None:
    """In UTF-8, and without a control character, a quote or a backslash."""
    quoted = np.frombuffer(b'"' + content + b'"', np.uint8)
    try:
        is_plain = not any(letter < " " or letter in '"\\' for letter in content.decode())
    except UnicodeDecodeError:
        is_plain = False
    for find in (end_of_string, end_of_string.py_func):
        assert (find(quoted, 0, len(quoted)) == len(quoted)) == is_plain
        assert b'"' in content or find(quoted[:-1], 0, len(quoted) - 1) == NONE
