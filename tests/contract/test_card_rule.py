"""What is done about a card's number, and bytes without one."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.contract.card_rule import ALLOWED, REFUSED, CardRule
from streamer.contract.pseudonyms import CardKeys, is_pseudonym, pseudonym, pseudonyms
from tests.contract.card_samples import NUMBERS, SPELLINGS, numbers

PAN = "4929123456781236"
MASKING = CardRule("mask", b"0123456789abcdef")
MASK = "masked-" + hmac.new(b"0123456789abcdef", PAN.encode(), hashlib.sha256).hexdigest()[:32]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_number_is_refused_masked_or_let_through(spelling: str) -> None:
    """However it is spelled it is one card under masking, and an id of its own when let through."""
    spelled = SPELLINGS[spelling](PAN)
    assert REFUSED.id_of(spelled) is None
    assert MASKING.id_of(spelled) == MASK
    assert ALLOWED.id_of(spelled) == spelled


def test_masks_merge_no_cards_and_depend_on_the_key() -> None:
    """Cards that differ in the middle alone, which truncation would make one."""
    alike = [f"4929123{n:08d}" for n in range(200)]
    cards = [f"{each}{check}" for each in alike for check in range(10)]
    numbers = [card for card in cards if REFUSED.id_of(card) is None]
    assert len(numbers) == 200
    assert len({MASKING.id_of(card) for card in numbers}) == 200
    other = CardRule("mask", b"fedcba9876543210")
    assert {MASKING.id_of(card) for card in numbers}.isdisjoint(map(other.id_of, numbers))


def test_ids_that_are_none_stay_as_they_are_and_masking_needs_a_key() -> None:
    for rule in (REFUSED, MASKING, ALLOWED):
        assert [rule.id_of(each) for each in ("c-1", "", MASK)] == ["c-1", "", MASK]
    with pytest.raises(ValueError, match="must have a key"):
        CardRule("mask").id_of(PAN)


def test_digits_in_bytes_are_stars_where_numbers_are_refused() -> None:
    note = "4929 1234 5678 1236, 4929123456781237"
    told = f'{{"card_id": "{PAN}", "n": 1795845480000, "note": "{note}"}}'
    masked, n = REFUSED.without_numbers(told.encode())
    stars = "*" * 16
    note = "**** **** **** ****, 4929123456781237"
    assert masked.decode() == f'{{"card_id": "{stars}", "n": 1795845480000, "note": "{note}"}}'
    assert n == 2
    assert ALLOWED.without_numbers(told.encode()) == (told.encode(), 0)


def test_under_masking_a_message_stays_one_that_can_be_sent_again() -> None:
    """A number without quotes gets some."""
    told = json.dumps(
        {"card_id": int(PAN), "other": [PAN, int(PAN)], "note": f"of {PAN}!"}
    ).encode()
    masked, n = MASKING.without_numbers(told)
    found = json.loads(masked)
    assert found == {"card_id": MASK, "other": [MASK, MASK], "note": f"of {MASK}!"}
    assert n == 4


@pytest.mark.parametrize("around", ["0a{}ff", "e{}0"])
def test_digits_within_a_digest_are_none(around: str) -> None:
    """A version's id is a SHA-256, and has such a run by chance."""
    digest = around.format(PAN).rjust(64, "a")
    assert REFUSED.without_numbers(digest.encode()) == (digest.encode(), 0)


def test_in_bytes_that_are_no_text_a_length_may_stand_beside_the_digits() -> None:
    r"""Avro writes 24 as "0" before the text that follows."""
    told = b"\x00\x00\x00\x00\x07 " + PAN.encode() + b"0" + b"merchant of 24 letters.."
    masked, n = REFUSED.without_numbers(told)
    assert PAN.encode() not in masked
    assert n == 1
    assert MASKING.without_numbers(told)[0] == masked


@given(numbers(), st.text(max_size=20), st.text(max_size=20))
def test_under_masking_no_number_is_left_in_bytes(number: str, before: str, behind: str) -> None:
    told = json.dumps({before: [f"{before}|{number}|{behind}", int(number)]}).encode()
    for rule in (REFUSED, MASKING):
        assert number.encode() not in rule.without_numbers(told)[0]


def test_a_number_that_was_taken_for_a_fraction_is_masked_like_any_other() -> None:
    told = b'{"card_id": 4.929123456781236e15, "at": 48.85661400000001}'
    masked, n = MASKING.without_numbers(told)
    assert (json.loads(masked)["card_id"], n) == (MASK, 1)
    assert json.loads(masked)["at"] == 48.85661400000001


def test_in_bytes_that_are_no_text_a_number_may_stand_among_other_digits() -> None:
    """As fields of a fixed length do: 19 digits before it, 17 behind; in a text it is a longer id."""
    told = b"0100" + b"7" * 15 + PAN.encode() + b"00000000000012345"
    masked, n = REFUSED.without_numbers(b"\x00" + told)
    assert (masked, n) == (b"\x00" + b"*" * len(told), 1)
    assert REFUSED.without_numbers(told) == (told, 0)
    assert REFUSED.without_numbers(b"\x00" + b"7" * 30) == (b"\x00" + b"7" * 30, 0)


def test_a_long_message_of_digits_takes_no_longer_than_any_other() -> None:
    """Each of a million digits is looked at a few times, not with all that follow."""
    for part in (b"4", b"4 ", b"4929 ", b"49291234-", b"\x004929e1 ", NUMBERS[0].encode()):
        told = part * (1_000_000 // len(part))
        assert len(REFUSED.without_numbers(told)[0]) == len(told)


def test_a_key_is_the_card_also_where_it_is_the_number_itself() -> None:
    assert MASKING.is_key(PAN.encode(), MASK)
    assert MASKING.is_key(MASK.encode(), MASK)
    assert MASKING.is_key(b"c-1", "c-1")
    assert not MASKING.is_key(b"4111111111111111", MASK)
    assert not MASKING.is_key(None, "c-1")
    assert not REFUSED.is_key(PAN.encode(), MASK)


def test_a_pseudonym_is_of_the_current_key_and_known_under_all() -> None:
    keys = CardKeys([("new", b"n" * 16), ("old", b"o" * 16)])
    new, old = pseudonym("c-1", b"n" * 16), pseudonym("c-1", b"o" * 16)
    assert (pseudonym("c-1", keys), pseudonyms("c-1", keys)) == (new, [new, old])
    assert is_pseudonym(new, "c-1", keys)
    assert is_pseudonym(old, "c-1", keys)
    assert not is_pseudonym(old, "c-2", keys)
    assert not is_pseudonym("c-1", "c-1", keys)
    keys.take([("newest", b"x" * 16), ("new", b"n" * 16)])
    assert keys.ids == ("newest", "new")
    assert not is_pseudonym(old, "c-1", keys)
    assert is_pseudonym(new, "c-1", keys)


def test_a_rule_is_told_apart_from_others_without_its_key() -> None:
    told = [
        rule.told for rule in (REFUSED, ALLOWED, MASKING, CardRule("mask", b"another key, 16+"))
    ]
    assert told[:2] == ["refuse", "allow"]
    assert len(set(told)) == 4
    assert "0123456789abcdef" not in told[2]
