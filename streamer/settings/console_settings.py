"""The settings of ``streamer console``, beside those that all processes share."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from streamer.settings.group_roles import check_group_roles
from streamer.settings.oidc_settings import OidcFields
from streamer.settings.secret_checks import long_secret
from streamer.settings.settings import Count, ReadableFile, Seconds, Topic

__all__ = ["ConsoleFields"]


def _urls(value: str) -> str:
    for url in filter(None, map(str.strip, value.split(","))):
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be http or https URLs, separated by commas")
    return value


def _one_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
        raise ValueError("must be an http or https URL without user and query")
    return value


HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")]


class ConsoleFields(OidcFields):
    """Who may log in, for how long, and how many alerts are kept open."""

    audit_topic: Topic = "streamer-audit"
    """Topic that the console and the commands write every change and every view of card data to."""
    audit_timeout_s: Seconds = 5.0
    """Seconds that Kafka has to take the entry of a change; without it the change is refused."""
    audit_max_unsent: Count = 10_000
    """Entries that a process keeps in Redis while Kafka is away; then it shows no card data."""
    audit_retention_s: Seconds = 34_560_000.0
    """Seconds that the audit topic keeps entries, where it is created here: 400 days. `streamer audit
    verify` reports younger entries that are missing as removed."""
    proposals_topic: Topic = "streamer-proposals"
    """Topic that `streamer console` writes every proposal and every decision on one to."""
    console_host: str = Field("127.0.0.1", min_length=1)
    """Address that `streamer console` answers on."""
    console_port: int = Field(8086, ge=1, le=65_535)
    """Port of the same. It speaks HTTPS with STREAMER_WEB_CERTIFICATE_FILE. Without it, browsers keep
    its cookies only on this machine or behind a proxy that speaks HTTPS."""
    console_accounts_file: ReadableFile | None = None
    """File with an account per line, as `streamer users add NAME` writes it; it is read again when it
    has changed."""
    console_secret: Annotated[SecretStr, AfterValidator(long_secret)] | None = None
    """Key that sessions are signed with; several consoles need the same. Without one it is drawn at the
    start, and sessions end with the process."""
    console_session_s: Seconds = 28_800.0
    """Seconds after which a reviewer has to log in again."""
    console_claim_s: Seconds = 3_600.0
    """Seconds for which an alert that a reviewer has opened is held for them alone."""
    console_max_claims: Count = 20
    """Alerts that one person can hold at a time; to open another, one must be judged or released."""
    console_least_look_s: float = Field(0.4, ge=0, le=10, allow_inf_nan=False)
    """Seconds that an alert must have been shown before a verdict on it is taken, so that the second
    tap of a double tap does not judge the next alert."""
    console_trusted_proxies: str | None = None
    """Addresses of proxies, separated by commas, whose X-Forwarded-For is believed. Without it, all who
    come through one proxy share one limit of login attempts."""
    console_proxy_user_header: HeaderName | None = None
    """Header in which a trusted proxy says who asks (X-Forwarded-User). The proxy must remove it from
    what browsers send. It is believed only from STREAMER_CONSOLE_TRUSTED_PROXIES."""
    console_proxy_groups_header: HeaderName = "X-Forwarded-Groups"
    """Header in which the same proxy says which groups they are in, separated by commas."""
    console_proxy_roles: Annotated[str, AfterValidator(check_group_roles)] = ""
    """Roles of these groups: fraud-team=reviewer,fraud-leads=reviewer+lead. A group that is not named
    has none."""
    console_snooze_days: int = Field(30, ge=1, le=180)
    """Days that one person may snooze a card or merchant for; longer needs the approval of a second
    person."""
    command_roles: Annotated[str, AfterValidator(check_group_roles)] = ""
    """Roles of the users of this machine who run commands: deploy=operator,ana=model_owner. When set, a
    command needs permission as a page does, and what needs a second person needs `--proposal ID`."""
    opa_url: Annotated[str, AfterValidator(_one_url)] | None = None
    """Open Policy Agent that decides who may do what in the console, http://127.0.0.1:8181; without one
    the built-in rules decide. While it does not answer, nothing can be changed."""
    opa_token_file: ReadableFile | None = None
    """File with the bearer token for Open Policy Agent; it is read again when it has changed."""
    opa_timeout_s: Seconds = 1.0
    """Seconds that Open Policy Agent has to answer."""
    console_max_alerts: Count = 10_000
    """Open alerts that the console keeps, about 4 kB each in Redis; the oldest make room."""
    console_blind: bool = False
    """Whether nobody is told what the model says of an alert before its verdict, nor whether it was
    drawn from below the threshold; the queue's order then tells nothing either."""
    console_second_share: float = Field(0.0, ge=0, le=1, allow_inf_nan=False)
    """Share of judged alerts, drawn at random, that another person judges again without being told of
    the first verdict; where both differ a lead rules."""
    console_critical_s: Seconds = 3_600.0
    """Seconds within which a critical alert is to be judged; later it is late on the team's page."""
    console_high_s: Seconds = 14_400.0
    """The same for a high one."""
    console_medium_s: Seconds = 86_400.0
    """The same for a medium one."""
    console_workers: Annotated[str, AfterValidator(_urls)] = ""
    """Addresses of workers whose figures `streamer console` shows, http://host:8080 separated by
    commas; a name with several addresses stands for all of them."""
