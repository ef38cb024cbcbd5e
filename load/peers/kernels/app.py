"""faiss' step for `load.kernels`: ``python app.py SECONDS``; a cell a line in, microseconds of CPU out.

faiss finds the nearest centers; it has no update of them but by numpy's sums.  One thread, as everyone.
"""

from __future__ import annotations

import json
import sys
from time import thread_time

import faiss
import numpy as np

faiss.omp_set_num_threads(1)
at_least_s = float(sys.argv[1])

for line in sys.stdin:
    n, k, d, seed = json.loads(line)
    rng = np.random.default_rng([seed, n, k, d])
    X = rng.normal(size=(n, d)).astype(np.float32)
    centers = rng.normal(size=(k, d)).astype(np.float32)
    weights = np.ones(k, dtype=np.float32)
    index = faiss.IndexFlatL2(d)

    def step(X=X, centers=centers, weights=weights, index=index, k=k) -> None:  # type: ignore[no-untyped-def]
        index.reset()
        index.add(centers)
        nearest = index.search(X, 1)[1][:, 0]
        counts = np.bincount(nearest, minlength=k).astype(np.float32)
        sums = np.zeros_like(centers)
        np.add.at(sums, nearest, X)
        weights += counts
        moved = counts > 0
        centers[moved] += (sums[moved] - counts[moved, None] * centers[moved]) / weights[
            moved, None
        ]

    step()
    n_steps, started = 0, thread_time()
    while (took := thread_time() - started) < at_least_s or not n_steps:
        step()
        n_steps += 1
    print(took / n_steps * 1e6, flush=True)
