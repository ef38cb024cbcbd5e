"""A policy: its id, its file, and that one which cannot be is refused with all of its faults."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from streamer.errors import ConfigurationError, InvariantError
from streamer.policies import (
    Policy,
    changed_policy,
    changes_between,
    overruled,
    policy_in_bytes,
    policy_in_file,
    policy_of,
    policy_of_values,
    settings_under,
)
from streamer.settings import POLICY_SETTINGS, Settings, load_settings
from streamer.starting.wiring import model_config, service_identity

DEFAULT = policy_of(Settings())


def file_of(folder: Path, text: str) -> Path:
    path = folder / "policy.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_id_is_that_of_the_values_however_they_are_written(tmp_path: Path) -> None:
    written = policy_in_file(
        file_of(tmp_path, "review_cost = 5\n[currency_values]\nUSD = 0.92\nEUR = 1\n")
    )
    named = policy_of_values({"currency_values": "EUR=1.0, USD=0.92", "review_cost": "5.0"})
    of_environment = policy_of(Settings(review_cost=5, currency_values="USD=0.92,EUR=1"))
    assert written == named == of_environment
    assert written.id != DEFAULT.id
    assert len(written.id) == 16
    assert policy_of_values({}) == DEFAULT


def test_the_records_bytes_are_what_its_id_says(tmp_path: Path) -> None:
    """Golden: a release that orders or writes them otherwise would have other ids."""
    assert DEFAULT.encoded == (
        b'{"alert_budget":0.005,"alert_hours":"risk","alerts_per_hour":null,"currency_values":null,'
        b'"rank_by":"probability","reserve_share":0.2,"review_cost":0.0,"review_spend_per_day":0.0,'
        b'"sample_share":0.1}'
    )
    assert DEFAULT.id == "c7c3340b19031281"
    assert policy_in_bytes(DEFAULT.encoded, DEFAULT.id) == DEFAULT
    with pytest.raises(InvariantError, match="must be the record of that hash"):
        policy_in_bytes(DEFAULT.encoded + b" ", DEFAULT.id)


def test_all_faults_of_a_policy_are_told_at_once_in_the_words_of_the_settings(
    tmp_path: Path,
) -> None:
    """Unknown, another kind of setting, out of range, no number, and a rule between two."""
    path = file_of(
        tmp_path,
        "alert_budgt = 0.1\nn_clusters = 3\nreserve_share = 0.5\nsample_share = true\n"
        'rank_by = "expected_loss"\nalerts_per_hour = "many"\n',
    )
    with pytest.raises(ConfigurationError) as caught:
        policy_in_file(path)
    lines = [line.removeprefix(f"{path}: ") for line in str(caught.value).splitlines()]
    assert [line.partition(";")[0] for line in lines] == [
        "STREAMER_ALERTS_PER_HOUR must be a number, got many",
        "STREAMER_ALERT_BUDGT is not a setting",
        "STREAMER_CURRENCY_VALUES must be set when STREAMER_RANK_BY is expected_loss",
        "STREAMER_N_CLUSTERS is not the policy's: it is a setting of the environment",
        "STREAMER_RESERVE_SHARE must be at most 0.3, got 0.5",
        "STREAMER_SAMPLE_SHARE must be a number, got true",
    ]
    with pytest.raises(ConfigurationError, match="must be a TOML file"):
        policy_in_file(file_of(tmp_path, "alert_budget 0.1"))


def test_a_change_leaves_the_rest_and_is_told_by_name() -> None:
    changed = changed_policy(DEFAULT, {"alert_budget": "0.004", "alerts_per_hour": "40"})
    assert [str(each) for each in changes_between(DEFAULT, changed)] == [
        "alert_budget: 0.005 -> 0.004",
        "alerts_per_hour: not set -> 40",
    ]
    assert changed_policy(changed, {"alert_budget": "", "alerts_per_hour": ""}) == DEFAULT
    with pytest.raises(ConfigurationError, match="STREAMER_REVIEW_COST must be greater than 0"):
        changed_policy(changed, {"review_spend_per_day": "100"})


def test_a_policy_changes_the_models_parameters_and_nothing_else() -> None:
    """Of the settings that shape stored state the environment's stay."""
    settings = Settings(n_clusters=9, alert_budget=0.05, random_seed=3)
    policy = policy_of_values({"alert_budget": 0.001, "currency_values": "EUR=1"})
    under = settings_under(settings, policy)
    assert (under.alert_budget, under.n_clusters) == (0.001, 9)
    before, after = model_config(settings), model_config(under)
    differing = {n for n in before.__slots__ if getattr(before, n) != getattr(after, n)}
    assert differing == {"alert_budget", "currency_values"}
    assert service_identity(settings).model_settings == service_identity(under).model_settings


def test_what_the_environment_names_otherwise_is_told_and_its_defaults_are_not() -> None:
    settings = load_settings({"STREAMER_ALERT_BUDGET": "0.01", "STREAMER_SAMPLE_SHARE": "0.1"})
    policy = policy_of_values({"alert_budget": 0.004, "reserve_share": 0})
    assert overruled(settings, policy) == [
        "STREAMER_ALERT_BUDGET: 0.01 in the environment, 0.004 in the policy"
    ]


def test_a_record_of_another_release_is_read_as_far_as_it_can_be_kept() -> None:
    """A setting that it does not know has its default; one that this release does not is refused."""

    def read(record: bytes) -> Policy:
        return policy_in_bytes(record, hashlib.sha256(record).hexdigest()[:16])

    older = read(b'{"alert_budget":0.004}')
    assert older.values == changed_policy(DEFAULT, {"alert_budget": "0.004"}).values
    with pytest.raises(ConfigurationError, match="got lottery_share; use the release"):
        read(b'{"alert_budget":0.004,"lottery_share":0.1}')
    with pytest.raises(ConfigurationError, match=r"must be at most 0\.2, got 0\.9"):
        read(b'{"alert_budget":0.9}')
    for foreign in (b"", b"[1]", b"\xff"):
        with pytest.raises(InvariantError, match="JSON object"):
            read(foreign)


def test_every_setting_of_a_policy_is_one_of_the_settings_in_their_order() -> None:
    assert [name for name in Settings.model_fields if name in POLICY_SETTINGS] == [*POLICY_SETTINGS]
