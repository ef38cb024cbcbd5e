"""The Open Inference Protocol over gRPC, with gRPC's own health service and reflection."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from functools import partial
from typing import Any, Final
from urllib.parse import unquote

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.message import DecodeError
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from streamer import __version__
from streamer.errors import ConfigurationError
from streamer.serving.admission import Place
from streamer.serving.answerer import AskedBy
from streamer.serving.grpc_messages import METHODS, POOL, SERVICE, message
from streamer.serving.http_requests import (
    Asker,
    HTTPError,
    answered,
    body_in_time,
    client_of,
    count,
    defect,
    hold,
    priority_named,
    taken_on,
    version_of,
)
from streamer.serving.observing import observing
from streamer.serving.questions import Refusal
from streamer.serving.serving import Serving
from streamer.serving.serving_tenants import ServingTenants
from streamer.serving.tensors import (
    INPUTS,
    MODEL,
    OUTPUTS,
    PLATFORM,
    Tensor,
    TensorError,
    bytes_of,
    elements_of,
    metadata,
    payments_in,
    tensors_of,
    text_of,
)

__all__ = ["GRPCDoor"]

_STATUSES: Final = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    404: grpc.StatusCode.NOT_FOUND,
    408: grpc.StatusCode.DEADLINE_EXCEEDED,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    422: grpc.StatusCode.INVALID_ARGUMENT,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.UNAVAILABLE,
}
# The field of `InferTensorContents` that holds a datatype.
_CONTENTS: Final = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
_Read = Callable[[Place], Awaitable[Any]]
# Whose message is empty, and is not received.
_OPEN: Final = frozenset({"ServerLive", "ServerReady", "ServerMetadata"})
# What health may be behind /readyz.
_TICK_S: Final = 0.1
# Messages of the largest size at most that are being received; others wait for their turn, unread.
_READ_AT_ONCE: Final = 64
# Calls beside those that are answered: who watches health, who is being refused.
_CALLS_BESIDE: Final = 1_000


class GRPCDoor:
    """A gRPC server beside the HTTP one, on the same loop.

    Methods take a stream, of one message: so a call is refused before its message is received, which it
    would have been before a method that takes a message is called.
    """

    def __init__(self, serving: Serving | ServingTenants, host: str, port: int) -> None:
        self._serving = serving
        limit = serving.limits.body_bytes
        self._server = grpc.aio.server(
            options=[("grpc.max_receive_message_length", limit)],
            maximum_concurrent_rpcs=serving.most_in_flight + _CALLS_BESIDE,
        )
        # Who sends slowly keeps his own from being read, and nobody else's, whatever he calls.
        served = [serving] if isinstance(serving, Serving) else [*serving.by_name.values()]
        turns = max(_READ_AT_ONCE // len(served), 1)
        self._reading = {each: asyncio.Semaphore(turns) for each in served}
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        handlers = {
            method: grpc.stream_unary_rpc_method_handler(
                self._handler(method),
                response_serializer=message(f"{method}Response").SerializeToString,
            )
            for method in METHODS
        }
        generic = grpc.method_handlers_generic_handler(SERVICE, handlers)
        self._server.add_generic_rpc_handlers((generic,))
        names = (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server, pool=_Pools())
        try:
            self.port = self._listen(f"{host}:{port}")
        except RuntimeError as error:
            raise ConfigurationError(
                f"STREAMER_SERVE_GRPC_PORT must be a free port, got {port}: {error}"
            ) from error

    def _listen(self, address: str) -> int:
        settings = self._serving.settings
        certificate, key = settings.web_certificate_file, settings.web_key_file
        port: int
        if certificate is None or key is None:
            port = self._server.add_insecure_port(address)
        else:
            pair = key.read_bytes(), certificate.read_bytes()
            port = self._server.add_secure_port(address, grpc.ssl_server_credentials([pair]))
        return port

    async def run(self) -> None:
        """Serve, and follow whether it is ready, until cancelled; those under way are answered."""
        await self._server.start()
        try:
            while True:
                ready = not self._serving.faults()
                status = health_pb2.HealthCheckResponse
                for name in ("", SERVICE):
                    await self._health.set(name, status.SERVING if ready else status.NOT_SERVING)
                await asyncio.sleep(_TICK_S)
        finally:
            await self._server.stop(self._serving.limits.deadline_s)

    def _handler(self, method: str) -> Callable[[Any, Any], Awaitable[Any]]:
        snake = re.sub("(?<!^)(?=[A-Z])", "_", method).lower()
        work: Callable[..., Awaitable[Any]] = getattr(self, f"_{snake}")
        made = message(f"{method}Request").FromString
        is_asked = method == "ModelInfer"

        async def handle(_: Any, context: grpc.aio.ServicerContext) -> Any:
            told = dict(context.invocation_metadata() or ())
            try:
                if method in _OPEN:
                    return await work()
                serving = self._serving.of(str(told.get("authorization", "")), "grpc")
                with observing(serving, "grpc", told) if is_asked else nullcontext():
                    asker = _asker(serving, context)
                    return await work(serving, partial(self._read, serving, context, made), asker)
            except HTTPError as error:
                refused = error
            except TensorError as error:
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            except Exception:
                refused = defect("grpc")
            headers = tuple((name.lower(), value) for name, value in refused.headers.items())
            return await context.abort(_STATUSES[refused.status], refused.refusal.detail, headers)

        return handle

    async def _read(
        self,
        serving: Serving,
        context: grpc.aio.ServicerContext,
        made: Callable[[bytes], Any],
        place: Place,
    ) -> Any:
        """Return the message of a call, held at ``place``."""
        async with body_in_time(), self._reading[serving]:
            content = await context.read()
        if not isinstance(content, bytes):
            raise TensorError("a call must have a message, got none")
        hold(serving, len(content), place)
        try:
            return made(content)
        except DecodeError:
            raise TensorError("a message must be of the protocol, got other bytes") from None

    async def _server_live(self) -> Any:
        return message("ServerLiveResponse")(live=True)

    async def _server_ready(self) -> Any:
        return message("ServerReadyResponse")(ready=not self._serving.faults())

    async def _model_ready(self, serving: Serving, read: _Read, asker: Asker) -> Any:
        await _described(serving, read, asker)
        return message("ModelReadyResponse")(ready=not serving.faults())

    async def _server_metadata(self) -> Any:
        return message("ServerMetadataResponse")(name=MODEL, version=__version__)

    async def _model_metadata(self, serving: Serving, read: _Read, asker: Asker) -> Any:
        await _described(serving, read, asker)
        return message("ModelMetadataResponse")(
            name=MODEL,
            versions=[serving.head_id],
            platform=PLATFORM,
            inputs=metadata(INPUTS),
            outputs=metadata(OUTPUTS),
        )

    async def _model_infer(self, serving: Serving, read: _Read, asker: Asker) -> Any:
        with taken_on(serving, asker) as place:
            request = await read(place)
            version = await _version(serving, request.model_name, request.model_version)
            values = payments_in(_tensors(request), serving.limits.batch_payments)
            count(serving, len(values), asker, place)
            wanted = [output.name for output in request.outputs]
            tensors_of([], wanted)
            found = await answered(
                serving,
                values,
                version,
                explain="reasons" in wanted,
                by=AskedBy("grpc", asker.client),
                is_plain=True,
            )
        # As it was asked: in raw form where the inputs were.
        return _response(request, tensors_of(found, wanted), version.id)


def _asker(serving: Serving, context: grpc.aio.ServicerContext) -> Asker:
    metadata = context.invocation_metadata() or ()
    told = {name: str(value) for name, value in metadata}
    forwarded = [str(value) for name, value in metadata if name == "x-forwarded-for"]
    # ipv4:192.0.2.7:50051, ipv6:[2001:db8::1]:50051 with the brackets quoted.
    peer = unquote(context.peer()).partition(":")[2].rpartition(":")[0].strip("[]")
    client = client_of(serving, told.get("authorization", ""), peer, forwarded)
    return Asker(client, priority_named(told.get("x-priority", "normal")))


async def _described(serving: Serving, read: _Read, asker: Asker) -> None:
    """Refuse a model or version that is not there; what is asked counts as a question does."""
    with taken_on(serving, asker) as place:
        request = await read(place)
        await _version(serving, request.name, request.version)


async def _version(serving: Serving, name: str, version: str) -> Any:
    if name != MODEL:
        detail = f"model must be {MODEL}, got another name"
        raise HTTPError(404, Refusal("unknown_version", "$", detail))
    return await version_of(serving, version)


class _Pools:
    """What reflection asks for descriptors: this protocol's, then gRPC's own."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def find(*args: Any) -> Any:
            try:
                return getattr(POOL, name)(*args)
            except KeyError:
                return getattr(descriptor_pool.Default(), name)(*args)

        return find


def _tensors(request: Any) -> list[Tensor]:
    raw = request.raw_input_contents
    if raw and len(raw) != len(request.inputs):
        raise TensorError(f"raw_input_contents must be {len(request.inputs)}, got {len(raw)}")
    tensors = []
    for i, each in enumerate(request.inputs):
        if raw:
            data = elements_of(raw[i], each.datatype)
        elif each.datatype not in _CONTENTS:
            raise TensorError(f"{each.name[:32]} must be of a datatype that has contents")
        else:
            data = list(getattr(each.contents, _CONTENTS[each.datatype]))
            if each.datatype == "BYTES":
                data = [text_of(element) for element in data]
        tensors.append(Tensor(each.name, each.datatype, tuple(each.shape), data))
    return tensors


def _response(request: Any, tensors: list[Tensor], version: str) -> Any:
    response = message("ModelInferResponse")(model_name=MODEL, model_version=version, id=request.id)
    for tensor in tensors:
        output = response.outputs.add(
            name=tensor.name, datatype=tensor.datatype, shape=tensor.shape
        )
        if request.raw_input_contents:
            response.raw_output_contents.append(bytes_of(tensor))
            continue
        elements = tensor.data
        if tensor.datatype == "BYTES":
            elements = [element.encode() for element in elements]
        getattr(output.contents, _CONTENTS[tensor.datatype]).extend(elements)
    return response
