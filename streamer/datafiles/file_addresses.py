"""Files that lie elsewhere: ``s3://``, ``gs://`` and whatever else pyarrow's file systems read.

A file is copied whole before it is read: every command reads more than once.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any, Final

from streamer.errors import ConfigurationError, UnavailableError

__all__ = ["fetch", "is_url"]

_URL: Final = re.compile(r"[a-z][a-z0-9+.-]+://.", re.IGNORECASE)
_CHUNK_BYTES: Final = 1 << 22


def is_url(path: Path | str) -> bool:
    """Return whether ``path`` names a file by its address.

    >>> is_url("s3://bucket/payments.parquet"), is_url("payments.parquet"), is_url("C://x")
    (True, False, False)
    """
    return isinstance(path, str) and _URL.match(path) is not None


def fetch(url: str, to: Path) -> None:
    """Copy what ``url`` names to ``to``.

    Raises `ConfigurationError` where there is no such file or no such file system, `UnavailableError`
    where it could not be read.
    """
    system, path = _system_of(url)
    try:
        with system.open_input_stream(path, compression=None) as file, to.open("wb") as out:
            shutil.copyfileobj(file, out, _CHUNK_BYTES)
    except FileNotFoundError:
        raise ConfigurationError(f"input file must exist, got {url}") from None
    except OSError as error:
        raise UnavailableError(f"{url} must be readable, got {_line_of(error)}") from None


def _system_of(url: str) -> tuple[Any, str]:
    try:
        from pyarrow import ArrowException
        from pyarrow.fs import FileSystem
    except ImportError:
        raise ConfigurationError(
            "files with an address need pyarrow; install it with: "
            "pip install 'streamer-fraud[evaluation]'"
        ) from None
    try:
        system, path = FileSystem.from_uri(url)
    except (ArrowException, ValueError, OSError) as error:
        raise ConfigurationError(
            f"the address of a file must be one that pyarrow reads, got {url}: {_line_of(error)}"
        ) from None
    return system, path


def _line_of(error: Exception) -> str:
    return " ".join(str(error).split())
