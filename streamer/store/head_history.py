"""What the lineage says of heads: which versions have been one."""

from __future__ import annotations

from collections.abc import Mapping

from streamer.store.client import Pipe, asked
from streamer.store.keys import Keys

__all__ = ["heads_in", "is_of_the_head"]


def is_of_the_head(entry: Mapping[str, str]) -> bool:
    """Whether an entry of the lineage is of a version that it made the head.

    >>> is_of_the_head({"reason": "merge", "branch": "canary"}), is_of_the_head({"reason": "merge"})
    (False, True)
    """
    return "replaced" in entry or (entry.get("reason") == "merge" and "branch" not in entry)


async def heads_in(pipe: Pipe, keys: Keys) -> set[str]:
    """Return the ids of all that have been the head, as a transaction sees the lineage."""
    found: set[str] = set()
    for _, fields in await asked(pipe, "XREVRANGE", keys.lineage, "+", "-"):
        entry = {name.decode(): value.decode(errors="replace") for name, value in fields.items()}
        if is_of_the_head(entry):
            found |= {entry.get("version", ""), entry.get("replaced", "")}
    return found - {""}
