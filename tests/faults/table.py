"""Every fault there is: importing their modules enters them."""

from __future__ import annotations

from collections.abc import Mapping

from tests.faults import (
    kafka_faults,
    log_faults,
    machine_faults,
    redis_faults,
    stopping_faults,
    worker_faults,
)
from tests.faults.site import FAULTS, Fault

__all__ = ["faults"]

_MODULES = (
    worker_faults,
    kafka_faults,
    log_faults,
    redis_faults,
    machine_faults,
    stopping_faults,
)


def faults() -> Mapping[str, Fault]:
    """Return the faults by name, in the order of the table."""
    return FAULTS
