"""The compiled k-means step beside those of libraries: ``python -m load.kernels``.

A step finds the nearest centers of n rows in d features and moves the k centers by them.  Everyone
gets the same rows and first centers.  Rounds are interleaved: each cell of each round is measured for
everybody, one after the other.

faiss runs in an environment of its own, as a child that is asked by lines (`load.peers.kernels`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from time import thread_time
from typing import IO, Any, Final

import click
import numpy as np
from threadpoolctl import threadpool_limits

from load.environments import python_in
from load.figures import Spread, summarise
from load.machine import describe_machine, without_openblas
from streamer.arrays import Floats
from streamer.model.kmeans import assign, cluster_sums

__all__ = ["cells", "compiled_step", "main", "table_of"]

_FOLDER: Final = Path(__file__).parent / "peers" / "kernels"
_NAMES: Final = ("compiled", "scikit-learn", "faiss", "river")
# A cell is repeated for so long, so that the clock's grain and one interruption matter little.
_AT_LEAST_S: Final = 0.05
# river takes one row at a time, a hundred of which say what a row costs.
_ROWS_OF_RIVER: Final = 100

Step = Callable[[], object]
Cell = tuple[int, int, int]
"""n rows, k clusters, d features."""


def cells(ns: Sequence[int], ks: Sequence[int], ds: Sequence[int]) -> list[Cell]:
    """Return every combination.

    >>> cells([1, 100], [16], [8])
    [(1, 16, 8), (100, 16, 8)]
    """
    return list(product(ns, ks, ds))


def material(cell: Cell, seed: int) -> tuple[Floats, Floats]:
    """Return rows (n, d) and first centers (k, d), normal and seeded."""
    n, k, d = cell
    rng = np.random.default_rng([seed, n, k, d])
    return rng.normal(size=(n, d)), rng.normal(size=(k, d))


def compiled_step(X: Floats, centers: Floats, weights: Floats) -> None:
    """Move ``centers`` (k, d) by the means of the rows nearest to each, as the worker's loops do.

    ``weights`` (k,) counts the rows so far; both are IN/OUT.  Each center is then the mean of all its
    rows, as in scikit-learn's ``partial_fit``.
    """
    by_feature = np.ascontiguousarray(centers.T)
    nearest = assign(X, by_feature, np.ones_like(by_feature))
    counts, _, sums, _ = cluster_sums(X, nearest, len(centers))
    weights += counts
    moved = counts > 0
    centers[moved] += (sums[moved] - counts[moved, None] * centers[moved]) / weights[moved, None]


def _compiled(X: Floats, centers: Floats) -> Step:
    own, weights = centers.copy(), np.ones(len(centers))
    return lambda: compiled_step(X, own, weights)


def _scikit_learn(X: Floats, centers: Floats) -> Step:
    from sklearn.cluster import MiniBatchKMeans

    # No centers are moved elsewhere at random, which nobody else does.
    model = MiniBatchKMeans(len(centers), init=centers, n_init=1, reassignment_ratio=0.0)
    # It begins with as many rows as it has clusters; from then on it takes fewer.
    model.partial_fit(centers)
    return lambda: model.partial_fit(X)


def _river(X: Floats, centers: Floats) -> Step:
    from river.cluster import KMeans

    model = KMeans(n_clusters=len(centers), halflife=0.05)
    rows = [dict(enumerate(x)) for x in X[:_ROWS_OF_RIVER].tolist()]
    for k, center in enumerate(centers.tolist()):
        model.centers[k].update(enumerate(center))
    return lambda: [model.learn_one(row) for row in rows]


def us_per_step(step: Step) -> float:
    """Return a step's microseconds of processor time, after one that warms up, over `_AT_LEAST_S`."""
    step()
    n, started = 0, thread_time()
    while (took := thread_time() - started) < _AT_LEAST_S or not n:
        step()
        n += 1
    return took / n * 1e6


@contextmanager
def _faiss() -> Iterator[Callable[[Cell, int], float]]:
    """Yield what asks the child for a cell, within the block."""
    python = python_in("peers/kernels", _FOLDER / "requirements.lock")
    command = [str(python), str(_FOLDER / "app.py"), str(_AT_LEAST_S)]
    environment = without_openblas(os.environ)
    child = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    to, back = _pipe(child.stdin), _pipe(child.stdout)

    def ask(cell: Cell, seed: int) -> float:
        print(json.dumps([*cell, seed]), file=to, flush=True)
        return float(back.readline())

    try:
        yield ask
    finally:
        to.close()
        child.wait()
        back.close()


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None  # noqa: S101 - it was asked for
    return pipe


def _round(
    asked: Sequence[Cell], seed: int, number: int, faiss: Callable[[Cell, int], float]
) -> dict[tuple[str, Cell], float]:
    """Return microseconds per row, everyone at each cell, a round beginning with another one."""
    done = {}
    for cell in asked:
        X, centers = material(cell, seed)
        own: dict[str, Callable[[Floats, Floats], Step]] = {
            "compiled": _compiled,
            "scikit-learn": _scikit_learn,
            "river": _river,
        }
        first = number % len(_NAMES)
        for name in (*_NAMES[first:], *_NAMES[:first]):
            n_rows = min(len(X), _ROWS_OF_RIVER) if name == "river" else len(X)
            took = faiss(cell, seed) if name == "faiss" else us_per_step(own[name](X, centers))
            done[name, cell] = took / n_rows
    return done


def table_of(spreads: dict[tuple[str, Cell], Spread], asked: Sequence[Cell]) -> str:
    """Return a Markdown table of medians in microseconds per row, and the best other over compiled."""
    others = _NAMES[1:]
    lines = [
        f"| n | k | d | {' | '.join(_NAMES)} | best other / compiled |",
        f"|{'---:|' * (4 + len(_NAMES))}",
    ]
    for cell in asked:
        medians = [spreads[name, cell].median for name in _NAMES]
        best = min(spreads[name, cell].median for name in others)
        shown = " | ".join(f"{median:,.3f}" for median in medians)
        n, k, d = cell
        lines.append(f"| {n:,} | {k} | {d} | {shown} | {best / medians[0]:.1f} |")
    return "\n".join(lines)


def _numbers(_context: Any, _parameter: Any, text: str) -> list[int]:
    return [int(each) for each in text.split(",")]


@click.command()
@click.option("--rounds", "n_rounds", type=click.IntRange(1), default=5, show_default=True)
@click.option("--n", "ns", callback=_numbers, default="1,100,2000", show_default=True)
@click.option("--k", "ks", callback=_numbers, default="16,64", show_default=True)
@click.option("--d", "ds", callback=_numbers, default="8,24", show_default=True)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--json", "json_path", type=click.Path(dir_okay=False, path_type=Path))
def main(
    n_rounds: int, ns: list[int], ks: list[int], ds: list[int], seed: int, json_path: Path | None
) -> None:
    """Measure a step of everyone in turn, and print microseconds per row."""
    about = describe_machine() | {
        "date": datetime.now(UTC).date().isoformat(),
        "rounds": str(n_rounds),
        "seed": str(seed),
        "load_before": f"{os.getloadavg()[0]:.1f}",
    }
    asked = cells(ns, ks, ds)
    # One thread for everyone: a worker is one core.
    with threadpool_limits(1), _faiss() as faiss:
        rounds = [_round(asked, seed, number, faiss) for number in range(n_rounds)]
    about["load_after"] = f"{os.getloadavg()[0]:.1f}"
    spreads = summarise({key: [done[key] for done in rounds] for key in rounds[0]})
    click.echo(table_of(spreads, asked))
    for name, value in about.items():
        click.echo(f"{name}: {value}")
    if json_path is not None:
        runs = [
            {
                "name": name,
                "n": n,
                "k": k,
                "d": d,
                "us_per_row": [each[name, (n, k, d)] for each in rounds],
            }
            for name, (n, k, d) in rounds[0]
        ]
        json_path.write_text(json.dumps({"about": about, "runs": runs}, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
