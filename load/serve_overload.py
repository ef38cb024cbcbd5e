"""At twice what it can answer: what is refused, how fast, and whether memory stays where it is."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from load.served import Served, answers_to, sampled

__all__ = ["overload"]

_CONNECTIONS: Final = 64
_CAPACITY_S: Final = 10.0
_RECOVERY_S: Final = 5.0
_TIMES: Final = 2.0
_SAMPLE_S: Final = 1.0


def overload(served: Served, minutes: float) -> dict[str, Any]:
    """Return what came of ``minutes`` at twice the capacity, and of half of it right afterwards."""
    capacity = answers_to(
        served, "rest", 1, "capacity", connections=_CONNECTIONS, seconds=_CAPACITY_S
    )
    rate = capacity.answers_per_s * _TIMES
    with ThreadPoolExecutor(1) as asking:
        work = asking.submit(
            answers_to, served, "rest", 1, "overload", per_second=rate, seconds=minutes * 60
        )
        samples = sampled(served.pid, _SAMPLE_S, work.done)
        overloaded = work.result()
    after = answers_to(
        served, "rest", 1, "after", per_second=rate / 4, seconds=_RECOVERY_S, warm_s=0.0
    )
    return {
        "capacity": [capacity],
        "at twice the capacity": [overloaded],
        "afterwards, at half of it": [after],
        "overload": {
            "asked per s": round(rate, 1),
            "refused share": round(overloaded.refused_share, 4),
            "refused": overloaded.n_refused,
            "refusals ms": {
                name: getattr(overloaded.refusals, name) for name in ("p50", "p95", "p99")
            },
            "late": overloaded.n_late,
            "memory MB": [round(mb, 1) for _, mb in samples[:: max(len(samples) // 20, 1)]],
        },
    }
