"""The headline's arithmetic, and what its verdicts are about; the measurement itself is run by hand."""

from __future__ import annotations

import ast
from pathlib import Path

import msgspec
import pytest

from load.contestants import total
from load.figures import Sample, Spread, Window, busy_rate
from load.generator import Due, read_verdicts
from load.headline import Round, as_json, figures
from load.headline_rounds import WorkerRun, fallen_due
from load.verdicts import verdicts
from streamer.contract.ledger import Ledger
from streamer.contract.messages import Feedback
from streamer.errors import InvariantError
from streamer.simulator import Simulator, SimulatorConfig

LOAD = Path(__file__).parent.parent.parent / "load"


def round_of(ceiling_per_s: int, worker_per_s: int, cpu_us: float) -> Round:
    """Return a round whose worker was measured for 2 s."""
    n = 2 * worker_per_s
    worker = WorkerRun(Window(n, 2.0, n * cpu_us / 1e6), Ledger(), 10, 9)
    return Round(Window(ceiling_per_s, 1.0, 0.5), worker)


def test_the_ratio_is_that_of_each_round() -> None:
    """A round's worker is set beside that round's ceiling, never beside another minute's."""
    rounds = [round_of(100, 50, 9.0), round_of(200, 50, 7.0), round_of(50, 40, 8.0)]
    spreads = figures(rounds)
    # 0.5, 0.25 and 0.8: the ratio of the medians would be 50 / 100 as well, their ends would not.
    assert spreads["ratio"] == Spread(0.5, 0.25, 0.8)
    assert spreads["worker_per_s"] == Spread(50, 40, 50)
    assert spreads["decode_ceiling_per_s"] == Spread(100, 50, 200)
    assert spreads["cpu_us_per_payment"].median == pytest.approx(8.0)
    written = as_json(spreads)
    assert written["ratio"] == {"median": 0.5, "min": 0.25, "max": 0.8}
    assert {"worker_per_s", "decode_ceiling_per_s", "cpu_us_per_payment"} < written.keys()


def test_what_passes_after_the_end_is_not_measured() -> None:
    """Samples lie half a second apart, so the last one may be late by as much."""
    samples = [Sample(0, 0, 0), Sample(1, 20, 1), Sample(3, 80, 2), Sample(9, 100, 3)]
    window = busy_rate(samples, n_skipped=10, n_total=100)
    # 60 records between 1 s and 3 s; with the last sample it would be 80 in 8 s.
    assert window == Window(n_records=60, seconds=2, cpu_s=1)


def test_a_stall_before_the_end_is_measured() -> None:
    """The window ends with the last sample before the end, not with the first of its count."""
    samples = [Sample(0, 0), Sample(1, 20), Sample(2, 80), Sample(6, 80), Sample(7, 100)]
    assert busy_rate(samples, n_skipped=10, n_total=100) == Window(n_records=60, seconds=5)


@pytest.mark.parametrize(
    "samples",
    [[], [Sample(0, 0), Sample(1, 100)], [Sample(0, 0), Sample(1, 50), Sample(2, 100)]],
    ids=["none", "over at once", "one sample inside"],
)
def test_a_run_with_fewer_than_two_samples_inside_is_refused(samples: list[Sample]) -> None:
    """There is no rate in one moment."""
    with pytest.raises(InvariantError, match="measure more payments"):
        busy_rate(samples, n_skipped=10, n_total=100)


def test_a_counter_is_summed_over_its_own_series_only() -> None:
    """A name that begins with another's is another counter."""
    exposition = 'a_total{partition="0"} 4.0\na_total{partition="1"} 1.2e+03\na_total_b 7.0\n'
    assert total(exposition, "a_total") == 1_204
    assert total("a_total 3.0\n", "a_total") == 3
    assert total("", "a_total") == 0


def test_every_fraud_and_as_many_others_are_judged_and_rightly() -> None:
    """The verdicts are those on all frauds and on one payment in so many."""
    payments = Simulator(SimulatorConfig(seed=1, n_customers=200)).generate(4_000)
    frauds = {i for i, pattern in enumerate(payments.patterns) if pattern is not None}
    judged = dict(verdicts(payments, every=100))
    assert frauds
    assert judged.keys() == frauds | set(range(0, 4_000, 100))
    for i, verdict in judged.items():
        assert verdict.transaction_id == payments.transaction_ids[i]
        assert verdict.verdict == ("fraud" if i in frauds else "legitimate")


def due(*numbers: int) -> list[Due]:
    payments = Simulator(SimulatorConfig(seed=1, n_customers=50)).generate(1)
    verdict: Feedback = next(verdicts(payments, every=1))[1]
    return [Due(number, verdict) for number in numbers]


def test_a_verdict_falls_due_once_and_not_before_its_payment() -> None:
    """What was sent is not sent again, and what lies ahead waits."""
    waiting = due(0, 5, 9, 12)
    assert fallen_due(waiting, 0, before=-20) == []
    assert [each.number for each in fallen_due(waiting, 0, before=9)] == [0, 5]
    assert [each.number for each in fallen_due(waiting, 2, before=100)] == [9, 12]
    assert fallen_due(waiting, 4, before=100) == []


def test_verdicts_come_out_of_the_file_as_they_went_in(tmp_path: Path) -> None:
    """The generator is another process, and hands them over by a file."""
    path = tmp_path / "verdicts"
    path.write_bytes(b"\n".join(map(msgspec.json.encode, due(0, 200))))
    assert list(read_verdicts(path)) == due(0, 200)


@pytest.mark.parametrize("path", sorted(LOAD.rglob("*.py")), ids=lambda path: path.stem)
def test_what_measures_imports_nothing_of_the_tests(path: Path) -> None:
    """Whoever has the package and `load` can measure; Apache Kafka is started as a command."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        assert not any(name.split(".")[0] == "tests" for name in names)
