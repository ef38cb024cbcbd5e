"""The settings of ``streamer console``, beside those that all processes share."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from streamer.settings.secret_checks import long_secret
from streamer.settings.serve_settings import ServeFields
from streamer.settings.settings import Count, ReadableFile, Seconds, Topic

__all__ = ["ConsoleFields"]


class ConsoleFields(ServeFields):
    """Who may log in, for how long, and how many alerts are kept open."""

    audit_topic: Topic = "streamer-audit"
    """Topic that `streamer console` writes every action of a person to, one JSON object each."""
    console_host: str = Field("127.0.0.1", min_length=1)
    """Address that `streamer console` answers on."""
    console_port: int = Field(8086, ge=1, le=65_535)
    """Port of the same. It speaks HTTPS with STREAMER_WEB_CERTIFICATE_FILE; without, browsers keep its
    cookies on this machine only, or behind a proxy that does."""
    console_accounts_file: ReadableFile | None = None
    """File with an account per line, as `streamer console account NAME` prints it."""
    console_secret: Annotated[SecretStr, AfterValidator(long_secret)] | None = None
    """Key that sessions are signed with; several consoles need the same. Without one it is drawn at the
    start, and sessions end with the process."""
    console_session_s: Seconds = 28_800.0
    """Seconds after which a reviewer has to log in again."""
    console_claim_s: Seconds = 3_600.0
    """Seconds that an alert which a reviewer has opened is nobody else's."""
    console_max_alerts: Count = 10_000
    """Open alerts that the console keeps, about 4 kB each in Redis; the oldest make room."""
