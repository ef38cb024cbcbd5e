"""What some commands need beyond the worker's packages, asked for before anything is computed."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from streamer.errors import ConfigurationError

__all__ = ["require"]

# The package that has a module, and the extra of this project that has the package.
_SOURCE_OF: Final = {
    "sklearn.ensemble": ("scikit-learn", "evaluation"),
    "sklearn.metrics": ("scikit-learn", "evaluation"),
    "lightgbm": ("lightgbm", "evaluation"),
    "matplotlib": ("matplotlib", "evaluation"),
    "argon2": ("argon2-cffi", "console"),
    "evidently": ("evidently", "evidently"),
    "joserfc": ("joserfc", "console"),
    "mlflow": ("mlflow-skinny", "mlflow"),
    "pyinstrument": ("pyinstrument", "profile"),
    "ray": ("ray", "ray"),
    "ray.serve": ("ray[serve]", "ray"),
    "grpc": ("grpcio", "serve"),
    "jinja2": ("jinja2", "console"),
    "starlette": ("starlette", "serve"),
    "uvicorn": ("uvicorn", "serve"),
}


def require(*modules: str, extra: str = "") -> None:
    """Import ``modules``; raise a `ConfigurationError` that says how to get one that is missing.

    ``extra`` is the one that has all of them, where several have some: who does as he is told must
    not be told of another one next.
    """
    for module in modules:
        try:
            import_module(module)
        except ImportError:
            package, its_extra = _SOURCE_OF[module]
            raise ConfigurationError(
                f"this command needs {package}; install it with: "
                f"pip install 'streamer-fraud[{extra or its_extra}]'"
            ) from None
