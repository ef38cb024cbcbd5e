"""What happens when a server of the rig is not on this machine, decided in this one place.

A developer's machine runs what it has: the tests that need more are skipped and say what to install.
With ``REQUIRE_SERVICES=1``, as CI sets it, the same is a failure: nothing goes unproved unnoticed.
"""

from __future__ import annotations

import os

import pytest

__all__ = ["require"]


def require(missing: str | None) -> None:
    """Return when nothing is missing; else skip the test, or fail it where services are required."""
    if missing is None:
        return
    if os.environ.get("REQUIRE_SERVICES") == "1":
        pytest.fail(missing, pytrace=False)
    pytest.skip(missing)
