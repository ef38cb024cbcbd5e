"""What the histograms and gauges of a worker's ``/metrics`` say; pure."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["cumulative", "gauge", "quantile"]

_BUCKET: Final = r'^{name}_bucket{{[^}}]*le="([^"]+)"[^}}]*}} (\S+)$'


def cumulative(exposition: str, name: str) -> dict[float, float]:
    """Return how many were at most so much, by that bound, over all series of a histogram.

    >>> cumulative('a_bucket{le="1.0"} 3.0\\na_bucket{le="+Inf"} 4.0', "a")
    {1.0: 3.0, inf: 4.0}
    """
    found: dict[float, float] = {}
    pattern = re.compile(_BUCKET.format(name=re.escape(name)), re.MULTILINE)
    for bound, n in pattern.findall(exposition):
        found[float(bound)] = found.get(float(bound), 0.0) + float(n)
    return found


def quantile(exposition: str, name: str, share: float, before: str = "") -> float | None:
    """Return the least bound that at least so large a ``share`` did not exceed; None of nothing.

    ``before`` is an earlier exposition, whose counts are taken off.  A bound is what a histogram knows:
    the value itself was as large as that, or smaller, down to the bound below.

    >>> said = 'a_bucket{le="1.0"} 3.0\\na_bucket{le="2.5"} 4.0\\na_bucket{le="+Inf"} 4.0'
    >>> quantile(said, "a", 0.5), quantile(said, "a", 1.0), quantile("", "a", 0.5)
    (1.0, 2.5, None)
    """
    was, now = cumulative(before, name), cumulative(exposition, name)
    counts = {bound: n - was.get(bound, 0.0) for bound, n in now.items()}
    n_all = max(counts.values(), default=0.0)
    if not n_all:
        return None
    return min(bound for bound, n in counts.items() if n >= share * n_all)


def gauge(exposition: str, name: str, **labels: str) -> float:
    """Return the sum of a metric's series that have these labels.

    >>> gauge('a{kind="cards"} 2.0\\na{kind="merchants"} 3.0', "a", kind="cards")
    2.0
    """
    wanted = [f'{label}="{value}"' for label, value in labels.items()]
    lines = [line for line in exposition.splitlines() if line.startswith(f"{name}{{")]
    return sum(float(x.rpartition(" ")[2]) for x in lines if all(each in x for each in wanted))
