"""``python -m streamer.compiled``: compiles every kernel at installation, for whoever runs it later.

The folder lies in the package and is found from there by every process, whoever's it is, also where
the package is read-only, and on machines older than this one.  A step of ``make setup`` and of
ops/Dockerfile.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from concurrent.futures import Future, ProcessPoolExecutor, wait
from multiprocessing import get_context
from pathlib import Path
from time import monotonic
from typing import Any, Final

from streamer.compiled.folders import Folders
from streamer.compiled.processor import baselines
from streamer.starting.first_compilation import mark
from streamer.starting.rehearsal import rehearse_on

__all__ = ["main"]


_TOLD_EVERY_S: Final = 10.0
# For two processors; they grow a little with each release.
_ABOUT: Final = 450


def main() -> None:
    """Compile what is not there yet; exit with 1 where it cannot be kept."""
    folders = Folders.of(Path(__file__).parents[1])
    folders.install()
    faults: set[str] = set()
    # A process compiles for one processor, and each has one to itself.
    with ProcessPoolExecutor(max_workers=2, mp_context=get_context("spawn")) as processes:
        began = [processes.submit(rehearse_on, name) for name in baselines()]
        _tell(began, folders.installed)
        for name, each in zip(baselines(), began, strict=True):
            done = each.result()
            kernels = done.loaded
            print(
                f"for {name}: {kernels.compiled} kernels compiled, {kernels.from_cache} found "
                f"compiled, in {done.seconds:.1f} s: {folders.installed}"
            )
            faults.update(kernels.faults)
    if faults:
        sys.exit("\n".join(sorted(faults)))
    mark(folders.installed)


def _tell(began: Collection[Future[Any]], folder: Path) -> None:
    """Print a line every few seconds until all is done: minutes without a word look like a hang."""
    started, n_before = monotonic(), _n_files(folder)
    while wait(began, _TOLD_EVERY_S).not_done:
        n_done = sum(each.done() for each in began)
        print(
            f"compiling: {_n_files(folder) - n_before} of about {_ABOUT} kernels after "
            f"{monotonic() - started:.0f} s, {n_done} of {len(began)} processors done",
            flush=True,
        )


def _n_files(folder: Path) -> int:
    return sum(1 for _ in folder.iterdir())


if __name__ == "__main__":
    main()
