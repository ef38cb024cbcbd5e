"""Tells a file's format by its suffix, and loads pyarrow only when a Parquet file asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal, get_args

from streamer.errors import ConfigurationError

__all__ = ["FORMATS", "SUFFIXES", "Format", "format_of", "known_format", "load_pyarrow"]

Format = Literal["jsonl", "csv", "parquet"]

FORMATS: Final[tuple[Format, ...]] = get_args(Format)
_BY_SUFFIX: Final[dict[str, Format]] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
}
SUFFIXES: Final = tuple(_BY_SUFFIX)
# Read as the messages in them, and not written.
_READ_ONLY: Final[dict[str, Format]] = {".avro": "jsonl"}
_COMPRESSED: Final = frozenset({".gz", ".zst", ".zstd", ".bz2"})


def format_of(path: Path) -> Format:
    """Return the format that the suffix names; raise a `ConfigurationError` on any other suffix.

    >>> format_of(Path("payments.csv"))
    'csv'
    """
    found = _BY_SUFFIX.get(path.suffix.lower())
    if found is None:
        raise ConfigurationError(
            f"file name must end in one of {', '.join(_BY_SUFFIX)}, got {path.name}"
        )
    return found


def known_format(path: Path) -> Format | None:
    """Return the format of a file that is read, which may be compressed; None if there is none.

    >>> known_format(Path("part-0001.JSON.gz"))
    'jsonl'
    """
    if path.suffix.lower() in _COMPRESSED:
        path = path.with_suffix("")
    suffix = path.suffix.lower()
    return _BY_SUFFIX.get(suffix) or _READ_ONLY.get(suffix)


def load_pyarrow() -> tuple[Any, Any]:
    """Return ``pyarrow`` and ``pyarrow.parquet``, or raise a `ConfigurationError` that says how."""
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.parquet
    except ImportError:
        raise ConfigurationError(
            "Parquet files need pyarrow; install it with: pip install 'streamer-fraud[embedded]'"
        ) from None
    return pyarrow, pyarrow.parquet
