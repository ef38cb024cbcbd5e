"""What a service has written to Redis, held against the table of what is kept."""

from __future__ import annotations

import redis

from streamer.retention.kept_keys import rows_of_key

__all__ = ["kinds_of", "unstated"]


def _rests(redis_url: str, namespace: str) -> list[str]:
    prefix = f"streamer:{{{namespace}}}:"
    with redis.Redis.from_url(redis_url) as client:
        found = client.scan_iter(match=f"{prefix}*", count=1_000)
        return sorted(key.decode().removeprefix(prefix) for key in found)


def unstated(redis_url: str, namespace: str) -> list[str]:
    """Return the keys of a namespace that have no row, or several."""
    return [each for each in _rests(redis_url, namespace) if len(rows_of_key(each)) != 1]


def kinds_of(redis_url: str, namespace: str) -> set[str]:
    """Return the names of the rows that its keys have."""
    found = map(rows_of_key, _rests(redis_url, namespace))
    return {row.name for rows in found for row in rows}
