"""``streamer dlq``: dead letters counted, shown with the fault marked, and sent again once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamer.cli import dlq_replay
from streamer.display.dlq_display import marked_lines
from streamer.embedded import EmbeddedKafka
from streamer.settings import Settings
from streamer.stream.publishing.dead_letter_topic import REPLAYED_FROM_HEADER, Again
from tests.cli.test_commands import run
from tests.stream.harness import Service, payments, wait_until

CARD = "4111111111111111"
ZONELESS = '[timestamp]\npath = "timestamp"\nzone = "UTC"\n'


def test_the_field_at_fault_is_marked_in_a_list_and_its_parent_where_it_is_missing() -> None:
    value = json.dumps({"items": [{"amount": 1}, {"amount": "x"}], "card": CARD}).encode()
    lines = marked_lines(value, "$.items[1].amount", "wrong_type", is_raw=False)
    assert [line.strip() for line in lines if "<--" in line] == ['"amount": "x"   <-- wrong_type']
    assert '  "card": "****************"' in lines
    raw = marked_lines(value, "$.items[1].currency", "missing_field", is_raw=True)
    assert [line.strip() for line in raw if "<--" in line] == ["{   <-- missing_field"]
    assert raw.index("    {   <-- missing_field") > raw.index('      "amount": 1')
    assert f'  "card": "{CARD}"' in raw


@pytest.mark.parametrize(
    "value", [None, b"", b"{broken", b"\xff\x1b[31m", b'"\\u001b[31m\xc2\x9b"']
)
def test_what_is_no_message_is_shown_without_its_control_characters(value: bytes | None) -> None:
    lines = marked_lines(value, "$", "malformed_json", is_raw=True)
    assert any("<-- malformed_json" in line for line in lines)
    assert all(line.isprintable() for line in lines)


@pytest.fixture(scope="module")
def service(kafka: EmbeddedKafka, redis_url: str) -> Iterator[Service]:
    """Six payments without a zone, two broken ones, one with a card number, and a bad verdict."""
    # Letters from before numbers were masked, or of a deployment that has them.
    allowed = {"card_numbers": "allow"}
    with Service(kafka.bootstrap_servers, redis_url, **allowed) as service:
        service.create_topics().worker().wait_ready()
        sent = payments(8)
        for i in range(6):
            content = json.loads(sent[i][1])
            content["timestamp"] = re.sub(r"(Z|[+-]\d\d:\d\d)$", "", content["timestamp"])
            sent[i] = sent[i][0], json.dumps(content).encode()
        sent[6] = sent[6][0], b"{broken"
        content = json.loads(sent[7][1]) | {"amount": "much", "note": CARD}
        sent[7] = sent[7][0], json.dumps(content).encode()
        service.produce(sent)
        service.produce([(None, b'{"verdict": "maybe"}')], service.settings.feedback_topic, 1)
        service.wait_consumed()
        dead_topic = service.settings.feedback_dead_letters_topic
        wait_until(lambda: len(service.dead_letters()) == 8, service.workers[0].log)
        wait_until(lambda: len(service.dead_letters(dead_topic)) == 1, service.workers[0].log)
        yield service


def _env(service: Service) -> dict[str, str]:
    return {name.removeprefix("STREAMER_").lower(): value for name, value in service.env.items()}


def _groups(service: Service, *options: str) -> dict[tuple[str, int], dict[str, object]]:
    found = json.loads(run("dlq", "list", "--json", *options, **_env(service)).stdout)
    return {(group["reason"], group["partition"]): group for group in found["groups"]}


def test_list_counts_by_reason_path_and_partition(service: Service) -> None:
    groups = _groups(service)
    assert {key: group["count"] for key, group in groups.items()} == {
        ("timestamp_without_offset", 0): 3,
        ("timestamp_without_offset", 1): 3,
        ("malformed_json", 0): 1,
        ("wrong_type", 1): 1,
    }
    assert groups["wrong_type", 1]["path"] == "$.amount"
    assert set(_groups(service, "--reason", "wrong_type", "--partition", "1")) == {
        ("wrong_type", 1)
    }
    assert _groups(service, "--partition", "0", "--reason", "wrong_type") == {}
    assert _groups(service, "--until", "2001-01-01") == {}
    assert len(_groups(service, "--since", "2001-01-01")) == 4
    text = run("dlq", "list", **_env(service)).stdout
    assert text.startswith("8 dead letters on ")
    assert "timestamp_without_offset" in text


def test_the_letters_of_verdicts_have_their_own_topic(service: Service) -> None:
    topic = service.settings.feedback_dead_letters_topic
    groups = _groups(service, "--topic", topic)
    assert {key: group["path"] for key, group in groups.items()} == {
        ("unknown_code", 1): "$.verdict"
    }


def test_show_marks_the_field_and_masks_card_numbers(service: Service, tmp_path: Path) -> None:
    place = str(_groups(service)["wrong_type", 1]["example"])
    shown = run("dlq", "show", place, **_env(service))
    assert shown.exit_code == 0, shown.stderr
    assert '"amount": "much"   <-- wrong_type' in shown.stdout
    assert CARD not in shown.stdout
    assert CARD in run("dlq", "show", place, "--raw", **_env(service)).stdout
    declaration = tmp_path / "intake.toml"
    declaration.write_text(ZONELESS)
    zoneless = str(_groups(service)["timestamp_without_offset", 1]["example"])
    mended = run("dlq", "show", zoneless, "--intake", str(declaration), **_env(service))
    assert "outcome         payment" in mended.stdout
    by_setting = run("dlq", "show", zoneless, **{**_env(service), "intake": str(declaration)})
    assert f"by {declaration}:" in by_setting.stdout
    assert "outcome         payment" in by_setting.stdout
    as_it_is = run("dlq", "show", zoneless, **_env(service)).stdout.partition("by no declaration:")
    assert "outcome         dead_letter" in as_it_is[2]
    nowhere = run("dlq", "show", "0/9999", **_env(service))
    assert nowhere.exit_code == 2
    assert "PARTITION/OFFSET must be" in nowhere.stderr


def test_replay_sends_each_once_and_what_the_intake_mends_is_scored(
    service: Service, tmp_path: Path
) -> None:
    """A dry run sends nothing; what cannot be mended stays where it is."""
    declaration = tmp_path / "intake.toml"
    declaration.write_text(ZONELESS)
    env = _env(service)
    by_intake = ["dlq", "replay", "--intake", str(declaration)]
    dry = run(*by_intake, "--dry-run", **env)
    assert dry.exit_code == 0, dry.stderr
    assert "6 are sent to" in dry.stdout
    assert "not mended by the intake (wrong_type at $.amount)" in dry.stdout
    assert service.totals().consumed == 8
    done = run(*by_intake, "--yes", **env)
    assert "6 messages sent" in done.stderr
    total = service.wait_consumed(14)
    assert (total.scored, total.dead_lettered) == (6, 8)
    again = run(*by_intake, "--yes", **env)
    assert "6 are not: sent again before" in again.stdout
    listed = run("dlq", "list", **env).stdout
    assert listed.startswith("8 dead letters on "), listed
    assert listed.splitlines()[0].endswith(", 6 of them sent again and 2 open")
    assert "; 3 sent again" in listed
    assert "messages sent" not in again.stderr
    as_it_was = run("dlq", "replay", "--reason", "malformed_json", "--yes", **env)
    assert "1 message sent" in as_it_was.stderr
    assert service.wait_consumed(15).dead_lettered == 9
    (broken,) = [
        message
        for message in service.read(service.settings.transactions_topic)
        if message.value() == b"{broken" and message.headers()
    ]
    assert broken.key() == payments(8)[6][0]
    assert broken.partition() == 0
    headers = dict(broken.headers() or [])
    assert headers[REPLAYED_FROM_HEADER].startswith(service.settings.dead_letters_topic.encode())


def test_replay_takes_verdicts_and_letters_of_one_partition_or_time(service: Service) -> None:
    """A verdict that was mended nowhere is a dead letter again, and known as sent."""
    env, topic = _env(service), service.settings.feedback_dead_letters_topic
    of_verdicts = ["dlq", "replay", "--topic", topic, "--yes"]
    shown = run("dlq", "show", str(_example(service, topic)), "--topic", topic, **env).stdout
    assert '"verdict": "maybe"   <-- unknown_code' in shown
    assert "by no declaration:" not in shown
    refused = run(*of_verdicts, "--intake", "stripe", **env)
    assert "--intake must be of payments" in refused.stderr
    done = run(*of_verdicts, **env)
    assert "1 message sent" in done.stderr
    wait_until(lambda: len(service.dead_letters(topic)) == 2, service.workers[0].log)
    # The letter that it has become is another one, not sent yet.
    assert "1 is not: sent again before" in run(*of_verdicts[:-1], "--dry-run", **env).stdout
    for options, selected in (
        (["--partition", "1", "--reason", "malformed_json"], "0 dead letters of "),
        (["--until", "2001-01-01"], "0 dead letters of "),
        (["--since", "2001-01-01", "--reason", "wrong_type"], "1 dead letter of "),
    ):
        dry = run("dlq", "replay", *options, "--dry-run", **env).stdout
        assert dry.startswith(selected), dry


def _example(service: Service, topic: str) -> object:
    (group,) = _groups(service, "--topic", topic).values()
    return group["example"]


def test_a_replay_that_is_interrupted_or_killed_loses_and_counts_nothing_twice(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted after 2 of 5, it goes on with 3; killed before it has noted them, they come again."""
    declaration = tmp_path / "intake.toml"
    declaration.write_text(ZONELESS)
    made = [json.loads(value) for _, value in payments(13)][8:]
    for content in made:
        content["timestamp"] = content["timestamp"][:19]
    env = _env(service)
    by_intake = ["dlq", "replay", "--intake", str(declaration), "--yes"]
    # What the other tests have left comes first.
    run(*by_intake, **env)
    before = service.wait_consumed(len(service.read(service.settings.transactions_topic)))
    n_letters = len(service.dead_letters())
    service.produce([(None, json.dumps(content).encode()) for content in made])
    wait_until(lambda: len(service.dead_letters()) == n_letters + 5, service.workers[0].log)
    send = dlq_replay.send_again

    def interrupted(settings: Settings, messages: list[Again], acknowledged: list[Again]) -> None:
        send(settings, messages[:2], acknowledged)
        raise KeyboardInterrupt

    def killed(*_: object) -> None:
        raise SystemExit(137)

    with monkeypatch.context() as changed:
        changed.setattr(dlq_replay, "send_again", interrupted)
        assert run(*by_intake, **env).exit_code != 0
    with monkeypatch.context() as changed:
        changed.setattr(dlq_replay, "_note", killed)
        assert run(*by_intake, **env).exit_code == 137
    done = run(*by_intake, **env)
    assert "3 messages sent" in done.stderr, done.stderr
    assert "messages sent" not in run(*by_intake, **env).stderr
    total = service.wait_consumed(before.consumed + 5 + 2 + 3 + 3)
    assert total.scored == before.scored + 5
    assert total.repeated == before.repeated + 3
    assert total.imbalance == 0
