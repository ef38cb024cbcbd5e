"""A worker's kernels run without scipy's algebra, which numba would import with the first of them."""

from __future__ import annotations

import subprocess
import sys

from tests.compiled.kernels import ROOT

_CODE = """
import sys
from streamer.starting.rehearsal import rehearse
rehearse()
print([name for name in sys.modules if name.startswith("scipy.linalg")])
import scipy.linalg
print(scipy.linalg.__name__)
"""


def test_every_kernel_is_loaded_without_scipys_algebra_which_can_be_imported_afterwards() -> None:
    result = subprocess.run(
        [sys.executable, "-c", _CODE],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
        check=True,
    )
    assert result.stdout.split() == ["[]", "scipy.linalg"]
