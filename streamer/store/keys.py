"""The name of every key.

The braces around the namespace are literal: in Redis Cluster they put all keys of a namespace into
one slot, without which no transaction could span them.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Keys"]


@dataclass(frozen=True, slots=True)
class Keys:
    """Key names of one namespace.

    >>> Keys("eu").partition("transactions", 3)
    'streamer:{eu}:partition:transactions:3'
    """

    namespace: str

    @property
    def head(self) -> str:
        return self._key("model:head")

    @property
    def versions(self) -> str:
        return self._key("model:versions")

    @property
    def lineage(self) -> str:
        return self._key("lineage")

    @property
    def partitions(self) -> str:
        return self._key("partitions")

    def version(self, version_id: str) -> str:
        return self._key(f"model:version:{version_id}")

    def partition(self, topic: str, partition: int) -> str:
        return self._key(f"partition:{topic}:{partition}")

    def entities(self, kind: str, topic: str, partition: int) -> str:
        return self._key(f"{kind}:{topic}:{partition}")

    def feedback(self, topic: str, partition: int) -> str:
        return self._key(f"feedback:{topic}:{partition}")

    def _key(self, rest: str) -> str:
        return f"streamer:{{{self.namespace}}}:{rest}"
