"""What a person at a terminal wants at 3 a.m.: what is there, and what is wrong with it.

Reading order: `facts`, what is known; `troubles`, what is wrong with that, a pure function;
`answers`, the part of it that the workers say of themselves;
`worker_asking`, one question to a worker; `gathering`, which asks Redis, Kafka and the workers.
"""

from __future__ import annotations

from streamer.status.facts import Status
from streamer.status.gathering import gather
from streamer.status.troubles import Trouble, troubles_of

__all__ = ["Status", "Trouble", "gather", "troubles_of"]
