"""Tells a file's format by its suffix, and loads pyarrow only when a Parquet file asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal

from streamer.errors import ConfigurationError

__all__ = ["Format", "format_of", "load_pyarrow"]

Format = Literal["jsonl", "csv", "parquet"]

_BY_SUFFIX: Final[dict[str, Format]] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
}


def format_of(path: Path) -> Format:
    """Return the format that the suffix names; raise a `ConfigurationError` on any other suffix."""
    try:
        return _BY_SUFFIX[path.suffix.lower()]
    except KeyError:
        raise ConfigurationError(
            f"file name must end in one of {', '.join(_BY_SUFFIX)}, got {path.name}"
        ) from None


def load_pyarrow() -> tuple[Any, Any]:
    """Return ``pyarrow`` and ``pyarrow.parquet``, or raise a `ConfigurationError` that says how."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ConfigurationError(
            "Parquet files need pyarrow; install it with: pip install 'streamer-fraud[embedded]'"
        ) from None
    return pyarrow, pyarrow.parquet
