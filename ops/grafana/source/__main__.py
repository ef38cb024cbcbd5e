"""Writes ``ops/grafana/dashboards``; a test holds the files to their source."""

from __future__ import annotations

import argparse
from pathlib import Path

from ops.grafana.source import DASHBOARDS
from ops.grafana.source.render import rendered

FOLDER = Path(__file__).parents[1] / "dashboards"


def main() -> None:
    """Write every dashboard."""
    for dashboard in DASHBOARDS:
        (FOLDER / f"{dashboard.name}.json").write_text(rendered(dashboard), "utf-8")


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m ops.grafana.source", description=__doc__).parse_args()
    main()
