"""KServe's inference clients over REST and gRPC get the answers of ``/v1/score``."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import httpx
import numpy as np
import pytest
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest
from kserve.inference_client import RESTConfig
from kserve.protocol.infer_type import RequestedOutput

from tests.integrations.served import Served, served

NUMBERS = {"amount", "latitude", "longitude"}
WAYS = pytest.mark.parametrize("way", ["rest", "grpc"])


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with served() as found:
        yield found


class Client:
    """One of the two clients, asked in the same way."""

    def __init__(self, way: str, server: Served) -> None:
        self.url, self.is_rest = server.url, way == "rest"
        self.made = (
            InferenceRESTClient(RESTConfig(protocol="v2", timeout=60))
            if self.is_rest
            else InferenceGRPCClient(f"127.0.0.1:{server.grpc_port}")
        )

    async def infer(self, request: InferRequest) -> Any:
        if self.is_rest:
            name = request.model_name
            return await self.made.infer(self.url, request, model_name=name)
        return await self.made.infer(request)

    async def health(self, model: str) -> list[bool]:
        where = (self.url,) if self.is_rest else ()
        return [
            await self.made.is_server_live(*where),
            await self.made.is_server_ready(*where),
            await self.made.is_model_ready(*where, model),
        ]


@asynccontextmanager
async def client(way: str, server: Served) -> AsyncIterator[Client]:
    found = Client(way, server)
    try:
        yield found
    finally:
        await found.made.close()


def asked(
    payments: list[dict[str, Any]],
    *,
    model: str = "streamer",
    version: str | None = None,
    outputs: tuple[str, ...] = (),
    is_binary: bool = False,
) -> InferRequest:
    names = list(dict.fromkeys(name for payment in payments for name in payment))
    inputs = []
    for name in names:
        is_number = name in NUMBERS
        told = [each.get(name, math.nan if is_number else "") for each in payments]
        kind = np.float64 if is_number else np.object_
        tensor = InferInput(name, [len(payments)], "FP64" if is_number else "BYTES")
        values = np.array([each if is_number else each.encode() for each in told], kind)
        tensor.set_data_from_numpy(values, binary_data=is_binary)
        inputs.append(tensor)
    wanted = [RequestedOutput(name) for name in outputs]
    return InferRequest(model, inputs, "q-4", model_version=version, request_outputs=wanted)


def run(way: str, server: Served, request: InferRequest) -> Any:
    async def ask() -> Any:
        async with client(way, server) as made:
            return await made.infer(request)

    return asyncio.run(ask())


def output(found: Any, name: str) -> list[Any]:
    [tensor] = [each for each in found.outputs if each.name == name]
    return tensor.as_numpy().tolist()


@WAYS
def test_it_is_live_and_ready_and_so_is_its_model(way: str, server: Served) -> None:
    async def ask() -> None:
        async with client(way, server) as made:
            assert await made.health("streamer") == [True, True, True]

    asyncio.run(ask())


@WAYS
@pytest.mark.parametrize("is_binary", [True, False], ids=["binary", "plain"])
@pytest.mark.parametrize("n", [1, 50])
def test_answers_are_those_of_v1_score_to_the_bit_and_the_id_comes_back(
    way: str, server: Served, n: int, is_binary: bool
) -> None:
    payments = [each for each in server.payments if "latitude" in each][:n]
    expected = server.answers(payments)
    found = run(way, server, asked(payments, is_binary=is_binary))
    # The REST client of 0.21 leaves out the version that was told.
    version = None if way == "rest" else server.version
    assert (found.id, found.model_name, found.model_version) == ("q-4", "streamer", version)
    assert output(found, "score") == [each["score"] for each in expected]
    assert output(found, "threshold") == [each["threshold"] for each in expected]
    assert output(found, "alert") == [each["decision"] == "alert" for each in expected]


@WAYS
def test_reasons_come_where_they_are_asked_for(way: str, server: Served) -> None:
    payments = [each for each in server.payments if "latitude" in each][:3]
    found = run(way, server, asked(payments, outputs=("score", "reasons"), is_binary=True))
    told = [json.loads(each) for each in output(found, "reasons")]
    assert told == [each["reasons"] for each in server.answers(payments)]


@WAYS
def test_a_model_that_is_not_there_is_not_found(way: str, server: Served) -> None:
    with pytest.raises((httpx.HTTPStatusError, grpc.RpcError)) as failed:
        run(way, server, asked(server.payments[:1], model="other", is_binary=True))
    assert status(failed.value) in (404, grpc.StatusCode.NOT_FOUND)
    assert "model must be streamer" in str(failed.value)


@WAYS
def test_a_tensor_that_is_none_of_a_payment_is_refused_in_words(way: str, server: Served) -> None:
    with pytest.raises((httpx.HTTPStatusError, grpc.RpcError)) as failed:
        run(way, server, asked([{"colour": "red"}], is_binary=True))
    assert status(failed.value) in (400, grpc.StatusCode.INVALID_ARGUMENT)
    assert "inputs must be among transaction_id" in str(failed.value)


def status(error: Any) -> Any:
    return error.response.status_code if hasattr(error, "response") else error.code()
