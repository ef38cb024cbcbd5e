"""Triton's clients over HTTP and gRPC, and gRPC's own of health and reflection, get what is there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import grpc
import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from tritonclient.utils import InferenceServerException

from tests.integrations.served import Served, served

SERVICE = "inference.GRPCInferenceService"
NUMBERS = {"amount", "latitude", "longitude"}


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with served() as found:
        yield found


@pytest.fixture(params=["http", "grpc"])
def way(request: pytest.FixtureRequest) -> ModuleType:
    found: ModuleType = getattr(tritonclient, request.param)
    return found


@pytest.fixture
def client(way: ModuleType, server: Served) -> Iterator[Any]:
    port = server.port if way is tritonclient.http else server.grpc_port
    with way.InferenceServerClient(f"127.0.0.1:{port}") as made:
        yield made


def inputs(way: ModuleType, payments: list[dict[str, Any]]) -> list[Any]:
    names = list(dict.fromkeys(name for payment in payments for name in payment))
    found = []
    for name in names:
        if name in NUMBERS:
            values = np.array([each.get(name, np.nan) for each in payments], np.float64)
        else:
            values = np.array([each.get(name, "").encode() for each in payments], object)
        tensor = way.InferInput(name, [len(payments)], "FP64" if name in NUMBERS else "BYTES")
        tensor.set_data_from_numpy(values)
        found.append(tensor)
    return found


def wanted(answers: list[dict[str, Any]], name: str) -> list[float]:
    return [each.get(name, np.nan) for each in answers]


def test_it_is_live_and_ready_and_says_what_its_tensors_are(client: Any, server: Served) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("streamer")
    assert client.is_model_ready("streamer", server.version)
    for of_server, of_model in (
        (client.get_server_metadata(), client.get_model_metadata("streamer")),
    ):
        if not isinstance(of_server, dict):
            of_server = {"name": of_server.name, "version": of_server.version}
            of_model = {
                "versions": list(of_model.versions),
                "inputs": [
                    {"name": e.name, "datatype": e.datatype, "shape": list(e.shape)}
                    for e in of_model.inputs
                ],
            }
        assert of_server["name"] == "streamer"
        assert of_server["version"]
        assert of_model["versions"] == [server.version]
        assert {"name": "amount", "datatype": "FP64", "shape": [-1]} in of_model["inputs"]


@pytest.mark.parametrize("n", [1, 50])
def test_answers_are_those_of_v1_score_to_the_bit_and_the_id_comes_back(
    client: Any, way: ModuleType, server: Served, n: int
) -> None:
    payments = server.payments[:n]
    expected = server.answers(payments)
    names = ("score", "alert", "probability", "threshold", "error", "reasons")
    outputs = [way.InferRequestedOutput(name) for name in names]
    found = client.infer("streamer", inputs(way, payments), request_id="q-9", outputs=outputs)
    told = found.get_response()
    if not isinstance(told, dict):
        told = {"id": told.id, "model_version": told.model_version}
    assert (told["id"], told["model_version"]) == ("q-9", server.version)
    for name in ("score", "probability", "threshold"):
        np.testing.assert_array_equal(found.as_numpy(name), wanted(expected, name))
    alerts = [each["decision"] == "alert" for each in expected]
    assert found.as_numpy("alert").tolist() == alerts
    assert found.as_numpy("error").tolist() == [b""] * n
    reasons = [json.loads(each) for each in found.as_numpy("reasons")]
    assert reasons == [each["reasons"] for each in expected]


def test_of_several_the_bad_one_says_why_and_the_other_is_answered(
    client: Any, way: ModuleType, server: Served
) -> None:
    spoilt = [server.payments[0], server.payments[1] | {"currency": "XYZ"}]
    found = client.infer("streamer", inputs(way, spoilt))
    assert found.as_numpy("score")[0] == server.answers(spoilt[:1])[0]["score"]
    assert np.isnan(found.as_numpy("score")[1])
    assert found.as_numpy("error")[1].startswith(b"$.currency: ")


@pytest.mark.parametrize(
    ("model", "version", "code", "says"),
    [
        ("other", "", {"404", "StatusCode.NOT_FOUND"}, "model must be streamer"),
        ("streamer", "none", {"404", "StatusCode.NOT_FOUND"}, "version must be the beginning"),
    ],
)
def test_what_is_not_there_is_told(
    client: Any,
    way: ModuleType,
    server: Served,
    model: str,
    version: str,
    code: set[str],
    says: str,
) -> None:
    with pytest.raises(InferenceServerException, match=says) as failed:
        client.infer(model, inputs(way, server.payments[:1]), model_version=version)
    assert failed.value.status() in code


def test_a_tensor_that_is_none_of_a_payment_is_refused_in_words(
    client: Any, way: ModuleType, server: Served
) -> None:
    several = inputs(way, server.payments[:2])
    wrong = way.InferInput("amount", [2], "BYTES")
    wrong.set_data_from_numpy(np.array([b"1", b"2"], object))
    others = [each for each in several if each.name() != "amount"]
    with pytest.raises(InferenceServerException, match="amount must be of FP64, got BYTES"):
        client.infer("streamer", [*others, wrong])
    short = inputs(way, server.payments[:1])[:1]
    with pytest.raises(InferenceServerException, match="must have 2 elements, as the others have"):
        client.infer("streamer", [*several[1:], *short])


def test_grpc_s_health_and_reflection_say_what_is_served(server: Served) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for name in ("", SERVICE):
            asked = health_pb2.HealthCheckRequest(service=name)
            # It follows /readyz by a tenth of a second.
            for told in health.Watch(asked, timeout=30):
                if told.status == health_pb2.HealthCheckResponse.SERVING:
                    break
            checked = health.Check(asked, timeout=30)
            assert checked.status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.RpcError) as failed:
            health.Check(health_pb2.HealthCheckRequest(service="other"), timeout=30)
        assert failed.value.code() == grpc.StatusCode.NOT_FOUND
        reflected = ProtoReflectionDescriptorDatabase(channel)
        assert {SERVICE, "grpc.health.v1.Health"} <= set(reflected.get_services())
        # As grpcurl does: from the service's name to its methods and their messages' fields.
        file = reflected.FindFileContainingSymbol(SERVICE)
        assert [method.name for method in file.service[0].method] == [
            "ServerLive", "ServerReady", "ModelReady", "ServerMetadata", "ModelMetadata",
            "ModelInfer",
        ]  # fmt: skip
        request = reflected.FindFileContainingSymbol("inference.ModelInferRequest")
        assert request.name == file.name
        assert (
            reflected.FindFileContainingSymbol("grpc.health.v1.Health").service[0].name == "Health"
        )
