"""Commands that change something are on the audit topic first, and what came of it afterwards."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamer.audit.audit_reading import Period, read_entries
from streamer.embedded import EmbeddedKafka
from streamer.model import Sums
from streamer.model.codec import VersionHeader, encode_version, state_id
from streamer.settings import Settings, load_settings
from streamer.starting.wiring import model_config
from tests.cli.test_commands import audited_by, run
from tests.rig.ports import stable_port

SMALL = {"n_clusters": "4", "warmup_transactions": "300"}


def settings_of(variables: dict[str, str]) -> Settings:
    return load_settings({f"STREAMER_{name.upper()}": text for name, text in variables.items()})


def version_in(path: Path, n_revivals: int) -> str:
    config = model_config(settings_of(SMALL))
    # What has learned nothing is never the head.
    sums = replace(Sums.zero(config), transactions_seen=1)
    sums.revivals += np.int64(n_revivals)
    header = VersionHeader("", "2026-11-29T00:00:00.000Z", "fit", config.hash)
    path.write_bytes(encode_version(sums, header, config.feature_names))
    return state_id(sums)


def entries(variables: dict[str, str]) -> list[dict[str, Any]]:
    found = read_entries(settings_of(variables), Period())
    return sorted((json.loads(e.stored.value) for e in found), key=lambda each: str(each["at"]))


@pytest.fixture
def here(redis_url: str, kafka: EmbeddedKafka) -> dict[str, str]:
    unique = uuid.uuid4().hex[:10]
    own = {"redis_url": redis_url, "namespace": f"audited-{unique}", "audit_topic": f"a-{unique}"}
    return SMALL | own | audited_by(kafka) | {"topic_partitions": "2"}


def test_a_promotion_waits_for_the_audit_and_going_back_does_not(
    here: dict[str, str], tmp_path: Path
) -> None:
    head, other = tmp_path / "head.safetensors", tmp_path / "other.safetensors"
    version_in(head, 0)
    wanted = version_in(other, 1)
    assert run("model", "import", str(head), "--promote", **here).exit_code == 0
    assert run("model", "import", str(other), **here).exit_code == 0
    away = here | {
        "kafka_bootstrap_servers": f"127.0.0.1:{stable_port()}",
        "audit_timeout_s": "0.3",
    }
    refused = run("model", "promote", wanted, "--force", "4929 1234 5678 1236 floods us", **away)
    assert (refused.exit_code, "nothing was changed" in refused.stderr) == (1, True)
    listed = json.loads(run("model", "list", "--json", **here).stdout)
    before = next(each["id"] for each in listed if each["id"] != wanted)
    assert not any(each["is_head"] for each in listed if each["id"] == wanted)
    done = run("model", "promote", wanted, "--force", "4929 1234 5678 1236 floods us", **here)
    assert done.exit_code == 0, done.stderr
    back = run("model", "rollback", before, "--reason", "worse", **away)
    assert back.exit_code == 0, back.stderr
    assert "the audit entry waits in Redis" in back.stderr
    assert back.stderr.endswith(" is the head\n")
    unknown = run("model", "promote", "ffff", "--force", "a slip", **here)
    assert unknown.exit_code == 2
    told = [
        (each["action"], each.get("outcome", "granted"))
        for each in entries(here)
        if each["action"] != "roll back"
    ]
    # What was refused while Kafka was away was sealed, and waits with the rollback's two.
    assert told == [
        *[("import", "granted"), ("import", "done")] * 2,
        *[("promote", "granted"), ("promote", "done")],
        *[("promote", "granted"), ("promote", "failed")],
    ]
    promoted = next(each for each in entries(here) if each["action"] == "promote")
    assert promoted["details"]["forced"] == "**** **** **** **** floods us"
    history = run("model", "history", "--json", **here).stdout
    assert "4929" not in history
    assert "**** **** **** **** floods us" in history
    assert promoted["actor"]["by"] == "operating system"
    assert "@" in promoted["actor"]["name"]
    assert promoted["subject"] == {"kind": "version", "id": wanted}
    verified = run("audit", "verify", **here)
    assert verified.exit_code == 0, verified.stdout
    assert verified.stdout.count("waiting ") == 2
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("streamer.audit.audit_writer._LEFT_MS", -60_000)
        assert run("challenger", "start", "c", "--distance-only", **here).exit_code == 0
    left = [each["action"] for each in entries(here)]
    assert left.count("roll back") == 2
    assert left.count("not stored") == 1
    assert run("audit", "verify", **here).stdout.endswith(": whole\n")


def test_a_command_is_refused_without_the_topic_and_says_what_to_do(
    here: dict[str, str], tmp_path: Path
) -> None:
    head = tmp_path / "head.safetensors"
    version_in(head, 0)
    missing = here | {"create_topics": "false", "audit_topic": f"none-{uuid.uuid4().hex[:8]}"}
    result = run("model", "import", str(head), "--promote", **missing)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "must exist, got none; create it or set STREAMER_CREATE_TOPICS=true" in result.stderr
    assert json.loads(run("model", "list", "--json", **here).stdout) == []
    for arguments in (("verify",), ("export", "--out", str(tmp_path / "x.jsonl"))):
        assert run("audit", *arguments, **missing).exit_code == 2
    period = ("--since", "2026-11-02T00:00:00Z", "--until", "2026-11-01T00:00:00Z")
    assert "after its beginning" in run("audit", "verify", *period, **here).stderr
