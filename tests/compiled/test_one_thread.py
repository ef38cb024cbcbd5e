"""No thread of a worker waits for matrix products, whatever it was started with."""

from __future__ import annotations

import subprocess
import sys

import pytest

from streamer.one_thread import VARIABLES
from tests.compiled.kernels import ROOT

# A product so large that every BLAS would divide it, and the threads of the process before and after.
MULTIPLY = """
import os
import {first}
import numpy as np
X = np.ones((600, 600))
(X @ X).sum()
print(len(os.listdir("/proc/self/task")), *(os.environ[name] for name in {variables}))
"""
"""


def test_it_is_set_before_numpy_is_there() -> None:
    pass
