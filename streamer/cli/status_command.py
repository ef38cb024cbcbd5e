"""``streamer status``: what is there, how far it has come, and what is wrong with it."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any, Final

import click
from rich.console import Console
from rich.live import Live

from streamer.cli.operator import now_ms
from streamer.cli.options import as_json
from streamer.display.output import EXIT_FAILED, print_json, readable_errors, table_console
from streamer.display.status_display import rendered
from streamer.settings import Settings, load_settings
from streamer.status import Status, gather, troubles_of

__all__ = ["status"]

_WATCH_S: Final = 2.0


@click.command()
@click.option(
    "--worker",
    "urls",
    multiple=True,
    metavar="URL",
    help="Ask this worker too, such as http://host:8080. If the name has several addresses, each is "
    "asked. Repeatable.",
)
@click.option("--watch", is_flag=True, help="Refresh every 2 s until Ctrl-C.")
@as_json
@readable_errors
def status(urls: tuple[str, ...], watch: bool, as_json: bool) -> None:
    """Show workers, partitions, model and what is wrong.

    What is wrong comes with its runbook. Read from Redis and Kafka (STREAMER_*), and from the
    workers named by --worker. Exit code 1 when something is wrong.
    """
    settings = load_settings()
    if watch and not as_json:
        _watch(settings, urls)
        return
    found = gather(settings, urls, now_ms())
    troubles = troubles_of(found)
    if as_json:
        print_json(_told(found))
    else:
        table_console().print(rendered(found, troubles))
    if troubles:
        raise SystemExit(EXIT_FAILED)


def _watch(settings: Settings, urls: tuple[str, ...]) -> None:
    with Live(console=Console(highlight=False), auto_refresh=False, screen=True) as live:
        while True:
            found = gather(settings, urls, now_ms())
            live.update(rendered(found, troubles_of(found)), refresh=True)
            time.sleep(_WATCH_S)


def _told(found: Status) -> dict[str, Any]:
    told = asdict(found)
    for row, each in zip(told["partitions"], found.partitions, strict=True):
        row["lag"] = each.lag
    troubles = troubles_of(found)
    return {
        "is_well": not troubles,
        "troubles": [asdict(each) for each in troubles],
        **told,
    }
