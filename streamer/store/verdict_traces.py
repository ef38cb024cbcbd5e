"""What of one card is in the streams of verdicts and of lessons: found, and let go of.

Invariant: what is let go of is not counted as trimmed (`streamer.store.feedback`): nobody was to learn
from it any more.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from streamer.contract.messages import Feedback
from streamer.indexing import fingerprints
from streamer.store.client import Client, Pipe, asked
from streamer.store.keys import split_partition
from streamer.verdicts.lesson_record import Lesson, decode_lesson

__all__ = ["VerdictTraces", "erase_verdict_traces", "find_verdict_traces"]

_READ: Final = 5_000
_N_STORED: Final = "n_stored"
Place = tuple[str, int]


@dataclass(slots=True)
class VerdictTraces:
    """By topic and partition, each with the id of its entry: verdicts, and what verdicts taught."""

    verdicts: dict[Place, list[tuple[str, Feedback]]] = field(default_factory=dict)
    lessons: dict[Place, list[tuple[str, Lesson]]] = field(default_factory=dict)

    @property
    def transactions(self) -> set[str]:
        """The payments that the verdicts are on."""
        return {each.transaction_id for found in self.verdicts.values() for _, each in found}

    @property
    def n(self) -> int:
        """How many entries there are."""
        return sum(map(len, self.verdicts.values())) + sum(map(len, self.lessons.values()))


async def find_verdict_traces(
    client: Client,
    names: Collection[str],
    transactions: Collection[str],
    prints: Collection[int] = (),
) -> VerdictTraces:
    """Return the entries on the card that is called ``names``, or on ``transactions``.

    ``prints`` stand for payments of the card of which the ids are not known (`streamer.indexing`).
    """
    keys, found = client.keys, VerdictTraces()
    [members] = await client.pipelined([("SMEMBERS", keys.partitions)], atomic=False)
    places = sorted(split_partition(member, keys.partitions) for member in members)
    known = set(transactions)
    for place in places:
        theirs = []
        for entry_id, entry in await _entries(client, keys.feedback(*place)):
            verdict = msgspec.json.decode(entry[b"feedback"], type=Feedback)
            is_known = verdict.card_id in names or verdict.transaction_id in known
            if is_known or (prints and _print_of(verdict.transaction_id) in prints):
                theirs.append((entry_id, verdict))
        if theirs:
            found.verdicts[place] = theirs
            known |= {verdict.transaction_id for _, verdict in theirs}
    for place in places:
        taught = [
            (entry_id, lesson)
            for entry_id, entry in await _entries(client, keys.lessons(*place))
            if (lesson := decode_lesson(entry)).transaction_id in known
        ]
        if taught:
            found.lessons[place] = taught
    return found


async def erase_verdict_traces(client: Client, found: VerdictTraces) -> None:
    """Let go of what was found."""
    keys = client.keys
    for place, verdicts in found.verdicts.items():
        stream, record = keys.feedback(*place), keys.partition(*place)
        ids = [entry_id for entry_id, _ in verdicts]

        async def attempt(
            pipe: Pipe, stream: str = stream, record: str = record, ids: list[str] = ids
        ) -> None:
            there = [each for each in ids if await asked(pipe, "XRANGE", stream, each, each)]
            n_stored = await asked(pipe, "HGET", record, _N_STORED)
            pipe.multi()
            if there:
                pipe.execute_command("XDEL", stream, *there)
            if there and n_stored is not None:
                pipe.execute_command("HSET", record, _N_STORED, int(n_stored) - len(there))

        await client.transact([stream, record], attempt)
    for place, lessons in found.lessons.items():
        ids = [entry_id for entry_id, _ in lessons]
        await client.pipelined([("XDEL", keys.lessons(*place), *ids)], atomic=False)


def _print_of(transaction_id: str) -> int:
    [found] = fingerprints([transaction_id]).tolist()
    return int(found)


async def _entries(client: Client, stream: str) -> list[tuple[str, dict[bytes, bytes]]]:
    """Return all entries of a stream with their ids, a few thousand at a time."""
    found: list[tuple[str, dict[bytes, bytes]]] = []
    begin = "-"
    while True:
        command: tuple[Any, ...] = "XRANGE", stream, begin, "+", "COUNT", _READ
        [some] = await client.pipelined([command], atomic=False)
        found += [(entry_id.decode(), entry) for entry_id, entry in some]
        if len(some) < _READ:
            return found
        begin = f"({found[-1][0]}"
