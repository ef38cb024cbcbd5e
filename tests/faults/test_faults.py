"""The fast part of the fault table, on Apache Kafka and Debian's Redis: three columns of zeros.

`make faults` runs all of it, on both brokers.
"""

from __future__ import annotations

import pytest

from tests.faults.running import run_fault
from tests.faults.table import faults
from tests.rig.apache_kafka import ApacheKafka

# One of each kind, those first that were found broken.
FAST = [
    "kill -9 after-exec",
    "kill -9 before-commit",
    "rolling 1 -> 3 -> 1",
    "the same payments sent again",
    "transactions, a third of them aborted",
    "records compressed with zstd",
    "retention past the checkpoint",
    "topic deleted and made again, all of it read",
    "partitions added to the transactions topic, then to the alerts topic",
    "Redis restarted empty",
    "Redis away, killed, back, killed in the replay",
    "Redis away before the histories are loaded",
    "atomic step: answer swallowed, 10 times",
]


@pytest.mark.parametrize("name", FAST)
def test_a_fault_costs_nothing_that_is_not_declared(
    name: str, apache_kafka: ApacheKafka, debian_redis_installed: None
) -> None:
    """Nothing lost, learned twice or alerted twice, and every state that of an undisturbed run."""
    row = run_fault(faults()[name], "kafka", apache_kafka, seed=1)
    assert row.skipped is None
    assert row.is_clean, "\n".join([str(row.figures), row.failure or "", *row.findings])
