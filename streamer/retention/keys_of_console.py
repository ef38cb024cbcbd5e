"""What the console keeps in Redis, and how long."""

from __future__ import annotations

from typing import Final

from streamer.retention.kept_row import KeptRow, kept

__all__ = ["KEYS_OF_CONSOLE"]

_ID: Final = r"[0-9a-f]{64}"
_ANY: Final = r"(?s:.+)"
_SERVICE: Final = "as long as the namespace"
_CONSOLE: Final = "the console"
_REDIS: Final = "Redis, by the key's time to live"


def _review(
    name: str, pattern: str, what: str, until: str, by: str, *more: str, of_card: bool = True
) -> KeptRow:
    return kept(f"review:{name}", f"review:{pattern}", what, until, by, *more, of_card=of_card)


KEYS_OF_CONSOLE: Final = (
    _review(
        "alert:*",
        f"alert:{_ANY}",
        "an alert with its reasons",
        "a day (30 where it is judged twice) after its verdict, or newer ones need the room",
        _REDIS,
        "console_max_alerts",
    ),
    _review(
        "rows",
        "(rows|ranked|arrived)",
        "what the queue shows of open alerts",
        "they are judged, or newer ones need the room",
        _CONSOLE,
        "console_max_alerts",
    ),
    _review(
        "known",
        "known",
        "ids of alerts that came: places in a topic",
        "20 times as many as may be open have come",
        _CONSOLE,
        "console_max_alerts",
        of_card=False,
    ),
    _review(
        "read",
        "(read|counts)",
        "how far alerts were read, and how many came",
        _SERVICE,
        "the next reading",
        of_card=False,
    ),
    _review("verdict:*", f"verdict:{_ANY}", "a verdict with its comment", "30 days", _REDIS),
    _review(
        "twice:*",
        f"(twice:{_ANY}|twices)",
        "an alert drawn for a second opinion, and what was said",
        "30 days",
        _REDIS,
    ),
    _review(
        "card:*", "card:[0-9a-f]+", "the last 40 alerts of a card", "30 days without one", _REDIS
    ),
    _review(
        "judged",
        "(judged|pairs)",
        "who judged which alert how, with its amount and its payment's id",
        "its time is over, or 20,000 (10,000) newer ones have come",
        _CONSOLE,
        "console_team_retention_s",
        of_card=False,
    ),
    _review(
        "snoozes",
        "snoozes",
        "cards and merchants that are put off",
        "it ends, after 180 days at most",
        _CONSOLE,
        "console_snooze_days",
    ),
    _review("joint:*", f"joint:{_ANY}", "a verdict on several alerts", "a day", _REDIS),
    _review(
        "claim:*",
        f"(claim|claims|ticks|sending):{_ANY}",
        "who has which alert",
        "its time is over",
        _REDIS,
        "console_claim_s",
    ),
    _review(
        "looked:*", f"looked:{_ANY}", "where an alert lies that was looked up", "a day", _REDIS
    ),
    _review(
        "proposals",
        "proposals",
        "what was proposed and decided; whom to put off, until that is done",
        "200 newer ones have come",
        _CONSOLE,
    ),
    _review(
        "version:*",
        f"version(:{_ID}|s)",
        "versions of the 64 latest alerts",
        "newer ones need the room",
        _CONSOLE,
        of_card=False,
    ),
    _review(
        "bound-names",
        "bound-names",
        "whose name is whose at the provider",
        "somebody removes it (access.md)",
        "hand",
        of_card=False,
    ),
    _review(
        "ended:*",
        f"(ended|once):{_ANY}",
        "sessions and answers of a provider that are used",
        "the session would end",
        _REDIS,
        "console_session_s",
        of_card=False,
    ),
    _review(
        "tries:*",
        f"(tries|known-address):{_ANY}",
        "tries of a login, by name and address",
        "a quarter of an hour; where somebody came from, 30 days",
        _REDIS,
        of_card=False,
    ),
)
"""The rows, in the order of the page."""
