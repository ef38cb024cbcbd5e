"""Keeps libraries that report their use to their makers from doing so.

MLflow and Ray read these variables when they are imported; nothing that is said later holds.
Nothing is read from the environment here.
"""

from __future__ import annotations

import os
from typing import Final

__all__ = ["tell_nobody"]

_VARIABLES: Final = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "RAY_USAGE_STATS_ENABLED": "0",
}


def tell_nobody() -> None:
    """Set it for this process and its children; of use only before the libraries are imported."""
    os.environ.update(_VARIABLES)
