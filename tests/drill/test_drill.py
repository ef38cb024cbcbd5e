"""The drill in short: a good version comes by gate and canary, a bad one leaves by itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streamer.embedded import EmbeddedKafka
from tests.drill.story import SETTINGS, Drill, Length, findings
from tests.stream.harness import Service


@pytest.mark.alone
def test_a_bad_version_leaves_by_itself_and_nothing_is_lost(
    kafka: EmbeddedKafka, redis_url: str, tmp_path: Path
) -> None:
    """Two workers under traffic; every payment is learned once, over both branches and all versions."""
    said: list[str] = []
    length = Length(n_week=8_000, per_s=500, canary="5s")
    settings = SETTINGS | {"scores_enabled": "true"}
    with Service(kafka.bootstrap_servers, redis_url, n_partitions=3, **settings) as service:
        service.create_topics()
        drill = Drill(service, tmp_path, length, said.append)
        drill.run()
        assert drill.challenged
        assert findings(drill) == []
        _assert_scored_by_its_branch(service)
        worker = service.workers[0]
        rollbacks = sum(
            each.metric("streamer_model_rollbacks_total", figure=figure)
            for each in service.workers
            for figure in ("scores", "budget", "fuse")
        )
        assert rollbacks == 1.0
        assert worker.metric("streamer_model_watch_remaining_seconds") == 0.0
        assert any(each.wrote("model rolled back") for each in service.workers)


def _assert_scored_by_its_branch(service: Service) -> None:
    """Of a canary's versions all but the last, which became the head, scored its partition alone."""
    entries = service.ask(lambda store: store.lineage(100_000))
    canary = {
        entry["version"]
        for entry in entries
        if entry.get("branch") == "canary" or entry["reason"] == "canary"
    }
    canary -= {entry["version"] for entry in entries if entry["reason"] == "promotion"}
    scores = [
        json.loads(message.value()) for message in service.read(service.settings.scores_topic)
    ]
    scored_by_canary = [each for each in scores if each["model_version"] in canary]
    assert {each["source"]["partition"] for each in scored_by_canary} == {0}
    assert len(scored_by_canary) > 100
