"""A Redis whose address changes: a primary, a replica, and three sentinels that watch them.

The sentinels call the primary dead after two seconds without an answer and promote the replica.  Each
of the five keeps its port; a former primary that starts again becomes a replica of the new one.
"""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Any, Final, Self

from redis import Redis
from redis.exceptions import RedisError
from redis.sentinel import Sentinel

from tests.rig.folders import DataFolder
from tests.rig.ports import HOST, stable_port
from tests.rig.redis import DebianRedis, start_program
from tests.rig.waiting import DEADLINE_S, wait_until

__all__ = ["RedisSentinel"]

# A loaded machine may leave a healthy server without the processor for a second.
_DOWN_AFTER_MS: Final = 2000
_QUORUM: Final = 2
# One question of several: shorter than the client waits for an answer.
_COPIED_WITHIN_MS: Final = 1_000


class RedisSentinel:
    """`addresses` of the sentinels, and the `service` that clients ask them for."""

    service: Final = "streamer"

    def __init__(self, **settings: str | int) -> None:
        """``settings`` are those of both servers, as for `DebianRedis`."""
        # Without the delay a replica need not wait 5 s for companions that want the same copy.
        self.servers = [
            DebianRedis("aof-everysec", repl_diskless_sync_delay=0, **settings) for _ in range(2)
        ]
        self._ports = [stable_port() for _ in range(3)]
        self._stack = ExitStack()

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of each sentinel."""
        return [(HOST, port) for port in self._ports]

    def start(self) -> Self:
        """Return when the replica follows and every sentinel knows all of the others."""
        primary, replica = (self._stack.enter_context(server) for server in self.servers)
        with replica.client() as client:
            client.replicaof(HOST, primary.port)
        wait_until(lambda: _is_linked(replica), "the replica follows")
        folder = DataFolder()
        self._stack.callback(folder.remove)
        for i, port in enumerate(self._ports):
            # Sentinels write what they learn into their file of settings.
            settings = folder.path / str(i) / "sentinel.conf"
            settings.parent.mkdir()
            settings.write_text(_sentinel_settings(port, primary.port, self.service))
            child = start_program("redis-sentinel", settings)
            self._stack.callback(child.stop, 0.0)
            child.wait_ready(lambda port=port: _hurry(port), f"PING on {HOST}:{port}", DEADLINE_S)
        for port in self._ports:
            wait_until(
                lambda port=port: self._is_informed(port), f"the sentinel on {port} is informed"
            )
        return self

    def primary(self) -> DebianRedis:
        """Return the server that clients are sent to now."""
        return self._server_at(wait_until(self._found, "clients find a primary"))

    def wait_copied(self) -> None:
        """Return when the replica has all that the primary has."""
        with self.primary().client() as client:
            wait_until(
                lambda: client.execute_command("WAIT", 1, _COPIED_WITHIN_MS) == 1, "all is copied"
            )

    def fail_over(self) -> DebianRedis:
        """Kill the primary and return the new one, as soon as it takes writes."""
        old = self.primary()
        old.kill()
        # One sentinel names the new primary before the others do: nobody is asked a second time.
        new = self._server_at(wait_until(lambda: self._found(old), "clients find another primary"))
        wait_until(lambda: _replication(new).get("role") == "master", "the replica is promoted")
        return new

    def _found(self, not_this: DebianRedis | None = None) -> int | None:
        """Return the port that a client is sent to; none while the sentinels call it down."""
        try:
            address = Sentinel(self.addresses, socket_timeout=5).discover_master(self.service)
        except RedisError:
            return None
        port = int(address[1])
        return None if not_this is not None and port == not_this.port else port

    def _server_at(self, port: int) -> DebianRedis:
        return next(server for server in self.servers if server.port == port)

    def wait_replica(self, server: DebianRedis) -> None:
        """Return when a server that was started again follows the new primary."""
        wait_until(lambda: _is_linked(server), "the former primary follows")
        # A sentinel promotes only what it has seen as a replica of the new primary.
        wait_until(lambda: all(map(self._is_informed, self._ports)), "the sentinels know it")

    def close(self) -> None:
        """Stop all five; safe to call twice, or before `start`."""
        self._stack.close()

    def _is_informed(self, port: int) -> bool:
        try:
            with _sentinel(port) as client:
                state: Any = client.sentinel_master(self.service)
        except RedisError:
            return False
        others = len(self._ports) - 1
        return bool(state["num-other-sentinels"] == others and state["num-slaves"] == 1)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _sentinel_settings(port: int, primary_port: int, service: str) -> str:
    return (
        f"port {port}\nbind {HOST}\n"
        f"sentinel monitor {service} {HOST} {primary_port} {_QUORUM}\n"
        f"sentinel down-after-milliseconds {service} {_DOWN_AFTER_MS}\n"
        f"sentinel failover-timeout {service} 5000\n"
    )


def _sentinel(port: int) -> Redis:
    return Redis(host=HOST, port=port, decode_responses=True, socket_timeout=5, protocol=2)


def _hurry(port: int) -> bool:
    """Let a sentinel look and talk several times a second; by default it looks every ten."""
    try:
        with _sentinel(port) as client:
            client.execute_command("SENTINEL DEBUG info-period 300 publish-period 300")
    except RedisError:
        return False
    return True


def _replication(server: DebianRedis) -> dict[str, Any]:
    """What a server says of its role; nothing while it is away."""
    try:
        with server.client() as client:
            found: dict[str, Any] = client.info("replication")
    except RedisError:
        return {}
    return found


def _is_linked(server: DebianRedis) -> bool:
    return _replication(server).get("master_link_status") == "up"
