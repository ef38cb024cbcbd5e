"""Orders and answers between two processes, as files of a folder that both know.

One writes orders, the other answers them in turn.  A file appears at once and whole: it is written
under another name and renamed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import msgspec
import numpy as np

from streamer.arrays import Integers
from streamer.errors import UnavailableError

__all__ = ["Mailbox"]

T = TypeVar("T")

_POLL_S: Final = 0.02


class Mailbox:
    """One end of it; a process uses one method of each pair."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._n = 0

    def ask(
        self, order: object, answer: type[T], within_s: float, is_alive: Callable[[], bool]
    ) -> tuple[T, Integers]:
        """Write an order and wait for its answer and the table that comes with it; blocks."""
        self._n += 1
        self._write(f"{self._n}.order", msgspec.json.encode(order))
        answered = self._folder / f"{self._n}.answer"
        deadline = time.monotonic() + within_s
        while not answered.exists():
            if time.monotonic() > deadline or not is_alive():
                raise UnavailableError(
                    f"an order must be answered within {within_s:g} s, got nothing"
                )
            time.sleep(_POLL_S)
        times: Integers = np.load(self._folder / f"{self._n}.npy")
        return msgspec.json.decode(answered.read_bytes(), type=answer), times

    def next_order(self, kind: type[T]) -> T:
        """Wait for the next order; blocks for ever."""
        self._n += 1
        path = self._folder / f"{self._n}.order"
        while not path.exists():
            time.sleep(_POLL_S)
        return msgspec.json.decode(path.read_bytes(), type=kind)

    def answer(self, answer: object, times: Integers) -> None:
        """Answer the last order; ``times`` (n, m) is its table."""
        np.save(self._folder / f"{self._n}.npy", times)
        self._write(f"{self._n}.answer", msgspec.json.encode(answer))

    def _write(self, name: str, content: bytes) -> None:
        unfinished = self._folder / f"{name}.unfinished"
        unfinished.write_bytes(content)
        unfinished.rename(self._folder / name)
