"""The peers' arithmetic by hand, that a false peer is found out, and one of them run for a moment."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from math import log, pi
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner

from load.figures import Spread, Window
from load.headline_rounds import Scene
from load.peers.__main__ import _as_json, _before, main
from load.peers.common.job import Count, Job, visit
from load.peers.entrants import ENTRANTS, chosen, rotated
from load.peers.job_check import PeerAlert, Truth, check_alerts, payments_of
from load.peers.peer_plot import draw
from load.peers.peer_runs import PeerRun, pinned, run_app, to_be_done
from load.peers.peer_table import bars, figures_of, markdown
from streamer.embedded import EmbeddedKafka
from streamer.errors import InvariantError
from streamer.simulator import Simulator, SimulatorConfig

PEERS = Path(__file__).parent.parent.parent / "load" / "peers"
N_PAYMENTS = 20_000


@pytest.fixture
def common(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Import a module as the apps do, with the folder of what they share on the path."""
    monkeypatch.syspath_prepend(str(PEERS / "common"))
    before = set(sys.modules)
    yield import_module
    for name in set(sys.modules) - before:
        if name in {path.stem for path in (PEERS / "common").glob("*.py")}:
            del sys.modules[name]


def payment(at: str, amount: float, **places: float) -> dict[str, Any]:
    return {"timestamp": f"2026-01-05T{at}+01:00", "amount": amount, **places}


def test_a_payment_changes_its_card_and_is_seen_beside_it() -> None:
    """An hour and a degree of the equator apart, twice the amount; then one without a place."""
    card, x = visit(None, payment("10:00:00", 99.0, latitude=0.0, longitude=0.0))
    assert x == pytest.approx((log(100), 0, 0, 0, 0))
    card, x = visit(card, payment("11:00:00", 199.0, latitude=0.0, longitude=1.0))
    km = 6371 * pi / 180
    assert x == pytest.approx((log(200), log(2), log(3_601), log(1 + km), log(1 + km)))
    assert card[:2] == [2, 149.0]
    # It came late: neither time nor place goes back.
    paid_s = card[2]
    card, x = visit(card, payment("10:30:00", 149.0))
    assert x == pytest.approx((log(150), 0, 0, 0, 0))
    assert card[:2] == [3, 149.0]
    assert card[2:] == [paid_s, 0.0, 1.0]


def test_rows_one_at_a_time_and_payments_give_the_same_scores(common: Any) -> None:
    """Plain Python and numpy are one arithmetic: scale, first centers, distances, steps."""
    plain, rows = common("plain_clusters").Clusters(), common("row_clusters").RowClusters()
    X = np.random.default_rng(3).normal([1, 2, 3, 4, 5], [1, 2, 1, 2, 1], size=(1_300, 5))
    one = [plain.score(tuple(x)) for x in X.tolist()]
    many = [float(rows.score(x[None])[0]) for x in X]
    assert one[:1_016] == [0.0] * 1_016
    assert min(one[1_016:]) > 0
    np.testing.assert_allclose(many, one, rtol=1e-6, atol=1e-9)


def test_rows_that_came_with_the_first_centers_have_no_score(common: Any) -> None:
    """Who happened to be first says nothing about the rest of a batch of thousands."""
    rows = common("row_clusters").RowClusters()
    X = np.random.default_rng(3).normal(size=(2_000, 5))
    assert not rows.score(X).any()
    assert rows.score(X).min() > 0


def test_a_score_is_the_squared_distance_in_deviations(common: Any) -> None:
    """A thousand rows of -1 and 1 have deviation 1; centers at 0; then a row 3 away in two features."""
    clusters = common("plain_clusters").Clusters()
    for i in range(1_000):
        clusters.score((1.0 if i % 2 else -1.0,) * 5)
    for _ in range(16):
        clusters.score((0.0,) * 5)
    assert clusters.score((3.0, 3.0, 0.0, 0.0, 0.0)) == pytest.approx(18.0, rel=0.05)


def test_river_scores_by_the_center_that_it_chose(common: Any) -> None:
    """What lies far from all others is far from every center, and pulls one towards it."""
    clusters = common("river_clusters").Clusters()
    rng = np.random.default_rng(3)
    scores = [clusters.score(tuple(x)) for x in rng.normal(size=(1_400, 5)).tolist()]
    assert scores[:1_000] == [0.0] * 1_000
    far = [clusters.score((9.0,) * 5) for _ in range(3)]
    assert far[0] > clusters.threshold > np.median(scores[1_000:])
    assert far[0] > far[1] > far[2]


def alert(transaction_id: str, n: int, mean: float) -> PeerAlert:
    return PeerAlert(transaction_id, "card", 20.0, n, mean)


@pytest.mark.parametrize(
    ("alerts", "complaint"),
    [
        ([], "must alert 1 to 150 of 5000 payments, got 0"),
        ([alert("b", 2, 2.0)] * 151, "got 151"),
        ([alert("b", 1, 2.0)], "must count 2 payments with a mean of 2.0 there"),
        ([alert("b", 2, 2.1)], "must count 2 payments with a mean of 2.0 there"),
        ([alert("z", 2, 2.0)], "must alert what was sent"),
        ([alert("b", 2, 2.0)] * 2, "once"),
    ],
    ids=["none", "too many", "count", "mean", "made up", "twice"],
)
def test_a_peer_that_does_not_do_the_job_is_no_comparison(
    alerts: list[PeerAlert], complaint: str
) -> None:
    """Two payments of one card, of 1 and 3."""
    truth = Truth.of([("a", "card", 1.0), ("b", "card", 3.0)])
    check_alerts("right", [alert("b", 2, 2.0)], truth, 5_000)
    with pytest.raises(InvariantError, match=complaint):
        check_alerts("false", alerts, truth, 5_000)


def test_the_truth_is_of_the_payments_that_the_generator_sends() -> None:
    """In chunks or at once, ids, cards and amounts are those of the simulator."""
    made = Simulator(SimulatorConfig(seed=7, n_customers=20)).generate(300)
    told = list(payments_of(300, cards=20, seed=7))
    assert [each[0] for each in told] == list(made.transaction_ids)
    assert [each[1] for each in told] == list(made.card_ids)
    truth = Truth.of(told)
    last = max(i for i, card in enumerate(made.card_ids) if card == made.card_ids[0])
    assert truth.at(made.transaction_ids[last]) is not None
    n, _ = truth.at(made.transaction_ids[last]) or (0, 0.0)
    assert n == list(made.card_ids).count(made.card_ids[0])


def test_every_round_begins_with_another_one() -> None:
    """Nobody is always measured after the same one, or at the beginning."""
    entrants = chosen(["spark", "loop-river"])
    assert [each.name for each in entrants] == ["streamer", "loop-river", "spark"]
    orders = [[each.name for each in rotated(entrants, number)] for number in (1, 2, 3, 4)]
    assert orders[1] == ["loop-river", "spark", "streamer"]
    assert orders[2] == ["spark", "streamer", "loop-river"]
    assert orders[0] == orders[3]


def test_a_run_is_a_share_of_the_payments_and_long_enough() -> None:
    """Of 100,000: 10,000 by a share of a tenth, 8,000 at the least."""
    entrant = replace(ENTRANTS[-1], share=0.1)
    assert to_be_done(entrant, 100_000) == 10_000
    assert to_be_done(replace(entrant, share=0.001), 100_000) == 8_000


def round_of(**per_second: int) -> dict[str, PeerRun]:
    """Return a round of one second each, in which a payment takes half of the time in CPU."""
    return {
        name.replace("_", "-"): PeerRun(name.replace("_", "-"), Window(n, 1.0, 0.5), 1_000, 5)
        for name, n in per_second.items()
    }


def test_ratios_are_of_each_round_and_to_the_best_of_it() -> None:
    """80 beside 10 and 20, 60 beside 30 and 15: 4 and 2; alone to the first 8 and 2."""
    rounds = [
        round_of(streamer=80, quix_river=10, bytewax_river=20, loop_river=5, quix_plain=40),
        round_of(streamer=60, quix_river=30, bytewax_river=15, loop_river=5, quix_plain=10),
    ]
    found = figures_of(rounds)
    assert found["quix-river"].times == Spread(5.0, 2.0, 8.0)
    assert found["quix-river"].per_second == Spread(20, 10, 30)
    # Half a second over 10 and 30 payments, beside 80 and 60.
    assert found["quix-river"].times_cpu == Spread(5.0, 2.0, 8.0)
    assert found["quix-river"].alerted == 0.005
    assert bars(rounds) == {
        "streamer / best of Quix, Bytewax and loop with river": Spread(3.0, 2.0, 4.0)
    }
    row = "| Quix Streams, its store, river | 20 | 10 to 30 | 5.00 | 33,333.3 | 5.00 | 0.50% |"
    assert row in markdown(found)


def test_the_plot_is_small_and_says_where_it_was_measured(tmp_path: Path) -> None:
    """Text stays text in it, and it fits into the repository."""
    about = {"date": "2026-11-30", "commit": "abc", "cpus": "2", "cpu_model": "CPU"}
    about |= {"broker": "apache", "rounds": "5"}
    figures = figures_of([round_of(streamer=80, decode=200, loop_river=5)])
    draw(figures, about, tmp_path / "peers.svg")
    drawn = (tmp_path / "peers.svg").read_text("utf-8")
    assert "2026-11-30, commit abc, 2 × CPU, apache broker, 5 rounds" in drawn
    assert "confluent-kafka loop, river" in drawn
    assert len(drawn) < 100_000


@pytest.mark.parametrize(
    "lock", sorted(PEERS.glob("*/requirements.lock")), ids=lambda p: p.parent.name
)
def test_a_lock_has_what_is_asked_for_with_hashes_and_no_address(lock: Path) -> None:
    """Whoever installs it gets the same bytes, from wherever they take their packages."""
    text = lock.read_text("utf-8")
    for line in lock.with_suffix(".in").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            assert f"\n{line.split('<')[0].split('==')[0]}==" in f"\n{text}"
    assert "://" not in text
    assert 0 < text.count("==") <= text.count("--hash=sha256:")


def test_versions_are_those_of_the_lock() -> None:
    """Extras and markers are not part of them."""
    found = pinned(PEERS / "bytewax" / "requirements.lock")
    assert found["bytewax"] == "0.21.1"
    assert found["numpy"].count(".") == 2
    assert "sha256" not in " ".join(found)


def test_every_peer_has_an_app_and_a_lock() -> None:
    """A name of the table leads to something that can be run."""
    apart = [each for each in ENTRANTS if each.folder]
    assert len(apart) > 8
    assert all(each.app.is_file() and each.lock.is_file() for each in apart)


def test_an_unknown_peer_is_refused_before_anything_is_started() -> None:
    """The names that there are stand in what is said."""
    said = CliRunner().invoke(main, ["--peers", "loop-river,storm"])
    assert said.exit_code == 2
    assert "must be of streamer, consume" in said.output
    assert "got storm" in said.output


def test_rounds_of_another_commit_or_topic_are_not_added_to(tmp_path: Path) -> None:
    """What was measured with other code, or over another topic, is another measurement."""
    path, about = tmp_path / "out.json", {"commit": "abc", "cards": "2000", "date": "2026-11-30"}
    path.write_text(_as_json([round_of(streamer=80)], about, [1.0]), "utf-8")
    before = _before(path, about | {"date": "2026-12-01"})
    assert (before.runs, before.loads) == ([round_of(streamer=80)], [1.0])
    with pytest.raises(click.UsageError, match="got another cards"):
        _before(path, about | {"cards": "500"})


def test_a_job_comes_out_of_the_environment_as_it_went_in(tmp_path: Path) -> None:
    """The apps import nothing of ours that could tell them."""
    job = Job("b:1", "in", "out", "group", "river", "store", tmp_path, tmp_path / "count")
    assert Job.from_environment(job.environment()) == job


def test_a_count_can_be_read_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "count"
    path.write_bytes(bytes(8))
    count = Count(path)
    count.add()
    count.add(3)
    assert Count.read(path) == 4


def test_the_plain_loop_does_the_job_on_a_real_broker() -> None:
    """Its alerts have the counts and means of the payments; what it imports is in this environment."""
    entrant = replace(next(each for each in ENTRANTS if each.name == "loop-plain"), share=1.0)
    with EmbeddedKafka() as kafka:
        scene = Scene(kafka.bootstrap_servers, N_PAYMENTS)
        scene.fill(cards=200)
        truth = Truth.of(payments_of(N_PAYMENTS, cards=200, seed=1))
        done = run_app(entrant, scene, truth, 1, Path(sys.executable))
    assert done.n_done == N_PAYMENTS
    assert done.n_alerts
    assert 0 < done.window.n_records <= 0.9 * N_PAYMENTS + 1_000
    assert done.window.cpu_s > 0


def test_processor_time_of_a_tree_has_that_of_its_children() -> None:
    """Spark works in a child of the process that is started."""
    script = "import os, time\nwhile time.process_time() < 0.3: pass\nprint(flush=True)\ninput()"
    parent = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', sys.argv[1]])"
    from load.machine import cpu_seconds, tree_cpu_seconds

    command = [sys.executable, "-c", parent, script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert tree_cpu_seconds(process.pid) >= cpu_seconds(process.pid) + 0.28
        process.communicate(b"\n")
