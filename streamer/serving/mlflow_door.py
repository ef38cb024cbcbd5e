"""The protocol of an MLflow model server: /invocations, /ping, /version.

What is scored are records, each a payment as it is published; the predictions are answers.
https://mlflow.org/docs/latest/deployment/deploy-model-locally
"""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from streamer import __version__
from streamer.contract.answer_message import Answer
from streamer.serving.answerer import AskedBy
from streamer.serving.http_requests import (
    HTTPError,
    answered,
    asker_of,
    body_of,
    count,
    has_gone,
    json_response,
    taken_on,
    version_of,
)
from streamer.serving.observing import observing
from streamer.serving.questions import Refusal
from streamer.serving.serving import Serving

__all__ = ["mlflow_routes"]

_FORMS: Final = ("dataframe_records", "dataframe_split", "instances", "inputs")


class _Split(msgspec.Struct):
    columns: list[str]
    data: list[list[Any]]


class _Invocation(msgspec.Struct):
    dataframe_records: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET
    dataframe_split: _Split | msgspec.UnsetType = msgspec.UNSET
    instances: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET
    inputs: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET
    params: dict[str, Any] | None = None


_decoder: Final = msgspec.json.Decoder(_Invocation)


def mlflow_routes(serving: Serving) -> list[Route]:
    """Return the routes of the protocol."""

    async def ping(_: Request) -> Response:
        return PlainTextResponse("\n", 503 if serving.faults() else 200)

    async def version(_: Request) -> Response:
        return PlainTextResponse(__version__)

    async def invocations(request: Request) -> Response:
        try:
            with observing(serving, "mlflow", request.headers, has_gone(request)):
                return await _invoked(serving, request)
        except HTTPError as error:
            told = {"error_code": "BAD_REQUEST", "message": error.refusal.detail}
            return json_response(told, error.status, error.headers)

    return [
        Route("/invocations", invocations, methods=["POST"]),
        Route("/ping", ping),
        Route("/health", ping),
        Route("/version", version),
    ]


async def _invoked(serving: Serving, request: Request) -> Response:
    asker = asker_of(serving, request)
    with taken_on(serving, asker) as place:
        version = await version_of(serving, "")
        asked = _read(await body_of(serving, request, place))
        values = _values(asked)
        most = serving.limits.batch_payments
        if not 1 <= len(values) <= most:
            detail = f"body must have 1 to {most} payments, got {len(values)}"
            raise HTTPError(400, Refusal("out_of_range", "$", detail))
        count(serving, len(values), asker, place)
        explain = bool((asked.params or {}).get("explain"))
        found = await answered(
            serving, values, version, explain=explain, by=AskedBy("mlflow", asker.client)
        )
    predictions = [each if isinstance(each, Answer) else {"error": each} for each in found]
    return json_response({"predictions": predictions})


def _read(body: bytes) -> _Invocation:
    try:
        # MLflow's client writes a frame's missing values as NaN, which is no JSON.
        whole = msgspec.json.encode(json.loads(body)) if b"NaN" in body else body
        return _decoder.decode(whole)
    except (ValueError, OverflowError, RecursionError) as error:
        raise HTTPError(400, Refusal("malformed_json", "$", str(error))) from None


def _values(asked: _Invocation) -> list[bytes]:
    """Return the messages of the one form that is there; what a frame has no value for is left out."""
    given = [name for name in _FORMS if getattr(asked, name) is not msgspec.UNSET]
    if len(given) != 1:
        detail = f"body must have one of {', '.join(_FORMS)}, got {len(given)}"
        raise HTTPError(400, Refusal("missing_field", "$", detail))
    split = asked.dataframe_split
    if split is msgspec.UNSET:
        return [bytes(value) for value in getattr(asked, given[0])]
    for row in split.data:
        if len(row) != len(split.columns):
            detail = f"rows must have {len(split.columns)} values, got one of {len(row)}"
            raise HTTPError(400, Refusal("wrong_type", "$.dataframe_split.data", detail))
    rows = (zip(split.columns, row, strict=True) for row in split.data)
    return [
        msgspec.json.encode({name: value for name, value in row if value is not None})
        for row in rows
    ]
