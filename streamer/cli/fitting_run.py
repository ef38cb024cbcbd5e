"""One fit for `streamer fit` and `model verify`: in one piece, or in shards, here or on Ray."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamer.cli.files import Reading
from streamer.cli.operator import now_ms
from streamer.display.progress_bars import Bars
from streamer.extra import require
from streamer.store import rfc3339

if TYPE_CHECKING:
    from streamer.fitting import Fit, Request

__all__ = ["fitted"]


def fitted(
    request: Request, files: Sequence[Path | str], reading: Reading, ray: str | None = None
) -> tuple[Fit, dict[str, Any]]:
    """Return the fit and what is to be told of the files, as `FileReport.to_dict` does."""
    from streamer.fitting import fit

    if request.shards > 1 or ray is not None:
        return _sharded(request, files, reading, ray)
    with reading.report(*files) as report, Bars() as bars:
        bars.begin(
            f"{report.file.name}: {report.file.n_rows:,} rows; their features, then the number of "
            "clusters, then the version"
        )
        made = fit(
            request,
            report,
            created_at=rfc3339(now_ms()),
            now_ms=now_ms,
            monotonic=time.monotonic,
            on_progress=bars.advance,
        )
    return made, report.to_dict()


def _sharded(
    request: Request, files: Sequence[Path | str], reading: Reading, ray: str | None
) -> tuple[Fit, dict[str, Any]]:
    from streamer.fitting.executing import HERE
    from streamer.fitting.on_ray import on_ray
    from streamer.fitting.sharded import fit_sharded
    from streamer.fitting.shards import told_together

    require("sklearn.metrics")
    specs, began_ms = reading.specs(*files), now_ms()
    with nullcontext(HERE) if ray is None else on_ray(ray) as executor, Bars() as bars:
        made, facts = fit_sharded(
            request,
            specs,
            executor,
            created_at=rfc3339(began_ms),
            now_ms=began_ms,
            on_progress=bars.advance,
        )
    return made, told_together(facts)
