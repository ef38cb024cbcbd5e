"""Writes ``ops/METRICS.md``: the catalogue of metrics as a page.

``python -m streamer.pages.metrics_page`` writes it; with ``--check`` it writes nothing and exits
with 1 when the page differs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from streamer.pages.page_command import write_or_check
from streamer.telemetry.catalogue import LABELS, SECTIONS
from streamer.telemetry.family import Family
from streamer.telemetry.metrics import KEPT_S

__all__ = ["main", "page"]

_PAGE: Final = Path(__file__).parents[2] / "ops" / "METRICS.md"

_HEAD: Final = f"""\
# Metrics

What a worker answers to `GET /metrics`, and at the end what `streamer serve` and `streamer console`
do, which have the process and `streamer_build_info` besides, the former `streamer_spans_total` too:
this page is made from `streamer/telemetry/catalogue` (`python -m streamer.pages.metrics_page`), and
tests hold running processes against it, both ways.

- A scraper whose `Accept` header names OpenMetrics gets it, with exemplars: where a batch or an alert
  has a trace, the bucket of its latency names it as `trace_id`. Prometheus keeps them with
  `--enable-feature=exemplar-storage`.
- Labels are bounded, and none holds a card, a merchant or a message. Series whose labels are known
  beforehand exist from the start at 0, those of a partition from its assignment.
- Gauges of a partition go with it; its counters stay for {KEPT_S:.0f} seconds, so that no scrape misses
  what was counted last. Another worker's counters of it begin at 0: take `rate` or `increase` before
  `sum`.
- Counters begin at 0 with each process. There are no `_created` series.
- A scrape reads the gauges between two batches and writes its text beside them; what that costs, see
  `python -m load.bench_scrape`.
"""


def page() -> str:
    """Return the page's text."""
    sections = "".join(
        f"\n## {section.__doc__}\n\n| name | type | unit | labels | meaning |\n|---|---|---|---|---|\n"
        + "".join(_row(f) for f in vars(section).values() if isinstance(f, Family))
        for section in SECTIONS
    )
    labels = "".join(f"| `{name}` | {values} |\n" for name, values in LABELS.items())
    return f"{_HEAD}{sections}\n## Labels\n\n| label | values |\n|---|---|\n{labels}"


def _row(family: Family[Any]) -> str:
    labels = ", ".join(f"`{label}`" for label in family.labels)
    bounds = ", ".join(f"{bound:g}" for bound in family.buckets)
    meaning = family.meaning + (f" Buckets: {bounds}." if bounds else "")
    return f"| `{family.name}` | {family.kind} | {family.unit} | {labels} | {meaning} |\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the page; return the exit code."""
    return write_or_check("streamer.pages.metrics_page", __doc__, page, _PAGE, arguments)


if __name__ == "__main__":
    sys.exit(main())
