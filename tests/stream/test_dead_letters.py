"""A dead letter fits, whatever the record was: value, key and headers together are bounded."""

from __future__ import annotations

from typing import get_args

from hypothesis import example, given
from hypothesis import strategies as st

from streamer.contract.batch import Batch, StoredRecord
from streamer.intake.decoding import DeadLetter, DeadLetterReason
from streamer.intake.refused_records import Masked
from streamer.stream.publishing.dead_letters import DeadLetterMessage, dead_letter_message

LONGEST_TOPIC = "t" * 249
# What Kafka's defaults allow for a batch of one record, and the most that its framing takes: 61 bytes
# for the batch, 21 for the record and 10 for each of 10 headers.
BROKER_LIMIT = 1_048_588
FRAMING = 61 + 21 + 10 * 10


def message_of(
    value: bytes | None,
    key: bytes | None,
    max_bytes: int,
    detail: str = "wrong",
    hint: str = "",
    masked: Masked = "",
) -> DeadLetterMessage:
    longest = max(get_args(DeadLetterReason), key=len)
    record = StoredRecord(2**63 - 1, 0, key, value)
    letter = DeadLetter(record, longest, "$." + detail, detail, hint, masked)
    return dead_letter_message(letter, Batch(LONGEST_TOPIC, 99_999, [record], 10**13), max_bytes)


def size(message: DeadLetterMessage) -> int:
    parts = [message.key or b"", message.value or b""]
    return sum(map(len, parts)) + sum(len(n) + len(v) for n, v in message.headers)


def test_a_value_too_large_is_cut_and_the_header_says_from_what() -> None:
    """2,000 bytes where 1,500 are allowed: as much of the value as key and headers leave."""
    message = message_of(b"x" * 2_000, b"card", 1_500)
    assert message.key == b"card"
    assert message.value is not None
    assert 0 < len(message.value) < 1_500
    assert dict(message.headers)["streamer-shortened-from-bytes"] == b"2000"
    assert "streamer-key-shortened-from-bytes" not in dict(message.headers)
    assert size(message) <= 1_500


def test_the_key_is_cut_only_when_nothing_of_the_value_is_left() -> None:
    message = message_of(b"x" * 2_000, b"k" * 3_000, 1_500)
    assert message.value == b""
    assert message.key is not None
    assert message.key == b"k" * len(message.key)
    assert dict(message.headers)["streamer-shortened-from-bytes"] == b"2000"
    assert dict(message.headers)["streamer-key-shortened-from-bytes"] == b"3000"
    assert size(message) == 1_500


def test_a_key_without_a_value_is_cut_alone() -> None:
    message = message_of(None, b"k" * 3_000, 1_500)
    assert message.value is None
    assert "streamer-shortened-from-bytes" not in dict(message.headers)
    assert dict(message.headers)["streamer-key-shortened-from-bytes"] == b"3000"


def test_the_record_that_blocked_a_partition_fits_at_the_broker_s_default_limit() -> None:
    """899,900 bytes of value and 148,500 of key came in; with headers they could not go out."""
    message = message_of(bytes(899_900), bytes(148_500), 900_000)
    assert size(message) + FRAMING <= BROKER_LIMIT
    assert message.key == bytes(148_500)


def test_what_would_help_is_a_header_where_it_is_known() -> None:
    hint = "say in which zone: set zone under [timestamp]"
    told = dict(message_of(b"x", b"card", 1_024, hint=hint).headers)
    assert told["streamer-hint"] == hint.encode()
    assert "streamer-hint" not in dict(message_of(b"x", b"card", 1_024).headers)


def test_what_fits_is_untouched() -> None:
    message = message_of(b"x" * 100, b"card", 1_024)
    assert (message.key, message.value) == (b"card", b"x" * 100)
    assert len(message.headers) == 7


@given(
    st.none() | st.integers(0, 5_000),
    st.none() | st.integers(0, 5_000),
    st.integers(1_024, 6_000),
    st.text(max_size=600),
    st.text(max_size=600),
    st.sampled_from(get_args(Masked)),
)
@example(0, 5_000, 1_024, "\N{GRINNING FACE}" * 300, "x" * 600, "")
@example(5_000, 5_000, 1_024, "\N{GRINNING FACE}" * 300, "\N{GRINNING FACE}" * 300, "")
@example(5_000, 5_000, 1_024, "x" * 600, "x" * 600, "")
@example(5_000, 5_000, 1_024, "x" * 600, "x" * 600, "withheld")
def test_no_record_makes_a_dead_letter_that_is_larger_than_allowed(
    n_value: int | None, n_key: int | None, max_bytes: int, detail: str, hint: str, masked: Masked
) -> None:
    """The longest topic and texts leave room for both notes at the least limit that can be set."""
    value, key = (None if n is None else b"x" * n for n in (n_value, n_key))
    message = message_of(value, key, max_bytes, detail, hint, masked)
    assert size(message) <= max_bytes
    notes = dict(message.headers)
    for before, after, note in (
        (value, message.value, "streamer-shortened-from-bytes"),
        (key, message.key, "streamer-key-shortened-from-bytes"),
    ):
        assert (after is None) == (before is None)
        assert (before or b"").startswith(after or b"")
        assert (note in notes) == (before != after)
        assert notes.get(note, str(len(before or b"")).encode()) == str(len(before or b"")).encode()


def test_a_context_is_passed_on_where_it_has_room_and_nothing_is_cut_for_it() -> None:
    """Headers of 20 bytes: with exactly as much room they are there, with a byte less they are not."""
    record = StoredRecord(7, 0, b"card", b"x" * 500)
    letter = DeadLetter(record, "malformed_json", "$", "wrong")
    source = Batch("transactions", 0, [record], 0)
    alone = dead_letter_message(letter, source, 10_000)
    trace = [("traceparent", b"123456789")]
    with_room = dead_letter_message(letter, source, size(alone) + 20, trace)
    assert with_room.headers == alone.headers + trace
    assert dead_letter_message(letter, source, size(alone) + 19, trace) == alone
    cut = dead_letter_message(letter, source, size(alone) - 1, trace)
    assert "traceparent" not in dict(cut.headers)
