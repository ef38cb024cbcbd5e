"""Large requests to Redis that keep nobody waiting: packed in a thread, sent a piece at a time.

redis-py packs a pipeline on the event loop, 0.8 µs an argument in Python: a checkpoint of 20,000 cards
would keep everything else from running for a tenth of a second, one of a million for seconds.

Invariants:
* A request of several pieces goes out on one connection or not at all: what follows a piece is never
  sent on a new one, where it would stand outside its transaction.
* A connection that got a part of a request is closed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeAlias

from redis.asyncio.connection import AbstractConnection
from redis.connection import HiredisRespSerializer
from redis.exceptions import ConnectionError as LostError

__all__ = ["packing"]

# redis-py's own types name bytes, texts and numbers, and some of its methods are not typed at all.
Command: TypeAlias = Any

# What is not worth a thread: packed in some 20 µs.
_FEW: Final = 100
# A piece holds the interpreter for some 3 ms and is about a megabyte.
_PIECE: Final = 10_000


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
            n_arguments += len(command)
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
        if sum(map(len, waiting)) < _FEW:
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
                if is_begun and not self.is_connected:
                    raise LostError("connection lost in the middle of a request")
                await super().send_packed_command(packed, check_health and not is_begun)
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


def _packed(commands: Iterable[Command]) -> list[bytes]:
    pack = HiredisRespSerializer().pack
    return [packed for command in commands for packed in pack(*command)]
