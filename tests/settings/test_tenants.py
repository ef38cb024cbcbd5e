"""Tenants: a file of settings each, and nothing by which two of them would come to the same data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.cli import main
from streamer.errors import ConfigurationError
from streamer.settings import Settings, load_settings
from streamer.settings.tenant_holdings import held, host_of
from streamer.settings.tenants import (
    MOST_TENANTS,
    PROCESS_SETTINGS,
    Tenant,
    load_tenants,
)

TOKEN = "t" * 16
SECRET = "correct horse battery staple"
KINDS = (
    *("transactions_topic", "alerts_topic", "overflow_topic", "dead_letters_topic"),
    *("feedback_topic", "feedback_dead_letters_topic", "audit_topic", "proposals_topic"),
)


def own(name: str, **more: str) -> dict[str, str]:
    """Return settings that no other tenant has."""
    told = {kind: f"{name}-{kind}" for kind in KINDS}
    told |= {
        "namespace": name,
        "consumer_group": name,
        "console_url": f"https://{name}.example",
        "serve_api_keys": f"{name}-key-" + "k" * 16,
    }
    return told | more


def write(folder: Path, **tenants: Mapping[str, str]) -> None:
    for name, told in tenants.items():
        lines = ["# of " + name, "", *(f"STREAMER_{k.upper()}={v}" for k, v in told.items())]
        (folder / f"{name}.env").write_text("\n".join(lines) + "\n")


def loaded(folder: Path, *needed: str, **environ: str) -> tuple[Tenant, ...]:
    told = {"tenants_dir": str(folder), "admin_token": TOKEN} | environ
    variables = {f"STREAMER_{name.upper()}": text for name, text in told.items() if text}
    return load_tenants(load_settings(variables), needed, variables)


def faults(folder: Path, *needed: str, **environ: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        loaded(folder, *needed, **environ)
    return str(caught.value).splitlines()


def test_without_a_directory_there_are_no_tenants() -> None:
    assert load_tenants(Settings(), ("console_url",), {}) == ()


def test_a_tenant_has_the_settings_of_its_file_over_those_of_the_process(tmp_path: Path) -> None:
    write(tmp_path, acme=own("acme", alert_budget="0.01"), beta=own("beta"))
    acme, beta = loaded(tmp_path, "console_url", "serve_api_keys", alert_budget="0.02")
    assert (acme.name, beta.name) == ("acme", "beta")
    assert (acme.settings.alert_budget, beta.settings.alert_budget) == (0.01, 0.02)
    assert (acme.settings.namespace, beta.settings.namespace) == ("acme", "beta")
    assert host_of(acme.settings) == "acme.example"
    assert "alert_budget" in acme.own
    assert "alert_budget" not in beta.own


def test_a_variable_in_small_letters_does_not_come_between(tmp_path: Path) -> None:
    write(tmp_path, acme=own("acme"))
    told = {"STREAMER_TENANTS_DIR": str(tmp_path), "STREAMER_ADMIN_TOKEN": TOKEN}
    told |= {"STREAMER_NAMESPACE": "one", "streamer_namespace": "two"}
    [acme] = load_tenants(load_settings(told), (), told)
    assert acme.settings.namespace == "acme"


def test_all_faults_of_all_files_are_told_at_once_with_their_file_and_no_secret(
    tmp_path: Path,
) -> None:
    write(
        tmp_path,
        acme=own("acme", alert_budget="2", web_port="8080", serve_api_keys="short-key"),
        beta=own("beta", nonsense=SECRET),
    )
    with (tmp_path / "beta.env").open("a") as file:
        file.write(f"export {SECRET}\nSTREAMER_NAMESPACE=again\n")
    (tmp_path / "gamma.env").write_text("STREAMER_NAMESPACE=gamma\n")
    (tmp_path / "notes.txt").write_text("of nobody")
    (tmp_path / "a b.env").write_text("")
    (tmp_path / "delta.env").write_bytes(b"\xff\xfe")
    (tmp_path / "..data").mkdir()
    told = faults(tmp_path, "console_url", admin_token="")
    assert [line.partition(" must")[0] for line in told] == [
        "STREAMER_TENANTS_DIR",
        "STREAMER_TENANTS_DIR",
        "acme.env: STREAMER_WEB_PORT is of the whole process: set it outside of the tenants' files",
        "acme.env: STREAMER_ALERT_BUDGET",
        "acme.env: STREAMER_SERVE_API_KEYS",
        "beta.env: line 16",
        "beta.env: line 17",
        "beta.env: STREAMER_NONSENSE is not a setting",
        "delta.env:",
        "gamma.env: STREAMER_CONSOLE_URL",
        "STREAMER_ADMIN_TOKEN",
    ]
    assert not [line for line in told if SECRET in line or "short-key" in line]


def test_there_are_at_least_one_tenant_and_not_too_many(tmp_path: Path) -> None:
    assert "must hold 1 to 64 files NAME.env, got 0" in faults(tmp_path)[0]
    for n in range(MOST_TENANTS + 1):
        write(tmp_path, **{f"t{n}": {}})
    assert faults(tmp_path) == [
        "STREAMER_TENANTS_DIR must hold 1 to 64 files NAME.env, got 65",
    ]


def test_what_both_inherit_both_have_and_that_is_refused(tmp_path: Path) -> None:
    accounts = tmp_path / "accounts"
    accounts.write_text("")
    folder = tmp_path / "tenants"
    folder.mkdir()
    write(folder, acme={}, beta={})
    told = faults(
        folder,
        console_url="https://console.example:8443",
        console_secret=SECRET,
        console_workers="http://workers:8080, http://others:8080/",
        console_accounts_file=str(accounts),
        serve_api_keys=SECRET + "-1," + SECRET + "-2",
        alert_card_key=SECRET + "-3",
        serve_decisions_topic="decisions",
        scores_enabled="true",
        features_enabled="true",
    )
    settings = [line.partition(" in STREAMER_")[2].partition(",")[0].lower() for line in told]
    assert settings == [
        *("namespace", "consumer_group", *KINDS, "scores_topic", "features_topic"),
        *("serve_decisions_topic", "console_url", "console_workers", "console_workers"),
        "console_accounts_file",
        *("console_secret", "alert_card_key", "serve_api_keys", "serve_api_keys"),
    ]
    assert "acme.env and beta.env must differ in STREAMER_NAMESPACE, got default for both" in told
    assert not [line for line in told if SECRET in line]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"console_url": "https://ACME.example:8443"}, "CONSOLE_URL, got acme.example for both"),
        (
            {"feedback_topic": "acme-alerts_topic"},
            "ALERTS_TOPIC and STREAMER_FEEDBACK_TOPIC, got acme-alerts_topic for both",
        ),
        ({"serve_api_keys": "x" * 16 + ", acme-key-" + "k" * 16}, "SERVE_API_KEYS"),
        ({"console_secret": "acme-key-" + "k" * 16}, "SERVE_API_KEYS and STREAMER_CONSOLE_SECRET"),
        (
            {
                "oidc_issuer": "https://login.example",
                "oidc_client_id": "beta",
                "oidc_roles": "others=lead,fraud-team=reviewer",
            },
            "OIDC_ROLES, got fraud-team for both",
        ),
    ],
)
def test_what_two_tenants_must_not_both_have(
    tmp_path: Path, changes: dict[str, str], fault: str
) -> None:
    oidc = {
        "oidc_issuer": "https://login.example",
        "oidc_client_id": "acme",
        "oidc_roles": "fraud-team=reviewer",
    }
    write(tmp_path, acme=own("acme", **oidc), beta=own("beta") | changes)
    assert faults(tmp_path) == [f"acme.env and beta.env must differ in STREAMER_{fault}"]


def test_people_of_one_proxy_are_told_apart_by_their_groups(tmp_path: Path) -> None:
    def behind(tenant: str, roles: str) -> dict[str, str]:
        return own(tenant, console_proxy_user_header="X-User", console_proxy_roles=roles)

    proxies = {"console_trusted_proxies": "10.0.0.1"}
    write(tmp_path, acme=behind("acme", "a-team=reviewer"), beta=behind("beta", "b-team=reviewer"))
    assert len(loaded(tmp_path, **proxies)) == 2
    write(tmp_path, beta=behind("beta", "a-team=lead"))
    assert faults(tmp_path, **proxies) == [
        "acme.env and beta.env must differ in STREAMER_CONSOLE_PROXY_ROLES, got a-team for both"
    ]


def test_what_is_in_flight_is_divided_and_never_more_than_the_process_has(tmp_path: Path) -> None:
    write(tmp_path, acme=own("acme"), beta=own("beta"), gamma=own("gamma"))

    def parts() -> list[int]:
        return [each.settings.serve_max_in_flight for each in loaded(tmp_path)]

    assert parts() == [333, 333, 333]
    write(tmp_path, acme=own("acme", serve_max_in_flight="800"))
    assert parts() == [800, 100, 100]
    write(tmp_path, beta=own("beta", serve_max_in_flight="199"))
    assert parts() == [800, 199, 1]
    write(tmp_path, beta=own("beta", serve_max_in_flight="200"))
    assert faults(tmp_path) == [
        "STREAMER_SERVE_MAX_IN_FLIGHT of the tenants must be at most 1000 together, that of the "
        "process, and leave 1 for each that sets none, got 1000 and 1 such"
    ]


# Each writes as many files as there are tenants.
@settings(max_examples=30)
@given(st.lists(st.one_of(st.none(), st.integers(1, 60)), min_size=1, max_size=12), st.data())
def test_quotas_are_at_least_1_and_together_within_the_limit(
    tmp_path_factory: pytest.TempPathFactory, told: list[int | None], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("tenants")
    n_whole = data.draw(st.integers(1, 200))
    for n, quota in enumerate(told):
        more = {} if quota is None else {"serve_max_in_flight": str(quota)}
        write(folder, **{f"t{n}": own(f"t{n}", **more)})
    fits = sum(quota or 1 for quota in told) <= n_whole
    whole = {"serve_max_in_flight": str(n_whole)}
    if not fits:
        assert len(faults(folder, **whole)) == 1
        return
    quotas = [
        each.settings.serve_max_in_flight for each in sorted(loaded(folder, **whole), key=_number)
    ]
    assert min(quotas) >= 1
    assert sum(quotas) <= n_whole
    # One request that is alone is taken on whatever its size: that too is within the sum.
    largest = [each.settings.serve_max_batch for each in loaded(folder, **whole)]
    assert sum(largest) <= n_whole
    assert all(told[n] in (None, quota) for n, quota in enumerate(quotas))


def _number(tenant: Tenant) -> int:
    return int(tenant.name[1:])


def test_each_setting_that_is_of_the_process_is_one() -> None:
    assert set(Settings.model_fields) >= PROCESS_SETTINGS


def test_every_topic_of_the_settings_is_one_tenants_alone() -> None:
    """A topic that is added later is not forgotten."""
    topics = {name for name in Settings.model_fields if name.endswith("_topic")}
    changes: dict[str, Any] = {
        "scores_enabled": True,
        "features_enabled": True,
        "serve_decisions_topic": "decisions",
    }
    found = {setting for kind, (setting, *_) in held(Settings(**changes)) if kind == "topic"}
    assert found == topics


def test_check_config_checks_tenants_and_prints_what_they_set(tmp_path: Path) -> None:
    write(tmp_path, acme=own("acme"), beta=own("beta"))
    environ = {"STREAMER_TENANTS_DIR": str(tmp_path), "STREAMER_ADMIN_TOKEN": TOKEN}
    done = CliRunner().invoke(main, ["check-config"], env=environ)
    assert done.exit_code == 0, done.output
    assert "beta: STREAMER_NAMESPACE = beta" in done.output
    assert "acme: STREAMER_SERVE_API_KEYS = ***" in done.output
    write(tmp_path, beta=own("beta", namespace="acme"))
    done = CliRunner().invoke(main, ["check-config"], env=environ)
    assert done.exit_code == 2
    assert "must differ in STREAMER_NAMESPACE, got acme for both" in done.output


def test_a_batch_is_within_what_its_tenant_may_have_in_flight(tmp_path: Path) -> None:
    write(tmp_path, acme=own("acme", serve_max_in_flight="300"), beta=own("beta"))
    assert [each.settings.serve_max_batch for each in loaded(tmp_path)] == [300, 700]
    quota = {"serve_max_in_flight": "300", "serve_max_batch": "301"}
    write(tmp_path, acme=own("acme", **quota))
    assert faults(tmp_path) == [
        "acme.env: STREAMER_SERVE_MAX_BATCH must be at most what the tenant may have in flight "
        "(STREAMER_SERVE_MAX_IN_FLIGHT), got 301 and 300"
    ]


def test_a_tenant_may_believe_fewer_proxies_than_the_process_and_no_others(tmp_path: Path) -> None:
    whole = {"console_trusted_proxies": "10.0.0.0/8,2001:db8::/32"}
    write(tmp_path, acme=own("acme", console_trusted_proxies="10.1.0.7,2001:db8::1"))
    write(tmp_path, beta=own("beta"))
    acme, beta = loaded(tmp_path, **whole)
    assert acme.settings.console_trusted_proxies == "10.1.0.7,2001:db8::1"
    assert beta.settings.console_trusted_proxies == whole["console_trusted_proxies"]
    for wrong in ("10.1.0.7,192.0.2.1", "*", "0.0.0.0/0", "2001:db9::1"):
        write(tmp_path, acme=own("acme", console_trusted_proxies=wrong))
        [fault] = faults(tmp_path, **whole)
        assert fault.startswith("acme.env: STREAMER_CONSOLE_TRUSTED_PROXIES must be networks")
        assert fault.endswith(f"got {wrong}")


def test_no_group_is_as_one_that_is_made_of_anothers(tmp_path: Path) -> None:
    write(tmp_path, acme=own("acme"), beta=own("beta", consumer_group="acme-console"))
    write(tmp_path, gamma=own("gamma", consumer_group="acmex"))
    assert faults(tmp_path) == [
        "beta.env: STREAMER_CONSUMER_GROUP must not begin with acme-, as the groups of acme.env do, "
        "got acme-console"
    ]


def test_keys_of_a_file_and_the_token_of_operators_are_compared_too(tmp_path: Path) -> None:
    folder = tmp_path / "tenants"
    folder.mkdir()
    files = {name: str(tmp_path / f"{name}-keys") for name in ("acme", "beta")}
    (tmp_path / "acme-keys").write_text(f"1:{SECRET}\n2:{SECRET}-2\n")
    (tmp_path / "beta-keys").write_text(f"9:{SECRET}-2\n")
    write(folder, acme=own("acme", alert_card_keys_file=files["acme"]))
    write(folder, beta=own("beta", alert_card_keys_file=files["beta"], serve_api_keys=TOKEN))
    assert faults(folder) == [
        "acme.env and beta.env must differ in STREAMER_ALERT_CARD_KEYS_FILE",
        "beta.env: STREAMER_SERVE_API_KEYS must differ from STREAMER_ADMIN_TOKEN",
    ]
    write(folder, beta=own("beta", console_secret=TOKEN))
    assert faults(folder) == [
        "beta.env: STREAMER_CONSOLE_SECRET must differ from STREAMER_ADMIN_TOKEN"
    ]


def test_a_secret_of_the_process_in_a_tenants_directory_is_refused_and_named(
    tmp_path: Path,
) -> None:
    folder, secrets = tmp_path / "tenants", tmp_path / "secrets"
    folder.mkdir()
    secrets.mkdir()
    (secrets / "admin_token").write_text(SECRET)
    write(folder, acme=own("acme", secrets_dir=str(secrets)))
    assert faults(folder) == [
        f"acme.env: STREAMER_ADMIN_TOKEN is of the whole process: remove {secrets / 'admin_token'}, "
        "which no tenant may have"
    ]


def test_an_address_without_a_host_is_none(tmp_path: Path) -> None:
    write(tmp_path, acme=own("acme", console_url="https://."))
    assert faults(tmp_path) == ["acme.env: STREAMER_CONSOLE_URL must have a host: got https://."]


def test_check_config_warns_of_what_a_command_would_not_start_without(tmp_path: Path) -> None:
    write(tmp_path, acme=own("acme", console_url=""), beta=own("beta", serve_api_keys=""))
    environ = {"STREAMER_TENANTS_DIR": str(tmp_path), "STREAMER_ADMIN_TOKEN": TOKEN}
    done = CliRunner().invoke(main, ["check-config"], env=environ)
    assert done.exit_code == 0, done.output
    for told in (
        "warning: acme has no STREAMER_CONSOLE_URL: streamer console would not start",
        "warning: beta has no STREAMER_SERVE_API_KEYS: streamer serve would not start",
    ):
        assert told in done.output
    assert done.output.count("warning:") == 2
