"""A worker that notes payments that met an unknown habit: ``-m tests.faults.noting FOLDER worker``.

While Redis does not answer, who is not in memory begins anew and is merged with what is stored later.
Sums add up, but by how much a payment went beyond its card's habit was found without that habit.  These
payments are noted when the merge shows that there was one, a transaction id in a line: what a worker
does that is killed before, its successor does again.  The product itself knows nothing of this.
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from streamer.cli import main
from streamer.features import EntityTable
from streamer.features.packed import names_of
from streamer.indexing.prints import extended
from streamer.intake.payment_columns import ID
from streamer.pipeline import Prepared
from streamer.stream.partitions.assignments import Assigned
from streamer.stream.scoring.scoring import Scoring

__all__ = ["noted", "noting"]


def noting(folder: Path) -> tuple[str, ...]:
    """Return the arguments of a worker that notes what it does in a file of its own in ``folder``."""
    return ("-m", "tests.faults.noting", str(folder), "worker")


def noted(folder: Path) -> frozenset[str]:
    """Return the transaction ids that workers have noted."""
    texts = [path.read_text() for path in sorted(folder.glob("*.noted"))]
    return frozenset(line for text in texts for line in text.splitlines())


def _note(write: Callable[[str], Any]) -> None:
    # By the card that waits for its merge: the payments that were held against nothing.
    waiting: WeakKeyDictionary[EntityTable, dict[str, list[str]]] = WeakKeyDictionary()
    look_up, load = Scoring._look_up, EntityTable.load

    async def look_up_and_note(scoring: Scoring, assigned: Assigned, prepared: Prepared) -> None:
        await look_up(scoring, assigned, prepared)
        table, columns = assigned.state.tables.cards, prepared.columns
        unloaded = set(table.unloaded)
        if columns is None or not unloaded:
            return
        here = waiting.setdefault(table, defaultdict(list))
        # What a card spends in another currency than its first has a row, and a habit, of its own.
        habits = names_of(extended(columns.cards, columns.currencies))
        keys = zip(names_of(columns.cards), habits, strict=True)
        ids = prepared.decoded.payments.names.column(ID).strings()
        for transaction_id, both in zip(ids, keys, strict=True):
            for key in unloaded.intersection(both):
                here[key].append(transaction_id)

    def load_and_note(table: EntityTable, stored: Mapping[str, bytes | None]) -> None:
        here = waiting.get(table, {})
        for key, state in stored.items():
            ids = here.pop(key, [])
            if state is not None:
                write("".join(f"{transaction_id}\n" for transaction_id in ids))
        load(table, stored)

    Scoring._look_up = look_up_and_note  # type: ignore[method-assign]
    EntityTable.load = load_and_note  # type: ignore[method-assign]


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    del sys.argv[1]
    # Unbuffered, so that SIGKILL takes nothing of what was noted.
    file = (folder / f"{os.getpid()}.noted").open("ab", buffering=0)
    _note(lambda text: file.write(text.encode()) if text else None)
    main()
