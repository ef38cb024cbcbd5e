"""The command line: help that teaches, exit codes, one line per error, nothing secret shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from streamer.cli import main
from streamer.embedded import EmbeddedKafka
from tests.rig.waiting import DEADLINE_S

COMMANDS = [
    "demo",
    "worker",
    "replay",
    "explain",
    "evaluate",
    "fit",
    "simulate",
    "check-config",
    "status",
    "model list",
    "model show",
]
COMMANDS += ["model export", "model import", "model promote", "partition show", "partition reset"]
COMMANDS += ["challenger start", "challenger compare", "audit verify", "audit export"]
COMMANDS += ["privacy export", "privacy erase", "privacy bound"]


def run(*arguments: str, **variables: str) -> Result:
    """Run a command in this process with only the given settings."""
    env = {f"STREAMER_{name.upper()}": value for name, value in variables.items()}
    return CliRunner(env=env).invoke(main, arguments)


def audited_by(kafka: EmbeddedKafka) -> dict[str, str]:
    """Return the settings with which a command that changes something finds an audit topic."""
    return {
        "kafka_bootstrap_servers": kafka.bootstrap_servers,
        "create_topics": "true",
        # On a machine without time to spare.
        "audit_timeout_s": f"{DEADLINE_S:g}",
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches(command: str) -> None:
    """Every command's help has an example or names the setting or argument that it needs."""
    result = run(*command.split(), "--help")
    assert result.exit_code == 0
    name = command.split()[0]
    teaches = (f"streamer {name} -", f"streamer {name} ", "STREAMER_", "VERSION is ", "Secrets are")
    body = result.stdout.partition("\n")[2]
    assert any(text in body for text in teaches) or "newest first" in body


def test_the_first_help_lists_every_command_and_the_exit_codes() -> None:
    """What somebody reads who has just installed it."""
    text = run("--help").stdout
    assert "Exit codes: 0 done, 1 failed, 2 wrong settings or arguments." in text
    for command in COMMANDS:
        assert command.split()[0] in text


@pytest.mark.parametrize(
    "arguments",
    [
        ["nothing"],
        ["demo", "--duration", "0"],
        ["simulate"],
        ["simulate", "--out", "x.csv", "--topic"],
        ["replay", "no-such-file.csv"],
    ],
    ids=" ".join,
)
def test_wrong_arguments_exit_with_2(arguments: list[str]) -> None:
    """Usage errors, with what would have been right."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Error:" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("out", "got"),
    [("-", "got -: standard output"), ("no/such/folder/out.jsonl", "No such file or directory")],
)
def test_alerts_of_the_demo_go_to_a_file_that_can_be_written(out: str, got: str) -> None:
    """Said before anything is started, in words."""
    result = run("demo", "--alerts", out)
    assert result.exit_code == 2
    assert result.stderr.startswith("streamer: --alerts must be a file")
    assert got in result.stderr


def test_check_config_shows_values_sources_and_no_secret() -> None:
    """As text and as JSON: the value, where it is from, and *** for secrets."""
    secrets = {"redis_url": "redis://u:hunter2@db:6379/0", "alert_card_key": "k" * 16}
    text = run("check-config", **secrets, alert_budget="0.01")
    assert text.exit_code == 0
    listed = run("check-config", "--json", **secrets, alert_budget="0.01")
    for output in (text.stdout, listed.stdout):
        assert "hunter2" not in output
        assert "k" * 16 not in output
    rows = {row["name"]: row for row in json.loads(listed.stdout)}
    assert rows["alert_budget"]["value"] == "0.01"
    assert rows["alert_budget"]["source"] == "environment"
    assert rows["redis_url"]["value"] == "redis://u:***@db:6379/0"
    assert rows["n_clusters"]["source"] == "default"
    prefixes = ("STREAMER_", "OTEL_")
    assert all(row["env"].startswith(prefixes) and row["description"] for row in rows.values())
    assert rows["otel_traces_exporter"]["value"] == "none"


def test_check_config_reports_all_faults_at_once() -> None:
    """Exit code 2 and one line per fault on standard error."""
    result = run("check-config", alert_budget="3", n_clusters="one", alert_budgets="1")
    assert result.exit_code == 2
    lines = result.stderr.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("streamer: STREAMER_") for line in lines)
    assert result.stdout == ""


def test_model_without_redis_is_one_line_and_1(tmp_path: Path) -> None:
    """No traceback, no password."""
    for arguments in (["list"], ["show", "head"], ["export", "head", str(tmp_path / "m")]):
        result = run("model", *arguments, redis_url="redis://:hunter2@127.0.0.1:1/0")
        assert result.exit_code == 1
        (line,) = result.stderr.splitlines()
        assert line.startswith("streamer: Redis at 127.0.0.1:1/0 must answer")
        assert "hunter2" not in line
