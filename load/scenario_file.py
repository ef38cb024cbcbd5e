"""Scenarios of load as files: what comes, how fast, and what of it is out of the ordinary.

A file is TOML, read into `Scenario` and nothing else: a name that is none of its own is an error, so
that a misspelt share is not a share of nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from load.open_loop import Step
from streamer.errors import ConfigurationError

__all__ = ["Scenario", "Wave", "read_scenario"]

_MAX_PAYMENTS = 5_000_000


class Wave(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Frauds in a wave: from ``at_s`` on, for ``seconds``, ``share`` of the payments are one ring's.

    They are tiny payments at one online merchant (`streamer.simulator`'s card testing), each by
    another card.
    """

    at_s: float
    seconds: float
    share: float


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One scenario.  Shares are of all payments; those of one payment do not add up: first is first.

    ``warm`` payments are scored before the profile begins.  ``bad_share`` of the messages are no
    payments (dead letters), ``hot_share`` of the payments one card's, ``new_share`` each of a card
    that nobody has seen.  ``judged_share`` of the payments, and every fraud, get a verdict once 20,000
    more were sent; with 0 there are no verdicts at all.
    """

    about: str
    profile: tuple[Step, ...]
    seed: int = 1
    cards: int = 2_000
    partitions: int = 4
    warm: int = 40_000
    alert_budget: float = 0.005
    bad_share: float = 0.0
    hot_share: float = 0.0
    new_share: float = 0.0
    judged_share: float = 0.0
    waves: tuple[Wave, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return sum(step.seconds for step in self.profile)

    @property
    def n_payments(self) -> int:
        """About how many payments it has, without the warm-up."""
        return int(sum(step.rate * step.seconds for step in self.profile))


def read_scenario(path: Path) -> Scenario:
    """Read a scenario; ConfigurationError with all that is wrong in it."""
    try:
        scenario = msgspec.toml.decode(path.read_bytes(), type=Scenario)
    except OSError as error:
        raise ConfigurationError(f"{path} must be a file that can be read, got {error}") from None
    except msgspec.DecodeError as error:
        raise ConfigurationError(
            f"{path} must be a scenario, got: {error}; load/README.md tells what is in one"
        ) from None
    faults = list(_faults(scenario))
    if faults:
        raise ConfigurationError(f"{path}: " + "; ".join(faults))
    return scenario


def _faults(scenario: Scenario) -> Iterator[str]:
    if not scenario.profile:
        yield "profile must have a step of rate and seconds, got none"
    for number, step in enumerate(scenario.profile):
        yield from _beyond(f"profile[{number}].rate", step.rate, 0, 1_000_000)
        yield from _beyond(f"profile[{number}].seconds", step.seconds, 0.1, 86_400)
    for name, low, high in (
        ("seed", 0, 2**31),
        ("cards", 1, 1_000_000),
        ("partitions", 1, 1_000),
        ("warm", 10_000, 10_000_000),
        ("alert_budget", 0.0001, 0.2),
        ("bad_share", 0, 0.5),
        ("hot_share", 0, 1),
        ("new_share", 0, 1),
        ("judged_share", 0, 1),
    ):
        yield from _beyond(name, getattr(scenario, name), low, high)
    for number, wave in enumerate(scenario.waves):
        yield from _beyond(f"waves[{number}].at_s", wave.at_s, 0, scenario.seconds)
        yield from _beyond(f"waves[{number}].seconds", wave.seconds, 0.1, scenario.seconds)
        yield from _beyond(f"waves[{number}].share", wave.share, 0, 1)
    if scenario.n_payments > _MAX_PAYMENTS:
        yield (
            f"profile must have at most {_MAX_PAYMENTS:,} payments, got {scenario.n_payments:,}; "
            "they are kept in memory: make it shorter or slower"
        )


def _beyond(name: str, value: float, low: float, high: float) -> Iterator[str]:
    if not low <= value <= high:
        yield f"{name} must be between {low:g} and {high:g}, got {value:g}"
