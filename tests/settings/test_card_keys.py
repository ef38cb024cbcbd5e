"""The file of keys: what it must be, and that a running process takes a new one up."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamer.contract.pseudonyms import pseudonym
from streamer.errors import ConfigurationError
from streamer.settings import load_settings
from streamer.settings.card_keys import CardKeysFile, parsed_card_keys
from streamer.starting.card_keys_in_use import CardKeysInUse, card_key_of, card_rule_of
from streamer.starting.wiring import service_identity
from tests.rig.swapped import SwappedFile

KEY, OTHER = "0123456789abcdef", "fedcba9876543210"


def faults(**settings: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load_settings({f"STREAMER_{name.upper()}": value for name, value in settings.items()})
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "must have 1 to 16 keys, got 0"),
        ("# none\n\n", "must have 1 to 16 keys, got 0"),
        (KEY, "must have lines ID:KEY, got line 1 of another form"),
        (f"an id:{KEY}", "must have lines ID:KEY, got line 1 of another form"),
        (f"a:{KEY}\nb:short", "must have keys of 16 characters or more, got line 2"),
        (f"a:{KEY}\na:{OTHER}", "must name each id once, got a again in line 2"),
        (f"a:{KEY}\nb:{KEY}", "must have each key once, got that of line 2 again"),
        ("\n".join(f"k{i}:{KEY}{i}" for i in range(17)), "must have 1 to 16 keys, got 17"),
    ],
)
def test_what_is_no_file_of_keys_is_told_without_the_keys(
    tmp_path: Path, text: str, fault: str
) -> None:
    with pytest.raises(ValueError, match=r"^must") as caught:
        parsed_card_keys(text)
    assert str(caught.value) == fault
    path = tmp_path / "keys"
    path.write_text(text)
    [told] = faults(alert_card_keys_file=str(path))
    assert told == f"STREAMER_ALERT_CARD_KEYS_FILE {fault}, got {path}"
    assert KEY not in told


def test_a_file_that_is_not_there_or_is_no_text_is_told(tmp_path: Path) -> None:
    [told] = faults(alert_card_keys_file=str(tmp_path / "keys"))
    assert "must be a file that can be read" in told
    (tmp_path / "keys").write_bytes(b"\xff\xfe")
    [told] = faults(alert_card_keys_file=str(tmp_path / "keys"))
    assert "must be a file of text that can be read" in told


def test_masking_needs_a_key_and_a_key_that_masks_nothing_is_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"a:{KEY}")
    assert faults(card_numbers="mask") == [
        "STREAMER_CARD_NUMBER_KEY must be set when STREAMER_CARD_NUMBERS is mask"
    ]
    assert faults(card_number_key=KEY) == [
        "STREAMER_CARD_NUMBER_KEY must not be set when STREAMER_CARD_NUMBERS is refuse"
    ]
    assert faults(alert_card_key=KEY, alert_card_keys_file=str(path)) == [
        "STREAMER_ALERT_CARD_KEY must not be set when STREAMER_ALERT_CARD_KEYS_FILE is: make it a "
        "line of the file"
    ]
    assert "must be one of refuse, mask or allow" in faults(card_numbers="hash")[0]


def test_numbers_are_refused_unless_the_deployment_says_otherwise() -> None:
    assert card_rule_of(load_settings({})).handling == "refuse"
    env = {"STREAMER_CARD_NUMBERS": "mask", "STREAMER_CARD_NUMBER_KEY": KEY}
    rule = card_rule_of(load_settings(env))
    assert (rule.handling, rule.key) == ("mask", KEY.encode())
    assert card_key_of(load_settings({})) is None
    assert card_key_of(load_settings({"STREAMER_ALERT_CARD_KEY": KEY})) == KEY.encode()


def test_workers_agree_on_the_rule_and_on_the_key_of_masks() -> None:
    """What they agree on changes only while none of the others is alive, and is on record."""
    mask = {"STREAMER_CARD_NUMBERS": "mask", "STREAMER_CARD_NUMBER_KEY": KEY}
    other = mask | {"STREAMER_CARD_NUMBER_KEY": OTHER}
    allow = {"STREAMER_CARD_NUMBERS": "allow"}
    told = [service_identity(load_settings(env)).model_settings for env in ({}, mask, other, allow)]
    named = [each.get("STREAMER_CARD_NUMBERS") for each in told]
    assert named[0] is None
    assert len(set(named)) == 4
    assert KEY not in str(told)


def test_a_changed_file_is_taken_up_and_one_at_fault_changes_nothing(tmp_path: Path) -> None:
    """Of the same length and time, over a link that was moved; and gone for a moment."""
    file = SwappedFile(tmp_path, "keys", f"old:{KEY}")
    made = card_key_of(load_settings({"STREAMER_ALERT_CARD_KEYS_FILE": str(file.path)}))
    assert isinstance(made, CardKeysInUse)
    # One key makes what the setting for one key makes.
    assert pseudonym("c-1", made) == pseudonym("c-1", KEY.encode())
    for text in ("nonsense", f"a:{KEY}\n\xff"):
        file.swap(text)
        made.refresh()
        assert made.ids == ("old",)
    file.path.unlink()
    made.refresh()
    assert made.ids == ("old",)
    file.path.symlink_to("..data/keys")
    file.swap(f"new:{OTHER}\nold:{KEY}")
    made.refresh()
    assert (made.ids, made.secrets) == (("new", "old"), (OTHER.encode(), KEY.encode()))
    with pytest.raises(ConfigurationError, match="must be a file of keys"):
        CardKeysInUse(CardKeysFile(tmp_path / "nowhere"))
