"""The demo's screen: what happens, a line of progress, and now and then an alert."""

from __future__ import annotations

import threading
import time
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from streamer.contract.messages import Alert
from streamer.display.alert_panel import render_alert
from streamer.display.demo_stages import Figures, Stages
from streamer.display.varied_alerts import VariedAlerts
from streamer.reports.summary import Known

__all__ = ["Display", "progress_text"]

_PLAIN_EVERY_S: Final = 5.0
# With less there is no room for a bar beside the figures.
_BAR_FROM: Final = 100


class Display:
    """The demo's screen; silent when ``is_quiet``, plain lines where there is no terminal."""

    def __init__(self, console: Console, is_quiet: bool) -> None:
        self._console = console
        self._is_quiet = is_quiet
        self._plain_at = 0.0
        self._varied = VariedAlerts()
        self._stages = Stages()
        # Alerts are read by a thread of their own.
        self._lock = threading.Lock()
        bars = (BarColumn(bar_width=16),) if console.width >= _BAR_FROM else ()
        self._progress = Progress(
            *bars,
            TextColumn("{task.description}"),
            console=console,
            transient=True,
            disable=is_quiet or not console.is_terminal,
        )
        self._task = self._progress.add_task("starting", total=None)

    def __enter__(self) -> Display:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Take the line of progress away; may be called twice."""
        self._progress.stop()

    def say(self, text: str) -> None:
        """Print a page that a person copies from, also where the rest is quiet."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    @property
    def unshown(self) -> str | None:
        """How many alerts were not shown, in words; None where all were."""
        shown, seen = self._varied.n_picked, self._varied.n_seen
        if shown == seen:
            return None
        return (
            f"{shown:,} of {seen:,} alerts {'was' if shown == 1 else 'were'} shown, one of a kind "
            "each; --alerts OUT.jsonl writes all of them, --keep has them in the console"
        )

    def status(self, text: str) -> None:
        """Say what is going on before the first payment."""
        self._progress.update(self._task, description=text)
        if not self._is_quiet and not self._console.is_terminal:
            self._console.print(text, highlight=False)

    def note(self, text: str) -> None:
        """Print a line that stays."""
        if not self._is_quiet:
            with self._lock:
                self._console.print(Text(text, style="bold"))

    def alert(self, alert: Alert, known: Known) -> None:
        """Show an alert, if there was none like it yet and it has been said that there are some."""
        is_time = self._stages.is_alerting and not self._is_quiet
        if not self._varied.picks(alert, known, time.monotonic(), is_time=is_time):
            return
        with self._lock:
            self._console.print(render_alert(alert, known))

    def progress(self, now: Figures) -> None:
        """Bring the line of progress up to date, and say what has happened."""
        for said in self._stages.new(now):
            self.note(said)
        text = progress_text(now)
        self._progress.update(
            self._task, description=text, total=now.n_payments, completed=now.ledger.consumed
        )
        is_plain = not self._is_quiet and not self._console.is_terminal
        at = time.monotonic()
        if is_plain and at - self._plain_at >= _PLAIN_EVERY_S:
            self._plain_at = at
            with self._lock:
                self._console.print(text, highlight=False)


def progress_text(now: Figures) -> str:
    """Return the line of progress, which fits into 80 columns."""
    parts = [
        f"day {now.day:.0f}",
        f"{now.ledger.scored:,} payments",
        f"{now.n_alerts:,} alerts",
        f"{now.n_verdicts:,} verdicts",
    ]
    if now.latest.value is not None:
        parts.append(f"{now.latest.value:.0%} of last {now.latest.of} right")
    return ", ".join(parts)
