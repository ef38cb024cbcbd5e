"""Which page of the site comes from where: a file, one section of a file, or a function that writes it.

A text lies in one place only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ops.site import alert_rules_page, cli_page, equations_page, python_page, topics_page

__all__ = ["ROOT", "Source", "gathered", "made"]

ROOT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Source:
    """A file of the repository, or of it the section under a heading, without its parts elsewhere.

    ``title`` is given where the heading says something else on a page of its own.
    """

    file: str
    section: str = ""
    title: str = ""


_README: Final = "README.md"
_FILES: Final = {
    "start/three-commands.md": Source(_README, "Three commands"),
    "start/tutorial.md": Source("docs/tutorial.md"),
    "start/notebook.md": Source("docs/notebook.md"),
    "start/library.md": Source("docs/library.md"),
    "data/publishing.md": Source("docs/publishing.md"),
    "data/your-data.md": Source("docs/your-data.md"),
    "data/files.md": Source("docs/files.md"),
    "data/card-numbers.md": Source("docs/card-numbers.md"),
    "review/alert.md": Source("docs/alert.md"),
    "review/reading-an-alert.md": Source("docs/reading-an-alert.md"),
    "review/alerts-and-verdicts.md": Source("docs/alerts-and-verdicts.md"),
    "review/console.md": Source("docs/console.md"),
    "review/fairness.md": Source("docs/fairness.md"),
    "review/impact.md": Source("docs/impact.md"),
    "run/running.md": Source("docs/running.md"),
    "run/deployment.md": Source("ops/README.md", title="Deployment: what lies where"),
    "run/kubernetes.md": Source("ops/kubernetes/README.md"),
    "run/sizing.md": Source("docs/sizing.md"),
    "run/tls-and-sasl.md": Source("docs/tls-and-sasl.md"),
    "run/backups.md": Source("docs/backups.md"),
    "run/upgrades.md": Source("docs/upgrades.md"),
    "run/partitions.md": Source("docs/partitions.md"),
    "run/objectives.md": Source("ops/SLO.md"),
    "run/alerts.md": Source("ops/runbooks/alerts.md", title="Runbook: alerts"),
    "run/recovery.md": Source("ops/runbooks/recovery.md", title="Runbook: recovery"),
    "run/datadog.md": Source("ops/datadog/README.md"),
    "run/security.md": Source("SECURITY.md"),
    "run/access.md": Source("docs/access.md"),
    "run/tenancy.md": Source("docs/tenancy.md"),
    "run/secrets.md": Source("docs/secrets.md"),
    "run/audit.md": Source("docs/audit.md"),
    "run/privacy.md": Source("docs/privacy.md"),
    "run/retention.md": Source("docs/retention.md"),
    "run/attempts.md": Source("docs/attempts.md"),
    "fit/fitting.md": Source("docs/fitting.md"),
    "fit/challengers.md": Source("docs/challengers.md"),
    "fit/promoting.md": Source("docs/promoting.md"),
    "fit/retraining.md": Source("ops/RETRAINING.md"),
    "fit/pipeline.md": Source("ops/pipeline/README.md"),
    "fit/mlflow.md": Source("docs/registry.md"),
    "fit/feast.md": Source("ops/feast/README.md"),
    "score/requests.md": Source("docs/requests.md"),
    "score/serving.md": Source("ops/runbooks/serving.md", title="Runbook: serving"),
    "evaluate/measuring.md": Source("docs/measuring.md"),
    "evaluate/measured.md": Source("docs/measured.md"),
    "evaluate/load.md": Source("load/README.md"),
    "evaluate/limits.md": Source("DESIGN.md", "Where it falls short"),
    "extend/contributing.md": Source("CONTRIBUTING.md"),
    "extend/releasing.md": Source("docs/releasing.md"),
    "extend/feature.md": Source("docs/extend-feature.md"),
    "extend/file-format.md": Source("docs/extend-file-format.md"),
    "extend/fraud-pattern.md": Source("docs/extend-fraud-pattern.md"),
    "extend/detector.md": Source("docs/extend-detector.md"),
    "extend/rig.md": Source("tests/rig/README.md"),
    "extend/integrations.md": Source("tests/integrations/README.md"),
    "understand/design.md": Source("DESIGN.md"),
    "understand/exactly-once.md": Source("docs/exactly-once.md"),
    "understand/poisoning.md": Source("docs/poisoning.md"),
    "understand/faults.md": Source("docs/faults.md"),
    "reference/settings.md": Source("ops/SETTINGS.md"),
    "reference/metrics.md": Source("ops/METRICS.md"),
    "reference/logs.md": Source("ops/LOGS.md"),
    "reference/dead-letters.md": Source("docs/dead-letters.md"),
    "reference/changes.md": Source("CHANGELOG.md"),
    "decisions/index.md": Source("docs/decisions/README.md"),
    "compare/others.md": Source("docs/compare.md"),
}

_MADE: Final[dict[str, Callable[[], str]]] = {
    "reference/cli.md": cli_page.page,
    "reference/alert-rules.md": alert_rules_page.page,
    "reference/topics.md": topics_page.page,
    "reference/python.md": python_page.page,
    "understand/equations.md": equations_page.page,
}


def made() -> dict[str, str]:
    """Return the pages that are written from the code, anew each time: so they are never stale."""
    return {place: page() for place, page in _MADE.items()} | python_page.pages()


def gathered() -> dict[str, Source]:
    """Return the source of every page that is not made, by its place; each decision is one."""
    decisions = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    pages = {f"decisions/{path.name}": Source(f"docs/decisions/{path.name}") for path in decisions}
    return _FILES | pages
