"""Which digits are taken for a card's number, and which ids of other kinds are not."""

from __future__ import annotations

import random
import unicodedata
import uuid

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamer.contract.card_number_loop import may_be_card_number
from streamer.contract.network_numbers import (
    NETWORKS,
    card_number,
    is_card_number,
)
from tests.contract.card_samples import NUMBERS, SPELLINGS, numbers, with_check_digit

# Published for tests by the networks and their processors.
KNOWN = (
    "4111111111111111", "4222222222222", "4000000000000000006", "5555555555554444",
    "2223003122003222", "378282246310005", "371449635398431", "30569309025904", "38520000023237",
    "6011111111111117", "6011000990139424", "3530111333300000", "6200000000000005",
    "6759649826438453", "501800000009", "6304000000000000", "135410014004955",
)  # fmt: skip


def may_be(text: str) -> bool:
    content = np.frombuffer(b'{"' + text.encode() + b'"}', np.uint8)
    last = len(content) - 2
    found = {bool(loop(content, 2, last)) for loop in LOOPS}
    assert len(found) == 1
    return found.pop()


LOOPS = (may_be_card_number, may_be_card_number.py_func)


@pytest.mark.parametrize("number", KNOWN)
def test_numbers_that_networks_publish_for_tests_are_known(number: str) -> None:
    assert is_card_number(number)
    assert may_be(number)


@pytest.mark.parametrize(
    "text",
    [
        "", "c-1", "4111111111111112", "0000000000000000", "79927398713", "1795845480000",
        "1795845480000123", "c-4111111111111111", "4111111111111111-x", "41111111111111110000",
        "00411111111111111", "e111111111111111", "4111e1111111111111", "+4111:111111111111",
        "447911123456", "573001234567", "639171234567", "4111:1111:1111:1111",
        str(uuid.UUID(int=0xA4111111111111111)), "4111111111111111.5", "٤٤٤", "карта-411111",
    ],
)  # fmt: skip
def test_other_ids_are_not(text: str) -> None:
    """Too long or short, without check digit, a time, a mobile number, a word around it."""
    assert card_number(text) is None


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_it_is_known_in_every_spelling_that_people_send(spelling: str) -> None:
    spelled = SPELLINGS[spelling]("4929123456781236")
    assert card_number(spelled) == "4929123456781236"
    assert may_be(spelled)


@given(numbers(), st.sampled_from(sorted(SPELLINGS)))
def test_a_number_of_any_network_is_found_by_the_loop_as_by_the_rule(
    number: str, spelling: str
) -> None:
    spelled = SPELLINGS[spelling](number)
    assert card_number(spelled) == number
    assert may_be(spelled)


@given(st.text("0123456789 -", max_size=24) | st.text(max_size=24))
def test_the_loop_passes_nothing_over_that_the_rule_would_find(text: str) -> None:
    text = text.encode(errors="replace").decode()
    if card_number(text) is not None:
        assert may_be(text)
    elif all(each in "0123456789 -" for each in text):
        assert not may_be(text)


def by_python(text: str) -> str:
    """Return the digits of a text, by NFKC and `int` alone."""
    told = unicodedata.normalize("NFKC", text)
    return "".join(str(int(each)) for each in told if each.isdecimal()).lstrip("0")


SCRIPTS = [cp for cp in range(0x110000) if chr(cp).isdecimal() and int(chr(cp)) == 0]
BETWEEN = (
    "",
    *" -./'_",
    "\u200b",
    "\u200d",
    "\ufeff",
    "\u3000",
    "\u2007",
    "\u00ad",
    "\u2060",
    "\ufe0f",
)


@st.composite
def spellings(draw: st.DrawFn) -> tuple[str, str]:
    """Return a number and a spelling of it: zeros, scripts, and signs that are nothing."""
    number = draw(numbers())
    zero, sign = draw(st.sampled_from(SCRIPTS)), draw(st.sampled_from(BETWEEN))
    cuts = draw(st.sets(st.integers(0, len(number)), max_size=4))
    padded = "0" * draw(st.integers(0, 20)) + number
    shift = len(padded) - len(number)
    spelled = "".join(
        (sign if at - shift in cuts else "") + chr(zero + int(digit))
        for at, digit in enumerate(padded)
    )
    return number, spelled + (sign if len(number) in cuts else "")


@given(spellings())
@example(("4111111111111111", "\u30004111111111111111"))
@example(
    ("4111111111111111", "4111111111111111".translate({48 + d: 0x1D7CE + d for d in range(10)}))
)
def test_every_spelling_is_the_number_to_the_loop_and_to_the_rule(found: tuple[str, str]) -> None:
    number, spelled = found
    assert by_python(spelled) == number
    assert card_number(spelled) == number
    assert may_be(spelled)


@pytest.mark.parametrize(
    "spelled",
    [
        "4.111111111111111E15", "4.111111111111111e+15", "41111111.11111111E8", "4111111111111111E0",
        "4111111111111111.000", "4111111111111111,0", "4111.1111.1111.1111", "'4111111111111111",
        "4111/1111/1111/1111", "\ufeff4111111111111111", "4111\u200b1111\u200b1111\u200b1111",
        "0004111111111111111", "0" * 40 + "4111111111111111", "４.１１１１１１１１１１１１１１１Ｅ１５",
    ],
)  # fmt: skip
def test_programs_spell_it_so(spelled: str) -> None:
    assert card_number(spelled) == "4111111111111111"
    assert may_be(spelled)


def test_the_loop_asks_about_each_sign_that_may_be_a_digit_or_nothing() -> None:
    """One sign among digits makes another id, or the loop goes on."""
    others = (*range(0x80, 0xD800), *range(0xE000, 0x20000), *range(0xE0000, 0xE0200))
    spelled = [chr(cp) + KNOWN[0] for cp in others if not chr(cp).isalpha()]
    content = [np.frombuffer(each.encode(), np.uint8) for each in spelled]
    passed_over = [
        each
        for each, of in zip(spelled, content, strict=True)
        if not may_be_card_number(of, 0, len(of))
    ]
    assert list(filter(None, map(card_number, passed_over))) == []


def test_one_in_24_random_ids_of_16_digits_is_taken_for_a_number() -> None:
    """41% of them begin as the networks' do, and one in ten of these has the check digit."""
    by_prefix = sum(is_card_number(with_check_digit(f"{p:04d}" + 11 * "0")) for p in range(10_000))
    assert by_prefix == 4_104
    rng = random.Random(0)
    found = sum(is_card_number(f"{rng.randrange(10**16):016d}") for _ in range(20_000))
    # Within four standard deviations of 821.
    assert found == pytest.approx(20_000 * by_prefix / 100_000, abs=4 * 821**0.5)


def test_every_range_is_of_four_digits_and_lengths_are_those_looked_for() -> None:
    for name, ranges, lengths in NETWORKS:
        assert all(1_000 <= first <= last <= 9_999 for first, last in ranges), name
        assert set(lengths) <= set(range(12, 20)), name
    assert {len(number) for number in NUMBERS} == {12, 13, 14, 15, 16, 17, 18, 19}
