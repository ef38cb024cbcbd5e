"""What a dead letter without cards' numbers costs a worker, however long its record is."""

from __future__ import annotations

import json
from time import thread_time

import pytest

from streamer.contract.batch import StoredRecord
from streamer.contract.card_rule import CardRule
from streamer.intake.decoding import PLAIN, DeadLetter
from streamer.intake.hidden_numbers import has_number, without_card_numbers

PAN = "4929123456781236"
MASKING = CardRule("mask", b"0123456789abcdef")
MEGABYTE = 1_000_000
# Several times what it takes; what looks through all of it takes from 0.5 to 5 s.
MOST_S = 0.2
PARTS = {
    "words": b"abc def ",
    "digits": b"4 ",
    "numbers": b"4929123456781237,",
    "NULs and zeros": b"\0" + b"0" * 1_000,
    "NULs and sixes": b"\0" + b"6060" * 250,
    "no ASCII": "\u0664 \u200b".encode(),
    "escapes": b"\\u0034",
    "backslashes": b"\\" * 1_000,
    "lists": b"[],",
}


def hidden(value: bytes, key: bytes = b"k") -> tuple[DeadLetter, float]:
    """Return a letter without numbers, and the least processor time of three, in seconds."""
    letter = DeadLetter(StoredRecord(1, 5, key, value), "malformed_json", "$", "wrong")
    times = []
    for _ in range(3):
        began = thread_time()
        [found] = without_card_numbers([letter], MASKING, PLAIN.contents)
        times.append(thread_time() - began)
    return found, min(times)


@pytest.mark.parametrize("is_json", [False, True])
@pytest.mark.parametrize("what", PARTS)
def test_a_megabyte_keeps_a_worker_for_a_moment_and_is_withheld(what: str, is_json: bool) -> None:
    """ASCII without the digits of a number is kept, whatever its length."""
    value = PARTS[what] * (MEGABYTE // len(PARTS[what]))
    if is_json:
        note = value.decode()
        value = json.dumps({"card_id": PAN, "note": note}, ensure_ascii=False).encode()
    is_harmless = what in ("words", "NULs and zeros", "backslashes", "lists") and not is_json
    letter, took_s = hidden(value)
    kept = ("", value, b"k") if is_harmless else ("too long", b"", b"k")
    assert (letter.masked, letter.record.value, letter.record.key) == kept
    assert took_s < MOST_S
    letter, took_s = hidden(b"{}", key=value)
    kept = ("", b"{}", value) if is_harmless else ("in part", b"{}", None)
    assert (letter.masked, letter.record.value, letter.record.key) == kept
    assert took_s < MOST_S
    letter, _ = hidden(value + PAN.encode())
    assert letter.masked == "too long"


@pytest.mark.parametrize("value", [bytes(10 * MEGABYTE), b"0" * 10 * MEGABYTE])
def test_ten_megabytes_of_zeros_are_kept_as_they_came(value: bytes) -> None:
    letter, took_s = hidden(value, key=bytes(148_500))
    assert (letter.masked, letter.record.value) == ("", value)
    assert letter.record.key == bytes(148_500)
    assert took_s < MOST_S


@pytest.mark.parametrize("between", ["", " ", "-", " - ", "\\n", "\\u0020"])
@pytest.mark.parametrize("around", ["[", "x" * 63 + "1", "0", "\0"])
def test_a_number_in_a_long_value_is_found_however_it_is_written(between: str, around: str) -> None:
    number = between.join(PAN[i : i + 4] for i in range(0, 16, 4))
    far = around * (MEGABYTE // len(around))
    letter, took_s = hidden((far + " " + number + " " + far).encode())
    assert letter.masked == "too long"
    assert took_s < 2 * MOST_S


@pytest.mark.parametrize("what", PARTS)
def test_the_longest_value_that_is_looked_through_takes_no_longer(what: str) -> None:
    """32,768 signs that are looked at one by one, or 262,144 of plain words."""
    n_bytes = 32_000 if what != "words" else 260_000
    _, took_s = hidden(PARTS[what] * (n_bytes // len(PARTS[what])))
    assert took_s < MOST_S


def test_a_long_message_of_words_is_kept_and_its_number_is_stars() -> None:
    """Two hundred kilobytes, as of a log with many lines."""
    value = json.dumps({"note": "abc def " * 25_000, "merchant_id": PAN}).encode()
    letter, _ = hidden(value)
    assert (letter.masked, letter.record.value) == (
        "in part",
        value.replace(b"4929123456781236", b"*" * 16),
    )


def test_very_many_values_or_long_texts_that_nobody_looks_through_count_as_a_number() -> None:
    """Gzip makes a megabyte of a kilobyte."""
    assert not has_number([[]] * 30_000)
    assert has_number([[]] * 40_000)
    assert not has_number(["\u00e9 123456 123456 " * 1_500])
    assert has_number(["\u00e9 123456 123456 " * 3_000])
