"""No thread of a worker waits for matrix products, whatever it was started with."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Final

import pytest

from tests.compiled.kernels import ROOT

FOUR: Final = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
THREADS: Final = """
from threadpoolctl import threadpool_info
print([each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"])
"""


def threads(code: str) -> list[int]:
    """Return how many threads each BLAS has in a process that was told to have four."""
    result = subprocess.run(
        [sys.executable, "-c", code + THREADS],
        cwd=ROOT,
        env=os.environ | dict.fromkeys(FOUR, "4"),
        capture_output=True,
        text=True,
        timeout=280,
        check=True,
    )
    found: list[int] = eval(result.stdout)  # noqa: S307
    return found


@pytest.mark.skipif(len(os.sched_getaffinity(0)) == 1, reason="a BLAS has no more than cores")
def test_numpy_alone_does_as_it_was_told() -> None:
    """What the others are held against; else they would pass with a BLAS that has no threads."""
    assert max(threads("import numpy")) > 1


@pytest.mark.parametrize(
    "entry",
    [
        "import streamer.cli.worker_command, streamer.stream.run_worker",
        "import faust.cli.faust, streamer.stream.app",
    ],
    ids=["streamer worker", "faust -A streamer.stream.app worker"],
)
def test_a_worker_multiplies_on_its_own_thread(entry: str) -> None:
    """Its modules are imported as the command does, and numpy comes after what they set."""
    assert set(threads(entry)) == {1}
