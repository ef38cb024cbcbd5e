"""What a run of several workers came to, from how far it was at moments: pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from streamer.errors import InvariantError

__all__ = ["Moment", "figures_of"]


class Moment(NamedTuple):
    """Counts since the start of each process: of payments by worker, of all workers together, of Redis.

    ``at_s`` is the monotonic clock's; seconds are of processors.
    """

    at_s: float
    n_done: tuple[int, ...]
    cpu_s: float
    n_merges: int
    redis_commands: int
    redis_in_bytes: int
    redis_out_bytes: int
    redis_cpu_s: float


def figures_of(moments: Sequence[Moment], n_skipped: int, n_total: int) -> dict[str, float]:
    """Return figures per payment and second, from when all workers are at work until all is done.

    >>> before = Moment(1.0, (4, 2), 1.0, 0, 10, 100, 1_000, 0.5)
    >>> after = Moment(3.0, (6, 4), 1.004, 8, 50, 500, 1_400, 0.502)
    >>> figures_of([before, after], 6, 10)["CPU, µs a payment"]
    1000.0
    """
    first = next((m for m in moments if sum(m.n_done) >= n_skipped and all(m.n_done)), None)
    last = next((m for m in moments if sum(m.n_done) >= n_total), None)
    if first is None or last is None or last.at_s <= first.at_s:
        raise InvariantError(
            f"all workers must be at work before the last of {n_total} payments is done, got "
            f"{len(moments)} moments; measure more payments"
        )
    n, seconds = sum(last.n_done) - sum(first.n_done), last.at_s - first.at_s
    return {
        "payments/s": n / seconds,
        "CPU, µs a payment": round((last.cpu_s - first.cpu_s) / n * 1e6, 6),
        "merges/s": (last.n_merges - first.n_merges) / seconds,
        "Redis, commands a payment": (last.redis_commands - first.redis_commands) / n,
        "Redis, bytes in a payment": (last.redis_in_bytes - first.redis_in_bytes) / n,
        "Redis, bytes out a payment": (last.redis_out_bytes - first.redis_out_bytes) / n,
        "Redis, CPU µs a payment": (last.redis_cpu_s - first.redis_cpu_s) / n * 1e6,
    }
