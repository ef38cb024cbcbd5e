"""What a steady run counts, by hand, and a run of some seconds."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from load.brokers import running
from load.exposition import gauge, quantile
from load.resident import Resident, flatness, memory_of, resident_of
from load.resident_plot import draw
from load.steady import ALLOWED, check_ledger, main, sentence, steady
from load.steady_traffic import Sent, mixed
from streamer.contract.ledger import Ledger
from streamer.embedded import ChildProcess
from streamer.errors import InvariantError

SENT = Sent(payments=1_000, repeats=10, broken=2)
LEDGER = Ledger(consumed=1_012, scored=1_000, repeated=10, dead_lettered=2, alerted=2, overflowed=1)
ALERTS = Counter({"a": 1, "b": 1, "c": 1})


def growing(*megabytes: int) -> list[Resident]:
    return [Resident(float(i), n * 1_000_000) for i, n in enumerate(megabytes)]


def test_a_run_is_held_against_what_was_sent_and_read_back() -> None:
    """Three alerts: two for reviewers, one that the fuse held back."""
    assert check_ledger(LEDGER, SENT, ALERTS) == 3


@pytest.mark.parametrize(
    ("ledger", "alerts", "fault"),
    [
        (replace(LEDGER, scored=999, skipped=1), ALERTS, "scored must be 1000, got 999; skipped"),
        (
            replace(LEDGER, repeated=9),
            ALERTS,
            "repeated must be 10, got 9; imbalance must be 0, got 1",
        ),
        (LEDGER, ALERTS - Counter("a"), "alerts on the topics must be 3, got 2"),
        (LEDGER, Counter({"a": 2, "b": 1}), "alerts of different ids must be 3, got 2"),
    ],
)
def test_what_is_not_counted_as_what_it_was_is_a_fault(
    ledger: Ledger, alerts: Counter[str], fault: str
) -> None:
    with pytest.raises(InvariantError, match=fault):
        check_ledger(ledger, SENT, alerts)


def test_each_hundredth_payment_comes_again_later_and_each_five_hundredth_is_broken() -> None:
    """Of 1,000: 0, 100, ... of the chunk before, and behind 0 and 500 what is none."""
    sent, now = Sent(), [(b"k%d" % i, b"v%d" % i) for i in range(1_000)]
    before = [(b"b%d" % i, b"w%d" % i) for i in range(1_000)]
    records = list(mixed(now, before, sent))
    assert sent == Sent(payments=1_000, repeats=10, broken=2)
    assert len(records) == sent.records == 1_012
    assert records[:3] == [now[0], before[0], (b"k0", b'{"transaction_id": "cut')]
    assert [r for r in records if r in now] == now
    assert [r for r in records if r in before] == before[::100]


def test_flat_is_the_last_fifth_against_the_first_one_after_the_warm_up() -> None:
    """Of ten samples after two: 100, 100 and then 103, 101; the median of all is 100.5."""
    found = flatness(growing(10, 50, 100, 100, 101, 99, 100, 100, 101, 102, 103, 101), 2.0)
    assert (found.n_samples, found.first, found.last) == (10, 100e6, 102e6)
    assert found.change == pytest.approx(0.02)
    assert (found.least, found.most) == (99_000_000, 103_000_000)
    assert found.within == pytest.approx(2.5 / 100.5)
    assert (
        "100.0 MB in the first fifth after the warm-up, 102.0 MB in the last (+2.00%)"
        in sentence(found)
    )


def test_a_steady_leak_is_told_by_the_hour() -> None:
    """1 MB a second."""
    assert flatness(growing(*range(100, 120)), 0.0).per_hour == pytest.approx(3_600e6)


def test_too_few_samples_say_nothing() -> None:
    with pytest.raises(InvariantError, match="there must be 10 samples after 1 s, got 9"):
        flatness(growing(*range(10)), 1.0)


def test_a_process_is_read_from_outside() -> None:
    """One that holds 50 MB has them at its peak too, and shares some pages with others."""
    code = "held = b'x' * 50_000_000; print('held', flush=True); import time; time.sleep(60)"
    with ChildProcess(["python3", "-c", code], name="holder") as child:
        child.wait_ready(lambda: "held" in child.log_tail(), "what it prints")
        found = memory_of(child.pid)
        assert 50e6 < resident_of(child.pid) < 80e6
        assert found.share <= found.resident <= found.peak


def test_of_a_histogram_the_bound_is_told_of_what_came_since() -> None:
    before = 'x_bucket{le="0.1"} 5.0\nx_bucket{le="0.5"} 9.0\nx_bucket{le="+Inf"} 9.0'
    now = 'x_bucket{le="0.1"} 8.0\nx_bucket{le="0.5"} 12.0\nx_bucket{le="+Inf"} 13.0'
    assert quantile(now, "x", 0.5) == 0.1
    assert quantile(now, "x", 0.75, before) == 0.1
    assert quantile(now, "x", 0.76, before) == float("inf")
    assert quantile(now, "x", 0.5, now) is None
    assert gauge('g{kind="a",p="1"} 2\ng{kind="a",p="2"} 3\ng{kind="b"} 9', "g", kind="a") == 5.0


def test_the_plot_has_the_run_and_what_it_may_be(tmp_path: Path) -> None:
    samples = growing(*[100] * 20)
    about = dict.fromkeys(("date", "commit", "cpus", "cpu_model", "broker", "rate"), "x")
    path = tmp_path / "plot.svg"
    draw(samples, flatness(samples, 0.0), 0.0, ALLOWED, about, path)
    assert "+0.00% from the first fifth to the last; grey: 2% to either side" in path.read_text()


def test_seconds_of_a_steady_run_count_everything_once_while_cards_leave() -> None:
    """Capacities of 5,000 of 20,000 cards; whether it is flat takes half an hour to see."""
    with running("embedded") as address:
        found, samples = steady(address, 7.0, 4_000, 20_000, 5_000, seed=1)
    assert len(samples) >= 2
    assert found["counted"]["entities_evicted"] > 0
    assert found["counted"]["entities_evicted_unsaved"] == 0
    assert found["sent"]["repeats"] == found["ledger"]["repeated"] > 0
    assert found["sent"]["broken"] == found["ledger"]["dead_lettered"] > 0
    assert found["alerts_on_the_topics"] > 0


def test_a_run_that_is_shorter_than_a_few_seconds_is_refused() -> None:
    assert CliRunner().invoke(main, ["--minutes", "0.05"]).exit_code == 2
