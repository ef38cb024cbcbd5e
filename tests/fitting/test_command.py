"""`streamer fit` end to end on small files."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from streamer.datafiles import write_rows
from streamer.fitting.code_version import code_version
from streamer.model import Scorer, Sums, advance
from streamer.model.codec import decode_version, encode_version, state_id
from streamer.pipeline import process
from streamer.settings import load_settings
from streamer.simulator import Simulator, SimulatorConfig
from streamer.starting.wiring import model_config, pipeline_config
from tests.builders import batch, payment, state_of
from tests.cli.test_commands import run
from tests.fitting.helpers import three_kinds

SETTINGS = {"warmup_transactions": "600", "alert_budget": "0.02"}
N = 6_000


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return three_kinds(tmp_path_factory.mktemp("fit") / "kinds.jsonl", N)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fit") / "payments.parquet"
    write_rows(path, [Simulator(SimulatorConfig(seed=3)).generate(N).rows()])
    return path


def fit(path: Path, out: Path, *arguments: str, **changes: str) -> dict[str, Any]:
    result = run("fit", str(path), "--out", str(out), *arguments, "--json", **SETTINGS | changes)
    assert result.exit_code == 0, result.stderr
    content: dict[str, Any] = json.loads(result.stdout)
    return content


def complaint(*arguments: str, code: int = 2, **changes: str) -> str:
    result = run("fit", *arguments, **SETTINGS | changes)
    assert result.exit_code == code, result.stdout
    *begun, line = result.stderr.splitlines()
    # At most what was begun.
    assert not any(each.startswith("streamer: ") for each in begun)
    return str(line)


def test_three_kinds_of_payments_make_three_clusters(kinds: Path, tmp_path: Path) -> None:
    """Through the real features: k is 3, the curve complete, the file a version of three clusters."""
    out, plot = tmp_path / "model.safetensors", tmp_path / "curve.png"
    ks = ("2", "3", "4", "6")
    result = fit(kinds, out, *(part for k in ks for part in ("--k", k)), "--plot", str(plot))
    assert result["n_clusters"] == 3
    assert [point["n_clusters"] for point in result["curve"]] == [2, 3, 4, 6]
    for point in result["curve"]:
        assert point.keys() == {
            "n_clusters",
            "silhouette",
            "stability",
            "stability_error",
            "quality",
        }
        assert point["quality"] == pytest.approx(point["silhouette"] * point["stability"])
    assert (result["payments"], result["held_back"]) == (N, N // 4)
    assert plot.read_bytes()[:4] == b"\x89PNG"
    settings = load_settings({"STREAMER_WARMUP_TRANSACTIONS": "600", "STREAMER_N_CLUSTERS": "3"})
    sums, header = decode_version(out.read_bytes(), model_config(settings))
    assert state_id(sums) == result["version"]
    assert result["size_bytes"] == out.stat().st_size
    assert (sums.transactions_seen, sums.is_warming) == (N, False)
    assert (header.reason, header.parent, dict(header.offsets)) == ("fit", "", {})


def test_the_version_is_what_the_pipeline_would_have_learned_from_the_file(tmp_path: Path) -> None:
    """Centers apart, which are the best of four starts: the same sums, and a worker's own hash.

    A file of exactly the warm-up: every sum over payments can be had by gathering them by hand.
    """
    path, out = three_kinds(tmp_path / "warmup.jsonl", 1_000), tmp_path / "model.safetensors"
    values = path.read_bytes().splitlines()
    result = fit(path, out, "--k", "2", warmup_transactions="1000")
    settings = load_settings(
        {
            "STREAMER_WARMUP_TRANSACTIONS": "1000",
            "STREAMER_N_CLUSTERS": "2",
            "STREAMER_ALERT_BUDGET": "0.02",
        }
    )
    config = pipeline_config(settings)
    found, header = decode_version(out.read_bytes(), config.model)
    state = state_of(config)
    zero = Sums.zero(config.model)
    process(batch(values), state, Scorer.of("", zero, config.model), config, now_ms=0)
    wanted = advance(zero, state.delta, config.model)
    assert result["transactions_seen"] == found.transactions_seen == 1_000
    assert header.config_hash == config.model.hash
    assert found.feature_sums == pytest.approx(wanted.feature_sums)
    assert found.feature_sums_sq == pytest.approx(wanted.feature_sums_sq)
    assert found.currency_sums == pytest.approx(wanted.currency_sums)
    assert found.cluster_weights.sum() == 1_000


def test_a_person_gets_the_curve_the_choice_and_what_to_do_next(
    simulated: Path, tmp_path: Path
) -> None:
    """A row for every k, one of them marked; the setting and the commands that follow."""
    out = tmp_path / "model.safetensors"
    result = run("fit", str(simulated), "--out", str(out), **SETTINGS)
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    rows = [line.split() for line in lines if line.strip() and line.split()[0].isdigit()]
    assert [int(row[0]) for row in rows] == [2, 3, 4, 6, 8, 12, 16, 24]
    (chosen,) = [row for row in rows if row[-1] == "chosen"]
    assert f"  export STREAMER_N_CLUSTERS={chosen[0]}" in lines
    assert f"  streamer model import {out} --promote" in lines
    assert "  streamer worker" in lines
    assert all(len(line.rstrip()) <= 100 for line in lines if str(tmp_path) not in line)
    best = max(float(row[5]) for row in rows)
    assert float(chosen[5]) == best


def test_the_same_file_makes_the_same_version(simulated: Path, tmp_path: Path) -> None:
    """To the bit; read in other batches up to rounding."""
    config = model_config(load_settings({"STREAMER_N_CLUSTERS": "4"}))
    found = []
    for name, size in (("one", "4000"), ("two", "4000"), ("three", "700")):
        out = tmp_path / name
        fit(simulated, out, "--k", "4", batch_max_records=size)
        found.append(decode_version(out.read_bytes(), config)[0])
    one, two, three = found
    assert state_id(one) == state_id(two)
    assert three.transactions_seen == N
    assert three.cluster_sums == pytest.approx(one.cluster_sums, rel=1e-9, abs=1e-9)
    assert three.recent_rows == pytest.approx(one.recent_rows, rel=1e-5, nan_ok=True)


def test_too_few_payments_are_one_line_that_says_how_many(tmp_path: Path) -> None:
    path = tmp_path / "few.jsonl"
    path.write_text("".join(json.dumps(payment(i, i)) + "\n" for i in range(599)))
    line = complaint(str(path), "--out", str(tmp_path / "m"))
    assert "at least 600 valid payments (STREAMER_WARMUP_TRANSACTIONS), got 599" in line
    path.write_text("hello\n" * 3)
    line = complaint(str(path), "--out", str(tmp_path / "m"), code=1)
    assert "must hold payments, got none in 3 rows: 3 x malformed_json" in line
    path.write_text("")
    line = complaint(str(path), "--out", str(tmp_path / "m"), code=1)
    assert "must hold payments, got nothing" in line
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (lambda here: ("--out", str(here / "m"), "--k", "31"), "k must be at most 30"),
        (lambda here: ("--out", str(here / "nowhere" / "m")), "directory of --out must exist"),
        (
            lambda here: ("--out", str(here / "m"), "--plot", str(here / "no" / "c.png")),
            "directory of --plot must exist",
        ),
        (
            lambda here: ("--out", str(here / "m"), "--map", "card_id=customer"),
            "column for card_id must be in the file, got customer",
        ),
    ],
)
def test_what_cannot_be_done_is_one_line_and_2(
    arguments: Callable[[Path], tuple[str, ...]], said: str, simulated: Path, tmp_path: Path
) -> None:
    assert said in complaint(str(simulated), *arguments(tmp_path))


@pytest.mark.parametrize(
    ("module", "package"), [("sklearn.metrics", "scikit-learn"), ("matplotlib", "matplotlib")]
)
def test_without_the_extra_one_line_says_what_to_install(
    module: str, package: str, simulated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    arguments = ("--out", str(tmp_path / "m"), "--plot", str(tmp_path / "curve.png"))
    line = complaint(str(simulated), *arguments)
    assert package in line
    assert "pip install 'streamer-fraud[evaluation]'" in line


def test_a_version_comes_out_of_its_payments_again_and_of_no_others(
    simulated: Path, kinds: Path, tmp_path: Path
) -> None:
    """Fitted among other numbers of clusters, and verified with its own alone.

    Of other payments, settings or a reading the version's own header tells, before anything is fitted.
    """
    out = tmp_path / "model.safetensors"
    made = fit(simulated, out, "--k", "3", "--k", "4")
    settings = SETTINGS | {"n_clusters": str(made["n_clusters"])}
    same = run("model", "verify", str(out), str(simulated), **settings)
    assert same.exit_code == 0, same.stderr
    assert same.stderr.splitlines()[-1] == f"{made['version']} comes out of {simulated} again"
    other = run("model", "verify", str(out), str(kinds), **settings)
    assert other.exit_code == 1
    begins = f"streamer: {made['version'][:12]} must come out of "
    assert other.stderr.startswith(
        f"{begins}{kinds}, but was made of other data (of payments.parquet "
    )
    assert "configuration" not in other.stderr
    seeded = run("model", "verify", str(out), str(kinds), **settings, random_seed="1")
    assert seeded.exit_code == 1
    assert "and other configuration (of " in seeded.stderr
    read = run("model", "verify", str(out), str(simulated), "--default", "mcc=5411", **settings)
    assert read.exit_code == 1
    assert read.stderr.startswith(f"{begins}{simulated}, but was made of other intake (of ")


def test_of_a_version_that_comes_out_otherwise_it_is_said_what_differs_and_by_which_code(
    simulated: Path, tmp_path: Path
) -> None:
    """One that is not what its header says, and one of an earlier release, which has no such header."""
    out = tmp_path / "model.safetensors"
    settings = SETTINGS | {"n_clusters": "3"}
    fit(simulated, out, "--k", "3")
    config = model_config(load_settings({f"STREAMER_{k.upper()}": v for k, v in settings.items()}))
    sums, header = decode_version(out.read_bytes(), config)
    assert header.made_of is not None
    assert header.made_of.code == code_version()
    assert header.made_of.data == (
        (simulated.name, hashlib.sha256(simulated.read_bytes()).hexdigest()),
    )
    sums.cluster_sums[0, 0] += 1.0
    for made_of, why in (
        (replace(header.made_of, code="0.0.9+abc"), "it was made by the code 0.0.9+abc, this is "),
        (header.made_of, "data, configuration, intake and code are those of then"),
        (None, "are settings, file and release those of then?"),
    ):
        changed = replace(header, made_of=made_of)
        out.write_bytes(encode_version(sums, changed, config.feature_names))
        found = run("model", "verify", str(out), str(simulated), **settings)
        assert found.exit_code == 1
        assert "which differs in cluster_sums; " in found.stderr
        assert why in found.stderr
