"""What a checkpoint costs without Redis: taken out of the state, packed, the model merged."""

from __future__ import annotations

from typing import Any

import pytest

from load.stages import whole
from streamer.features import PackedStates
from streamer.model.codec import VersionHeader, encode_version, state_id
from streamer.model.learning import advance
from streamer.store.bulk import bulk_strings
from streamer.stream.checkpoints.taking import take_changed
from tests.benchmarks.scenes import BATCH, Scene

_ROUNDS = 20


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene()


def test_entities_taken_and_packed(benchmark: Any, scene: Scene) -> None:
    """Cards, merchants, labels and fingerprints that 2,000 payments have changed."""
    fresh = scene.batches(BATCH)

    def before() -> tuple[tuple[Any, ...], dict[str, Any]]:
        take_changed(scene.partition.state)
        whole(scene.partition, next(fresh))
        return (scene.partition.state,), {}

    def taken(state: Any) -> int:
        changed, _ = take_changed(state)
        packed = [each for each in changed.values() if isinstance(each, PackedStates)]
        return sum(len(bulk_strings(each)) for each in packed if len(each))

    benchmark.group = "checkpoints"
    assert benchmark.pedantic(taken, setup=before, rounds=_ROUNDS, warmup_rounds=2) > 0


def test_model_merged_and_encoded(benchmark: Any, scene: Scene) -> None:
    """What 2,000 payments have taught goes into the next version, and that into its file."""
    fresh = scene.batches(BATCH)

    def before() -> tuple[tuple[Any, ...], dict[str, Any]]:
        whole(scene.partition, next(fresh))
        return (scene.partition,), {}

    def merged(partition: Any) -> Any:
        sums = advance(partition.sums, partition.state.delta, partition.config.model)
        header = VersionHeader("", "2026-01-01T00:00:00Z", "merge", "")
        return state_id(sums), encode_version(sums, header, partition.config.model.feature_names)

    benchmark.group = "checkpoints"
    version, blob = benchmark.pedantic(merged, setup=before, rounds=_ROUNDS, warmup_rounds=2)
    assert len(version) == 64
    assert blob
