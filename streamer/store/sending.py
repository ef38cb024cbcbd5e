"""Large requests to Redis that keep nobody waiting: packed in a thread, sent a piece at a time.

redis-py packs a pipeline on the event loop, in Python: a checkpoint of a million cards would keep
everything else from running for seconds.

`PackedStates` at the end of a command are its fields and values.

Invariants:
* A request of several pieces goes out on one connection or not at all: what follows a piece is never
  sent on a new one, where it would stand outside its transaction.
* A connection that got a part of a request is closed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, Final, TypeAlias

import hiredis
from redis.asyncio.connection import AbstractConnection
from redis.connection import HiredisRespSerializer
from redis.exceptions import ConnectionError as LostError

from streamer.features import PackedStates
from streamer.store.bulk import bulk_strings

__all__ = ["packing"]

# redis-py's own types name bytes, texts and numbers, and some of its methods are not typed at all.
Command: TypeAlias = Any

# What is not worth a thread: packed in some 0.5 ms.  Who comes back from a thread waits for the
# interpreter, for up to 5 ms where others have work.
_FEW: Final = 3_000
# A piece holds the interpreter for some 3 ms.
_PIECE: Final = 10_000
# To copy a megabyte to the system takes the event loop 3.5 ms, and a piece may be several: of payments
# that wait for a label there are few fields, and large ones.
_SENT_AT_ONCE: Final = 1 << 18


class _Request:
    """Commands that are still to be packed."""

    def __init__(self, commands: list[Command]) -> None:
        self.commands = commands

    def pieces(self) -> Iterator[list[Command]]:
        """Return the commands in pieces of about equally many arguments."""
        piece: list[Command] = []
        n_arguments = 0
        for command in self.commands:
            piece.append(command)
            n_arguments += _n_arguments(command)
            if n_arguments >= _PIECE:
                yield piece
                piece, n_arguments = [], 0
        if piece:
            yield piece


class _Packing(AbstractConnection):
    """A connection whose pipelines are packed off the event loop; ``sent`` counts commands by name."""

    sent: Counter[str]

    def pack_command(self, *args: Any) -> Any:
        self.sent[args[0]] += 1
        return super().pack_command(*args)

    def pack_commands(self, commands: Iterable[Command]) -> Any:
        waiting = list(commands)
        self.sent.update(command[0] for command in waiting)
        if sum(map(_n_arguments, waiting)) < _FEW:
            return _packed(waiting)
        return _Request(waiting)

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        if not isinstance(command, _Request):
            await super().send_packed_command(command, check_health)
            return
        is_begun = False
        try:
            for piece in command.pieces():
                packed = await asyncio.to_thread(_packed, piece)
                for part in _slices(packed):
                    if is_begun and not self.is_connected:
                        raise LostError("connection lost in the middle of a request")
                    await super().send_packed_command(part, check_health and not is_begun)
                    is_begun = True
        except BaseException:
            if is_begun:
                await self.disconnect(nowait=True)
            raise


def packing(kind: type[AbstractConnection], sent: Counter[str]) -> type[AbstractConnection]:
    """Return a kind of connection that does the same and packs pipelines off the event loop.

    Whatever its connections send is counted in ``sent`` (IN/OUT), by command.
    """
    return type(f"Packing{kind.__name__}", (_Packing, kind), {"sent": sent})


def _n_arguments(command: Command) -> int:
    *_, last = command
    return len(command) + (2 * len(last) - 1 if isinstance(last, PackedStates) else 0)


def _packed(commands: Iterable[Command]) -> list[Any]:
    parts: list[Any] = []
    for command in commands:
        last = command[-1]
        if isinstance(last, PackedStates):
            # The command without them, but for how many arguments it has.
            _, separator, rest = _plain(command[:-1]).partition(b"\r\n")
            parts += [b"*%d" % _n_arguments(command), separator, rest, bulk_strings(last)]
        else:
            parts.append(_plain(command))
    return parts


def _plain(command: Command) -> bytes:
    """Return a command in Redis's form."""
    if isinstance(command[0], str) and " " not in command[0]:
        # What redis-py does before takes as long again.
        with suppress(TypeError):
            packed: bytes = hiredis.pack_command(tuple(command))
            return packed
    return b"".join(HiredisRespSerializer().pack(*command))


def _slices(packed: Iterable[bytes]) -> Iterator[list[Any]]:
    """Return the bytes in their order, `_SENT_AT_ONCE` of them at a time at most.

    >>> [sum(map(len, piece)) for piece in _slices([b"a" * 300_000, b"bc"])]
    [262144, 37858]
    """
    taken: list[Any] = []
    room = _SENT_AT_ONCE
    for part in packed:
        left = memoryview(part)
        while len(left) > room:
            yield [*taken, left[:room]]
            left, taken, room = left[room:], [], _SENT_AT_ONCE
        taken.append(left)
        room -= len(left)
    if taken:
        yield taken
