"""Commands that read payments of topics and files do with cards' numbers as the worker does."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streamer.cli.dlq_selection import mended, without_what
from streamer.cli.recent_payments import copy_recent
from streamer.contract.card_rule import CardRule
from streamer.embedded import EmbeddedKafka
from streamer.settings import Settings, load_settings
from streamer.stream.publishing.dead_letter_topic import StoredLetter
from tests.builders import payment
from tests.cli.test_commands import run
from tests.stream.harness import Service

PAN = "4929123456781236"
KEY = "0123456789abcdef"
MASK = CardRule("mask", KEY.encode()).id_of(PAN)
MASKING = {"card_numbers": "mask", "card_number_key": KEY}


@pytest.fixture
def service(kafka: EmbeddedKafka, redis_url: str) -> Iterator[Service]:
    with Service(kafka.bootstrap_servers, redis_url, n_partitions=1) as made:
        yield made.create_topics()


def file_of(folder: Path, n: int) -> Path:
    """Return a file of payments, one in three of a card's number."""
    path = folder / "payments.jsonl"
    cards = [PAN if i % 3 == 0 else f"c-{i % 5}" for i in range(n)]
    lines = [json.dumps(payment(i, 60.0 * i, card_id=card)) for i, card in enumerate(cards)]
    path.write_text("\n".join(lines))
    return path


def test_a_file_s_numbers_are_refused_masked_or_let_through(tmp_path: Path) -> None:
    """By what looks at a file, and by what runs it through the pipeline."""
    path = file_of(tmp_path, 30)

    def tried(**settings: str) -> list[dict[str, Any]]:
        looked = run("intake", "try", str(path), "--json", **settings)
        return [json.loads(line) for line in looked.stdout.splitlines()]

    assert [each["reason"] for each in tried()] == ["card_number", None, None] * 10
    assert PAN not in json.dumps(tried())
    assert [each["payment"]["card_id"] for each in tried(**MASKING)[::3]] == [MASK] * 10
    assert tried(card_numbers="allow")[0]["payment"]["card_id"] == PAN
    for settings, n_refused in (({}, 10), (MASKING, 0), ({"card_numbers": "allow"}, 0)):
        played = run("replay", str(path), "--json", **settings)
        assert played.exit_code == 0, played.stderr
        told = json.loads(played.stdout)
        assert told["dead_lettered"] == n_refused
        if settings.get("card_numbers") != "allow":
            assert PAN not in played.stdout + played.stderr


def test_a_copy_of_recent_payments_has_no_number(service: Service, tmp_path: Path) -> None:
    """Refused ones are left out and counted; masked ones are written under the mask."""
    cards = [PAN, "c-1", "4929 1234 5678 1236"]
    service.produce(
        [(c.encode(), json.dumps(payment(i, card_id=c)).encode()) for i, c in enumerate(cards)]
    )
    now_ms, out = time.time_ns() // 1_000_000, tmp_path / "copy.jsonl"

    def copied(settings: Settings) -> tuple[int, list[str]]:
        span = now_ms - 3_600_000, now_ms + 60_000
        found = copy_recent(settings, tmp_path, out, *span, 1_000)
        texts = [path.read_text() for path in tmp_path.iterdir()]
        assert not any(PAN in text for text in texts)
        return found.n_refused, [
            json.loads(line)["card_id"] for line in out.read_text().splitlines()
        ]

    assert copied(service.settings) == (2, ["c-1"])
    env = {f"STREAMER_{name.upper()}": value for name, value in MASKING.items()}
    assert copied(load_settings(service.env | env)) == (0, [MASK, "c-1", MASK])


@pytest.mark.parametrize("masked", ["", "in part", "withheld", "too long"])
def test_a_letter_whose_number_is_gone_is_not_sent_again(masked: str) -> None:
    letter = StoredLetter(
        *("dlq", 0, 7, b"k", b"{}", "wrong_type", "$", "wrong", "", "t", 0, 1, 5, False), masked
    )
    found = mended(letter, None)
    if masked == "too long":
        assert found == (
            "left out, too long to be searched for card numbers: have the producer send it again"
        )
    elif masked:
        assert (
            found == "without the card's number, which was masked: have the producer send it again"
        )
    else:
        assert not isinstance(found, str)


def test_what_a_letter_is_without_is_told_by_its_header() -> None:
    assert without_what("in part").endswith("and it was left out when it was written")
    assert without_what("withheld").endswith(
        "and the whole message was left out when it was written"
    )
    assert without_what("too long").startswith("the message was too long to be looked through")
