"""Settings: all faults at once, by variable name, and never a secret."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from streamer.contract.codes import CURRENCY_INDEX
from streamer.errors import ConfigurationError
from streamer.settings import Settings, describe, load_settings, masked_url
from streamer.settings.currency_values import currency_values
from streamer.settings.redis_url import RedisUrl
from streamer.starting.wiring import model_config
from tests.rig.certificates import Certificates


def faults(environ: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environ)
    return str(caught.value).splitlines()


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = load_settings({})
    assert settings == Settings()
    assert (settings.n_clusters, settings.alert_budget, settings.web_port) == (16, 0.005, 8080)


def test_alerts_per_hour_are_off_unless_set_and_must_be_positive() -> None:
    assert load_settings({}).alerts_per_hour is None
    assert load_settings({"STREAMER_ALERTS_PER_HOUR": "12.5"}).alerts_per_hour == 12.5
    assert faults({"STREAMER_ALERTS_PER_HOUR": "0"}) == [
        "STREAMER_ALERTS_PER_HOUR must be greater than 0, got 0"
    ]


def test_currencies_have_values_that_are_numbers_above_0_and_all_faults_are_told_at_once() -> None:
    given = "EUR=1, XYZ=2,USD=-3,EUR=4,JPY"
    (fault,) = faults({"STREAMER_CURRENCY_VALUES": given, "STREAMER_RANK_BY": "expected_loss"})
    assert fault == (
        "STREAMER_CURRENCY_VALUES must be currencies with their values above 0, separated by commas ("
        "XYZ is no currency of ISO 4217; the value of USD is -3; EUR is there twice; the value of "
        f"JPY is missing), got {given}"
    )
    good = load_settings({"STREAMER_CURRENCY_VALUES": "USD=0.92,EUR=1"})
    assert currency_values(good.currency_values) == {"USD": 0.92, "EUR": 1.0}
    by_index = (CURRENCY_INDEX["EUR"], 1.0), (CURRENCY_INDEX["USD"], 0.92)
    assert model_config(good).currency_values == by_index


def test_losses_need_a_currency_that_counts_and_a_spend_needs_the_cost_of_a_review() -> None:
    assert faults(
        {"STREAMER_RANK_BY": "expected_loss", "STREAMER_REVIEW_SPEND_PER_DAY": "100"}
    ) == [
        "STREAMER_CURRENCY_VALUES must be set when STREAMER_RANK_BY is expected_loss",
        "STREAMER_REVIEW_COST must be greater than 0 when STREAMER_REVIEW_SPEND_PER_DAY is",
    ]


def test_settings_built_from_arguments_ignore_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STREAMER_N_CLUSTERS", "8")
    assert Settings().n_clusters == 16
    assert load_settings().n_clusters == 8


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_settings({}).n_clusters = 4  # type: ignore[misc]


def test_all_faults_are_reported_at_once_one_line_each() -> None:
    assert faults(
        {
            "STREAMER_ALERT_BUDGET": "-1",
            "STREAMER_WEB_PORT": "80.5",
            "STREAMER_LOG_FORMAT": "xml",
            "STREAMER_NAMESPACE": "a b",
            "STREAMER_KAFKA_BOOTSTRAP_SERVERS": "broker:9092,other",
            "STREAMER_N_CLUSTERS": "400",
            "STREAMER_KAFKA_SESSION_TIMEOUT_S": "5",
        }
    ) == [
        "STREAMER_ALERT_BUDGET must be greater than 0, got -1",
        "STREAMER_KAFKA_BOOTSTRAP_SERVERS must be host:port pairs, separated by commas, "
        "got broker:9092,other",
        "STREAMER_KAFKA_SESSION_TIMEOUT_S must be at least 6, got 5",
        "STREAMER_LOG_FORMAT must be one of auto, json or console, got xml",
        "STREAMER_NAMESPACE must be 1 to 64 letters, digits, - and _, got a b",
        # 20 x 400; a rule between settings is reported together with the single faults.
        "STREAMER_WARMUP_TRANSACTIONS must be at least 20 x STREAMER_N_CLUSTERS = 8000, got 5000",
        "STREAMER_WEB_PORT must be a whole number, got 80.5",
    ]


def test_a_rule_is_silent_about_a_setting_that_is_wrong_by_itself() -> None:
    assert faults({"STREAMER_N_CLUSTERS": "1", "STREAMER_WARMUP_TRANSACTIONS": "30"}) == [
        "STREAMER_N_CLUSTERS must be at least 2, got 1"
    ]


def test_an_unknown_variable_is_a_fault_with_a_hint_and_without_its_value() -> None:
    assert faults({"STREAMER_KAFKA_SASL_PASWORD": "hunter2", "STREAMER_QQQ": "hunter2"}) == [
        "STREAMER_KAFKA_SASL_PASWORD is not a setting; did you mean STREAMER_KAFKA_SASL_PASSWORD?",
        "STREAMER_QQQ is not a setting",
    ]


@pytest.mark.parametrize(
    "environ",
    [
        {"STREAMER_REDIS_URL": "http://:hunter2@host/0"},
        {"STREAMER_REDIS_URL": "redis://:hunter2@host:99999/0"},
        {"STREAMER_ALERT_CARD_KEY": "hunter2"},
        {"STREAMER_KAFKA_SASL_PASSWORD": "hunter2"},
    ],
)
def test_no_fault_shows_a_secret(environ: dict[str, str]) -> None:
    assert "hunter2" not in "\n".join(faults(environ))


@pytest.mark.parametrize(
    "url",
    [
        "redis://h:1/0",
        "rediss://:p@h",
        "unix:///run/redis.sock?db=2",
        "redis+sentinel://u:p@h:1,i:2/service/3",
        "redis+sentinel://h,i/service",
    ],
)
def test_redis_urls_of_all_schemes_are_accepted(url: str) -> None:
    assert load_settings({"STREAMER_REDIS_URL": url}).redis_url.get_secret_value() == url


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis+cluster://:hunter2@h:1", "Redis Cluster, which is not supported"),
        ("rediss+cluster://:hunter2@h:1,i:2", "Redis Cluster, which is not supported"),
        ("redis+sentinel://:hunter2@h:1,i:2", "redis+sentinel://[user:password@]host:port"),
        ("redis+sentinel://:hunter2@h:1,:2/service", "must be redis://"),
        ("redis+sentinel://:hunter2@h:0/service", "must be redis://"),
        ("redis+sentinel://:hunter2@h:1/service/payments", "must be redis://"),
        ("redis://:hunter2@h:1/payments", "must be redis://"),
    ],
)
def test_other_redis_urls_are_refused_in_words_and_not_shown(url: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"STREAMER_REDIS_URL": url})
    assert str(caught.value).startswith("STREAMER_REDIS_URL must")
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_sentinel_url_comes_apart_into_its_parts() -> None:
    """Passwords may hold any character when they are escaped; ports and database have defaults."""
    url = RedisUrl.parse("redis+sentinel://me:p%40%2Fss@h:1,i/my%20service")
    assert url.sentinels == (("h", 1), ("i", 26379))
    assert (url.username, url.password) == ("me", "p@/ss")
    assert (url.service, url.database, url.shown) == ("my service", 0, "h:1,i:26379/my service/0")
    assert masked_url(url.text) == "redis+sentinel://me:***@h:1,i/my%20service"


def test_sasl_needs_mechanism_user_and_password() -> None:
    assert faults({"STREAMER_KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}) == [
        f"STREAMER_KAFKA_SASL_{name} must be set when STREAMER_KAFKA_SECURITY_PROTOCOL is SASL_SSL"
        for name in ("MECHANISM", "PASSWORD", "USERNAME")
    ]


def test_a_certificate_beside_a_plain_protocol_is_a_fault(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text("x")
    assert faults({"STREAMER_KAFKA_SSL_CA_FILE": str(ca)}) == [
        "STREAMER_KAFKA_SSL_CA_FILE must not be set when STREAMER_KAFKA_SECURITY_PROTOCOL "
        "is PLAINTEXT"
    ]


def test_a_key_needs_its_certificate_and_files_must_exist(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_text("x")
    ssl = {"STREAMER_KAFKA_SECURITY_PROTOCOL": "SSL"}
    assert faults({**ssl, "STREAMER_KAFKA_SSL_KEY_FILE": str(key)}) == [
        "STREAMER_KAFKA_SSL_CERTIFICATE_FILE must be set when STREAMER_KAFKA_SSL_KEY_FILE is"
    ]
    missing = tmp_path / ("folder" * 20) / "none.pem"
    assert faults({**ssl, "STREAMER_KAFKA_SSL_CA_FILE": str(missing)}) == [
        f"STREAMER_KAFKA_SSL_CA_FILE must be a file that can be read, got {missing}"
    ]


def test_capacity_must_hold_five_checkpoints() -> None:
    # 5 x 30,000 transactions between checkpoints.
    environ = {
        "STREAMER_CHECKPOINT_MAX_TRANSACTIONS": "30000",
        "STREAMER_MERCHANTS_CAPACITY": "149999",
    }
    assert faults(environ) == [
        "STREAMER_MERCHANTS_CAPACITY must be at least 5 x STREAMER_CHECKPOINT_MAX_TRANSACTIONS "
        "= 150000, got 149999"
    ]
    load_settings({**environ, "STREAMER_MERCHANTS_CAPACITY": "150000"})


def test_every_fault_of_an_intake_is_a_line_below_the_setting_s(tmp_path: Path) -> None:
    file = tmp_path / "shop.toml"
    file.write_text('amount = { unit = "cents" }\ncard = "x"\n', "utf-8")
    first, *more = faults({"STREAMER_INTAKE": str(file)})
    assert first == f"STREAMER_INTAKE must be an intake without faults, got {file}:"
    assert len(more) == 2
    assert "    shop.toml: amount.unit must be one of major, minor, got 'cents'" in more
    assert any(line.startswith("    shop.toml: card must be one of ") for line in more)
    assert load_settings({"STREAMER_INTAKE": "stripe"}).intake == "stripe"


def test_an_intake_that_is_not_there_or_lacks_its_schema_is_a_fault(tmp_path: Path) -> None:
    file = tmp_path / "shop.toml"
    file.write_text('[schema]\nfile = "/nowhere/payment.avsc"\n', "utf-8")
    for name, words in (
        (str(file), "schema.file must be readable"),
        ("strype", "strype"),
        (str(tmp_path / "none.toml"), "No such file"),
    ):
        first, *more = faults({"STREAMER_INTAKE": name})
        assert first == f"STREAMER_INTAKE must be an intake without faults, got {name}:"
        assert words in "".join(more)


def test_a_schema_registry_has_a_url_without_credentials_and_both_or_none_of_them() -> None:
    for url in ("registry:8081", "ftp://registry", "http://user:secret@registry"):
        (fault,) = faults({"STREAMER_SCHEMA_REGISTRY_URL": url})
        assert "must be an http or https URL without user and password" in fault
    assert faults({"STREAMER_SCHEMA_REGISTRY_PASSWORD": "secret"}) == [
        "STREAMER_SCHEMA_REGISTRY_PASSWORD must not be set when STREAMER_SCHEMA_REGISTRY_URL is not",
        "STREAMER_SCHEMA_REGISTRY_USERNAME must be set when STREAMER_SCHEMA_REGISTRY_PASSWORD is",
    ]
    registry = {"STREAMER_SCHEMA_REGISTRY_URL": "https://registry:8081"}
    assert faults({**registry, "STREAMER_SCHEMA_REGISTRY_USERNAME": "worker"}) == [
        "STREAMER_SCHEMA_REGISTRY_PASSWORD must be set when STREAMER_SCHEMA_REGISTRY_USERNAME is"
    ]
    assert load_settings(registry).schema_registry_url == "https://registry:8081"
    both = {f"STREAMER_SCHEMA_REGISTRY_{name}": "wor:ker" for name in ("USERNAME", "PASSWORD")}
    assert faults(registry | both) == [
        "STREAMER_SCHEMA_REGISTRY_USERNAME must have no colon, got wor:ker"
    ]


def test_certificates_for_the_schema_registry_are_tried_before_anything_connects(
    tmp_path: Path,
) -> None:
    """All at once, and none for a connection that would not be encrypted."""
    made = Certificates(tmp_path)
    other = made.broker
    prefix = "STREAMER_SCHEMA_REGISTRY_"

    def named(**values: str | Path) -> dict[str, str]:
        url = {"url": "https://registry:8081"}
        return {prefix + name.upper(): str(value) for name, value in (url | values).items()}

    right = named(
        ssl_ca_file=made.authority,
        ssl_certificate_file=made.client,
        ssl_key_file=made.client_key,
        ssl_key_password=made.client_key_password,
    )
    assert load_settings(right).schema_registry_ssl_key_file == made.client_key
    fits = f"{prefix}SSL_CERTIFICATE_FILE must be a PEM file of a certificate that its key, "
    for changed in (
        {"ssl_key_password": "another"},
        {"ssl_key_file": str(other)},
        {"ssl_certificate_file": str(made.client_key)},
    ):
        (fault,) = faults(right | named(**changed))
        assert fault.startswith(fits)
        assert "another" not in fault
    unlocked = {n: v for n, v in right.items() if "PASSWORD" not in n}
    assert faults(unlocked)[0].startswith(fits)
    text = tmp_path / "text.pem"
    text.write_text("none", "utf-8")
    assert faults(named(ssl_ca_file=text, ssl_key_file=made.client_key)) == [
        f"{prefix}SSL_CERTIFICATE_FILE must be set when {prefix}SSL_KEY_FILE is",
    ]
    assert faults(named(ssl_ca_file=text)) == [
        f"{prefix}SSL_CA_FILE must be a PEM file of certificates, got {text}"
    ]
    assert faults(right | {prefix + "URL": "http://registry:8081"}) == [
        f"{prefix}SSL_{name} must not be set when {prefix}URL is not one of https"
        for name in ("CA_FILE", "CERTIFICATE_FILE", "KEY_FILE", "KEY_PASSWORD")
    ]


def test_the_admin_address_has_a_port_of_its_own_and_off_loopback_a_token(tmp_path: Path) -> None:
    """So that nobody opens the door to threshold and centers by changing one address."""
    for host in ("127.0.0.1", "::1", "localhost"):
        assert load_settings({"STREAMER_ADMIN_HOST": host}).admin_port == 8081
    for host in ("0.0.0.0", "::", "10.0.0.7", "streamer.internal"):  # noqa: S104
        opened = {"STREAMER_ADMIN_HOST": host}
        assert faults(opened) == [
            f"STREAMER_ADMIN_TOKEN must be set when STREAMER_ADMIN_HOST is {host}"
        ]
        load_settings({**opened, "STREAMER_ADMIN_PORT": "0"})
        load_settings({**opened, "STREAMER_ADMIN_TOKEN": "sixteen letters!"})
    assert faults({"STREAMER_ADMIN_TOKEN": "short"}) == [
        "STREAMER_ADMIN_TOKEN must have at least 16 characters"
    ]
    assert faults({"STREAMER_ADMIN_PORT": "8080"}) == [
        "STREAMER_ADMIN_PORT must differ from STREAMER_WEB_PORT, got 8080"
    ]
    certificate = tmp_path / "certificate.pem"
    certificate.touch()
    assert faults({"STREAMER_WEB_CERTIFICATE_FILE": str(certificate)}) == [
        "STREAMER_WEB_KEY_FILE must be set when STREAMER_WEB_CERTIFICATE_FILE is"
    ]


def test_two_topics_may_not_share_a_name() -> None:
    assert faults({"STREAMER_ALERTS_TOPIC": "transactions"}) == [
        "STREAMER_ALERTS_TOPIC must differ from STREAMER_TRANSACTIONS_TOPIC, got transactions"
    ]


def test_the_overflow_topic_is_a_topic_of_its_own() -> None:
    assert load_settings({}).overflow_topic == "fraud-alerts-overflow"
    assert faults({"STREAMER_OVERFLOW_TOPIC": "fraud-alerts"}) == [
        "STREAMER_OVERFLOW_TOPIC must differ from STREAMER_ALERTS_TOPIC, got fraud-alerts"
    ]


def test_payments_sent_again_are_known_for_100_000_offsets_unless_switched_off() -> None:
    assert load_settings({}).duplicate_window_offsets == 100_000
    assert load_settings({"STREAMER_DUPLICATE_WINDOW_OFFSETS": "0"}).duplicate_window_offsets == 0
    assert faults({"STREAMER_DUPLICATE_WINDOW_OFFSETS": "-1"}) == [
        "STREAMER_DUPLICATE_WINDOW_OFFSETS must be at least 0, got -1"
    ]


def test_secrets_come_from_files_and_the_environment_wins(tmp_path: Path) -> None:
    (tmp_path / "redis_url").write_text("redis://:filed@h:1/0\n")
    (tmp_path / "alert_card_key").write_text("0123456789abcdef\n")
    (tmp_path / "another-program").write_text("x")
    (tmp_path / "..data").mkdir()
    settings = load_settings(
        {"STREAMER_SECRETS_DIR": str(tmp_path), "STREAMER_REDIS_URL": "redis://env:1/0"}
    )
    assert settings.redis_url.get_secret_value() == "redis://env:1/0"
    assert settings.alert_card_key is not None
    assert settings.alert_card_key.get_secret_value() == "0123456789abcdef"
    rows = {row.name: row for row in describe(settings)}
    assert rows["redis_url"].source == "environment"
    assert (rows["alert_card_key"].source, rows["alert_card_key"].value) == (
        "secrets directory",
        "***",
    )


def test_a_misspelt_or_unreadable_secret_file_is_a_fault(tmp_path: Path) -> None:
    # Unnoticed, the first of these would publish card ids in the clear.
    (tmp_path / "alert_card_kye").write_text("0123456789abcdef")
    (tmp_path / "redis_url").write_bytes(b"\xff")
    assert faults({"STREAMER_SECRETS_DIR": str(tmp_path)}) == [
        "STREAMER_SECRETS_DIR holds redis_url, which cannot be read as text",
        "STREAMER_SECRETS_DIR holds the file alert_card_kye; did you mean alert_card_key?",
    ]
    assert "must be a directory" in faults({"STREAMER_SECRETS_DIR": str(tmp_path / "none")})[0]


def test_a_fault_in_a_value_from_the_secrets_directory_does_not_show_it(tmp_path: Path) -> None:
    (tmp_path / "web_port").write_text("hunter2")
    assert faults({"STREAMER_SECRETS_DIR": str(tmp_path)}) == [
        "STREAMER_WEB_PORT must be a whole number"
    ]


def test_every_setting_is_described_and_passwords_are_masked() -> None:
    rows = describe(load_settings({"STREAMER_REDIS_URL": "redis://me:hunter2@h:1/0"}))
    assert [row.name for row in rows] == list(Settings.model_fields)
    assert all(row.description.endswith(".") for row in rows)
    assert "hunter2" not in repr(rows)
    (url,) = [row for row in rows if row.name == "redis_url"]
    assert (url.env, url.value) == ("STREAMER_REDIS_URL", "redis://me:***@h:1/0")


def test_an_empty_variable_counts_as_not_set() -> None:
    assert load_settings({"STREAMER_WEB_PORT": ""}).web_port == 8080
