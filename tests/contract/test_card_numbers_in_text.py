"""Texts without cards' numbers, in every spelling that docs/card-numbers.md names."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.contract.card_numbers import has_card_number, without_card_numbers
from tests.contract.card_samples import NUMBERS, SPELLINGS, digits_in, numbers

PAN = "4929123456781236"
WORDS = st.text("abc ,;:!?(){}\u00e9\u4e2d\u200b\n", max_size=20)


@given(numbers(), st.sampled_from(sorted(SPELLINGS)), WORDS, WORDS)
def test_no_number_is_left_in_a_text_whatever_stands_around_it(
    number: str, spelling: str, before: str, behind: str
) -> None:
    """Also within JSON, where what is not ASCII is escaped, and once more in a text of that."""
    text = f"{before}|{SPELLINGS[spelling](number)}|{behind}"
    once = json.dumps({"note": text})
    for told in (text, once, json.dumps([once]), json.dumps([text], ensure_ascii=False)):
        found = without_card_numbers(told)
        assert has_card_number(told)
        assert number not in digits_in(found)
        assert not has_card_number(found)
        assert without_card_numbers(found) == found


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"is it {PAN}?", "is it ****************?"),
        ("4929 1234-5678 1236, of 2026", "**** ****-**** ****, of 2026"),
        ("4929    1234\t5678\n1236", "****    ****\t****\n****"),
        ("4929 1234\u00a05678\u200b1236", "**** ****\u00a0****\u200b****"),
        ("x 4.929123456781236E15", "x *.***************E**"),
        ("4929123456781.236", "*************.***"),
        ("\\u0034929123456781236", "****************"),
        ("\\ud835\\udfd2929123456781236", "****************"),
        ("\\U0001d7d2929\\xa01234\\t5678 1236", "****\\xa0****\\t**** ****"),
        ("\u246f 4929123456781236", "\u246f ****************"),
    ],
)
def test_each_digit_is_a_star_and_all_else_stays(text: str, shown: str) -> None:
    r"""U+1D7D2 is a digit four, in JSON two escapes; 16 in a circle stands for two digits."""
    assert without_card_numbers(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4929123456781237",
        "1234567890123452",
        "2026-11-30 04:25:17.123456, 1200 EUR, 10.20.30.40:9092",
        "at 48.85661400000001 and 4929123456781.236 of a degree",
        "1795845480000 1795845480000000 1795845480000000000",
        f"{PAN}{PAN}",
        "a3f" + PAN.rjust(61, "0"),
        "[4929,1234,5678,1236]",
        "12 eggs \\u00e9 \\ud835 \\U99999999 and 123456 others",
    ],
)
def test_other_digits_stay(text: str) -> None:
    """1234567890123452 has the check digit and is no network's; a list is of four numbers."""
    assert without_card_numbers(text) == text
    assert not has_card_number(text)


def test_numbers_of_every_network_are_found() -> None:
    assert [number for number in NUMBERS if not has_card_number(f"of {number}.")] == []


@given(
    st.lists(st.integers(0, 99_999), min_size=14, max_size=60),
    numbers(),
    st.lists(st.integers(1, 6), min_size=4, max_size=19),
    st.lists(st.integers(0, 99_999), max_size=20),
    st.sampled_from(" ./'_-"),
)
def test_a_number_in_groups_is_found_behind_any_other_groups(
    before: list[int], number: str, sizes: list[int], behind: list[int], between: str
) -> None:
    """Groups follow one another as on a statement; the number is of some in the middle of them."""
    groups, at = [], 0
    for size in sizes:
        groups.append(number[at : at + size])
        at += size
    groups.append(number[at:])
    text = between.join([*map(str, before), *filter(None, groups), *map(str, behind)])
    spelled = between.join(filter(None, groups))
    hidden = without_card_numbers(text)
    assert len(hidden) == len(text)
    start = len("".join(f"{each}{between}" for each in before))
    told = hidden[start : start + len(spelled)]
    assert told.replace(between, "") == "*" * len(number)


def test_groups_around_a_number_stay() -> None:
    """Seventeen in front of it, and the month behind."""
    around = " ".join(["7"] * 17)
    assert without_card_numbers(f"{around} 4929 1234 5678 1236 12/27") == (
        f"{around} **** **** **** **** 12/27"
    )
