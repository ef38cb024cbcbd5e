"""A real Prometheus evaluates whatever a dashboard asks, of a worker under load."""

from __future__ import annotations

from pathlib import Path

from streamer.embedded import EmbeddedKafka
from tests.ops import monitoring
from tests.ops.expressions import all_asked, report, under_load
from tests.rig.requirements import require


def test_every_expression_of_every_panel_and_rule_gives_what_it_should(
    kafka: EmbeddedKafka, redis_url: str, tmp_path: Path
) -> None:
    """No error, and a number wherever there must be one; see `tests.ops.expressions`."""
    require(monitoring.missing())
    with under_load(kafka.bootstrap_servers, redis_url, tmp_path) as watch:
        asked = all_asked(watch)
    print(report(asked))
    assert not [each.line for each in asked if each.error or each.is_empty]
