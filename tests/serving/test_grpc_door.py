"""The Open Inference Protocol over gRPC, on the wire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from streamer.serving.grpc_door import GRPCDoor
from streamer.serving.grpc_messages import SERVICE, message
from streamer.serving.serving import Serving
from streamer.serving.tensors import INPUTS, Tensor, bytes_of, elements_of
from streamer.settings import Settings
from streamer.telemetry.tracing import Spans
from tests.rig.certificates import Authority
from tests.serving.stored_service import StoredService

WITHIN_S = 60


def call(
    channel: grpc.Channel, method: str, metadata: Sequence[tuple[str, str]] = (), **fields: Any
) -> Any:
    made = channel.unary_unary(
        f"/{SERVICE}/{method}",
        request_serializer=message(f"{method}Request").SerializeToString,
        response_deserializer=message(f"{method}Response").FromString,
    )
    return made(message(f"{method}Request")(**fields), timeout=WITHIN_S, metadata=metadata)


def channel_to(address: str, authority: Path | None) -> grpc.Channel:
    if authority is None:
        return grpc.insecure_channel(address)
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(authority.read_bytes()))


def asked(
    service: StoredService,
    work: Callable[[grpc.Channel, Serving], Any],
    settings: Settings | None = None,
    authority: Path | None = None,
    spans: Spans | None = None,
) -> Any:
    """Return what ``work``, in a thread, gets from a server of its own."""

    async def run() -> Any:
        serving = Serving(settings or service.settings, spans)
        async with serving.running():
            door = GRPCDoor(serving, "127.0.0.1", 0)
            serving_task = asyncio.ensure_future(door.run())
            try:
                async with asyncio.timeout(WITHIN_S):
                    while serving.faults():  # noqa: ASYNC110
                        await asyncio.sleep(0.02)
                with channel_to(f"127.0.0.1:{door.port}", authority) as channel:
                    return await asyncio.to_thread(work, channel, serving)
            finally:
                serving_task.cancel()
                await asyncio.wait([serving_task])

    return asyncio.run(run())


def tensors(payments: list[dict[str, Any]]) -> list[Tensor]:
    n = len(payments)
    return [
        Tensor(
            name,
            kind,
            (n,),
            [p.get(name, "" if kind == "BYTES" else float("nan")) for p in payments],
        )
        for name, kind in INPUTS.items()
    ]


def infer(
    channel: grpc.Channel,
    payments: list[dict[str, Any]],
    *,
    is_raw: bool,
    metadata: Sequence[tuple[str, str]] = (),
) -> Any:
    inputs, raw = [], []
    for tensor in tensors(payments):
        made = message("ModelInferRequest.InferInputTensor")(
            name=tensor.name, datatype=tensor.datatype, shape=tensor.shape
        )
        if is_raw:
            raw.append(bytes_of(tensor))
        elif tensor.datatype == "BYTES":
            made.contents.bytes_contents.extend([each.encode() for each in tensor.data])
        else:
            made.contents.fp64_contents.extend(tensor.data)
        inputs.append(made)
    return call(
        channel,
        "ModelInfer",
        metadata,
        model_name="streamer",
        id="q",
        inputs=inputs,
        raw_input_contents=raw,
    )


def test_it_answers_as_the_stream_would_in_raw_form_and_in_the_other(
    service: StoredService, following: list[tuple[bytes, bytes]]
) -> None:
    records = following[:5]
    payments = [json.loads(value) for _, value in records]

    def work(channel: grpc.Channel, _: Serving) -> tuple[Any, Any]:
        return infer(channel, payments, is_raw=True), infer(channel, payments, is_raw=False)

    raw, plain = asked(service, work)
    expected = [service.scored_next(record).scores[0].score for record in records]
    assert (raw.id, raw.model_version) == ("q", service.version.id)
    at = [output.name for output in raw.outputs].index("score")
    assert elements_of(raw.raw_output_contents[at], "FP64") == expected
    assert list(plain.outputs[at].contents.fp64_contents) == expected


def test_health_metadata_and_reflection_say_what_is_there(service: StoredService) -> None:
    def work(channel: grpc.Channel, _: Serving) -> None:
        assert call(channel, "ServerLive").live
        assert call(channel, "ServerReady").ready
        assert call(channel, "ModelReady", name="streamer").ready
        described = call(channel, "ModelMetadata", name="streamer")
        assert {each.name: each.datatype for each in described.inputs} == INPUTS
        wanted = health_pb2.HealthCheckRequest(service=SERVICE)
        for checked in health_pb2_grpc.HealthStub(channel).Watch(wanted, timeout=WITHIN_S):
            if checked.status == health_pb2.HealthCheckResponse.SERVING:
                break
        reflected = ProtoReflectionDescriptorDatabase(channel)
        assert SERVICE in reflected.get_services()
        file = reflected.FindFileContainingSymbol(SERVICE)
        assert "ModelInfer" in [method.name for method in file.service[0].method]

    asked(service, work)


def test_with_a_certificate_nothing_goes_over_the_wire_in_clear(
    service: StoredService, tmp_path: Path
) -> None:
    authority = Authority(tmp_path, "authority")
    certificate, key = authority.issue("serve")
    settings = service.settings.model_copy(
        update={"web_certificate_file": certificate, "web_key_file": key}
    )

    def work(channel: grpc.Channel, _: Serving) -> bool:
        ready: bool = call(channel, "ServerReady").ready
        return ready

    assert asked(service, work, settings, authority.path)
    with pytest.raises(grpc.RpcError) as failed:
        asked(service, work, settings)
    assert failed.value.code() == grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"model_name": "other"}, grpc.StatusCode.NOT_FOUND),
        ({"model_name": "streamer", "model_version": "none"}, grpc.StatusCode.NOT_FOUND),
        ({"model_name": "streamer"}, grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
def test_what_it_cannot_answer_has_the_status_that_says_so(
    service: StoredService, fields: dict[str, str], status: grpc.StatusCode
) -> None:
    def work(channel: grpc.Channel, _: Serving) -> grpc.StatusCode:
        with pytest.raises(grpc.RpcError) as failed:
            call(channel, "ModelInfer", **fields)
        return failed.value.code()

    assert asked(service, work) == status


@pytest.mark.parametrize("method", ["ModelReady", "ModelMetadata", "ModelInfer"])
@pytest.mark.parametrize("version", ["", "none"])
def test_what_a_call_held_is_given_back_and_it_counts_as_a_question(
    service: StoredService, method: str, version: str
) -> None:
    """One payment at once is the rate: the second call is beyond it, whatever it asks for."""
    settings = service.settings.model_copy(update={"serve_rate": 1e-3, "serve_burst": 1})
    names = ("model_name", "model_version") if method == "ModelInfer" else ("name", "version")
    fields = dict(zip(names, ("streamer", version), strict=True))

    def work(channel: grpc.Channel, serving: Serving) -> None:
        codes, held = [], serving.admission
        for _ in range(2):
            try:
                call(channel, method, **fields)
                codes.append(grpc.StatusCode.OK)
            except grpc.RpcError as refused:
                codes.append(refused.code())
            assert (held.n_bytes, held.in_flight) == (0, 0)
        assert codes[1] == grpc.StatusCode.RESOURCE_EXHAUSTED != codes[0]

    asked(service, work, settings)
