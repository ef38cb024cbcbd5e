"""``python -m streamer.compiled``: compiles every kernel at installation, for whoever runs it later.

The folder lies in the package and is found from there by every process, whoever's it is, also where
the package is read-only.  A step of ``make setup`` and of ops/Dockerfile.
"""

from __future__ import annotations

import sys
from pathlib import Path

from streamer.compiled.folders import Folders
from streamer.rehearsal import rehearse

__all__ = ["main"]


def main() -> None:
    """Compile what is not there yet; exit with 1 where it cannot be kept."""
    folders = Folders.of(Path(__file__).parents[1])
    folders.install()
    done = rehearse()
    print(
        f"{done.loaded.compiled} kernels compiled, {done.loaded.from_cache} found compiled, "
        f"in {done.seconds:.1f} s: {folders.installed}"
    )
    if done.loaded.faults:
        sys.exit("\n".join(done.loaded.faults))


if __name__ == "__main__":
    main()
