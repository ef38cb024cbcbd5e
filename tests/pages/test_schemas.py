"""The schema files are the structs, and both agree on every example beside them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from streamer.contract.batch import Batch, StoredRecord
from streamer.contract.messages import Alert, Score, Transaction, Verdict
from streamer.pages import schema_files
from streamer.verdicts.sent import decode_verdicts
from tests.builders import T0_MS, pipeline_config

SCHEMAS = Path(__file__).parents[2] / "schemas"
EXAMPLES = SCHEMAS / "examples"
STRUCTS: dict[str, type[msgspec.Struct]] = {
    "transaction": Transaction,
    "alert": Alert,
    "score": Score,
    "feedback": Verdict,
}

# JSON Schema only annotates ``format: date-time``: a validator need not check it, so that for these
# the struct alone refuses.
BEYOND_JSON_SCHEMA = {
    "transaction/invalid/timestamp-without-offset",
    "transaction/invalid/timestamp-not-a-date",
    "alert/invalid/scored-at-without-offset",
    "feedback/invalid/decided-at-without-offset",
}


def examples(*kinds: str) -> list[Any]:
    paths = sorted(path for kind in kinds for path in EXAMPLES.glob(f"*/{kind}/*.json"))
    return [pytest.param(path, id=example_name(path)) for path in paths]


def example_name(path: Path) -> str:
    return path.relative_to(EXAMPLES).with_suffix("").as_posix()


def validator(path: Path) -> jsonschema.Draft202012Validator:
    schema = json.loads((SCHEMAS / f"{path.parts[-3]}.v1.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_files_are_as_generated() -> None:
    assert schema_files.differing_files(SCHEMAS) == []


def test_every_topic_has_examples_of_every_kind() -> None:
    counts = {
        (topic, kind): len(list((EXAMPLES / topic / kind).glob("*.json")))
        for topic in STRUCTS
        for kind in ("valid", "invalid", "newer-producer")
    }
    assert min(counts.values()) >= 2, counts
    assert {path.name for path in EXAMPLES.iterdir()} == set(STRUCTS)


@pytest.mark.parametrize("path", examples("valid", "newer-producer"))
def test_struct_and_schema_accept_the_example(path: Path) -> None:
    msgspec.json.decode(path.read_bytes(), type=STRUCTS[path.parts[-3]])
    validator(path).validate(json.loads(path.read_bytes()))


@pytest.mark.parametrize("path", examples("invalid"))
def test_struct_and_schema_refuse_the_example(path: Path) -> None:
    if path.parts[-3] == "feedback":
        record = StoredRecord(0, T0_MS, None, path.read_bytes())
        verdicts, letters = decode_verdicts(
            Batch("fraud-feedback", 0, [record], T0_MS), pipeline_config().believable
        )
        assert (len(verdicts), len(letters)) == (0, 1)
    else:
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(path.read_bytes(), type=STRUCTS[path.parts[-3]])
    accepted = validator(path).is_valid(json.loads(path.read_bytes()))
    assert accepted == (example_name(path) in BEYOND_JSON_SCHEMA)


@pytest.mark.parametrize("path", examples("invalid"))
def test_an_invalid_example_has_one_fault(path: Path) -> None:
    errors = list(validator(path).iter_errors(json.loads(path.read_bytes())))
    assert len(errors) == (0 if example_name(path) in BEYOND_JSON_SCHEMA else 1)


@pytest.mark.parametrize("path", examples("newer-producer"))
def test_a_newer_producers_example_has_fields_that_we_do_not_know(path: Path) -> None:
    decoded = msgspec.json.decode(path.read_bytes(), type=STRUCTS[path.parts[-3]])
    assert json.loads(path.read_bytes()).keys() - set(
        decoded.__struct_fields__
    ) or path.stem.endswith("-in-reasons")


@pytest.mark.parametrize(
    "path", [p for p in examples("valid", "newer-producer") if p.id.startswith("alert/")]
)
def test_the_reasons_of_an_alert_add_up(path: Path) -> None:
    alert = msgspec.json.decode(path.read_bytes(), type=Alert)
    total = sum(reason.contribution for reason in alert.reasons) + alert.other_contribution
    assert total == alert.distance_sq == alert.distance**2
    assert alert.distance >= alert.threshold
    source = alert.source
    assert alert.alert_id == f"{source.topic}-{source.partition}-{source.offset}"
    assert alert.event_time == alert.transaction.timestamp <= alert.scored_at
    for reason in alert.reasons:
        assert math.isclose(reason.share, reason.contribution / alert.distance_sq)
        assert (reason.direction == "above") == (reason.value >= reason.expected)
    if alert.counterfactual is not None:
        assert 0 < alert.counterfactual.amount < alert.transaction.amount


def test_check_names_changed_missing_and_foreign_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--directory", str(tmp_path)]
    assert schema_files.main(arguments) == 0
    assert schema_files.main([*arguments, "--check"]) == 0
    (tmp_path / "alert.v1.json").write_text("{}\n")
    (tmp_path / "score.v1.json").unlink()
    (tmp_path / "refund.v1.json").write_text("{}\n")
    assert schema_files.main([*arguments, "--check"]) == 1
    named = [line.split()[0] for line in capsys.readouterr().err.splitlines()]
    assert named == ["alert.v1.json", "refund.v1.json", "score.v1.json"]
    assert (tmp_path / "alert.v1.json").read_text() == "{}\n"
