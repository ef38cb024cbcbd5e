"""The settings: names, defaults, limits and one line each on what they do.

The docstring under a field is its description: `describe` shows it.  `streamer.settings.rules` has
the limits that join several settings, and `Settings`, which keeps them; where values come from is in
`streamer.settings.loading`.  ``Settings(...)`` reads nothing by itself, so that code and tests may
build one from arguments.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from streamer.settings.card_keys import check_card_keys
from streamer.settings.currency_values import check_currency_values
from streamer.settings.intake_checks import check_intake, check_registry_url
from streamer.settings.redis_url import RedisUrl
from streamer.settings.secret_checks import long_secret

__all__ = ["PATTERN_CONDITIONS", "POLICY_SETTINGS", "PREFIX", "Fields", "Origin"]

PREFIX: Final = "STREAMER_"

POLICY_SETTINGS: Final = (
    "alert_budget",
    "alerts_per_hour",
    "alert_hours",
    "reserve_share",
    "sample_share",
    "rank_by",
    "currency_values",
    "review_cost",
    "review_spend_per_day",
)
"""What workers take from the policy in force, a record in Redis that the environment begins."""

Origin = Literal["default", "environment", "secrets directory"]


def _server_list(value: str) -> str:
    for server in value.split(","):
        host, _, port = server.strip().rpartition(":")
        if not host or not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65_535:
            raise ValueError("must be host:port pairs, separated by commas")
    return value


def _readable_file(path: Path) -> Path:
    if not path.is_file() or not os.access(path, os.R_OK):
        raise ValueError("must be a file that can be read")
    return path


def _directory(path: Path) -> Path:
    if not path.is_dir() or not os.access(path, os.R_OK | os.X_OK):
        raise ValueError("must be a directory that can be read")
    return path


def _redis_url(value: SecretStr) -> SecretStr:
    RedisUrl.parse(value.get_secret_value())
    return value


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


# Kafka's own rule for topic names; the broker's answer to a bad one comes late and says less.
Topic = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
ReadableFile = Annotated[Path, AfterValidator(_readable_file)]
Directory = Annotated[Path, AfterValidator(_directory)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]

PATTERN_CONDITIONS: Final = {
    r"^[A-Za-z0-9._-]{1,249}$": "must be 1 to 249 letters, digits, dots, - and _",
    r"^[A-Za-z0-9_-]{1,64}$": "must be 1 to 64 letters, digits, - and _",
    r"^[A-Za-z0-9-]{1,64}$": "must be 1 to 64 letters, digits and -",
}


class Fields(BaseSettings):
    """Every setting, checked by itself and frozen; units are the last part of a name."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=PREFIX, use_attribute_docstrings=True
    )
    _origins: dict[str, Origin] = PrivateAttr(default_factory=dict)
    # Of `streamer.settings.secret_files`, which copies of these settings share.
    _secret_files: dict[str, Any] = PrivateAttr(default_factory=dict)

    secrets_dir: Directory | None = None
    """Directory with one file per setting, named like it: kafka_sasl_password. redis_url,
    serve_api_keys and admin_token are read again from there when they change."""

    kafka_bootstrap_servers: Annotated[str, AfterValidator(_server_list)] = "127.0.0.1:9092"
    """Kafka brokers to ask first, host:port separated by commas."""
    kafka_security_protocol: Annotated[
        Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"], BeforeValidator(_upper)
    ] = "PLAINTEXT"
    """How connections to Kafka are protected: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."""
    kafka_sasl_mechanism: (
        Annotated[Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"], BeforeValidator(_upper)]
        | None
    ) = None
    """For the SASL_ protocols: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512."""
    kafka_sasl_username: str | None = None
    """User name at Kafka; for the SASL_ protocols."""
    kafka_sasl_password: SecretStr | None = None
    """Password at Kafka; for the SASL_ protocols."""
    kafka_ssl_ca_file: ReadableFile | None = None
    """PEM file with the authorities that may have signed Kafka's certificate."""
    kafka_ssl_certificate_file: ReadableFile | None = None
    """PEM file with the worker's own certificate."""
    kafka_ssl_key_file: ReadableFile | None = None
    """PEM file with the key of the worker's certificate."""
    kafka_ssl_key_password: SecretStr | None = None
    """Password of the key file."""
    kafka_session_timeout_s: float = Field(10.0, ge=6, le=1_800, allow_inf_nan=False)
    """Seconds without a heartbeat after which Kafka gives the partitions to another worker."""
    kafka_group_instance_id: Name | None = None
    """Name of this worker alone in its group: after a restart it gets its partitions back at once."""
    consumer_group: Topic = "streamer"
    """Consumer group that the workers share. In a namespace but `default`: NAMESPACE.streamer."""
    transactions_topic: Topic = "transactions"
    """Topic that transactions are read from."""
    alerts_topic: Topic = "fraud-alerts"
    """Topic that alerts are written to."""
    overflow_topic: Topic = "fraud-alerts-overflow"
    """Topic that alerts beyond twice the budget are written to."""
    dead_letters_topic: Topic = "transactions-dlq"
    """Topic that records which cannot be scored are written to, without card numbers."""
    feedback_topic: Topic = "fraud-feedback"
    """Topic that verdicts on transactions are read from."""
    feedback_dead_letters_topic: Topic = "fraud-feedback-dlq"
    """Topic that verdicts which cannot be used are written to, without card numbers."""
    scores_topic: Topic = "transaction-scores"
    """Topic that the score of every transaction is written to, where enabled."""
    scores_enabled: bool = False
    """Whether every score is written to the scores topic."""
    features_topic: Topic = "transaction-features"
    """Topic that the features of every transaction are written to, where enabled."""
    features_enabled: bool = False
    """Whether every transaction's features are written to the features topic, for a feature store."""
    create_topics: bool = False
    """Whether missing topics are created at the start."""
    topic_partitions: Count = 8
    """Partitions of a topic that is created."""
    topic_replication_factor: Count = 1
    """Copies of each partition of a topic that is created."""
    dead_letter_max_bytes: int = Field(900_000, ge=1_024)
    """Largest dead letter in bytes, key and headers included; a longer record is cut. Below the
    broker's message limit."""
    batch_max_records: Count = 4_000
    """Records in one batch, at most."""
    intake: Annotated[str, AfterValidator(check_intake)] | None = None
    """What producers send: a preset's name, or a TOML file that declares it; not set, the contract."""
    schema_registry_url: Annotated[str, AfterValidator(check_registry_url)] | None = None
    """Schema registry to ask for the schemas of framed Avro and Protobuf messages."""
    schema_registry_username: str | None = None
    """User name at the schema registry."""
    schema_registry_password: SecretStr | None = None
    """Password at the schema registry."""
    schema_registry_ssl_ca_file: ReadableFile | None = None
    """PEM file with the authorities that may have signed the schema registry's certificate."""
    schema_registry_ssl_certificate_file: ReadableFile | None = None
    """PEM file with the worker's own certificate for the schema registry."""
    schema_registry_ssl_key_file: ReadableFile | None = None
    """PEM file with the key of that certificate."""
    schema_registry_ssl_key_password: SecretStr | None = None
    """Password of that key file."""

    redis_url: Annotated[SecretStr, AfterValidator(_redis_url)] = SecretStr(
        "redis://127.0.0.1:6379/0"
    )
    """Redis for checkpoints and models: redis://, rediss://, unix:// or redis+sentinel://, with
    password. In the secrets directory, user and password may change while a process runs."""
    redis_timeout_s: Seconds = 5.0
    """Seconds that Redis has to answer."""
    namespace: Name = "default"
    """Part of every Redis key, so that deployments can share one Redis."""
    checkpoint_interval_s: Seconds = 2.0
    """Seconds between checkpoints, at most."""
    checkpoint_max_transactions: Count = 20_000
    """Transactions of one partition after which a checkpoint is due in any case."""
    model_versions_kept: Count = 50
    """Model versions of checkpoints kept in Redis, beside those replaced or stored by a command."""
    lineage_max_entries: Count = 10_000
    """Entries kept in the history of merges, promotions and rollbacks."""
    feedback_max_entries: Count = 1_000_000
    """Verdicts kept per partition of the feedback topic, for the model to learn from."""
    lessons_max_entries: Count = 1_000
    """Lessons kept per partition: what the latest verdicts taught, for people to read."""

    n_clusters: int = Field(16, ge=2, le=512)
    """Centers that the model learns."""
    half_life_transactions: Count = 200_000
    """Transactions after which what was learned weighs half."""
    score_half_life_transactions: Count = 20_000
    """The same for the recent payments that ranks and the alert threshold come from."""
    warmup_transactions: Count = 5_000
    """Transactions before the first centers; none of them alerts."""
    alert_budget: float = Field(0.005, gt=0, le=0.2, allow_inf_nan=False)
    """Share of traffic that may alert: 0.005 is one transaction in 200."""
    alerts_per_hour: float | None = Field(None, gt=0, allow_inf_nan=False)
    """Alerts per hour of event time; when set, the alert budget is the largest share they may be."""
    alert_hours: Literal["risk", "equal"] = "risk"
    """risk: alerts come when the risk does; equal: every hour has the same share of its payments."""
    reserve_share: float = Field(0.2, ge=0, le=0.3, allow_inf_nan=False)
    """Part of the alert budget that the largest distances get while verdicts rank the rest. At the
    start: it then follows its yield, from a fifth of this to 0.3. 0 switches it off."""
    sample_share: float = Field(0.1, ge=0, le=0.3, allow_inf_nan=False)
    """Part of the alert budget for payments drawn from below the threshold, to measure what is missed;
    0 switches it off."""
    rank_by: Literal["probability", "expected_loss"] = "probability"
    """What ranks payments once verdicts do: probability, that of fraud; or expected_loss, that
    probability times the amount. Until then the distance ranks them with either."""
    currency_values: Annotated[str, AfterValidator(check_currency_values)] | None = None
    """What a unit of each currency is worth in the reference currency: EUR=1,USD=0.92,JPY=0.0062. In
    any other currency the usual payment counts as worth as much as the usual one in these."""
    review_cost: float = Field(0.0, ge=0, le=1e9, allow_inf_nan=False)
    """What the review of an alert costs, in the reference currency. Ranked by expected loss, a payment
    with a smaller one alerts only in reserve and sample. 0: nothing."""
    review_spend_per_day: float = Field(0.0, ge=0, le=1e12, allow_inf_nan=False)
    """What the reviews of a day of event time may cost, in the reference currency. The smaller of this
    and the alert budget counts. 0: no such limit."""
    false_alarm_cost: float = Field(0.0, ge=0, le=1e9, allow_inf_nan=False)
    """What an alert on a legitimate payment costs beyond its review, in the reference currency. Only
    for the figures of `streamer impact` and the console, not for ranking."""
    false_alarm_share: float = Field(0.0, ge=0, le=1, allow_inf_nan=False)
    """The same as a share of the payment's amount."""
    saved_share: float = Field(1.0, ge=0, le=1, allow_inf_nan=False)
    """Share of a fraud's amount that its alert saves. For the same figures only."""
    reproducible: bool = False
    """Whether a backlog is read in one order and versions are made by count, so that reading it again
    gives the same alerts. Scoring waits for each version: a third less throughput."""
    random_seed: int = Field(0, ge=0, lt=2**63)
    """Seed of the first centers."""

    label_capacity: int = Field(100_000, ge=0)
    """Payments of one partition that are kept until they are judged. 0: verdicts teach nothing."""
    label_horizon_s: Seconds = 15_552_000.0
    """Seconds of event time that alerts, and a sample of the rest, are kept for a verdict: 180 days."""
    label_whole_s: Seconds = 2_592_000.0
    """Seconds of event time that all payments are kept for a verdict, if there is room: 30 days."""
    label_presumed_s: Seconds = 691_200.0
    """Seconds of event time after which verdicts have come as a rule: 8 days. What nobody has judged by
    then counts as legitimate until a verdict says otherwise."""
    unlabelled_is_legitimate: bool = True
    """Whether a payment that nobody has judged counts as legitimate at all."""

    cards_capacity: Count = 1_000_000
    """Cards held in memory; the longest unseen make room."""
    merchants_capacity: Count = 200_000
    """Merchants held in memory; the longest unseen make room."""
    duplicate_window_offsets: int = Field(100_000, ge=0)
    """Offsets of a partition within which a payment that comes again is recognised. 0: none is."""
    max_event_ahead_s: float = Field(86_400, ge=0, allow_inf_nan=False)
    """Seconds that a transaction's timestamp may be ahead of Kafka's time."""
    earliest_event_year: int = Field(2000, ge=1970, le=9999)
    """Year before which a timestamp is a mistake."""

    web_host: str = Field("0.0.0.0", min_length=1)  # noqa: S104  (a container's probes come from outside)
    """Address that health and metrics are served on."""
    web_port: int = Field(8080, ge=1, le=65_535)
    """Port that health and metrics are served on."""
    web_certificate_file: ReadableFile | None = None
    """PEM file with the certificate of both addresses; they speak HTTPS then."""
    web_key_file: ReadableFile | None = None
    """PEM file with the key of that certificate."""
    admin_host: str = Field("127.0.0.1", min_length=1)
    """Address that threshold and centers are served on: they would help an attacker of the model."""
    admin_port: int = Field(8081, ge=0, le=65_535)
    """Port of the same; 0 serves none of it."""
    admin_token: Annotated[SecretStr, AfterValidator(long_secret)] | None = None
    """When set, requests to the admin address must carry it: Authorization: Bearer TOKEN. If it is in
    the secrets directory, it may change while a process runs."""
    startup_timeout_s: Seconds = 60.0
    """Seconds that Kafka and Redis have to answer at the start."""
    shutdown_timeout_s: Seconds = 20.0
    """Seconds that a stop may take before the worker ends with what it has; below the grace period."""
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_upper)
    ] = "INFO"
    """Least severe level that is logged: DEBUG, INFO, WARNING, ERROR or CRITICAL."""
    log_format: Literal["auto", "json", "console"] = "auto"
    """json: JSON lines; console: text for people; auto: console on a terminal, else json."""
    alert_card_key: Annotated[SecretStr, AfterValidator(long_secret)] | None = None
    """When set, alerts carry an HMAC of the card id under this key in place of the id."""
    alert_card_keys_file: Annotated[Path, AfterValidator(check_card_keys)] | None = None
    """File of such keys in place of one, a line ID:KEY each, the current one first; it is read again
    when it has changed, and verdicts on alerts with any of them count for their cards."""
    card_numbers: Literal["refuse", "mask", "allow"] = "refuse"
    """What is done where a card id is a card's number (PAN). refuse: a dead letter without the number;
    mask: the card id becomes an HMAC of the number; allow: the number is used as the id."""
    card_number_key: Annotated[SecretStr, AfterValidator(long_secret)] | None = None
    """Key that card numbers are masked under. Under another key every such card is a new one."""

    privacy_aliases: bool = False
    """Whether alerts carry an alias of the card, which `streamer privacy erase` can destroy."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values from arguments alone; `load_settings` is what reads the environment."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)
