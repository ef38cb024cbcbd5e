"""What the metrics of a process tell of the secrets that it follows, by the names of their settings."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from streamer.access.secret_file import SecretFile
from streamer.contract.pseudonyms import CardKey
from streamer.settings import Settings
from streamer.settings.secret_files import secret_files
from streamer.starting.card_keys_in_use import CardKeysInUse

__all__ = ["SecretReadings", "secret_readings"]

_CARD_KEYS = "alert_card_keys_file"


@dataclass(frozen=True, slots=True)
class SecretReadings:
    """Which files are of no use now (1, else 0), and how many secrets were taken up from each."""

    faulted: dict[str, float]
    taken_up: dict[str, float]


def secret_readings(
    settings: Settings, card_key: CardKey | None, others: Iterable[SecretFile[Any]] = ()
) -> SecretReadings:
    """Return them as of now: the files of the secrets directory, and ``others``, are looked at."""
    faulted: dict[str, float] = {}
    taken_up: dict[str, float] = {}
    for file in (*secret_files(settings).values(), *others):
        with suppress(OSError, ValueError):
            file.get()
        faulted[file.name] = float(bool(file.fault))
        taken_up[file.name] = float(file.n_taken_up)
    if isinstance(card_key, CardKeysInUse):
        keys = card_key.file
        faulted[_CARD_KEYS], taken_up[_CARD_KEYS] = float(bool(keys.fault)), float(keys.n_taken_up)
    return SecretReadings(faulted, taken_up)
