"""What limits and fuse do is said: in metrics, and among the warnings of /readyz."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from streamer.contract.ledger import Ledger
from streamer.settings import Settings
from streamer.store import BreakerStatus
from streamer.stream.health.health import Health
from streamer.stream.kafka.membership import Membership
from streamer.stream.kafka.progress import Progress
from streamer.stream.partitions.limits import count_limits
from streamer.telemetry import Metrics
from tests.builders import batch, payment, pipeline_config, state_of
from tests.pipeline.helpers import run, trained


def test_a_blown_fuse_is_a_warning_and_no_fault() -> None:
    """Partition 3 held an alert back at place 10 of 12, partition 4 none."""
    blown, whole = state_of(pipeline_config()), state_of(pipeline_config())
    blown.held_back_until, blown.ledger = 11, Ledger(12, 12)
    assigned: dict[int, Any] = {
        partition: SimpleNamespace(partition=partition, state=state)
        for partition, state in ((3, blown), (4, whole))
    }
    clock = SimpleNamespace(monotonic=lambda: 0.0)
    breaker = BreakerStatus("closed", 0, None)
    kit: Any = SimpleNamespace(
        settings=Settings(), clock=clock, store=SimpleNamespace(breaker=breaker)
    )
    held: Any = SimpleNamespace(assigned=assigned, membership=Membership(10.0), unsaved_since={})
    claims: Any = SimpleNamespace(faults={}, waiting={}, all=lambda: [3, 4])
    claiming: Any = SimpleNamespace(notices=[])
    watch: Any = SimpleNamespace(progress=Progress())
    health = Health(kit, held, claims, claiming, watch)
    health.startup = None
    (warning,) = health.warnings()
    assert warning.startswith("partition 3 must alert at most twice as often as agreed")
    assert "fraud-alerts-overflow" in warning
    assert health.faults() == []


def test_entities_and_labels_that_made_room_are_counted_once() -> None:
    """20 cards come by in twos where there is room for 4: none was saved before it went."""
    state, metrics = state_of(pipeline_config(), capacity=4), Metrics("1")
    for first in range(0, 20, 2):
        values = [payment(i, card_id=f"c{i}") for i in (first, first + 1)]
        run([batch(values, first)], pipeline_config(), trained(), state)
        count_limits(state, metrics)
    count_limits(state, metrics)
    exposed = metrics.exposition()[0].decode()
    n = state.tables.cards.n_evicted
    assert n == 20 - len(state.tables.cards)
    assert f'streamer_entities_evicted_total{{kind="cards"}} {n}.0' in exposed
    assert f'streamer_entities_evicted_unsaved_total{{kind="cards"}} {n}.0' in exposed
    assert "streamer_unjudged_dropped_total 0.0" in exposed
