"""Real Prometheus and Alertmanager watch real workers: faults are seen to fire and to resolve."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamer.embedded import EmbeddedKafka, EmbeddedRedis
from tests.ops import monitoring
from tests.ops.alerts import run, table
from tests.rig.requirements import require


@pytest.mark.alone
def test_faults_are_seen_to_fire_and_to_resolve(
    kafka: EmbeddedKafka, redis_server: EmbeddedRedis, tmp_path: Path
) -> None:
    """Each fault on a service of its own, all at once; what one alert says, others do not repeat."""
    require(monitoring.missing())
    seen, wrong = run(kafka, redis_server, tmp_path, is_long=False)
    assert not wrong, "\n\n".join([*wrong, table(seen)])
