"""`streamer evaluate` end to end on small files."""

from __future__ import annotations

import csv
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamer.datafiles import write_rows
from streamer.simulator import Simulator, SimulatorConfig
from tests.cli.test_commands import run

SETTINGS = {"warmup_transactions": "500", "n_clusters": "4", "alert_budget": "0.02"}
N = 8_000
DETECTORS = ["streamer", "amount", "isolation_forest", "half_space_trees", "river_kmeans"]
ALERTS = {
    "n",
    "budget_ratio",
    "worst_5000",
    "worst_50000",
    "precision",
    "recall",
    "recall_unbiased",
    "value",
    "interval",
    "sampled",
    "sampled_frauds",
}
METRICS = {
    "auc_roc",
    "average_precision",
    "cp_at_100",
    "precision_at_budget",
    "recall_at_budget",
}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("evaluation") / "payments.parquet"
    write_rows(path, [Simulator(SimulatorConfig(seed=3)).generate(N).rows()])
    return path


def evaluated(path: Path, *arguments: str) -> dict[str, Any]:
    result = run("evaluate", str(path), *arguments, "--json", **SETTINGS)
    assert result.exit_code == 0, result.stderr
    content: dict[str, Any] = json.loads(result.stdout)
    return content


def test_every_detector_is_measured_on_the_same_rows(simulated: Path, tmp_path: Path) -> None:
    """One JSON object; a results file with its provenance; four pictures."""
    out, plots = tmp_path / "results.json", tmp_path / "plots"
    result = evaluated(
        simulated, "--protocol", "prequential", "--out", str(out), "--plots", str(plots)
    )
    assert list(result["detectors"]) == DETECTORS
    assert all(result[name] == result["detectors"][name] for name in DETECTORS)
    assert result["rows"] == N * 3 // 4
    assert result["label_delay_s"] == 7 * 86_400
    assert result["published"] == []
    for figures in result["detectors"].values():
        assert figures.keys() >= METRICS | {"intervals", "scenarios", "alerts"}
        assert figures["alerts"].keys() == ALERTS
        assert figures["intervals"].keys() == METRICS
        assert all(0 <= figures[name] <= 1 for name in METRICS)
        assert sum(s["frauds"] for s in figures["scenarios"].values()) == result["frauds"]
    streamer = result["detectors"]["streamer"]
    assert result["scenarios"] == streamer["scenarios"]
    kept = json.loads(out.read_bytes())
    assert kept["detectors"] == result["detectors"]
    assert kept["machine"].keys() >= {"cpu", "cores", "python", "numpy"}
    assert kept["command_line"]
    assert "commit" in kept
    names = {path.name for path in plots.iterdir()}
    assert names == {
        "precision-recall.png",
        "recall-by-budget.png",
        "drift.png",
        "feature-drift.png",
        "centers.png",
    }
    assert all(path.read_bytes()[:4] == b"\x89PNG" for path in plots.iterdir())


def test_the_same_seed_gives_the_same_figures(simulated: Path) -> None:
    """And another seed other intervals, at the same figures of the streamer."""
    first, second, other = (
        evaluated(simulated, "--protocol", "prequential", "--labels", "none", "--seed", seed)
        for seed in ("1", "1", "2")
    )
    assert first["label_delay_s"] is None
    assert first["detectors"] == second["detectors"]
    one, two = first["detectors"]["streamer"], other["detectors"]["streamer"]
    assert one["auc_roc"] == two["auc_roc"]
    assert one["intervals"] != two["intervals"]


def test_a_person_gets_tables_of_at_most_100_columns(simulated: Path) -> None:
    result = run("evaluate", str(simulated), "--protocol", "prequential", **SETTINGS)
    assert result.exit_code == 0, result.stderr
    assert "isolation_forest" in result.stdout
    assert "Fraud scenarios" in result.stdout
    assert "…" not in result.stdout
    assert max(len(line) for line in result.stdout.splitlines()) <= 100


def test_selective_labels_breaks_and_rows_are_in_the_object(simulated: Path) -> None:
    """The file ends on its second day, on which three of a break's 24 victims begin, some later."""
    result = evaluated(
        simulated,
        *("--protocol", "prequential", "--measure-rows", f"{N // 2}:{N}"),
        *("--labels", "selective", "--judged-after", "6h", "--chargebacks", "60%:1-2d"),
        *("--break", "small-bursts:2026-01-06:24", "--rivals", "tails"),
    )
    assert (result["labels"], result["judged_after_s"]) == ("selective", 6 * 3_600)
    assert result["chargebacks"] == {"share": 0.6, "after_s": 86_400.0, "until_s": 172_800.0}
    assert result["measured_rows"] == [N // 2, N]
    assert list(result["detectors"]) == ["streamer", "tails"]
    streamer = result["streamer"]
    assert result["verdicts"] > 0
    assert streamer["before_fuse"]["n"] >= streamer["alerts"]["n"] > 0
    for figures in result["detectors"].values():
        victims = figures["breaks"]["small-bursts"]["within_2_days"]
        assert 1 <= victims["victims"] <= 3
        assert victims["alerted"] <= victims["victims"]
        assert "break:small-bursts" in figures["scenarios"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("--chargebacks", "60%:30-120d"),
            "--labels must be selective with --chargebacks, got all",
        ),
        (("--labels", "selective", "--chargebacks", "160%:1-2"), "such as 60%:30-120d"),
        (("--labels", "selective", "--chargebacks", "60%:9-2"), "such as 60%:30-120d"),
        (("--labels", "none", "--rivals", "lightgbm_weekly"), "labels must be all or selective"),
        (("--rivals", "amount,xgboost"), "got xgboost"),
        (("--measure-rows", "9:5"), "450000:700000"),
        (("--break", "bursts:2018-06-20:20"), "small-bursts:2018-06-20:20"),
        (("--break", "small-bursts:2018-06-20:5") * 2, "kinds of --break must differ"),
    ],
)
def test_options_that_cannot_be_meant_say_what_would_be(
    options: tuple[str, ...], said: str, simulated: Path
) -> None:
    result = run("evaluate", str(simulated), "--protocol", "prequential", *options)
    assert result.exit_code == 2
    assert said in result.stderr
    rows = ("--measure-rows", "1:5")
    handbook = run("evaluate", str(simulated), "--protocol", "handbook-a", *rows)
    assert "protocol must be prequential with --measure-rows" in handbook.stderr


def handbook_like(path: Path, first_day: str, n_days: int) -> Path:
    """40 customers pay four times a day; one in eight goes wrong in the measured week of July."""
    rng = np.random.default_rng(0)
    day = datetime.fromisoformat(first_day).replace(tzinfo=UTC)
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["transaction_id", "timestamp", "customer", "amount", "label"])
        number = 0
        for d in range(n_days):
            for k in range(160):
                customer = k % 40
                moment = day + timedelta(days=d, seconds=k * 500)
                is_fraud = customer % 8 == 0 and moment >= datetime(2018, 7, 26, tzinfo=UTC)
                amount = rng.lognormal(3, 0.5) * (20 if is_fraud else 1)
                stamp = moment.isoformat().replace("+00:00", "")
                out.writerow([number, stamp, customer, f"{amount:.2f}", int(is_fraud)])
                number += 1
    return path


def test_a_handbook_protocol_stands_beside_what_was_published(tmp_path: Path) -> None:
    """A week of 40 cards: no card is known before it begins, so all 7 x 160 rows remain."""
    path = handbook_like(tmp_path / "h.csv", "2018-07-08", 25)
    names = ("--map", "card_id=customer", "--default", "currency=EUR")
    result = evaluated(path, "--protocol", "handbook-b", *names)
    assert (result["rows"], result["frauds"]) == (7 * 160, 6 * 20)
    assert result["published"][0]["detector"] == "autoencoder"
    assert "training week" in result["notes"][0]
    # Twenty times the card's usual amount.  Rows out of place would leave 0.5, give or take 0.03
    # with 120 frauds; the weakest here is river's k-means, 0.68 to 0.78 by its seed.
    assert all(figures["auc_roc"] > 0.6 for figures in result["detectors"].values())
    assert result["detectors"]["streamer"]["auc_roc"] > 0.95
    assert result["scenarios"].keys() == {"fraud"}


def test_a_handbook_protocol_on_other_dates_exits_with_2(simulated: Path) -> None:
    result = run("evaluate", str(simulated), "--protocol", "handbook-a", **SETTINGS)
    assert result.exit_code == 2
    *_, line = result.stderr.splitlines()
    assert "file must cover 2018-07-25 to 2018-08-14" in line


def steps_file(path: Path) -> Path:
    """A day number for a time, two payments a card, no merchant, no id, a fraud in twenty."""
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["step", "customer", "amount", "fraud"])
        for i in range(3_000):
            out.writerow([i // 60, f"C{i % 1_500}", 10 + i % 7 + 500 * (i % 20 == 0), i % 20 == 0])
    return path


def test_a_file_of_day_numbers_without_ids_is_measured(tmp_path: Path) -> None:
    path = steps_file(tmp_path / "bank.csv")
    names = ("--map", "card_id=customer", "--map", "timestamp=step", "--map", "label=fraud")
    names += ("--default", "currency=EUR", "--protocol", "prequential")
    result = evaluated(path, *names, "--time-unit", "day")
    assert (result["rows"], result["frauds"]) == (2_000, 100)
    assert result["detectors"]["amount"]["auc_roc"] == 1.0
    refused = run("evaluate", str(path), *names, **SETTINGS)
    assert refused.exit_code == 1
    assert "--time-unit" in refused.stderr


def test_a_file_without_labels_says_what_to_map(tmp_path: Path) -> None:
    path = steps_file(tmp_path / "bank.csv")
    names = ("--map", "timestamp=step", "--default", "currency=EUR", "--time-unit", "day")
    names += ("--protocol", "prequential")
    no_label = run("evaluate", str(path), *names, "--map", "card_id=customer")
    assert no_label.exit_code == 2
    assert "--map label=COLUMN" in no_label.stderr


def test_a_file_without_cards_or_currency_is_measured_and_the_notes_say_so(tmp_path: Path) -> None:
    """Every payment is a card of its own, categories have names, and labels are words."""
    path = tmp_path / "bank.csv"
    lines = [
        f"{i},{20 + i % 7 + (900 if i % 20 == 0 else 0)},es_{i % 15},{i % 20 == 0}\n"
        for i in range(4_000)
    ]
    path.write_text("seconds,amount,category,fraud\n" + "".join(lines))
    names = ("--map", "timestamp=seconds", "--map", "label=fraud", "--map", "mcc=category")
    names += ("--time-unit", "second", "--protocol", "prequential", "--labels", "none")
    result = evaluated(path, *names)
    assert (result["cards"], result["rows"]) == (3_000, 3_000)
    assert result["detectors"]["streamer"]["auc_roc"] > 0.99
    notes = " ".join(result["notes"])
    assert "every payment counts as a card of its own" in notes
    assert "taken to be in EUR" in notes
    assert "15 categories that are not four digits" in notes
    assert "dead-lettered" not in notes


@pytest.mark.parametrize("text", ["7", "d", "-1d", "1w"])
def test_a_delay_is_a_number_and_a_unit(text: str, simulated: Path) -> None:
    result = run("evaluate", str(simulated), "--protocol", "prequential", "--label-delay", text)
    assert result.exit_code == 2
    assert "such as 7d" in result.stderr


@pytest.mark.parametrize(
    ("module", "package"), [("sklearn.ensemble", "scikit-learn"), ("matplotlib", "matplotlib")]
)
def test_without_the_extra_one_line_says_what_to_install(
    module: str, package: str, simulated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    result = run(
        "evaluate", str(simulated), "--protocol", "prequential", "--plots", str(tmp_path / "plots")
    )
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert package in line
    assert "pip install 'streamer-fraud[evaluation]'" in line


def test_a_missing_directory_is_found_before_anything_is_computed(
    simulated: Path, tmp_path: Path
) -> None:
    out = tmp_path / "nowhere" / "results.json"
    result = run("evaluate", str(simulated), "--protocol", "prequential", "--out", str(out))
    assert result.exit_code == 2
    assert "directory of --out must exist" in result.stderr
