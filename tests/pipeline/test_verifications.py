"""An amount of 0 verifies a card: scored, learned from and alerted, however a producer writes it."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from streamer.contract.messages import Alert
from streamer.explaining.explanation import explain
from streamer.features import FEATURE_NAMES
from streamer.intake import Intake, parse_declaration
from streamer.intake.decoding import decode_batch
from streamer.model.histogram import N_BINS
from streamer.simulator import Simulator, SimulatorConfig
from tests.builders import batch, payment, pipeline_config, state_of
from tests.cli.test_commands import run as command
from tests.datafiles.helpers import payments_of
from tests.explaining.helpers import with_odds
from tests.pipeline.helpers import Run, ordinary, run, trained

CONFIG = pipeline_config()
# Who tests stolen cards verifies them one after the other: here one card, eight times in four minutes.
PAST = [
    *ordinary(60, seed=3),
    *(payment(80 + i, after_s=6_960 + 30.0 * i, card_id="card-1", amount=0) for i in range(8)),
]
OF_AMOUNTS = {name for name in FEATURE_NAMES if "amount" in name} | {"spend_today_ratio"}

MINOR = '[amount]\nunit = "minor"\n'
TEXT = '[amount]\ndecimal = "."\n'
FORMS = {
    "whole": ("0", ""),
    "decimal": ("0.00", ""),
    "power": ("0e0", ""),
    "minus": ("-0.0", ""),
    "text": ('"0.00"', TEXT),
    "text with a sign": ('"$-0.00"', TEXT),
    "number where texts are declared": ("0", TEXT),
    "minor units": ("0", MINOR),
    "minor units in text": ('"000000000000"', MINOR),
    "Base64": ('"AA=="', "[amount]\nscale = 2\n"),
    "negated": ("0", '[amount]\nnegative = "payment"\n'),
}


def verified(written: str, declaration: str, **fields: Any) -> Run:
    """Return the run of one more verification, after the past by the plain contract."""
    last = payment(99, after_s=7_200, card_id="card-1", merchant_id="shop-1", **fields)
    value = json.dumps(last | {"amount": 7.25}).encode().replace(b"7.25", written.encode())
    state = run([batch(PAST)], CONFIG, trained()).state
    config = CONFIG
    if declaration:
        config = replace(CONFIG, intake=Intake(parse_declaration(declaration, "test")))
    config = replace(config, with_scores=True)
    return run([batch([value], len(PAST))], config, loud(trained()), state)


@pytest.mark.parametrize("form", FORMS)
def test_every_way_to_write_0_is_the_same_alert(form: str) -> None:
    """By the compiled reader, by objects, and by a declaration."""
    found, plain = verified(*FORMS[form]), verified("0", "")
    assert found.dead_letters == []
    assert found.state.ledger == plain.state.ledger
    assert (found.state.ledger.scored, found.state.ledger.skipped) == (len(PAST) + 1, 0)
    (alert,) = found.alerts
    assert math.copysign(1.0, alert.transaction.amount) == 1.0
    assert msgspec.json.encode(alert) == msgspec.json.encode(plain.alerts[0])


def test_below_0_is_a_refund_and_no_verification() -> None:
    for written in ("-0.01", "-1e-300"):
        ledger = verified(written, "").state.ledger
        assert (ledger.scored, ledger.skipped, ledger.dead_lettered) == (len(PAST), 1, 0)


@pytest.mark.parametrize("version", [trained(), with_odds()], ids=["distance", "log-odds"])
def test_its_alert_says_nothing_of_an_amount(version: Any) -> None:
    """No reason, no part and no counterfactual of one; and it is explained to the last bit."""
    last = payment(99, after_s=7_200, card_id="card-1", merchant_id="shop-1", amount=0)
    alert = run([batch([*PAST, last])], CONFIG, loud(version)).alerts[-1]
    assert alert.source.offset == len(PAST)
    assert alert.transaction.amount == 0
    assert alert.counterfactual is None
    if alert.ranked_by == "distance":
        assert alert.reasons[0].sentence.startswith("Only 30 s since this card's last payment")
    assert not OF_AMOUNTS & alert.features.keys()
    explanation = explain(alert, loud(version))
    assert explanation.is_reproduced
    assert not OF_AMOUNTS & {part.feature for part in explanation.parts}
    assert "amount" not in " ".join(part.sentence for part in explanation.parts)


def loud(version: Any) -> Any:
    """Return the version that ranks all above all traffic: what it says of a payment is asked."""
    everything = np.ones(N_BINS + 1)
    return replace(version, distances_below=everything, odds_below=everything)


def test_it_is_learned_from_but_for_its_amount() -> None:
    """Of 40 verifications among 100 payments every one is counted and teaches pace, none an amount."""
    values = ordinary(100, seed=4)
    for value in values[::5] + values[1::5]:
        value["amount"] = 0
    result = run([batch(values)], CONFIG, trained(), state_of(CONFIG))
    delta = result.state.delta
    assert delta.transactions_seen == 100
    weights = dict(zip(FEATURE_NAMES, delta.feature_weights.tolist(), strict=True))
    taught = weights["card_payments_1d"]
    assert 90 < taught <= 100
    assert taught - 40 <= weights["amount"] <= 60


def test_files_of_every_format_have_it(tmp_path: Path) -> None:
    csv, jsonl = tmp_path / "t.csv", tmp_path / "t.jsonl"
    names = ("transaction_id", "card_id", "amount", "currency", "timestamp")
    rows = [payment(i, after_s=60.0 * i) for i in range(3)]
    texts = [[str(row[name]) for name in names] for row in rows]
    for row, written in zip(texts, ("0.00", "0", "-0.0"), strict=True):
        row[2] = written
    csv.write_text("\n".join(map(",".join, [names, *texts])) + "\n")
    jsonl.write_text("".join(json.dumps(row | {"amount": -0.0}) + "\n" for row in rows))
    files = [csv, jsonl]
    for name, kind in (("f", pa.float32()), ("i", pa.int64()), ("d", pa.decimal128(12, 2))):
        zeros = pa.array([Decimal(0) if name == "d" else 0] * 3, kind)
        table = pa.table({n: [row[n] for row in rows] for n in names if n != "amount"})
        files.append(tmp_path / f"{name}.parquet")
        pq.write_table(table.append_column("amount", zeros), files[-1])
    for path in files:
        assert [str(p.amount) for p in payments_of(path)] == ["0.0"] * 3, path.name


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file in which every third fraud and every fiftieth payment is a verification.

    And the last twelve are, of one card in a minute.
    """
    path = tmp_path_factory.mktemp("verifications") / "payments.jsonl"
    rows = list(Simulator(SimulatorConfig(seed=3)).generate(6_000).rows())
    frauds = [row for row in rows if row["label"]]
    for row in frauds[::3] + rows[::50]:
        row["amount"] = 0.0
    last = rows[-1] | {"amount": 0.0, "label": 1, "card_id": rows[0]["card_id"]}
    after = datetime.fromisoformat(last["timestamp"])
    for i in range(12):
        moment = (after + timedelta(seconds=5 * i)).isoformat()
        rows.append(last | {"transaction_id": f"check-{i}", "timestamp": moment})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_replay_evaluate_and_fit_take_all_of_them(checked: Path, tmp_path: Path) -> None:
    """Nothing is refused, alerts on them are explained bit for bit, and all frauds are measured."""
    settings = {"warmup_transactions": "500", "n_clusters": "4", "alert_budget": "0.02"}
    explained, alerts = tmp_path / "explained.jsonl", tmp_path / "alerts.jsonl"
    files = ("--explain", str(explained), "--alerts", str(alerts))
    replayed = command("replay", str(checked), *files, "--json", **settings)
    assert replayed.exit_code == 0, replayed.stderr
    ledger = json.loads(replayed.stdout)["ledger"]
    assert (ledger["scored"], ledger["dead_lettered"], ledger["skipped"]) == (6_012, 0, 0)
    found = [msgspec.json.decode(line, type=Alert) for line in alerts.read_bytes().splitlines()]
    assert any(alert.transaction.amount == 0 for alert in found)
    asked = (str(checked), "--protocol", "prequential", "--rivals", "amount", "--json")
    evaluated = command("evaluate", *asked, **settings)
    assert evaluated.exit_code == 0, evaluated.stderr
    result = json.loads(evaluated.stdout)
    assert (result["rows"], result["refused"]) == (4_509, [])
    assert all(math.isfinite(each["auc_roc"]) for each in result["detectors"].values())
    out = str(tmp_path / "model.safetensors")
    fitted = command("fit", str(checked), "--out", out, "--k", "4", "--json", **settings)
    assert fitted.exit_code == 0, fitted.stderr
    assert json.loads(fitted.stdout)["transactions_seen"] == 6_012


def test_both_decoders_have_the_same_columns() -> None:
    """Also where a form of 0 makes the compiled one hand the record over."""
    values = [
        json.dumps(payment(1) | {"amount": 7.25}).encode().replace(b"7.25", written)
        for written in (b"0", b"0.0", b"0e0", b"-0.0", b"-0")
    ]
    together = decode_batch(batch(values), CONFIG.believable)
    objects = decode_batch(batch(values), CONFIG.believable, Intake(parse_declaration(TEXT, "t")))
    for decoded in (together, objects):
        amounts = [decoded.transaction(i).amount for i in range(5)]
        assert [str(amount) for amount in amounts] == ["0.0"] * 5
        assert [str(amount) for amount in decoded.columns.amounts.tolist()] == ["0.0"] * 5
