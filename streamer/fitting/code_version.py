"""Which code a version was made by: the release, and a hash of the sources that a fit runs."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

import streamer

__all__ = ["code_version"]

# From a file's bytes to sums; what displays or stores them changes none.
_ROOMS: Final = (
    "compiled",
    "contract",
    "datafiles",
    "explaining",
    "features",
    "fitting",
    "indexing",
    "intake",
    "model",
    "offline",
    "pipeline",
    "verdicts",
)


@cache
def code_version() -> str:
    """Return the release and twelve digits of the SHA-256 of the sources, as in ``1.0.0+1f0c...``."""
    package = Path(streamer.__path__[0])
    digest = hashlib.sha256()
    for room in _ROOMS:
        for path in sorted((package / room).rglob("*.py")):
            digest.update(f"{path.relative_to(package).as_posix()}\0".encode())
            digest.update(path.read_bytes())
    return f"{streamer.__version__}+{digest.hexdigest()[:12]}"
