"""Which digits are taken for a card's number, and which ids of other kinds are not."""

from __future__ import annotations

import random
import uuid

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.contract.network_numbers import (
    NETWORKS,
    card_number,
    is_card_number,
    may_be_card_number,
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
        "00411111111111111", "447911123456", "573001234567", "639171234567", "4111:1111:1111:1111",
        str(uuid.UUID(int=0x4111111111111111)), "4111111111111111.5", "٤٤٤", "карта-411111",
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
