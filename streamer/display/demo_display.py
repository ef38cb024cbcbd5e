"""The demo's screen: a line of progress, and now and then an alert."""

from __future__ import annotations

import time
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from streamer.contract.ledger import Ledger
from streamer.contract.messages import Alert
from streamer.display.alert_panel import render_alert

__all__ = ["Display"]

# A reader needs about this long for an alert; the others are only counted.
_ALERT_EVERY_S: Final = 2.5
_PLAIN_EVERY_S: Final = 5.0


class Display:
    """The demo's screen; silent when ``is_quiet``, plain lines where there is no terminal."""

    def __init__(self, console: Console, is_quiet: bool) -> None:
        self._console = console
        self._is_quiet = is_quiet
        self._shown_at = 0.0
        self._plain_at = 0.0
        self._rate_from = (time.monotonic(), 0)
        self._rate = 0.0
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[figures]}"),
            console=console,
            transient=True,
            disable=is_quiet or not console.is_terminal,
        )
        self._task = self._progress.add_task("starting", total=None, figures="")

    def __enter__(self) -> Display:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def status(self, text: str) -> None:
        """Say what is going on before the first payment."""
        self._progress.update(self._task, description=text)
        if not self._is_quiet and not self._console.is_terminal:
            self._console.print(text)

    def note(self, text: str) -> None:
        """Print a line that stays."""
        if not self._is_quiet:
            self._console.print(text, highlight=False)

    def alert(self, alert: Alert) -> None:
        """Show an alert, unless one is still being read."""
        now = time.monotonic()
        if self._is_quiet or now - self._shown_at < _ALERT_EVERY_S:
            return
        self._shown_at = now
        self._console.print(render_alert(alert))

    def progress(self, n_payments: int, n_sent: int, ledger: Ledger, n_alerts: int) -> None:
        """Bring the line of progress up to date."""
        now = time.monotonic()
        since, before = self._rate_from
        if now - since >= 1.0:
            self._rate = (ledger.consumed - before) / (now - since)
            self._rate_from = (now, ledger.consumed)
        figures = (
            f"{ledger.scored:,} scored of {n_sent:,} sent, {self._rate:,.0f}/s, "
            f"{ledger.dead_lettered:,} dead letters, {n_alerts:,} alerts"
        )
        warming = ledger.scored and ledger.scored == ledger.warming
        self._progress.update(
            self._task,
            description="warming up" if warming else "scoring",
            total=n_payments,
            completed=ledger.consumed,
            figures=figures,
        )
        is_plain = not self._is_quiet and not self._console.is_terminal
        if is_plain and now - self._plain_at >= _PLAIN_EVERY_S:
            self._plain_at = now
            self._console.print(figures, highlight=False)
