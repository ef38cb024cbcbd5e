"""Every kind of key that lies in Redis below ``streamer:{NAMESPACE}:``, and how long.

Invariant: each key has exactly one row; `tests/retention` holds it against what a service writes.
"""

from __future__ import annotations

import re
from typing import Final

from streamer.retention.kept_row import KeptRow
from streamer.retention.keys_of_console import KEYS_OF_CONSOLE
from streamer.retention.keys_of_partitions import KEYS_OF_PARTITIONS
from streamer.retention.keys_of_service import KEYS_OF_SERVICE

__all__ = ["KEPT_KEYS", "rows_of_key"]

KEPT_KEYS: Final = (*KEYS_OF_SERVICE, *KEYS_OF_PARTITIONS, *KEYS_OF_CONSOLE)
"""The rows, in the order of the page."""


def rows_of_key(rest: str) -> list[KeptRow]:
    """Return the rows of a key, told by what follows its namespace: one, or the table is at fault.

    >>> [row.name for row in rows_of_key("cards:transactions:3")]
    ['cards:*']
    """
    return [row for row in KEPT_KEYS if re.fullmatch(row.pattern, rest)]
