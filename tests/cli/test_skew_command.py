"""``streamer skew``: what the command makes of a tally; the comparison has tests of its own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from streamer.skew import skew_process
from streamer.skew.skew_tally import Tally
from tests.cli.test_commands import run

SIDES: dict[str, Any] = {
    "decision": "0@3",
    "payment": "transactions/0@12",
    "features": {"amount": [1.0, 2.0]},
    "score": [0.5, 0.5],
}


@pytest.fixture
def asked() -> list[tuple[int, float]]:
    """Since when, and for how long an answer waits, of each run."""
    return []


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch, asked: list[tuple[int, float]]) -> Tally:
    """What a run over the topics comes to."""
    tally = Tally()
    tally.counts["equal"] = 1_000

    def once(_: object, since_ms: int, within_s: float) -> tuple[Tally, int]:
        asked.append((since_ms, within_s))
        return tally, 2

    monkeypatch.setattr(skew_process, "once", once)
    monkeypatch.setattr("streamer.cli.skew_command.time.time", lambda: 1_800_000_000.0)
    return tally


@pytest.mark.usefixtures("found")
def test_equal_answers_are_told_in_words_and_as_json(asked: list[tuple[int, float]]) -> None:
    told = run("skew", "--since-h", "2", "--within-s", "60")
    assert told.exit_code == 0, told.stderr
    assert told.stdout.startswith("1,000 answers were held against the stream's scores.\n")
    assert "2  waiting" in told.stdout
    as_json = json.loads(run("skew", "--json").stdout)
    assert (as_json["compared"], as_json["waiting"]) == (1_000, 2)
    # Two hours before, and the hour that is read when nothing is said.
    assert asked == [
        (1_800_000_000_000 - 7_200_000, 60.0),
        (1_800_000_000_000 - 3_600_000, 300.0),
    ]


def test_what_nothing_explains_fails_with_both_sides(found: Tally) -> None:
    found.counts["unexplained"] = 1
    found.unexplained.append(SIDES)
    told = run("skew")
    assert told.exit_code == 1
    line = "unexplained: answer 0@3, payment transactions/0@12: amount 1.0 and 2.0"
    assert line in told.stdout.splitlines()
    assert json.loads(run("skew", "--json").stdout)["unexplained"] == [SIDES]


def test_followed_it_goes_on_until_it_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    followed: list[float] = []
    monkeypatch.setattr(skew_process, "follow", lambda _, within_s: followed.append(within_s))
    assert run("skew", "--follow", "--within-s", "5").exit_code == 0
    assert followed == [5.0]
