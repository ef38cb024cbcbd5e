"""Writes ``docs/retention.md``: what is kept, for how long, by which setting, and what removes it.

``python -m streamer.pages.retention_page`` writes it; with ``--check`` it writes nothing and exits with
1 when the page differs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from streamer.durations import DAY_S, HOUR_S
from streamer.pages.page_command import write_or_check
from streamer.retention.kept_files import KEPT_FILES
from streamer.retention.kept_keys import KEPT_KEYS
from streamer.retention.kept_row import KeptRow
from streamer.retention.kept_topics import KEPT_TOPICS
from streamer.settings import Settings, load_settings

__all__ = ["main", "page"]

_PAGE: Final = Path(__file__).parents[2] / "docs" / "retention.md"

_HEAD: Final = """\
# How long everything is kept

Every kind of key in Redis, every topic and every file that streamer writes. This page is made from `streamer/retention` (`python -m
streamer.pages.retention_page`); a test runs a worker, a console and a service and holds what they wrote against it, so that nothing new is kept
without a line here. What a customer may ask for is in [privacy.md](privacy.md).

## Topics

Where streamer creates topics (`STREAMER_CREATE_TOPICS`, as compose, `streamer dev` and Kubernetes' dev overlay do) they get `cleanup.policy=delete` and this `retention.ms`. A topic that is there
already stays as it is: `streamer status` says, and ends with 1, where the broker tells that one keeps what is of cards for longer than is
stated, or compacts it, and where the audit topic keeps entries for less. Kafka removes whole segments, so that messages outlive the time by
up to `segment.ms` (7 days) where a topic is quiet: set that too where days matter.

    kafka-configs.sh --bootstrap-server HOST:9092 --alter --entity-type topics --entity-name fraud-alerts --add-config retention.ms=604800000,segment.ms=86400000

"""
_KEYS: Final = """
## Redis

Below `streamer:{NAMESPACE}:`. "Card" says whether something of a card is in it. To remove a namespace as a whole, stop its workers and consoles, then
`redis-cli --scan --pattern 'streamer:{NAMESPACE}:*' | xargs redis-cli unlink`.

A card or merchant that was not seen for `STREAMER_CARDS_RETENTION_S` of event time before the newest payment of its partition is forgotten by whoever has the partition, in memory and in
Redis: with each look 1,000 rows of a kind, ten million in six hours. Who pays again begins anew, so that until its row is gone a card that
comes back after so long may still be known. Replays of payments older than that against a live namespace are forgotten likewise.

"""
_FILES: Final = """
## Files

"""


def page() -> str:
    """Return the page's text."""
    settings = load_settings({})
    topics = "| topic | card | what is in it | kept | setting |\n|---|---|---|---|---|\n"
    topics += "".join(
        f"| {_named(settings, row.setting)} | {_mark(row.of_card)} | {row.what} | "
        f"{_time(settings, row.kept_s)} | {_variable(row.kept_s)} |\n"
        for row in KEPT_TOPICS
    )
    keys = _table("key", KEPT_KEYS, settings)
    return _HEAD + topics + _KEYS + keys + _FILES + _table("file", KEPT_FILES, settings)


def _table(head: str, rows: Iterable[KeptRow], settings: Settings) -> str:
    told = f"| {head} | card | what is in it | until | removed by | settings (default) |\n"
    told += "|---|---|---|---|---|---|\n"
    for row in rows:
        names = ", ".join(
            f"{_variable(each)} ({_default(settings, each)})" for each in row.settings
        )
        name = row.name if head == "file" else f"`{row.name}`"
        told += (
            f"| {name} | {_mark(row.of_card)} | {row.what} | {row.until} | {row.removed_by} | "
            f"{names} |\n"
        )
    return told


def _named(settings: Settings, setting: str) -> str:
    name = getattr(settings, setting)
    return f"`{name}`" if name else _variable(setting)


def _variable(setting: str) -> str:
    return f"`STREAMER_{setting.upper()}`" if setting else ""


def _time(settings: Settings, setting: str) -> str:
    return f"{getattr(settings, setting) / DAY_S:,g} days" if setting else "as the broker says"


def _default(settings: Settings, setting: str) -> str:
    value = getattr(settings, setting)
    if not setting.endswith("_s"):
        return f"{value:,}"
    if value >= DAY_S:
        return f"{value / DAY_S:,g} days"
    return "1 hour" if value == HOUR_S else f"{value / HOUR_S:g} hours"


def _mark(of_card: bool) -> str:
    return "card" if of_card else ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the page; return the exit code."""
    return write_or_check("streamer.pages.retention_page", __doc__, page, _PAGE, arguments)


if __name__ == "__main__":
    sys.exit(main())
