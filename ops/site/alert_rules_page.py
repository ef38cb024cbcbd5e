"""The page of alert rules: every alert of Prometheus' rule file, with its runbook, from that file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

__all__ = ["alerts", "page"]

_RULES: Final = Path(__file__).resolve().parents[1] / "prometheus" / "streamer.rules.yml"

_HEAD: Final = """\
# Alert rules

Every alert of [ops/prometheus/streamer.rules.yml](ops/prometheus/streamer.rules.yml), from which this
page is made. `page` wakes somebody, `ticket` is for the next working day, `info` is shown and sent to
nobody. What each means for [the objectives](ops/SLO.md) is said there.

| alert | severity | for | says | what to do |
|---|---|---|---|---|
"""


def alerts() -> list[dict[str, Any]]:
    """Return the alerting rules, in the order of the file."""
    groups = yaml.safe_load(_RULES.read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def page() -> str:
    """Return the page's text."""
    rows = "".join(_row(rule) for rule in alerts())
    blocks = "".join(_expression(rule) for rule in alerts())
    return f"{_HEAD}{rows}\n## Expressions\n{blocks}"


def _row(rule: dict[str, Any]) -> str:
    name, severity = rule["alert"], rule["labels"]["severity"]
    summary = " ".join(rule["annotations"]["summary"].split()).replace("|", "\\|")
    anchor = runbook_of(rule).rpartition("#")[2]
    page = runbook_of(rule).rpartition("#")[0]
    return (
        f"| `{name}` | {severity} | {rule.get('for', 'at once')} | {summary.replace('{{', '{&#123;')} "
        f"| [runbook]({page}#{anchor}) |\n"
    )


def runbook_of(rule: dict[str, Any]) -> str:
    """Return the file and anchor of a rule's runbook; a link there may begin with an address."""
    link: str = rule["annotations"]["runbook_url"]
    return "ops/runbooks/" + link.rpartition("ops/runbooks/")[2]


def _expression(rule: dict[str, Any]) -> str:
    return f"\n### {rule['alert']}\n\n```promql\n{rule['expr'].strip()}\n```\n"
