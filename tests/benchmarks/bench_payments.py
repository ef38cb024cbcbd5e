"""What a payment costs, stage by stage and as a whole: ``make microbench``.

Processor time of batches of 2,000 and of one, each of payments that were not seen before.  These are no
tests: nothing fails by them.  `load.instructions` is what fails.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from load.stages import STAGES, whole
from streamer.explaining.alerts import build_alerts
from streamer.features import observe_apart
from streamer.serving.answering import answers_of
from streamer.serving.card_states import Found
from tests.benchmarks.scenes import BATCH, Scene

_ROUNDS = 40
_SIZES = (BATCH, 1)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene()


@pytest.mark.parametrize("size", _SIZES)
@pytest.mark.parametrize("stage", STAGES)
def test_stage(benchmark: Any, scene: Scene, stage: str, size: int) -> None:
    """Of a batch whose earlier stages are done."""
    fresh = scene.stages(size)

    def before() -> tuple[tuple[Callable[[], None]], dict[str, Any]]:
        stages = next(fresh)
        stages.until(stage)
        return (getattr(stages, stage),), {}

    benchmark.group = f"stages, {size}"
    benchmark.pedantic(lambda done: done(), setup=before, rounds=_ROUNDS, warmup_rounds=2)


@pytest.mark.parametrize("size", _SIZES)
def test_bytes_to_outcome(benchmark: Any, scene: Scene, size: int) -> None:
    """All of it, with alerts."""
    fresh = scene.batches(size)

    def before() -> tuple[tuple[Any, ...], dict[str, Any]]:
        return (scene.partition, next(fresh)), {}

    benchmark.group = f"stages, {size}"
    benchmark.pedantic(whole, setup=before, rounds=_ROUNDS, warmup_rounds=2)


def test_sixteen_alerts(benchmark: Any, scene: Scene) -> None:
    """Reasons, counterfactuals and parameters of the most unusual payments of a batch."""

    def before() -> tuple[tuple[Any, ...], dict[str, Any]]:
        context, stages = scene.alerting(16)
        return (context, stages.decoded.offsets, stages.decoded.transaction, context.rows), {}

    benchmark.group = "alerts"
    alerts = benchmark.pedantic(_built, setup=before, rounds=_ROUNDS, warmup_rounds=2)
    assert len(alerts) == 16


def _built(*arguments: Any) -> list[Any]:
    steps = build_alerts(*arguments)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


@pytest.mark.parametrize("explain", [False, True])
def test_a_hundred_answers(benchmark: Any, scene: Scene, explain: bool) -> None:
    """To a request about cards of which nothing is stored, without its door."""

    def before() -> tuple[tuple[Any, ...], dict[str, Any]]:
        stages = next(scene.stages(100))
        stages.columns()
        return (stages.decoded,), {}

    def answered(decoded: Any) -> Any:
        found = Found.nothing(len(decoded))
        history = observe_apart(decoded.columns, found.kept)
        of = decoded, found, history, scene.partition.version
        return answers_of(*of, mode="normal", now_ms=0, explain=explain, card_key=None)

    benchmark.group = "answers"
    answers = benchmark.pedantic(answered, setup=before, rounds=_ROUNDS, warmup_rounds=2)
    assert len(answers) == 100
