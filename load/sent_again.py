"""A process that sends one recorded checkpoint again and again, as a worker with its topic would.

Invariant: a checkpoint is due at its time whether or not the one before is done, so whoever waits
because Redis is full is seen to wait.
"""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import hiredis

from load.saved_steps import Question, topic_of
from streamer.embedded.server import HOST
from streamer.errors import InvariantError

__all__ = ["Done", "send_again"]

# As the product's client waits after another worker's write.
_MAX_TRIES: Final = 50
_JITTER_S: Final = 0.005
_MAX_JITTER_S: Final = 0.05
_READ: Final = 1 << 18
_TIMEOUT_S: Final = 60.0


class Done(NamedTuple):
    """One checkpoint: when it was done, how long after it was due, how often it was tried.

    ``is_saved``: whether it was let through at all.
    """

    at_s: float
    took_s: float
    n_tries: int
    is_saved: bool


def send_again(
    port: int,
    questions: Sequence[Question],
    number: int,
    every_s: float,
    ready: Callable[[], float],
) -> list[Done]:
    """Return what came of a checkpoint due every ``every_s``; with 0 when the last is done.

    ``ready`` waits for all others, and returns when to end by the monotonic clock.  Thoughts are slept,
    so they take no processor.
    """
    rng = random.Random(number)
    mine = [
        each._replace(sent=each.sent.replace(topic_of(0).encode(), topic_of(number).encode()))
        for each in questions
    ]
    found: list[Done] = []
    with socket.create_connection((HOST, port), timeout=_TIMEOUT_S) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reader = hiredis.Reader()
        until_s = ready()
        due = time.monotonic() + rng.uniform(0.0, every_s)
        while max(due, time.monotonic()) < until_s:
            time.sleep(max(due - time.monotonic(), 0.0))
            n_tries = 1
            while not (is_saved := _try(connection, reader, mine)) and n_tries < _MAX_TRIES:
                time.sleep(rng.uniform(0.0, min(_JITTER_S * n_tries, _MAX_JITTER_S)))
                if time.monotonic() > until_s:
                    break
                n_tries += 1
            now = time.monotonic()
            found.append(Done(now, now - due, n_tries, is_saved))
            due = due + every_s if every_s else now
    return found


def _try(connection: socket.socket, reader: Any, questions: Sequence[Question]) -> bool:
    """Send a checkpoint once; False where another's write came between its reads and its writes."""
    last: Any = None
    for question in questions:
        time.sleep(max(question.thought_s, 0.0))
        connection.sendall(question.sent)
        left = question.n_replies
        while left:
            reply = reader.gets()
            if reply is False:
                reader.feed(connection.recv(_READ))
                continue
            if isinstance(reply, hiredis.ReplyError):
                raise InvariantError(f"Redis must take what the store sends, got {reply}")
            last, left = reply, left - 1
    return last is not None
