"""Are all states those that an undisturbed run leaves?

A worker may have noted payments that met a habit it did not know (`noting`): of their cards' spending
and of their merchants what sums up surprises may be off by as much as these payments could have added,
and by no more.  Everything else of them, and everything of everybody else, must be the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from streamer.contract.batch import StoredRecord
from streamer.features.entities import EntityKind
from streamer.starting.wiring import pipeline_config
from streamer.store import Store
from tests.faults.traffic import Sent
from tests.faults.undisturbed import Wanted, described, differing, undisturbed
from tests.stream.harness import Service

__all__ = ["States"]

# Long after every event of the simulator.
_NOW_MS: Final = 2_000_000_000_000


@dataclass(slots=True)
class States:
    """How many differ and how many may; in words the first of the former, and which do of these."""

    n_differing: int = 0
    n_excused: int = 0
    findings: list[str] = field(default_factory=list)
    excused: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, service: Service, payments: Iterable[Sent], noted: Collection[str]) -> States:
        """Return what came of ``payments``, each of them once; ``noted`` are transaction ids."""
        config = pipeline_config(service.settings)
        by_partition: dict[int, list[StoredRecord]] = defaultdict(list)
        for r in payments:
            # A log that began anew goes on where the old one ended.
            place = len(by_partition[r.partition])
            by_partition[r.partition].append(StoredRecord(place, _NOW_MS, r.key, r.value))
        states, topic = cls(), service.settings.transactions_topic
        for partition, records in by_partition.items():
            for kind, wanted in undisturbed(records, config, _NOW_MS, noted).items():
                found = service.ask(_entities(topic, partition, kind.name))
                states.compare(f"partition {partition}", kind, wanted, found)
        return states

    def compare(
        self, where: str, kind: EntityKind, wanted: Wanted, found: Mapping[str, bytes | None]
    ) -> None:
        """Hold what was found of one kind against what is wanted."""
        wrong = differing(kind, wanted, found)
        self.n_differing += len(wrong)
        self.n_excused += len(wanted.doubts)
        if wrong:
            self.findings.append(
                f"{where}: {len(wrong)} of {len(wanted.states)} {kind.name} differ, "
                f"the first {described(kind, wrong[0], wanted, found)}"
            )
        off = differing(kind, Wanted(wanted.states), found)
        self.excused += [
            f"{where}, {kind.name}: {described(kind, key, wanted, found)}"
            for key in off
            if key not in wrong
        ]


def _entities(topic: str, partition: int, kind: str) -> Any:
    async def load(store: Store) -> dict[str, bytes]:
        return await store.load_all(topic, partition, kind)

    return load
