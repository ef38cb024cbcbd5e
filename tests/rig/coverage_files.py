"""The coverage of processes that were killed while they wrote it down: not to be read.

Each process writes a file of its own at its end, and a kill may come in the middle of it.  Most such
files are passed over when all are put together; one whose last pages are not whole ends the run, after
the last test.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

__all__ = ["remove_broken"]


def remove_broken(folder: Path) -> list[str]:
    """Remove the files of coverage in a folder that are not whole, and return their names."""
    broken = [path for path in sorted(folder.glob(".coverage.*")) if not _is_whole(path)]
    for path in broken:
        path.unlink()
    return [path.name for path in broken]


def _is_whole(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(path)) as database:
            (found,) = database.execute("PRAGMA quick_check").fetchone()
            database.execute("SELECT * FROM coverage_schema").fetchone()
    except sqlite3.Error:
        return False
    return bool(found == "ok")
