"""The verdict of a gate in the terminal, and as an object for ``--json``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from streamer.gating import Ruling

__all__ = ["gate_report", "render_gate"]


def gate_report(version: str, against: str, rulings: Sequence[Ruling]) -> dict[str, Any]:
    """Return the rulings with what they are about; ``passed`` says whether none fails."""
    return {
        "version": version,
        "against": against,
        "passed": all(ruling.outcome != "fail" for ruling in rulings),
        "rules": [asdict(ruling) for ruling in rulings],
    }


def render_gate(report: dict[str, Any]) -> Group:
    """Return a line for each rule, and the verdict."""
    table = Table("", "rule", "found", box=None)
    for ruling in report["rules"]:
        table.add_row(ruling["outcome"], ruling["rule"], ruling["told"])
    failed = [ruling["rule"] for ruling in report["rules"] if ruling["outcome"] == "fail"]
    verdict = f"fails by: {', '.join(failed)}" if failed else "passes"
    said = f"{report['version'][:12]} against {report['against'][:12]} {verdict}"
    return Group(table, Text(), Text(said, style="bold"))
