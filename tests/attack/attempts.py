"""What an attempt is: a function that tries something, and says what it was answered.

Its docstring says what is tried.  Where an assertion of it fails, the attempt has succeeded and the
product has not held.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from tests.attack.site import Site

__all__ = ["ATTEMPTS", "Against", "Attempt", "attempt"]

Against = Literal["console", "serve", "worker", "settings"]
Work = Callable[[Site], str]

ATTEMPTS: Final[dict[str, Attempt]] = {}
"""By name, in the order of the table."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """``work`` returns the outcome in words, or raises AssertionError.

    One that is dear is left to `make attack`: it waits for seconds, or needs a process that CI does not
    start for it.
    """

    name: str
    against: Against
    tried: str
    work: Work
    is_dear: bool


def attempt(against: Against, *, is_dear: bool = False) -> Callable[[Work], Work]:
    """Enter a function among the attempts on ``against``, by its name and docstring."""

    def enter(work: Work) -> Work:
        name = work.__name__.replace("_", " ")
        if name in ATTEMPTS:
            raise ValueError(f"an attempt must have a name of its own, got {name} twice")
        tried = " ".join((work.__doc__ or "").split()).rstrip(".")
        ATTEMPTS[name] = Attempt(name, against, tried, work, is_dear)
        return work

    return enter
