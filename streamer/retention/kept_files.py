"""Every file that is written, by whom, and what removes it."""

from __future__ import annotations

from typing import Final

from streamer.retention.kept_row import KeptRow

__all__ = ["KEPT_FILES"]

_YOU: Final = "you"
_ASKED: Final = "whoever asked for it removes it"

KEPT_FILES: Final = (
    KeptRow(
        "export of `privacy export --out`",
        "",
        "all that is stored of a card; mode 0600",
        _ASKED,
        _YOU,
        of_card=True,
    ),
    KeptRow(
        "export and manifest of `audit export`",
        "",
        "entries of a period; mode 0600",
        _ASKED,
        _YOU,
        of_card=True,
    ),
    KeptRow(
        "`--out`, `--rejects` of `replay`, `features`, `evaluate`, `fit`, `simulate`, `intake`",
        "",
        "payments, scores or features of the files that were given; versions without names",
        _ASKED,
        _YOU,
        of_card=True,
    ),
    KeptRow("pages of `backtest`, `drift`, `fairness`", "", "figures", _ASKED, _YOU),
    KeptRow(
        "`model export`, `model push`, MLflow",
        "",
        "a version: no card, features of a recent sample",
        _ASKED,
        _YOU,
    ),
    KeptRow(
        "the accounts file",
        "",
        "names, roles, hashes of passwords",
        "`streamer users` writes a line anew; a disabled account stays",
        _YOU,
    ),
    KeptRow(
        "temporary folders of `demo`, `dev`, `retrain`, the embedded servers, packed data files",
        "",
        "what these processes have",
        "the process ends",
        "the process; the system's own cleaning after a kill",
        of_card=True,
    ),
    KeptRow(
        "compiled loops (`streamer/__pycache__/compiled`, or the user's cache)",
        "",
        "machine code",
        "another release is installed",
        "who installs it",
    ),
    KeptRow(
        "logs (standard output and error), spans",
        "",
        "no card, by test",
        "as who collects them says",
        _YOU,
    ),
    KeptRow(
        "Kafka's and Redis' own files, replicas and backups",
        "",
        "what both have",
        "as they say; Redis' files until they are rewritten",
        _YOU,
        of_card=True,
    ),
    KeptRow("Prometheus in `docker-compose.yml`", "", "metrics: no card", "15 days", "Prometheus"),
)
"""The rows, in the order of the page."""
