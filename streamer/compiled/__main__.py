"""``python -m streamer.compiled``: compiles every kernel at installation, for whoever runs it later.

The folder lies in the package and is found from there by every process, whoever's it is, also where
the package is read-only, and on machines older than this one.  A step of ``make setup`` and of
ops/Dockerfile.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from streamer.compiled.folders import Folders
from streamer.compiled.processor import baselines
from streamer.starting.first_compilation import mark
from streamer.starting.rehearsal import rehearse_on

__all__ = ["main"]


def main() -> None:
    """Compile what is not there yet; exit with 1 where it cannot be kept."""
    folders = Folders.of(Path(__file__).parents[1])
    folders.install()
    faults: set[str] = set()
    # A process compiles for one processor, and each has one to itself.
    with ProcessPoolExecutor(max_workers=2, mp_context=get_context("spawn")) as processes:
        for name, done in zip(baselines(), processes.map(rehearse_on, baselines()), strict=True):
            kernels = done.loaded
            print(
                f"for {name}: {kernels.compiled} kernels compiled, {kernels.from_cache} found "
                f"compiled, in {done.seconds:.1f} s: {folders.installed}"
            )
            faults.update(kernels.faults)
    if faults:
        sys.exit("\n".join(sorted(faults)))
    mark(folders.installed)


if __name__ == "__main__":
    main()
