"""What a Redis came to that workers share, and where it ends: pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from load.answer_times import percentile
from streamer.errors import InvariantError

__all__ = ["Counters", "Saving", "end_of", "saving_figures"]

_KEPT_UP: Final = 0.95
_SLOWER: Final = 3.0


class Counters(NamedTuple):
    """Of a Redis since its start: its main thread's processor seconds, bytes in, bytes out."""

    cpu_s: float
    in_bytes: int
    out_bytes: int


class Saving(NamedTuple):
    """A checkpoint within the window: how long after it was due it was done, in how many tries."""

    took_s: float
    n_tries: int
    is_saved: bool = True


def saving_figures(
    saved: Sequence[Saving],
    before: Counters,
    after: Counters,
    *,
    seconds: float,
    n_payments: int,
    offered_per_s: float,
) -> dict[str, float]:
    """Return figures of ``seconds`` in which checkpoints of ``n_payments`` each were done.

    ``offered_per_s`` are the payments that came; 0 where as many came as were saved.

    >>> figures = saving_figures(
    ...     [Saving(0.010, 1), Saving(0.030, 3)], Counters(1.0, 0, 0), Counters(1.5, 4_000, 800),
    ...     seconds=2.0, n_payments=1_000, offered_per_s=1_000.0)
    >>> figures["payments/s"], figures["tries a checkpoint"], figures["Redis busy"]
    (1000.0, 2.0, 0.25)
    """
    done = [each for each in saved if each.is_saved]
    if not done or seconds <= 0:
        raise InvariantError(
            f"a checkpoint must be done within the window, got {len(saved)} offered in {seconds:g} s; "
            "measure longer"
        )
    took = sorted(each.took_s for each in saved)
    cpu_s, n = after.cpu_s - before.cpu_s, len(done)
    return {
        "offered payments/s": offered_per_s,
        "payments/s": n * n_payments / seconds,
        "checkpoints/s": n / seconds,
        "tries a checkpoint": sum(each.n_tries for each in saved) / len(saved),
        "given up": float(len(saved) - n),
        "p50, ms": percentile(took, 0.5) * 1e3,
        "p99, ms": percentile(took, 0.99) * 1e3,
        "Redis busy": cpu_s / seconds,
        "Redis, CPU ms a checkpoint": cpu_s / n * 1e3,
        "Redis, CPU µs a payment": cpu_s / n / n_payments * 1e6,
        "Redis, MB/s in": (after.in_bytes - before.in_bytes) / seconds / 1e6,
        "Redis, MB/s out": (after.out_bytes - before.out_bytes) / seconds / 1e6,
    }


def end_of(rows: Sequence[tuple[int, float, float, float]]) -> dict[str, float]:
    """Return where a Redis ends, from rows of workers, payments/s offered, done, and p99 in ms.

    ``workers that it keeps up with`` are the most with which at least 95% of what came was saved, and
    with fewer too; ``p99 turns up at`` the first with whom it is three times what it is with the
    fewest, 0 where it never is.

    >>> end_of([(1, 50.0, 50.0, 20.0), (2, 100.0, 98.0, 30.0), (4, 200.0, 150.0, 90.0)])
    {'most payments/s': 150.0, 'workers that it keeps up with': 2, 'p99 turns up at': 4}
    """
    ordered = sorted(rows)
    kept_up = 0
    for n_workers, offered, done, _ in ordered:
        if done < _KEPT_UP * offered:
            break
        kept_up = n_workers
    least = ordered[0][3]
    turned = next((n for n, *_, p99 in ordered if p99 > _SLOWER * least), 0)
    return {
        "most payments/s": max(done for _, _, done, _ in ordered),
        "workers that it keeps up with": kept_up,
        "p99 turns up at": turned,
    }
