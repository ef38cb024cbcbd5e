"""``streamer model promote``, ``canary`` and ``rollback``: what a gate and the history come to."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from streamer.cli import promote_command
from streamer.cli.gate_options import Gate
from streamer.embedded import EmbeddedKafka
from streamer.starting.wiring import open_store
from tests.audit.test_audited_commands import SMALL, settings_of, version_in
from tests.cli.test_commands import audited_by, run

RULES = [
    {"rule": "finite", "outcome": "pass"},
    {"rule": "psi", "outcome": "fail"},
    {"rule": "precision", "outcome": "not measured"},
]


@pytest.fixture
def here(redis_url: str, kafka: EmbeddedKafka) -> dict[str, str]:
    unique = uuid.uuid4().hex[:10]
    own = {"redis_url": redis_url, "namespace": f"trial-{unique}", "audit_topic": f"a-{unique}"}
    return SMALL | own | audited_by(kafka) | {"topic_partitions": "1"}


@pytest.fixture
def versions(here: dict[str, str], tmp_path: Path) -> tuple[str, str]:
    """The head of three partitions, and a version that is stored beside it."""
    head, other = tmp_path / "head.safetensors", tmp_path / "other.safetensors"
    first, second = version_in(head, 0), version_in(other, 1)
    assert run("model", "import", str(head), "--promote", **here).exit_code == 0
    assert run("model", "import", str(other), **here).exit_code == 0

    async def claim() -> None:
        store = open_store(settings_of(here))
        for partition in range(3):
            await store.claim("transactions", partition, "w1", 1)
        await store.close()

    asyncio.run(claim())
    return first, second


@pytest.fixture
def gated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., tuple[str, ...]]:
    """Return the options of a gate that says what it is told to: the real one has tests of its own."""
    (payments := tmp_path / "payments.jsonl").touch()

    def options(version: str, *, passed: bool) -> tuple[str, ...]:
        report = {"version": version, "passed": passed, "rules": RULES if not passed else RULES[:1]}
        monkeypatch.setattr(Gate, "run", lambda *_: report)
        monkeypatch.setattr(promote_command, "show_gate", lambda *_, **__: None)
        return "--payments", str(payments)

    return options


def history(here: dict[str, str]) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = json.loads(run("model", "history", "--json", **here).stdout)
    return told


def test_a_promotion_needs_a_gate_or_a_reason(here: dict[str, str]) -> None:
    result = run("model", "promote", "4f1c", **here)
    assert result.exit_code == 2
    assert "a gate or a reason must be given, got neither" in result.stderr


def test_what_fails_the_gate_is_promoted_with_a_reason_alone_and_the_history_has_both(
    here: dict[str, str], versions: tuple[str, str], gated: Callable[..., tuple[str, ...]]
) -> None:
    _, wanted = versions
    options = gated(wanted, passed=False)
    refused = run("model", "promote", wanted[:8], *options, **here)
    assert (refused.exit_code, "not promoted; --force REASON" in refused.stderr) == (1, True)
    forced = run("model", "promote", wanted[:8], *options, "--force", "the head floods us", **here)
    assert forced.exit_code == 0, forced.stderr
    assert forced.stderr.endswith(" is the head\n")
    last = history(here)[0]
    assert (last["reason"], last["gate"]) == ("promotion", "failed: psi")
    assert (last["not_measured"], last["forced"]) == ("precision", "the head floods us")
    shown = run("model", "history", **here).stdout
    assert "forced: the head floods us" in " ".join(shown.split())


def test_what_passed_is_promoted_watched_and_gone_back_from_once(
    here: dict[str, str], versions: tuple[str, str], gated: Callable[..., tuple[str, ...]]
) -> None:
    _, wanted = versions
    done = run("model", "promote", wanted[:8], *gated(wanted, passed=True), **here)
    assert done.exit_code == 0, done.stderr
    assert history(here)[0]["gate"] == "passed"
    watched = run("model", "canary", **here)
    assert watched.exit_code == 0, watched.stderr
    assert watched.stdout.startswith("promotion ")
    assert "before" in watched.stdout
    back = run("model", "rollback", "--reason", "worse", **here)
    assert back.exit_code == 0, back.stderr
    again = run("model", "rollback", "--reason", "worse still", **here)
    assert again.exit_code == 2
    assert "the last change must be a promotion to go back from it" in again.stderr


def test_a_canary_has_some_partitions_until_it_ends(
    here: dict[str, str], versions: tuple[str, str], gated: Callable[..., tuple[str, ...]]
) -> None:
    _, wanted = versions
    options = gated(wanted, passed=True)
    all_of_them = run("model", "promote", wanted, *options, "--canary", "3", **here)
    assert all_of_them.exit_code == 2
    assert "--canary must be less than the 3 partitions" in all_of_them.stderr
    begun = run("model", "promote", wanted, *options, "--canary", "1", "--for", "30m", **here)
    assert begun.exit_code == 0, begun.stderr
    assert "is a canary on 1 of 3 partitions until" in begun.stderr
    shown = run("model", "canary", **here).stdout
    assert shown.startswith("canary ")
    assert "on the 1 lowest partitions by" in shown
    assert "the other partitions" in shown
    told = json.loads(run("model", "canary", "--json", **here).stdout)
    assert (told["kind"], told["n_partitions"], told["found"]) == ("canary", 1, "nothing degraded")
    assert 0 < told["left_s"] <= 1_800
    ended = run("model", "rollback", "--reason", "enough seen", **here)
    assert ended.exit_code == 0, ended.stderr
    assert "has ended; the head scores all partitions" in ended.stderr


def test_without_a_promotion_there_is_nothing_to_watch_or_to_go_back_from(
    here: dict[str, str],
) -> None:
    assert run("model", "canary", **here).stdout == "nothing is watched\n"
    back = run("model", "rollback", "--reason", "a slip", **here)
    assert back.exit_code == 2
    assert "a version must have been promoted to go back from it" in back.stderr
