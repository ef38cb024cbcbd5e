"""`model push` and `pull` with a registry that is played: what goes there, and what comes back.

With MLflow itself it is `tests/integrations/mlflow`.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from streamer.embedded import EmbeddedKafka
from streamer.registry import mlflow_registry
from streamer.registry.mlflow_registry import Place, Pushed
from tests.cli.test_commands import audited_by, run
from tests.registry.test_registry_command import SETTINGS, URI, gate_of, pushed

__all__ = ["pushed"]

ARGUMENTS = "--mlflow", URI


class PlayedRegistry:
    """Keeps what is pushed; ``wanted`` is the id that a pulled version is registered under."""

    wanted = ""
    blobs: list[bytes] = []  # noqa: RUF012
    told: list[dict[str, Any]] = []  # noqa: RUF012

    def __init__(self, uri: str) -> None:
        assert uri == URI

    def push(self, name: str, blob: bytes, **told: Any) -> Pushed:
        is_new = blob not in self.blobs
        self.blobs.append(blob)
        self.told.append(told)
        return Pushed(name, "1", is_new)

    def pull(self, where: Place) -> tuple[bytes, str, str]:
        assert where.alias == "champion"
        return self.blobs[-1], self.wanted, "1"


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> type[PlayedRegistry]:
    monkeypatch.setattr(PlayedRegistry, "blobs", [])
    monkeypatch.setattr(PlayedRegistry, "told", [])
    monkeypatch.setattr(mlflow_registry, "MlflowRegistry", PlayedRegistry)
    return PlayedRegistry


@pytest.fixture
def here(redis_url: str, kafka: EmbeddedKafka) -> dict[str, str]:
    unique = uuid.uuid4().hex[:10]
    own = {"redis_url": redis_url, "namespace": f"played-{unique}", "audit_topic": f"a-{unique}"}
    return SETTINGS | own | audited_by(kafka) | {"topic_partitions": "1"}


def test_a_file_goes_there_as_it_is_with_its_gate_and_its_alias(
    registry: type[PlayedRegistry], pushed: tuple[Path, str], tmp_path: Path
) -> None:
    path, version = pushed
    passed = "--gate-result", str(gate_of(tmp_path, version, passed=True)), "--alias", "champion"
    first = run("model", "push", str(path), *ARGUMENTS, *passed, **SETTINGS)
    assert first.exit_code == 0, first.stderr
    assert first.stderr == f"{version} registered as streamer/1, which is streamer@champion\n"
    again = run("model", "push", str(path), *ARGUMENTS, "--name", "trip", **SETTINGS)
    assert again.stderr == f"{version} was registered before as trip/1\n"
    assert registry.blobs == [path.read_bytes()] * 2
    with_gate, without = registry.told
    assert (with_gate["alias"], with_gate["gate"]["passed"]) == ("champion", True)
    assert (without["alias"], without["gate"]) == (None, None)
    assert with_gate["tags"][mlflow_registry.ID_TAG] == version
    assert json.dumps(with_gate["settings"])


def test_what_was_pulled_is_stored_and_can_be_pushed_from_the_store(
    registry: type[PlayedRegistry],
    pushed: tuple[Path, str],
    here: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Under its id, or nothing is stored; it is the head only once somebody says so."""
    path, version = pushed
    registry.blobs.append(path.read_bytes())
    monkeypatch.setattr(registry, "wanted", "f" * 64)
    refused = run("model", "pull", "streamer@champion", *ARGUMENTS, **here)
    assert refused.exit_code == 2
    told = f"must have the content of its id, ffffffffffff, got {version[:12]}; nothing was stored"
    assert told in refused.stderr
    monkeypatch.setattr(registry, "wanted", version)
    stored = run("model", "pull", "streamer@champion", *ARGUMENTS, **here)
    assert stored.exit_code == 0, stored.stderr
    assert stored.stderr.startswith(f"{version} stored from streamer/1; `streamer model promote`")
    listed = json.loads(run("model", "list", "--json", **here).stdout)
    assert [(each["id"], each["is_head"]) for each in listed if each["id"] == version] == [
        (version, False)
    ]
    from_store = run("model", "push", version[:8], *ARGUMENTS, **here)
    assert from_store.exit_code == 0, from_store.stderr
    assert version in from_store.stderr
