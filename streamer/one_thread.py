"""Keeps the matrix products of a worker on its own thread.

A worker is one core.  Its products are small, and the threads that a BLAS starts for them wait for the
next one by spinning: measured, more processor time than all the worker's own.  The libraries read these
variables once, when numpy loads them, and nothing said later holds for every thread.

It writes to the environment, and reads nothing from it: a worker has one thread
for products whatever it was started with, and so have its children.
"""

from __future__ import annotations

import os
from typing import Final

__all__ = ["VARIABLES", "multiply_on_one_thread"]

VARIABLES: Final = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def multiply_on_one_thread() -> None:
    """Set it for this process; of use only before numpy is imported."""
    os.environ.update(dict.fromkeys(VARIABLES, "1"))
