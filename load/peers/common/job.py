"""What every peer is told, how it counts, what it keeps of a card, and the alert that it sends.

Nothing of streamer is imported: each peer runs in an environment of its own, with this folder on its
path.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import asin, cos, log, log1p, radians, sin, sqrt
from pathlib import Path
from typing import Any, Final

__all__ = [
    "N_CLUSTERS",
    "N_FEATURES",
    "SESSION_S",
    "WARMUP",
    "Card",
    "Count",
    "Job",
    "alert_of",
    "visit",
]

N_FEATURES: Final = 5
# As many as streamer has by default.
N_CLUSTERS: Final = 16
# The first payments teach the scale alone: what has no scale yet has no distance.
WARMUP: Final = 1_000
# As the worker's in these measurements: the embedded broker forms a group after half of it.
SESSION_S: Final = 6
_EARTH_KM: Final = 6371.0

Card = list[Any]
"""Payments, mean amount, second and place of the last one; what JSON can hold."""


@dataclass(frozen=True, slots=True)
class Job:
    """Where a peer reads and writes; ``folder`` is for its own state.

    ``model`` is one of `models`, or "rows"; ``state`` says where cards are kept, if there is a choice.
    """

    broker: str
    topic: str
    alerts: str
    group: str
    model: str
    state: str
    folder: Path
    count: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Job:
        """Return what the runner has said in ``PEER_*`` variables."""
        said = {name: environment[f"PEER_{name.upper()}"] for name in cls.__slots__}
        return cls(**said | {"folder": Path(said["folder"]), "count": Path(said["count"])})  # type: ignore[arg-type]

    def environment(self) -> dict[str, str]:
        """Return the variables that `from_environment` reads."""
        return {f"PEER_{name.upper()}": str(getattr(self, name)) for name in self.__slots__}


class Count:
    """How many payments are done, in eight bytes of a file that the runner reads at any time."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._bytes = mmap.mmap(file.fileno(), 8)
        self.n_done = 0

    @staticmethod
    def read(path: Path) -> int:
        """Return the count in ``path``."""
        (count,) = struct.unpack("<q", path.read_bytes())
        return int(count)

    def add(self, n: int = 1) -> None:
        """Count so many more."""
        self.n_done += n
        struct.pack_into("<q", self._bytes, 0, self.n_done)


def visit(card: Card | None, payment: Mapping[str, Any]) -> tuple[Card, tuple[float, ...]]:
    """Return the card after a payment, None for a new one, and the payment's features.

    ln of 1 + amount, of amount over the card's mean, of 1 + seconds since its last payment, of 1 + km
    from there, of 1 + km/h; what has no place has moved by nothing.
    """
    at_s = datetime.fromisoformat(payment["timestamp"]).timestamp()
    amount = payment["amount"]
    latitude: Any = payment.get("latitude")
    longitude: Any = payment.get("longitude")
    known: Card = card or [0, amount, at_s, None, None]
    n, mean, last_s, last_latitude, last_longitude = known
    elapsed_s = max(at_s - last_s, 0.0)
    if latitude is None:
        latitude, longitude, km = last_latitude, last_longitude, 0.0
    elif last_latitude is None:
        km = 0.0
    else:
        km = _distance_km(last_latitude, last_longitude, latitude, longitude)
    x = (
        log1p(amount),
        log((1.0 + amount) / (1.0 + mean)),
        log1p(elapsed_s),
        log1p(km),
        log1p(km / max(elapsed_s / 3600.0, 0.01)),
    )
    n += 1
    return [n, mean + (amount - mean) / n, max(at_s, last_s), latitude, longitude], x


def alert_of(payment: Mapping[str, Any], card: Card, score: float) -> dict[str, Any]:
    """Return the alert on a payment, with what the runner checks: its card's count and mean."""
    return {
        "transaction_id": payment["transaction_id"],
        "card_id": payment["card_id"],
        "score": score,
        "payments_of_card": card[0],
        "mean_amount": card[1],
    }


def _distance_km(
    latitude: float, longitude: float, to_latitude: float, to_longitude: float
) -> float:
    """Return the length of the great circle between two places in degrees, by haversines."""
    a, b = radians(latitude), radians(to_latitude)
    north, east = sin((b - a) / 2.0), sin(radians(to_longitude - longitude) / 2.0)
    return 2.0 * _EARTH_KM * asin(sqrt(min(north * north + cos(a) * cos(b) * east * east, 1.0)))
