"""Assigned partitions on their way to being read: claimed in the background, each for itself.

A task per partition claims it, patiently while Redis or Kafka is away, has it read, and begins anew
when its log turns out not to be where it was.  One that cannot be claimed keeps no other waiting.

Invariants:
* A partition is read only while its claim holds.
* Claim and release of one partition never overlap: the same task does both, and `revoke` waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, Protocol

import structlog
from aiokafka.errors import OffsetOutOfRangeError
from faust.types import TP

from streamer.cancelling import cancel_and_wait
from streamer.errors import InvariantError, UnavailableError
from streamer.stream.scoring.claiming import Reading
from streamer.stream.scoring.resume import PartitionFaultError
from streamer.telemetry.exceptions import described

__all__ = ["Claims"]

_log = structlog.get_logger(__name__)

# Every claim asks Kafka and Redis a handful of questions; 64 partitions at once would be a flood.
_AT_ONCE: Final = 8
_FIRST_RETRY_S: Final = 0.2
_LONGEST_RETRY_S: Final = 3.0
# An operator who sets a partition back waits for it to go on.
_FAULT_RETRY_S: Final = 1.0
# A partition that failed to be read and then is read for this long is well again.
_WELL_AFTER_S: Final = 3.0


class _Reader(Protocol):
    async def start_reading(self, tp: TP, offset: int, reading: int) -> bool: ...
    async def stop_reading(self, tps: Iterable[TP]) -> None: ...


class Claims:
    """Claims what is assigned and releases what is revoked."""

    def __init__(
        self,
        claim: Callable[[str, int], Awaitable[Reading]],
        release: Callable[[list[TP]], Awaitable[None]],
        guard: Callable[[Awaitable[None]], Awaitable[None]],
        jitter: Callable[[], float],
    ) -> None:
        """``guard`` awaits a task and ends the worker when that raises what no retry mends.

        ``jitter`` returns numbers between 0 and 1, by which retries are spread out.
        """
        self._claim = claim
        self._release = release
        self._guard = guard
        self._jitter = jitter
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._tasks: dict[TP, asyncio.Task[None]] = {}
        self._again: dict[TP, asyncio.Event] = {}
        self._releases: dict[TP, asyncio.Future[None]] = {}
        self._readings: dict[TP, Reading] = {}
        # Claimed, and then not to be fetched: their fault outlives the next claim.
        self._broken: set[TP] = set()
        self.waiting: dict[TP, str] = {}
        """Why a partition is not read yet; empty text before the first attempt has failed."""
        self.faults: dict[TP, str] = {}
        """Why a partition cannot be read on."""

    def assign(self, reader: _Reader, tps: Iterable[TP]) -> None:
        """Begin to claim partitions; returns at once."""
        for tp in sorted(tps):
            if tp in self._tasks:
                continue
            self._again[tp] = asyncio.Event()
            self.waiting[tp] = ""
            self._tasks[tp] = asyncio.ensure_future(self._guard(self._hold(reader, tp)))

    async def revoke(self, tps: Iterable[TP]) -> None:
        """Stop claiming these partitions and release those whose claim holds."""
        revoked = [tp for tp in tps if tp in self._tasks]
        await cancel_and_wait([self._tasks.pop(tp) for tp in revoked])
        under_way = [self._releases.pop(tp) for tp in revoked if tp in self._releases]
        if under_way:
            await asyncio.wait(under_way)
            for release in under_way:
                release.result()
        for tp in revoked:
            self._again.pop(tp, None)
            self._readings.pop(tp, None)
            self._broken.discard(tp)
            self.waiting.pop(tp, None)
            self.faults.pop(tp, None)
        await self._release(revoked)

    def all(self) -> list[TP]:
        """Return every partition that is assigned."""
        return list(self._tasks)

    def being_read(self) -> dict[TP, Reading]:
        """Return every partition that is read, and from where."""
        return dict(self._readings)

    def is_current(self, tp: TP, reading: int) -> bool:
        """Whether what was read in ``reading`` is still of interest."""
        return tp in self._readings and self._readings[tp].number == reading

    def failed(self, tp: TP, reading: int, error: Exception) -> None:
        """Note that a partition could not be fetched where it is: claim it again."""
        if not self.is_current(tp, reading):
            return
        # An offset that is not in the log is no fault yet: the next claim asks why, and decides.
        if not isinstance(error, OffsetOutOfRangeError):
            self._broken.add(tp)
            self.faults[tp] = f"{tp.topic}/{tp.partition} must be readable, got {described(error)}"
            _log.error("partition cannot be read", partition=tp.partition, error=described(error))
        self.again(tp)

    def void(self, tp: TP) -> None:
        """Release a partition that is read and claim it anew, to do again what it did since."""
        if tp in self._readings:
            self.again(tp)

    def again(self, tp: TP) -> None:
        """Release a partition and claim it anew, whatever it was doing."""
        if tp in self._again:
            self._again[tp].set()

    async def _hold(self, reader: _Reader, tp: TP) -> None:
        again = self._again[tp]
        while True:
            reading = await self._patiently(tp)
            self._readings[tp] = reading
            if not await reader.start_reading(tp, reading.offset, reading.number):
                return  # revoked, and about to be released
            self.waiting.pop(tp, None)
            await self._until(again, tp)
            self._readings.pop(tp, None)
            again.clear()
            await reader.stop_reading([tp])
            self.waiting[tp] = self.faults.get(tp, "")
            self._releases[tp] = asyncio.ensure_future(self._release([tp]))
            # Cancelled here, it is `revoke` that waits for the release and forgets it.
            await asyncio.shield(self._releases[tp])
            del self._releases[tp]
            if tp in self._broken:
                await asyncio.sleep(_FAULT_RETRY_S)

    async def _until(self, again: asyncio.Event, tp: TP) -> None:
        if tp in self._broken:
            try:
                await asyncio.wait_for(again.wait(), _WELL_AFTER_S)
            except TimeoutError:
                self._broken.discard(tp)
                self.faults.pop(tp, None)
        await again.wait()

    async def _patiently(self, tp: TP) -> Reading:
        retry_s, said = _FIRST_RETRY_S, ""
        while True:
            try:
                async with self._slots:
                    reading = await self._claim(tp.topic, tp.partition)
            except (PartitionFaultError, InvariantError, ValueError) as error:
                # What is stored of it cannot be read: it would end one worker after the other, and
                # take the partitions that are well with it.
                why = described(error)
                if self.faults.get(tp) != why:
                    _log.error("partition faulted", partition=tp.partition, error=why)
                self.faults[tp] = self.waiting[tp] = why
                await asyncio.sleep(_FAULT_RETRY_S)
            except UnavailableError as error:
                self.waiting[tp] = str(error)
                if str(error) != said:
                    said = str(error)
                    _log.warning("claim waits", topic=tp.topic, partition=tp.partition, error=said)
                # Spread out, or all partitions of all workers would ask at the same moment.
                await asyncio.sleep(retry_s * (0.5 + self._jitter() / 2))
                retry_s = min(2 * retry_s, _LONGEST_RETRY_S)
            else:
                if tp not in self._broken:
                    self.faults.pop(tp, None)
                return reading
