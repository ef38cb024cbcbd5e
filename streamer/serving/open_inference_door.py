"""The Open Inference Protocol over HTTP, which Triton, KServe and their clients speak.

Numbers may come and go as JSON or in the binary form that Triton's client sends (its extension
"binary_tensor_data"): then the JSON is as long as ``Inference-Header-Content-Length`` says.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from streamer import __version__
from streamer.serving.answerer import AskedBy
from streamer.serving.http_requests import (
    OCTETS,
    HTTPError,
    answered,
    asker_of,
    body_of,
    count,
    defect,
    has_gone,
    json_response,
    taken_on,
    version_of,
)
from streamer.serving.observing import observing
from streamer.serving.questions import Refusal
from streamer.serving.serving import Serving
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
)

__all__ = ["InferRequest", "open_inference_routes"]

_HEADER: Final = "inference-header-content-length"


class InferParameters(msgspec.Struct):
    """What is asked of one tensor, or of all."""

    binary_data: bool = False
    binary_data_size: int | None = None
    binary_data_output: bool = False


class InferInput(msgspec.Struct):
    """A field of the payments that are asked about."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any] = []
    parameters: InferParameters = msgspec.field(default_factory=InferParameters)


class InferOutput(msgspec.Struct):
    """A tensor that is asked for."""

    name: str
    parameters: InferParameters = msgspec.field(default_factory=InferParameters)


class InferRequest(msgspec.Struct):
    """A request for inference."""

    inputs: list[InferInput]
    id: str = ""
    outputs: list[InferOutput] = []
    parameters: InferParameters = msgspec.field(default_factory=InferParameters)


_decoder: Final = msgspec.json.Decoder(InferRequest)


def open_inference_routes(serving: Serving) -> list[Route]:
    """Return the routes of the protocol, all under /v2."""

    async def live(_: Request) -> Response:
        return json_response({"live": True})

    async def ready(_: Request) -> Response:
        is_ready = not serving.faults()
        return json_response({"ready": is_ready}, 200 if is_ready else 503)

    async def server(_: Request) -> Response:
        extensions = ["binary_tensor_data"]
        return json_response({"name": MODEL, "version": __version__, "extensions": extensions})

    async def model_ready(request: Request) -> Response:
        await _described(serving, request)
        is_ready = not serving.faults()
        told = {"name": MODEL, "ready": is_ready}
        return json_response(told, 200 if is_ready else 503)

    async def model(request: Request) -> Response:
        await _described(serving, request)
        described = {
            "name": MODEL,
            "versions": [serving.head_id],
            "platform": PLATFORM,
            "inputs": metadata(INPUTS),
            "outputs": metadata(OUTPUTS),
        }
        return json_response(described)

    async def infer(request: Request) -> Response:
        with observing(serving, "open_inference", request.headers, has_gone(request)):
            return await _infer(serving, request)

    named = "/v2/models/{name}"
    routes: list[tuple[str, Callable[[Request], Awaitable[Response]], str]] = [
        ("/v2", server, "GET"),
        ("/v2/health/live", live, "GET"),
        ("/v2/health/ready", ready, "GET"),
    ]
    for path in (named, named + "/versions/{version}"):
        routes += [
            (path, model, "GET"),
            (f"{path}/ready", model_ready, "GET"),
            (f"{path}/infer", infer, "POST"),
        ]
    return [Route(path, _telling(work), methods=[how]) for path, work, how in routes]


def _telling(
    work: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    """Return ``work`` with its refusals in the protocol's form."""

    async def told(request: Request) -> Response:
        try:
            return await work(request)
        except HTTPError as error:
            return json_response({"error": error.refusal.detail}, error.status, error.headers)
        except TensorError as error:
            return json_response({"error": str(error)}, 400)
        except Exception:
            broken = defect("open_inference")
            return json_response({"error": broken.refusal.detail}, broken.status, broken.headers)

    return told


async def _described(serving: Serving, request: Request) -> None:
    """Refuse a model or version that is not there; a version is looked for as for a question."""
    if "version" not in request.path_params:
        await _version_in(serving, request)
        return
    with taken_on(serving, asker_of(serving, request)):
        await _version_in(serving, request)


async def _version_in(serving: Serving, request: Request) -> Any:
    if request.path_params["name"] != MODEL:
        detail = f"model must be {MODEL}, got another name"
        raise HTTPError(404, Refusal("unknown_version", "$", detail))
    return await version_of(serving, request.path_params.get("version", ""))


async def _infer(serving: Serving, request: Request) -> Response:
    asker = asker_of(serving, request)
    with taken_on(serving, asker) as place:
        version = await _version_in(serving, request)
        body = await body_of(serving, request, place, is_binary=True)
        asked, rest = _read(body, request.headers.get(_HEADER, ""))
        values = payments_in(_tensors(asked, rest), serving.limits.batch_payments)
        count(serving, len(values), asker, place)
        wanted = [output.name for output in asked.outputs]
        tensors_of([], wanted)
        by = AskedBy("open_inference", asker.client)
        found = await answered(
            serving, values, version, explain="reasons" in wanted, by=by, is_plain=True
        )
    return _answered(asked, tensors_of(found, wanted), version.id)


def _read(body: bytes, header: str) -> tuple[InferRequest, bytes]:
    if header and not (header.isascii() and header.isdigit() and int(header) <= len(body)):
        raise TensorError(f"{_HEADER} must be the length of the JSON in the body, got another")
    length = int(header) if header else len(body)
    try:
        return _decoder.decode(body[:length]), body[length:]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise TensorError(f"body must be an inference request: {error}") from None


def _tensors(asked: InferRequest, rest: bytes) -> list[Tensor]:
    tensors, at = [], 0
    for each in asked.inputs:
        data, size = each.data, each.parameters.binary_data_size
        if size is not None:
            if size < 0 or at + size > len(rest):
                raise TensorError(f"binary_data_size of {each.name[:32]} must fit the body")
            data = elements_of(rest[at : at + size], each.datatype)
            at += size
        elif any(isinstance(element, list) for element in data):
            # Of shape (n, 1), as some clients have a column.
            data = [
                element for row in data for element in (row if isinstance(row, list) else [row])
            ]
        tensors.append(Tensor(each.name, each.datatype, tuple(each.shape), data))
    return tensors


def _answered(asked: InferRequest, tensors: list[Tensor], version: str) -> Response:
    as_binary = {output.name: output.parameters.binary_data for output in asked.outputs}
    by_default = asked.parameters.binary_data_output
    outputs, parts = [], []
    for tensor in tensors:
        told: dict[str, Any] = {
            "name": tensor.name,
            "datatype": tensor.datatype,
            "shape": list(tensor.shape),
        }
        if as_binary.get(tensor.name, by_default):
            parts.append(bytes_of(tensor))
            told["parameters"] = {"binary_data_size": len(parts[-1])}
        else:
            told["data"] = [_finite(element) for element in tensor.data]
        outputs.append(told)
    content = {"model_name": MODEL, "model_version": version, "outputs": outputs}
    if asked.id:
        content["id"] = asked.id
    if not parts:
        return json_response(content)
    told_first = msgspec.json.encode(content)
    headers = {_HEADER: str(len(told_first))}
    return Response(b"".join([told_first, *parts]), 200, headers, OCTETS)


def _finite(element: Any) -> Any:
    """Return an element as JSON has it, which knows no NaN."""
    return None if isinstance(element, float) and math.isnan(element) else element
