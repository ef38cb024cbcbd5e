"""Which seed catches a mutant?"""

from __future__ import annotations

from tests.simulation.edges import run_seed
from tests.simulation.mutants import MUTANTS
from tests.simulation.world import Result

__all__ = ["caught_by"]

# Alerts of an earlier life matter in about one seed of a hundred.
_MAX_SEEDS = 400


def caught_by(name: str, first: int = 0) -> Result | None:
    """Return what the first seed says that the product passes and the mutant does not."""
    mutant, faults = MUTANTS[name]
    for seed in range(first, first + _MAX_SEEDS):
        with mutant():
            result = run_seed(seed, faults)
        if result.failure is not None and run_seed(seed, faults).failure is None:
            return result
    return None
