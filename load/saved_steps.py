"""What a worker saves at full batches: checkpoints of simulated payments, and what they ask of Redis.

The checkpoints are made by the stream's own parts and offered by the store's own code.  What it sends
then is recorded between it and Redis, question by question, so that it can be sent again by processes
that do nothing else: a machine with two processors cannot run as many workers as one Redis serves.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final, NamedTuple
from zlib import crc32

import hiredis

from load.taken_checkpoint import Place, taken
from streamer.contract.batch import Batch, StoredRecord
from streamer.embedded.server import HOST
from streamer.errors import InvariantError
from streamer.model import Scorer, Sums
from streamer.pipeline import PartitionState, process
from streamer.settings import load_settings
from streamer.simulator import Simulator, SimulatorConfig
from streamer.starting.wiring import open_store, pipeline_config
from streamer.store import Checkpoint, Heads

__all__ = ["NAMESPACE", "Question", "SavingWorker", "recorded", "topic_of"]

NAMESPACE: Final = "load"
_N_PARTITIONS: Final = 4
_BATCH: Final = 2_000
_NOW_MS: Final = 1_900_000_000_000
_READ: Final = 1 << 18
# The id of a version that is written, and that of one that is read.
_WRITTEN: Final = re.compile(rb"\$3\r\nSET\r\n\$\d+\r\n[^\r]*model:version:([0-9a-f]{64})")
_READ_ID: Final = re.compile(rb"(\$3\r\nGET\r\n\$\d+\r\n[^\r]*model:version:)[0-9a-f]{64}")


class Question(NamedTuple):
    """Bytes that were sent together, how many replies they got, how long was thought before them."""

    sent: bytes
    n_replies: int
    thought_s: float


def topic_of(number: int) -> str:
    """Return the topic of a worker; all have names of one length, so that one can stand for another.

    >>> topic_of(7)
    'transactions-0007'
    """
    return f"transactions-{number:04d}"


class SavingWorker:
    """Partitions of a topic of its own, scored and saved as a worker does, without Kafka."""

    def __init__(self, url: str, number: int, n_cards: int) -> None:
        self.settings = load_settings(
            {
                "STREAMER_REDIS_URL": url,
                "STREAMER_NAMESPACE": NAMESPACE,
                "STREAMER_REDIS_TIMEOUT_S": "30",
            }
        )
        self._config = pipeline_config(self.settings)
        self.store = open_store(self.settings)
        self._topic, self._owner = topic_of(number), f"worker-{number}"
        self._simulator = Simulator(SimulatorConfig(seed=number, n_customers=n_cards))
        self._states = [
            PartitionState.empty(self._config, 4 * n_cards, 4 * n_cards)
            for _ in range(_N_PARTITIONS)
        ]
        self._generations = [0] * _N_PARTITIONS
        self._saved: list[int | None] = [None] * _N_PARTITIONS
        self._heads: Heads | None = None
        self._version = Scorer.of("", Sums.zero(self._config.model), self._config.model)

    async def claim(self) -> None:
        """Take the partitions."""
        await self.store.identify()
        for p in range(_N_PARTITIONS):
            record = await self.store.claim(self._topic, p, self._owner, _NOW_MS)
            self._generations[p], self._saved[p] = record.generation, record.offset

    def score(self, n: int) -> list[Checkpoint]:
        """Score ``n`` payments, and return what is to be saved of them."""
        waiting: list[list[tuple[bytes, bytes]]] = [[] for _ in range(_N_PARTITIONS)]
        for key, value in self._simulator.generate(n).records():
            waiting[crc32(key) % _N_PARTITIONS].append((key, value))
        for p, paid in enumerate(waiting):
            for first in range(0, len(paid), _BATCH):
                offset = self._states[p].next_offset or 0
                some = paid[first : first + _BATCH]
                stored = [StoredRecord(offset + i, _NOW_MS, *pair) for i, pair in enumerate(some)]
                batch = Batch(self._topic, p, stored, _NOW_MS)
                process(batch, self._states[p], self._version, self._config, now_ms=_NOW_MS)
        return [
            taken(state, self._config, self._place(p), _NOW_MS)
            for p, state in enumerate(self._states)
        ]

    def again(self, checkpoints: Sequence[Checkpoint]) -> list[Checkpoint]:
        """Return checkpoints of the same payments at the offsets that come next."""
        found = []
        for each in checkpoints:
            base = self._saved[each.partition] or 0
            n = each.next_offset - (each.base_offset or 0)
            found.append(replace(each, base_offset=base, next_offset=base + n))
        return found

    async def offer(self, checkpoints: Sequence[Checkpoint]) -> None:
        """Save checkpoints in one step, and score with the version that it makes from now on."""
        first, *along = checkpoints
        heads = await self.store.checkpoint(first, self._heads, *along)
        self._heads = heads
        for each in checkpoints:
            self._saved[each.partition] = each.next_offset

    def adopt(self) -> None:
        """Score with the head as it was last seen."""
        if self._heads is not None:
            head = self._heads.head
            self._version = Scorer.of(head.id, head.sums, self._config.model)

    def _place(self, p: int) -> Place:
        return Place(self._topic, p, self._generations[p], self._saved[p], self._owner)


class _Conversation:
    """One connection: what went where, and what was thought in between.

    Thoughts are told in processor time of this process: what else runs on the machine is none of them.
    """

    def __init__(self) -> None:
        self.questions: list[Question] = []
        self._sent = bytearray()
        self._replies: Any = hiredis.Reader()
        self._n_replies = 0
        self._answered_at = time.process_time()
        self._thought_s = 0.0

    def asks(self, data: bytes) -> None:
        if self._n_replies or not self._sent:
            self.close()
            self._thought_s = time.process_time() - self._answered_at
        self._sent += data

    def answers(self, data: bytes) -> None:
        self._replies.feed(data)
        while self._replies.gets() is not False:
            self._n_replies += 1
        self._answered_at = time.process_time()

    def close(self) -> None:
        """End a question."""
        if self._sent:
            self.questions.append(Question(bytes(self._sent), self._n_replies, self._thought_s))
        self._n_replies = 0
        self._sent.clear()


@asynccontextmanager
async def _between(port: int) -> AsyncIterator[tuple[int, list[_Conversation]]]:
    """Listen in front of a Redis within the block, which gets the port and what was said."""
    said: list[_Conversation] = []
    tasks: set[asyncio.Task[None]] = set()

    async def carry(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, note: Callable[[bytes], None]
    ) -> None:
        while data := await reader.read(_READ):
            note(data)
            writer.write(data)
            await writer.drain()
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to_there = await asyncio.open_connection(HOST, port)
        conversation = _Conversation()
        said.append(conversation)
        for each in (
            carry(reader, to_there, conversation.asks),
            carry(there, writer, conversation.answers),
        ):
            tasks.add(asyncio.create_task(each))

    server = await asyncio.start_server(accept, HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1], said
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def recorded(port: int, n_payments: int, n_cards: int, n_before: int) -> list[Question]:
    """Return what one checkpoint of ``n_payments`` asks of the Redis at ``port``.

    Another worker has moved the head since the last one, so that it is read anew, as it is wherever
    there are several.  ``n_before`` payments have made the cards known.
    """
    async with _between(port) as (own, said):
        worker = SavingWorker(f"redis://{HOST}:{own}/0", 0, n_cards)
        other = SavingWorker(f"redis://{HOST}:{port}/0", 1, n_cards)
        for each in (worker, other):
            await each.claim()
            await each.offer(each.score(n_before))
            each.adopt()
        wanted = worker.score(n_payments)
        beside = other.score(_BATCH)
        await other.offer(beside)
        await worker.offer(worker.again(wanted))
        await other.offer(other.again(beside))
        for conversation in said:
            conversation.close()
            conversation.questions.clear()
        await worker.offer(worker.again(wanted))
        for conversation in said:
            conversation.close()
        await worker.store.close()
        await other.store.close()
    questions = [question for each in said for question in each.questions]
    if not questions or b"EXEC" not in questions[-1].sent[-16:]:
        raise InvariantError(f"a checkpoint must end with EXEC, got {len(questions)} questions")
    return _with_own_head(questions)


def _with_own_head(questions: Sequence[Question]) -> list[Question]:
    """Return questions that read the version which they write: the other worker's is not there."""
    written = _WRITTEN.search(b"".join(question.sent for question in questions))
    if written is None:
        raise InvariantError("a checkpoint must write a version, got none")
    return [
        each._replace(sent=_READ_ID.sub(rb"\g<1>" + written[1], each.sent)) for each in questions
    ]
