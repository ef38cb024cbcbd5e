"""What some commands need beyond the worker's packages, asked for before anything is computed."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from streamer.errors import ConfigurationError

__all__ = ["require"]

_PACKAGE_OF: Final = {
    "sklearn.ensemble": "scikit-learn",
    "sklearn.metrics": "scikit-learn",
    "matplotlib": "matplotlib",
}


def require(*modules: str) -> None:
    """Import ``modules``; raise a `ConfigurationError` that says how to get one that is missing."""
    for module in modules:
        try:
            import_module(module)
        except ImportError:
            raise ConfigurationError(
                f"this command needs {_PACKAGE_OF[module]}; install it with: "
                "pip install 'streamer-fraud[evaluation]'"
            ) from None
