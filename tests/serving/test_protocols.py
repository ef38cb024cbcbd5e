"""The protocols that tools speak give the answers of the native door."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from streamer.serving.tensors import INPUTS, Tensor, bytes_of, elements_of
from tests.serving.stored_service import StoredService
from tests.serving.test_native_door import Door, served

INFER = "/v2/models/streamer/infer"


@pytest.fixture(scope="module")
def door(service: StoredService) -> Iterator[Door]:
    with served(service.settings) as made:
        yield made


def tensors(payments: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "datatype": kind,
            "shape": [len(payments)],
            "data": [each.get(name, "" if kind == "BYTES" else None) for each in payments],
        }
        for name, kind in INPUTS.items()
    ]


@pytest.fixture(scope="module")
def payments(following: list[tuple[bytes, bytes]]) -> list[dict[str, Any]]:
    return [json.loads(value) for _, value in following[:5]]


@pytest.fixture(scope="module")
def native(door: Door, payments: list[dict[str, Any]]) -> list[dict[str, Any]]:
    _, told, _ = door.ask("/v1/score?explain=true", json.dumps(payments).encode())
    return [each["answer"] for each in told]


def output(told: dict[str, Any], name: str) -> list[Any]:
    [found] = [each for each in told["outputs"] if each["name"] == name]
    data: list[Any] = found["data"]
    return data


def test_open_inference_gives_the_same_scores_and_echoes_the_id(
    door: Door, payments: list[dict[str, Any]], native: list[dict[str, Any]]
) -> None:
    body = {"id": "q-7", "inputs": tensors(payments)}
    status, told, _ = door.ask(INFER, json.dumps(body).encode())
    assert (status, told["id"], told["model_name"]) == (200, "q-7", "streamer")
    assert output(told, "score") == [answer["score"] for answer in native]
    assert output(told, "alert") == [answer["decision"] == "alert" for answer in native]
    assert output(told, "error") == [""] * 5
    assert "reasons" not in [each["name"] for each in told["outputs"]]


def test_reasons_come_where_they_are_asked_for(
    door: Door, payments: list[dict[str, Any]], native: list[dict[str, Any]]
) -> None:
    body = {"inputs": tensors(payments), "outputs": [{"name": "reasons"}]}
    _, told, _ = door.ask(INFER, json.dumps(body).encode())
    assert [json.loads(each) for each in output(told, "reasons")] == [
        answer["reasons"] for answer in native
    ]


def test_numbers_and_texts_may_come_and_go_in_binary_form(
    door: Door, payments: list[dict[str, Any]], native: list[dict[str, Any]]
) -> None:
    described, parts = [], []
    for each in tensors(payments):
        data = [np.nan if element is None else element for element in each.pop("data")]
        parts.append(bytes_of(Tensor(each["name"], each["datatype"], (5,), data)))
        described.append(each | {"parameters": {"binary_data_size": len(parts[-1])}})
    wanted = [{"name": "score", "parameters": {"binary_data": True}}]
    head = json.dumps({"inputs": described, "outputs": wanted}).encode()
    status, told, headers = door.ask(
        INFER, b"".join([head, *parts]), Inference_Header_Content_Length=str(len(head))
    )
    assert status == 200
    length = int(headers["inference-header-content-length"])
    [score] = json.loads(told[:length])["outputs"]
    assert score["parameters"]["binary_data_size"] == 40
    assert elements_of(told[length:], "FP64") == [answer["score"] for answer in native]


def test_of_a_batch_in_which_one_is_bad_the_others_are_answered(
    door: Door, payments: list[dict[str, Any]], native: list[dict[str, Any]]
) -> None:
    spoilt = [payments[0], payments[1] | {"currency": "XYZ"}]
    _, told, _ = door.ask(INFER, json.dumps({"inputs": tensors(spoilt)}).encode())
    assert output(told, "score") == [native[0]["score"], None]
    assert output(told, "error")[0] == ""
    assert output(told, "error")[1].startswith("$.currency: ")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"inputs": []}, "got none"),
        ({"inputs": [{"name": "x", "datatype": "FP64", "shape": [1], "data": [1]}]}, "among"),
        (
            {"inputs": [{"name": "amount", "datatype": "BYTES", "shape": [1], "data": ["1"]}]},
            "FP64",
        ),
        ({"inputs": [{"name": "amount", "datatype": "FP64", "shape": [2], "data": [1]}]}, "shape"),
        ({"outputs": [{"name": "nothing"}]}, "outputs must be among"),
        ({"inputs": "nothing"}, "inference request"),
    ],
)
def test_tensors_that_are_no_payments_are_told_what_they_must_be(
    door: Door, payments: list[dict[str, Any]], change: dict[str, Any], says: str
) -> None:
    body = {"inputs": tensors(payments)} | change
    status, told, _ = door.ask(INFER, json.dumps(body).encode())
    assert status == 400
    assert says in told["error"]


def test_health_metadata_and_an_unknown_model(door: Door, service: StoredService) -> None:
    assert door.ask("/v2/health/live")[:2] == (200, {"live": True})
    assert door.ask("/v2/health/ready")[:2] == (200, {"ready": True})
    assert door.ask("/v2/models/streamer/ready")[:2] == (200, {"name": "streamer", "ready": True})
    _, told, _ = door.ask("/v2/models/streamer")
    assert told["versions"] == [service.version.id]
    assert {each["name"]: each["datatype"] for each in told["inputs"]} == INPUTS
    assert door.ask("/v2/models/other")[0] == 404
    assert door.ask("/v2/models/streamer/versions/none/ready")[0] == 404


@pytest.mark.parametrize("form", ["dataframe_records", "dataframe_split", "instances", "inputs"])
def test_mlflow_s_forms_give_the_same_answers(
    door: Door, payments: list[dict[str, Any]], native: list[dict[str, Any]], form: str
) -> None:
    columns = list(INPUTS)
    split = {"columns": columns, "data": [[p.get(name) for name in columns] for p in payments]}
    body = {form: split if form == "dataframe_split" else payments, "params": {"explain": True}}
    status, told, _ = door.ask("/invocations", json.dumps(body).encode())
    assert status == 200
    without_age = [dict(each, state_age_s=0) for each in told["predictions"]]
    assert without_age == [dict(each, state_age_s=0) for each in native]


def test_mlflow_s_ping_version_and_refusals(door: Door) -> None:
    assert door.ask("/ping")[0] == 200
    assert door.ask("/version")[0] == 200
    status, told, _ = door.ask("/invocations", b"{}")
    assert (status, told["error_code"]) == (400, "BAD_REQUEST")
    assert "dataframe_records" in told["message"]
