"""Scenarios: what a file may say, their messages, what is told of a run, two commits side by side."""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import click
import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

from load import compare, scenario
from load.compare import commit_of, trees
from load.compare_table import Compared, compared, markdown
from load.figures import Sample, Spread
from load.offering import NEVER, Offered
from load.open_loop import Lateness, Step, due_times
from load.open_stage import PROJECT, OpenRun
from load.scenario_figures import Lag, ScenarioFigures, scenario_lines
from load.scenario_file import Scenario, Wave, read_scenario
from load.scenario_payments import BAD, Made, Message, ScenarioPayments
from streamer.contract.ledger import Ledger
from streamer.contract.messages import Feedback, Transaction
from streamer.errors import ConfigurationError

SCENARIOS = PROJECT / "load" / "scenarios"
STEADY = Scenario(about="of a test", profile=(Step(1_000.0, 3.0),), cards=50)


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "one.toml"
        path.write_text(text, "utf-8")
        return path

    return write


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.toml")), ids=lambda path: path.stem)
def test_a_scenario_of_ours_is_one(path: Path) -> None:
    found = read_scenario(path)
    assert found.about.endswith(".")
    assert 10 <= found.seconds <= 60
    assert found.n_payments <= 300_000


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "missing required field `about`"),
        ("about = 'x'\nprofile = []", "profile must have a step of rate and seconds, got none"),
        ("about = 'x'\nprofil = []", "unknown field `profil`"),
        ("about = 'x'\n[[profile]]\nrate = 'fast'\nseconds = 1", "at `$.profile[0].rate`"),
        ("about = ", "must be a scenario"),
        (
            "about = 'x'\n[[profile]]\nrate = 5\nseconds = 0",
            "profile[0].seconds must be between 0.1 and 86400, got 0",
        ),
        (
            "about = 'x'\nbad_share = 0.9\nwarm = 5\n[[profile]]\nrate = 5\nseconds = 1",
            "warm must be between 10000 and 1e+07, got 5; bad_share must be between 0 and 0.5, got 0.9",
        ),
        (
            "about = 'x'\n[[profile]]\nrate = 5\nseconds = 1\n[[waves]]\nat_s = 7\nseconds = 1\n"
            "share = 2",
            "waves[0].at_s must be between 0 and 1, got 7; waves[0].share must be between 0 and 1, "
            "got 2",
        ),
        (
            "about = 'x'\n[[profile]]\nrate = 900000\nseconds = 60",
            "profile must have at most 5,000,000 payments, got 54,000,000",
        ),
    ],
)
def test_a_file_that_is_no_scenario_is_refused_with_all_that_is_wrong(
    written: Callable[[str], Path], text: str, fault: str
) -> None:
    path = written(text)
    with pytest.raises(ConfigurationError) as refused:
        read_scenario(path)
    assert fault in str(refused.value)
    assert str(path) in str(refused.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="must be a file that can be read"):
        read_scenario(tmp_path / "none.toml")


@pytest.mark.parametrize("command", [scenario.main, compare.main])
def test_commands_tell_what_is_wrong_with_a_file_before_anything_is_started(
    command: click.Command, written: Callable[[str], Path]
) -> None:
    path = str(written("about = 'x'\nprofile = []"))
    asked = [path] if command is scenario.main else ["HEAD", "HEAD", "--scenario", path]
    said = CliRunner().invoke(command, asked)
    assert said.exit_code == 1
    assert "profile must have a step" in said.output


def test_payments_of_a_seed_are_the_same_however_many_are_asked_for() -> None:
    whole = ScenarioPayments(STEADY).make(300, due_times([Step(100, 3)]))
    parts = ScenarioPayments(STEADY)
    first, second = parts.make(200), parts.make(100)
    assert [*first.payments, *second.payments] == whole.payments
    assert (second.first, second.n_bad) == (200, 0)


def test_shares_of_a_scenario_are_those_of_its_messages() -> None:
    """Of 3,000 each lies within four standard deviations of what was asked for."""
    asked = msgspec.structs.replace(STEADY, bad_share=0.1, hot_share=0.3, new_share=0.2)
    made = ScenarioPayments(asked).make(3_000, due_times(asked.profile))
    bad = [message.value for message in made.payments if message.value in BAD]
    assert made.n_bad == len(bad) == pytest.approx(300, abs=66)
    assert set(bad) == set(BAD)
    keys = [message.key or b"" for message in made.payments]
    assert keys.count(b"card-hot") == pytest.approx(900, abs=101)
    new = [key for key in keys if key.startswith(b"card-new-")]
    # A hot card was perhaps to be a new one.
    assert len(new) == len(set(new)) == pytest.approx(0.7 * 600, abs=77)


def test_a_wave_of_frauds_is_tiny_payments_at_one_merchant_while_it_lasts() -> None:
    asked = msgspec.structs.replace(STEADY, waves=(Wave(at_s=1.0, seconds=1.0, share=0.5),))
    made = ScenarioPayments(asked).make(3_000, due_times(asked.profile))
    payments = [msgspec.json.decode(m.value, type=Transaction) for m in made.payments]
    ring = [i for i, each in enumerate(payments) if each.merchant_id == "merchant-ring"]
    assert len(ring) == pytest.approx(500, abs=64)
    assert min(ring) >= 1_000
    assert max(ring) < 2_000
    assert all(0.4 <= payments[i].amount <= 2.5 for i in ring)
    assert {payments[i].channel for i in ring} == {"ecommerce"}


def test_verdicts_come_20000_payments_later_and_none_on_what_was_no_payment() -> None:
    asked = msgspec.structs.replace(STEADY, judged_share=0.01, bad_share=0.1)
    stream = ScenarioPayments(asked)
    first = stream.make(19_000, due_times([Step(19_000, 1)]))
    assert first.verdicts == []
    second = stream.make(2_000, due_times([Step(2_000, 1)]))
    places = [number for number, _ in second.verdicts]
    assert places
    assert min(places) >= 1_000
    judged = [msgspec.json.decode(m.value, type=Feedback) for _, m in second.verdicts]
    values = {i: message.value for i, message in enumerate(first.payments)}
    for place, verdict in zip(places, judged, strict=True):
        number = int((verdict.transaction_id or "").rpartition("-")[2])
        assert number == place + 19_000 - 20_000
        assert values[number] not in BAD


def test_verdicts_go_out_behind_the_payment_that_they_come_with() -> None:
    one, two, verdict = Message(b"a", b"1"), Message(b"b", b"2"), Message(b"a", b"v", True)
    made = Made(7, [one, two], [(0, verdict)], 0)
    messages, due_s, numbers = made.in_order(np.array([0.0, 1.0]))
    assert messages == [one, verdict, two]
    assert due_s.tolist() == [0.0, 0.0, 1.0]
    assert numbers.tolist() == [0, -1, 1]


def scenario_run() -> OpenRun:
    """Four messages a second apart, the second without an alert; done by 6 s, of 10 before."""
    due = 1_000_000_000 * np.arange(5, 9)
    times = np.stack([due, due, np.full(4, NEVER)], axis=1)
    alerts = np.zeros((2, 8))
    alerts[:, 0], alerts[:, 4] = [10, 12], math.nan
    alerts[:, 7] = due[[0, 2]] / 1e6 + [30.0, 10.0]
    samples = [Sample(100.0, 10, 1.0), Sample(103.5, 12, 2.0), Sample(106.0, 14, 3.0)]
    return OpenRun(
        Offered(10, 14, 1, 2, 5_000_000_000, 4.0, 0.1), times, alerts, samples, 100.0, 0.5
    )


def test_a_scenario_s_figures_by_hand() -> None:
    """Three seconds until the last was due, three more until it was done; 2 s of CPU for four."""
    found = ScenarioFigures.of(scenario_run(), 10)
    assert found.lag == (Lag(0.0, 1), Lag(3.5, 2), Lag(6.0, 0))
    assert (found.per_second, found.caught_up_s, found.largest_lag) == (4 / 6, 3.0, 2)
    assert found.cpu_us == 500_000.0
    assert (found.alerts["p50"], found.alerts["max"]) == (10.0, 30.0)
    told = "\n".join(scenario_lines(found, Ledger(consumed=14, scored=13, dead_lettered=1), {}))
    assert "messages: 4, of which bad 1; verdicts 2" in told
    assert "ledger: exact, 14 consumed, 13 scored, 1 dead letters" in told
    assert "DID NOT KEEP UP" not in told
    without = msgspec.structs.replace(
        found, alerts={}, lateness=Lateness(p50_ms=1.0, p99_ms=9.0, longest_ms=9.0, busy=1.0)
    )
    told = "\n".join(scenario_lines(without, Ledger(), {"seed": "1"}))
    assert "ms from due to read: none" in told
    assert "DID NOT KEEP UP" in told
    assert "seed: 1" in told


def test_two_commits_are_compared_by_the_ratios_of_their_rounds() -> None:
    """Medians of 2 and 6 and of 4 and 18; the rounds' ratios are 2 and 3, whose median is 2.5."""
    figures = ScenarioFigures.of(scenario_run(), 10)
    rounds = [
        {
            side: msgspec.structs.replace(figures, per_second=rate, alerts={}, caught_up_s=0.0)
            for side, rate in done.items()
        }
        for done in ({"base": 2.0, "head": 4.0}, {"base": 6.0, "head": 18.0})
    ]
    rows = {row.name: row for row in compared(rounds)}
    assert rows["messages/s"] == Compared(
        "messages/s", Spread(4.0, 2.0, 6.0), Spread(11.0, 4.0, 18.0), Spread(2.5, 2.0, 3.0)
    )
    # Nobody had an alert, and nobody was behind: there is no ratio of nothing.
    assert "p99, ms" not in rows
    assert "caught up after, s" not in rows
    assert "| messages/s | 4.0 | 11.0 | 2.50 (2.00 to 3.00) |" in markdown(list(rows.values()))


def test_what_is_no_commit_is_refused() -> None:
    assert len(commit_of("HEAD")) >= 7
    with pytest.raises(click.BadParameter, match="must be a commit, got no-such-name"):
        commit_of("no-such-name")


def test_each_commit_has_a_tree_of_its_own_with_kernels_and_leaves_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compiled: list[Path] = []
    monkeypatch.setattr(compare, "_compile", compiled.append)
    commit = commit_of("HEAD")
    with trees({"base": commit, "head": commit}) as where:
        assert compiled == [where["base"], where["head"]]
        assert all((tree / "streamer" / "__init__.py").is_file() for tree in where.values())
    assert not any(tree.exists() for tree in where.values())


def test_a_measurement_that_is_ended_leaves_no_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    """By SIGTERM, as `timeout` does it."""
    monkeypatch.setattr(compare, "_compile", lambda _: None)
    where: dict[str, Path] = {}
    before = signal.getsignal(signal.SIGTERM)

    def measure() -> None:
        with trees({"base": commit_of("HEAD")}) as found:
            where.update(found)
            os.kill(os.getpid(), signal.SIGTERM)
            # The handler runs before this line is through.
            time.sleep(30.0)

    with pytest.raises(SystemExit):
        measure()
    assert not where["base"].exists()
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_scenario_is_run_from_end_to_end_and_its_dead_letters_are_counted(
    tmp_path: Path, written: Callable[[str], Path]
) -> None:
    """On the embedded broker: every message is accounted for, one in twenty a dead letter."""
    path = written(
        "about = 'short'\nseed = 3\nwarm = 20_000\nbad_share = 0.05\nalert_budget = 0.02\n"
        "judged_share = 0.01\n[[profile]]\nrate = 1_500\nseconds = 2"
    )
    out = tmp_path / "out.json"
    said = CliRunner().invoke(
        scenario.main, [str(path), "--broker", "embedded", "--json", str(out)]
    )
    assert said.exit_code == 0, said.output
    assert "ledger: exact, 23,000 consumed" in said.output
    written_down = msgspec.json.decode(out.read_bytes())
    figures, ledger = written_down["figures"], written_down["ledger"]
    assert figures["n_messages"] == 3_000
    assert ledger["dead_lettered"] == figures["n_bad"] > 100
    assert written_down["about"]["seed"] == "3"
