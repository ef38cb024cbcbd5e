"""What a failed test is told by the processes that took part: the end of what each of them wrote.

A test says what was not as it should be; why is in the log of a worker, which is gone with the machine
that CI lent.  So whoever starts a process calls it as a witness, and `tests/conftest.py` puts what the
witnesses have to say into the report of a test that fails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["call_as_witness", "dismiss", "testimonies"]

# Of a service with dozens of workers the last ones tell most.
_MOST = 6


@dataclass(frozen=True, slots=True)
class _Witness:
    name: str
    is_there: Callable[[], bool]
    says: Callable[[], str]


_witnesses: list[_Witness] = []


def call_as_witness(name: str, is_there: Callable[[], bool], says: Callable[[], str]) -> None:
    """Have a process heard if a test fails; ``is_there`` while it may still be of a later test."""
    _witnesses.append(_Witness(name, is_there, says))


def testimonies() -> list[tuple[str, str]]:
    """Return name and last words of those who took part last, the last one last."""
    return [
        (f"{each.name}, which {'runs' if each.is_there() else 'has ended'}", each.says())
        for each in _witnesses[-_MOST:]
    ]


def dismiss() -> None:
    """Let go of those that have ended: the test that they were of is over."""
    _witnesses[:] = [each for each in _witnesses if each.is_there()]
