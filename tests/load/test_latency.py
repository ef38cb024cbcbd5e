"""The arithmetic of an open loop by hand, and that a stall is seen by all who came meanwhile."""

from __future__ import annotations

import math
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from load import latency
from load.alert_reading import COLUMNS, rows_in
from load.figures import Sample, Window
from load.hdr_plot import curve, draw_latencies
from load.latency import Measured, as_json, markdown, pooled
from load.latency_figures import (
    BARS,
    LoadFigures,
    bar_said,
    done_per_s,
    parts_ms,
    percentiles,
)
from load.mailbox import Mailbox
from load.offering import NEVER, Offered, Order, offer
from load.open_loop import Lateness, Step, due_times
from load.open_stage import OpenRun
from load.scenario_payments import Message
from streamer.contract.ledger import Ledger
from streamer.errors import InvariantError, UnavailableError
from streamer.simulator import Simulator, SimulatorConfig

MS = 1_000_000
ABOUT = {
    "date": "2026-11-30",
    "commit": "abc",
    "cpus": "2",
    "cpu_model": "made up",
    "broker": "apache",
    "rounds": "1",
}


def run_of(read_ms: list[float], fetched_ms: float = math.nan) -> OpenRun:
    """A run of a payment a millisecond, each sent 1 ms late, each an alert that took so long."""
    n = len(read_ms)
    due = 5_000 * MS + np.arange(n) * MS
    times = np.stack([due, due + MS, np.where(np.arange(n) % 2, NEVER, due + 3 * MS)], axis=1)
    alerts = np.zeros((n, len(COLUMNS)))
    alerts[:, 0] = 100 + np.arange(n)
    alerts[:, 4] = due / 1e6 + fetched_ms
    alerts[:, 5], alerts[:, 6] = due / 1e6 + 4, due / 1e6 + 5
    alerts[:, 7] = due / 1e6 + np.array(read_ms)
    offered = Offered(100, 100 + n, 0, 0, 5_000 * MS, n / 1e3, 0.25)
    return OpenRun(offered, times, alerts, [Sample(10.0, n, 1.0)], 10.0, 0.5)


def test_payments_are_due_at_the_rate_of_their_step_whatever_becomes_of_the_others() -> None:
    """Two a second for a second, then four for half a second: 0, 0.5, then 1 and 1.25."""
    assert due_times([Step(2, 1), Step(4, 0.5)]).tolist() == [0, 0.5, 1, 1.25]
    assert due_times([Step(0, 5), Step(1, 1)]).tolist() == [5.0]
    assert due_times([]).tolist() == []


@given(
    rate=st.integers(50, 2_000),
    stall_s=st.floats(0.1, 2.0),
    begins_s=st.floats(0.0, 1.0),
)
def test_a_stall_is_seen_by_everybody_who_came_meanwhile(
    rate: int, stall_s: float, begins_s: float
) -> None:
    """A server that stands still for s seconds at a rate r: r times s payments wait from s down to 0.

    It answers everything else at once.  Measured from when they were sent, only one would be slow.
    """
    due = due_times([Step(rate, begins_s + stall_s + 1.0)])
    ends_s = begins_s + stall_s
    answered = np.where((due >= begins_s) & (due < ends_s), ends_s, due)
    waited = (answered - due)[answered > due]
    rounding = 1e-6
    assert abs(len(waited) - rate * stall_s) <= 1 + rounding
    if len(waited):
        assert stall_s - 1 / rate - rounding <= waited.max() <= stall_s + rounding
        assert waited.min() <= 1 / rate + rounding
        assert abs(float(np.median(waited)) - stall_s / 2) <= 2 / rate + rounding
        np.testing.assert_allclose(-np.diff(waited), 1 / rate, atol=1e-9)


def test_a_generator_that_is_held_up_counts_from_when_payments_were_due() -> None:
    """The client stands still for 0.2 s in the middle of 0.5 s: 40 of 100 payments were late for it."""
    sent: list[bytes] = []

    def send(message: Message, _: Any) -> None:
        sent.append(message.value)
        if message.value == b"40":
            time.sleep(0.2)

    messages = [Message(None, str(number).encode()) for number in range(100)]
    due_s = due_times([Step(200, 0.5)])
    started, sent_ns, stored_ns = offer(messages, due_s, send, lambda: None)
    assert sent == [message.value for message in messages]
    late_s = (sent_ns - started) / 1e9 - due_s
    assert late_s.min() >= 0.0
    assert late_s[40] >= 0.2
    held_up = np.flatnonzero(late_s > 0.1)
    assert len(held_up) >= 20
    assert late_s[60] >= 0.1
    assert set(stored_ns.tolist()) == {NEVER}
    lateness = Lateness.of(started + np.round(due_s * 1e9).astype(np.int64), sent_ns, 0.1)
    assert not lateness.kept_up


def test_lateness_within_a_few_milliseconds_is_that_of_a_clock_looked_at_every_millisecond() -> (
    None
):
    due = np.arange(100) * MS
    assert Lateness.of(due, due + 4 * MS, 0.1).kept_up
    assert not Lateness.of(due, due + 6 * MS, 0.1).kept_up
    assert Lateness.of(due[:0], due[:0], 0.0).longest_ms == 0.0


def test_percentiles_are_values_that_were_measured() -> None:
    """Of 1 to 1,000 in any order the 99.9th is 999: at least 99.9% do not exceed it."""
    took = np.random.default_rng(1).permutation(np.arange(1.0, 1_001.0))
    assert percentiles(took) == {
        "p50": 500.0,
        "p90": 900.0,
        "p95": 950.0,
        "p99": 990.0,
        "p99.9": 999.0,
        "max": 1_000.0,
    }
    with pytest.raises(InvariantError, match="percentiles need an alert at least, got none"):
        percentiles(took[:0])


def test_each_part_of_the_way_is_counted_from_when_the_payment_was_due() -> None:
    """Of four payments the first is due in the time that is not counted."""
    parts = parts_ms(run_of([9.0, 6.0, 7.0, 8.0], fetched_ms=2.0), warm_s=0.001)
    assert {name: took.tolist() for name, took in parts.items()} == {
        "sent": [1.0, 1.0, 1.0],
        "stored": [3.0],
        "fetched": [2.0, 2.0, 2.0],
        "scored": [4.0, 4.0, 4.0],
        "alerted": [5.0, 5.0, 5.0],
        "read": [6.0, 7.0, 8.0],
    }


def test_a_worker_that_does_not_tell_when_it_fetched_has_no_such_part() -> None:
    """Commits before this one do not."""
    figures = LoadFigures.of(run_of([9.0, 6.0]), 1_000.0, 0.0)
    assert "fetched" not in figures.until
    assert figures.until["scored"] == {"p50": 4.0, "p99": 4.0}
    assert "| fetched |" not in markdown([{10: figures}])


def test_a_bar_is_held_against_the_median_of_the_rounds() -> None:
    rounds = [LoadFigures.of(run_of([ms]), 1.0, 0.0) for ms in (24.0, 90.0, 25.0)]
    assert bar_said(BARS[0], rounds) == (
        "p99 at 10% of capacity: 25.0 ms (24.0 to 90.0), at most 25: met"
    )
    assert bar_said(BARS[0], rounds[1:2]).endswith("at most 25: missed")


def test_the_table_says_where_the_generator_did_not_keep_up() -> None:
    run = run_of([6.0, 7.0], fetched_ms=2.0)
    late = LoadFigures.of(run, 1_000.0, 0.0)
    run.times[:, 1] += 20 * MS
    table = markdown([{10: late, 50: LoadFigures.of(run, 5_000.0, 0.0)}])
    assert "| 10% | 1,000 | 2 | 6.0 | 7.0 | 7.0 | 7.0 | 7.0 | 7.0 | 1.0 | 50% |" in table
    assert "| 21.0 (too late in 1 of 1) |" in table
    assert "| 10% | 1.0, 1.0 | 3.0, 3.0 | 2.0, 2.0 | 4.0, 4.0 | 5.0, 5.0 | 6.0, 7.0 |" in table


def test_a_line_reaches_from_the_least_to_the_last_nine_its_alerts_have() -> None:
    """Of a thousand values the last lies at three nines, and hundreds of points are enough."""
    x, y = curve(np.arange(1.0, 1_001.0), n_most=50)
    assert (x[0], y[0]) == (1.0, 1.0)
    assert (x[-1], y[-1]) == (pytest.approx(1_000.0), 1_000.0)
    assert len(x) <= 50
    assert (np.diff(x) > 0).all()


def test_the_plot_has_a_line_for_each_load_and_the_bars(tmp_path: Path) -> None:
    rng, path = np.random.default_rng(1), tmp_path / "latency.svg"
    took = {percent: rng.exponential(percent, 2_000) + 1 for percent in (10, 50, 80, 100)}
    draw_latencies(took, ABOUT, path)
    drawn = path.read_text("utf-8")
    assert all(f"{percent}% of capacity (2,000 alerts)" in drawn for percent in took)
    assert all(f"at most {bar.at_most_ms:g} ms" in drawn for bar in BARS)
    assert "99.9%" in drawn
    draw_latencies(took, ABOUT, path)
    assert path.read_text("utf-8") == drawn


def test_all_rounds_alerts_are_kept_together_for_the_last_percentile() -> None:
    first, second = run_of([1.0, 2.0]), run_of([3.0, 4.0])
    measured = Measured(
        [{10: LoadFigures.of(each, 1.0, 0.0)} for each in (first, second)],
        {10: [parts_ms(each, 0.0)["read"] for each in (first, second)]},
        [0.5],
    )
    assert pooled(measured.took_ms)[10].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert '"p99.9": 4.0' in as_json(measured, ABOUT)


def test_an_order_is_answered_with_its_table(tmp_path: Path) -> None:
    asking, answering = Mailbox(tmp_path), Mailbox(tmp_path)
    order = Order(profile=(Step(1.0, 2.0),))
    offered = Offered(0, 2, 0, 0, 7, 2.0, 0.1)
    with pytest.raises(UnavailableError, match="an order must be answered within 9 s"):
        asking.ask(order, Offered, 9.0, lambda: False)
    assert answering.next_order(Order) == order
    answering.answer(offered, np.arange(6).reshape(2, 3))
    # The same order again, which has its answer by now.
    again, times = Mailbox(tmp_path).ask(order, Offered, 9.0, lambda: True)
    assert again == offered
    assert times.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_row_that_is_being_written_is_left_for_later(tmp_path: Path) -> None:
    path = tmp_path / "alerts"
    path.write_bytes(np.arange(12.0).tobytes())
    assert rows_in(path).tolist() == [[0, 1, 2, 3, 4, 5, 6, 7]]


def test_simulated_payments_are_numbered_by_their_ids() -> None:
    """That is how an alert is traced back to when its payment was due."""
    simulator = Simulator(SimulatorConfig(seed=1, n_customers=50, n_merchants=40))
    simulator.generate(5)
    assert [each.rpartition("-")[2] for each in simulator.generate(2).transaction_ids] == [
        "000000005",
        "000000006",
    ]


class MadeUp:
    """A worker's stage without a worker: every load has the same alerts, 6 ms each."""

    def __init__(self) -> None:
        self.rates: list[float] = []

    def offer(self, profile: list[Step], scraped_every_s: float = 5.0) -> OpenRun:
        self.rates += [step.rate for step in profile]
        run = run_of([6.0] * 1_500, fetched_ms=2.0)
        done = [Sample(run.began_at + at, round(1_000 * at)) for at in (0.5, 1.0, 4.0, 9.0)]
        return replace(run, samples=done)

    def end(self) -> Ledger:
        return Ledger(consumed=4, scored=4, alerted=2)


def test_what_was_done_with_meanwhile_counts_from_the_warm_up_to_the_end() -> None:
    """600 in the six seconds between the samples within; 100 before, 5,000 when nothing came."""
    done = [Sample(100.0 + at, n) for at, n in ((0.5, 100), (1.5, 400), (7.5, 1_000), (9.0, 6_000))]
    run = replace(run_of([6.0]), began_at=100.0, samples=done)
    assert done_per_s(run, warm_s=1.0, seconds=8.0) == 100.0
    with pytest.raises(InvariantError, match="done with meanwhile"):
        done_per_s(run, warm_s=8.0, seconds=9.0)


def test_loads_are_shares_of_what_was_done_while_a_drain_s_rate_came_in_rotated_rounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drained were 2,000 in 2 s, done with 3,000 in the 3 s between; rounds begin with another load.

    What runs with real servers is `load.scenario`, by the same stage.
    """
    stage = MadeUp()
    drained = Window(n_records=2_000, seconds=2.0, cpu_s=0.02)
    monkeypatch.setattr(latency, "running", lambda _: nullcontext("nowhere:1"))
    monkeypatch.setattr(latency, "staged", lambda *_: nullcontext((stage, drained)))
    plot, out = tmp_path / "latency.svg", tmp_path / "latency.json"
    asked = ["--rounds", "2", "--percent", "10", "--percent", "50", "--percent", "80"]
    said = CliRunner().invoke(latency.main, [*asked, "--json", str(out), "--plot", str(plot)])
    assert said.exit_code == 0, said.output
    assert stage.rates == [1_000.0, 100.0, 500.0, 800.0, 500.0, 800.0, 100.0]
    assert "capacity: 1,000 payments/s" in said.output
    assert "p99 at 10% of capacity: 6.0 ms (6.0 to 6.0), at most 25: met" in said.output
    assert "ledger: 4 messages accounted for, 2 alerts, none twice" in said.output
    assert "80% of capacity (1,000 alerts)" in plot.read_text("utf-8")
    assert '"rounds": "2"' in out.read_text("utf-8")
