"""Every key this package uses, and nowhere else a key's text.

All keys of a namespace carry it in literal braces, ``streamer:{payments}:...``.  Redis Cluster hashes
only what the braces hold, so they share one slot and one MULTI may span them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from streamer.errors import ConfigurationError, InvariantError

__all__ = ["Keys", "split_partition"]

_NAMESPACE: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
# An entity kind of one of these names would share its key with something else.
_RESERVED_KINDS: Final = frozenset(
    {
        "aliases",
        "audit",
        "challenger",
        "challengers",
        "erasures",
        "feedback",
        "identity",
        "lessons",
        "lineage",
        "model",
        "partition",
        "partitions",
        "policy",
        "replayed",
        "review",
        "service",
        "workers",
    }
)


@dataclass(frozen=True, slots=True)
class Keys:
    """The names of one namespace's keys.

    >>> Keys("payments").partition("transactions", 3)
    'streamer:{payments}:partition:transactions:3'
    """

    namespace: str

    def __post_init__(self) -> None:
        if not _NAMESPACE.fullmatch(self.namespace):
            raise ConfigurationError(
                "STREAMER_NAMESPACE must be 1 to 64 letters, digits, dots, dashes or underscores, "
                f"got {self.namespace!r}"
            )

    @property
    def identity(self) -> str:
        """String: a random id of this store and since when it has it; never changed."""
        return self._key("identity")

    @property
    def service(self) -> str:
        """Hash: the service that has the namespace, and the settings its workers agree on."""
        return self._key("service")

    @property
    def workers(self) -> str:
        """Sorted set: worker, by when it was last seen in epoch milliseconds."""
        return self._key("workers")

    @property
    def head(self) -> str:
        """String: the id of the current model version."""
        return self._key("model:head")

    @property
    def promoted(self) -> str:
        """String: when somebody last made a version the head, in epoch milliseconds."""
        return self._key("model:promoted")

    @property
    def replaced(self) -> str:
        """String: ids of what the last promotions replaced, newest first, for a rollback."""
        return self._key("model:replaced")

    @property
    def brought(self) -> str:
        """List: ids of versions that people or a retraining stored, newest first, none twice."""
        return self._key("model:brought")

    @property
    def watch(self) -> str:
        """String: what is watched, a canary or a promotion, as JSON (`streamer.watching.Watch`)."""
        return self._key("model:watch")

    @property
    def versions(self) -> str:
        """Sorted set: version id, by creation time in epoch milliseconds."""
        return self._key("model:versions")

    def version(self, version_id: str) -> str:
        """String: one model version as a safetensors file."""
        return self._key(f"model:version:{version_id}")

    @property
    def challengers(self) -> str:
        """Hash: what is kept of each challenger, by its name."""
        return self._key("challengers")

    def challenger(self, name: str) -> str:
        """String: what a challenger has learned, as a safetensors file."""
        return self._key(f"challenger:{name}")

    @property
    def lineage(self) -> str:
        """Stream: every change of the head, with who and why."""
        return self._key("lineage")

    @property
    def policy_head(self) -> str:
        """String: the id of the policy in force."""
        return self._key("policy:head")

    def policy(self, policy_id: str) -> str:
        """String: one policy, JSON under its own hash; never changed."""
        return self._key(f"policy:record:{policy_id}")

    @property
    def policy_history(self) -> str:
        """Stream: every policy that was put in force, from which one, with who, when and why."""
        return self._key("policy:history")

    @property
    def policy_workers(self) -> str:
        """Hash: worker, and the id of the policy that it goes by."""
        return self._key("policy:workers")

    @property
    def partitions(self) -> str:
        """Set: ``<topic>:<partition>`` of every partition that has a record."""
        return self._key("partitions")

    def partition(self, topic: str, partition: int) -> str:
        """Hash: a partition's offset, generation, owner, alerts position and ledger."""
        return self._key(f"partition:{topic}:{partition}")

    def entities(self, kind: str, topic: str, partition: int) -> str:
        """Hash: the packed states of one kind of entity, by the entity's key."""
        if kind in _RESERVED_KINDS:
            raise InvariantError(f"entity kind must not be a reserved key name, got {kind!r}")
        return self._key(f"{kind}:{topic}:{partition}")

    def feedback(self, topic: str, partition: int) -> str:
        """Stream: verdicts, each under its Kafka offset + 1."""
        return self._key(f"feedback:{topic}:{partition}")

    def lessons(self, topic: str, partition: int) -> str:
        """Stream: what verdicts on a partition's payments taught, for people."""
        return self._key(f"lessons:{topic}:{partition}")

    def replayed(self, topic: str, topic_id: str, partition: int) -> str:
        """Sorted set: offsets of a dead-letter topic that were sent again, by themselves."""
        return self._key(f"replayed:{topic}:{topic_id}:{partition}")

    def review(self, name: str, alert_id: str = "") -> str:
        """What the reviewers' console keeps, one name for all alerts or one each (`reviews`)."""
        return self._key(f"review:{name}:{alert_id}" if alert_id else f"review:{name}")

    @property
    def audit_heads(self) -> str:
        """Hash: the head of each chain of the audit topic, as JSON, by its writer."""
        return self._key("audit:heads")

    @property
    def audit_unsent(self) -> str:
        """Hash: entries that Kafka has not acknowledged, by writer and number."""
        return self._key("audit:unsent")

    @property
    def aliases(self) -> str:
        """String: the key that aliases of cards are made with (`streamer.contract.card_aliases`)."""
        return self._key("aliases")

    @property
    def erasures(self) -> str:
        """Hash: erasures that are proposed or under way, by their ids (`erasures`)."""
        return self._key("erasures")

    @property
    def erased(self) -> str:
        """Hash: when a partition let go of a card, by the id of the erasure and the partition."""
        return self._key("erasures:done")

    @property
    def forgotten(self) -> str:
        """Hash: which erasure a card was forgotten by and when, by a keyed digest of the card."""
        return self._key("erasures:finished")

    @property
    def forgotten_key(self) -> str:
        """String: the key of these digests."""
        return self._key("erasures:key")

    @property
    def shared(self) -> dict[str, str]:
        """The Redis type of each key that every worker writes."""
        return {
            self.service: "hash",
            self.workers: "zset",
            self.head: "string",
            self.promoted: "string",
            self.replaced: "string",
            self.brought: "list",
            self.watch: "string",
            self.versions: "zset",
            self.challengers: "hash",
            self.lineage: "stream",
            self.policy_head: "string",
            self.policy_history: "stream",
            self.policy_workers: "hash",
            self.partitions: "set",
        }

    def _key(self, rest: str) -> str:
        return f"streamer:{{{self.namespace}}}:{rest}"


def split_partition(member: bytes, key: str) -> tuple[str, int]:
    """Return topic and number of a member of ``key``, the set of partitions.

    >>> split_partition(b"transactions:3", "streamer:{payments}:partitions")
    ('transactions', 3)
    """
    topic, _, partition = member.decode(errors="replace").rpartition(":")
    if not topic or not partition.isascii() or not partition.isdigit():
        raise InvariantError(
            f"{key} must hold topic:number, got something else; does something else write under its "
            "keys?"
        )
    return topic, int(partition)
