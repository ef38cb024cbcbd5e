"""Is this Redis one that may be trusted with checkpoints?  Asked once, at the start.

Everything is read from INFO, which servers allow where they forbid CONFIG.
"""

from __future__ import annotations

from typing import Final

from streamer.errors import ConfigurationError
from streamer.store.client import Client

__all__ = ["check_server"]

_EVICTS_ANYTHING: Final = "allkeys-"


async def check_server(client: Client) -> None:
    """Return if Redis answers and keeps what it is given, or raise ConfigurationError."""
    # Where a password or a database is refused, connecting has said so by now.
    cluster, memory = await client.pipelined(
        [("INFO", "cluster"), ("INFO", "memory")], atomic=False
    )
    if int(cluster.get("cluster_enabled", 0)):
        raise ConfigurationError(
            f"Redis at {client.address} must not be in cluster mode, got cluster_enabled:1; Redis "
            "Cluster is not supported: use one Redis, or Sentinel for failover (redis+sentinel://)"
        )
    policy = str(memory.get("maxmemory_policy", ""))
    if policy.startswith(_EVICTS_ANYTHING):
        raise ConfigurationError(
            f"maxmemory-policy of Redis at {client.address} must be noeviction or volatile-*, got "
            f"{policy}, under which it throws checkpoints away when memory is short; set "
            "maxmemory-policy noeviction"
        )
