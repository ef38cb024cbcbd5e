"""Which seed catches a mutant?"""

from __future__ import annotations

from tests.simulation.edges import run_seed
from tests.simulation.mutants import MUTANTS
from tests.simulation.world import Result

__all__ = ["caught_by"]

# With its story each is caught by one seed of ten or more.
_MAX_SEEDS = 400


def caught_by(name: str, first: int = 0) -> Result | None:
    """Return what the first seed says that the product passes and the mutant does not."""
    mutant, story = MUTANTS[name]
    for seed in range(first, first + _MAX_SEEDS):
        with mutant():
            result = run_seed(seed, story, is_small=True)
        if result.failure is not None and run_seed(seed, story, is_small=True).failure is None:
            return result
    return None
