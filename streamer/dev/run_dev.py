"""Runs the stack until Ctrl-C: the page first, then a line every few seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streamer.contract.ledger import Ledger
from streamer.dev.judged_traffic import judged_traffic
from streamer.dev.notes import notes
from streamer.dev.page import page_of_stack
from streamer.dev.people import Traffic
from streamer.dev.stack import Stack
from streamer.errors import StreamerError
from streamer.settings import Settings
from streamer.starting.wiring import open_store
from streamer.stream.publishing.alert_reader import AlertReader

__all__ = ["DevOptions", "run_dev"]

_TICK_S: Final = 0.5
_LINE_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class DevOptions:
    """What to run.  ``rate`` is payments per second; ``rules`` a folder of Prometheus' rules.

    A ``verdict_delay_s`` of infinity is nobody who judges; ``intake`` is the workers' declaration.
    """

    rate: float
    n_workers: int
    seed: int
    verdict_delay_s: float
    rules: Path | None
    sends_payments: bool = True
    intake: str | None = None


def run_dev(options: DevOptions, say: Callable[[str], None]) -> None:
    """Run until KeyboardInterrupt; blocks.  ``say`` is given each line to print."""
    say("starting broker, Redis and workers")
    with Stack(options.n_workers, options.rules, say, intake=options.intake) as stack:
        settings = stack.settings
        say(notes(stack.worker_logs, options.verdict_delay_s, is_silent=not options.sends_payments))
        say(page_of_stack(stack))
        with judged_traffic(
            settings,
            options.rate,
            options.seed,
            options.verdict_delay_s,
            sends_payments=options.sends_payments,
        ) as (traffic, reader):
            try:
                _follow(stack, traffic, reader, say)
            finally:
                say("stopping")


def _follow(
    stack: Stack, traffic: Traffic, reader: AlertReader, say: Callable[[str], None]
) -> None:
    said_at, was_at_present = time.monotonic(), False
    while True:
        time.sleep(_TICK_S)
        stack.restart_dead()
        if traffic.error is not None:
            raise traffic.error
        if traffic.is_at_present and not was_at_present:
            was_at_present = True
            say("the simulated time has reached the present: no more payments")
        if time.monotonic() - said_at >= _LINE_S:
            said_at = time.monotonic()
            say(_line(stack.settings, traffic, reader))


def _line(settings: Settings, traffic: Traffic, reader: AlertReader) -> str:
    try:
        ledger = asyncio.run(_totals(settings))
    except StreamerError as error:
        return f"{traffic.n_sent:,} payments sent; {error}"
    return (
        f"{traffic.n_sent:,} payments sent, {ledger.scored:,} scored, {reader.n_read:,} alerts, "
        f"{ledger.dead_lettered:,} dead letters, {traffic.n_verdicts:,} verdicts"
    )


async def _totals(settings: Settings) -> Ledger:
    store = open_store(settings)
    try:
        return await store.totals()
    finally:
        await store.close()
