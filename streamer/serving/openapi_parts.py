"""Pieces of an OpenAPI document: schemas, bodies and refusals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from streamer.contract.answer_message import Answer
from streamer.contract.messages import Transaction
from streamer.serving.http_requests import OCTETS
from streamer.serving.open_inference_door import InferRequest
from streamer.serving.questions import Refusal

__all__ = [
    "Tree",
    "body",
    "content",
    "fields",
    "in_binary_form",
    "read",
    "ref",
    "refusals",
    "schemas",
    "text",
]

Tree = dict[str, Any]

_JSON: Final = "application/json"
_SAYS: Final = {
    400: "What was sent cannot be read; the body says what it must be.",
    401: "Authorization must be Bearer and one of STREAMER_SERVE_API_KEYS.",
    404: "There is no such model or version.",
    408: "The body came too slowly.",
    413: "The body is too large.",
    415: "The body is of a kind that is not read.",
    422: "What could be read cannot be scored: reason, path and sentence of a dead letter.",
    429: "Too much is asked at once, by all or by this client.",
    503: "Nothing can be answered now, or not within the deadline.",
}
_COME_BACK: Final[Tree] = {
    "Retry-After": {
        "description": "Whole seconds after which to come back.",
        "schema": {"type": "integer", "minimum": 1},
        "required": True,
    }
}
_AS_A_BEARER: Final[Tree] = {"WWW-Authenticate": {"schema": {"type": "string"}, "required": True}}
_HEADERS: Final = {401: _AS_A_BEARER, 429: _COME_BACK, 503: _COME_BACK}


def schemas() -> Tree:
    """Return the components: what is published and answered, tensors, and each door's refusals."""
    _, found = msgspec.json.schema_components(
        [Transaction, Answer, Refusal, InferRequest], ref_template="#/components/schemas/{name}"
    )
    text_ = {"type": "string"}
    refused = fields(error=ref("Refusal"))
    tensor = fields(name=text_, datatype=text_, shape={"type": "array"}, data={"type": "array"})
    outputs = {"type": "array", "items": tensor}
    return {
        **found,
        # Each of several is answered or refused by itself: what is no payment spoils no request.
        "AnyPayment": {"anyOf": [ref("Transaction"), {}]},
        "Refused": refused,
        "Item": {"anyOf": [fields(answer=ref("Answer")), refused]},
        "InferResponse": fields(model_name=text_, model_version=text_, outputs=outputs),
        "RefusedTensors": fields(error=text_),
        "Prediction": {"anyOf": [ref("Answer"), refused]},
        "RefusedInvocation": fields(error_code=text_, message=text_),
    }


def ref(name: str) -> Tree:
    """Return a reference to a component."""
    return {"$ref": f"#/components/schemas/{name}"}


def fields(**properties: Tree) -> Tree:
    """Return the schema of an object that has all of these, and may have others."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def body(schema: Tree, examples: Mapping[str, Any]) -> Tree:
    """Return a body that must be sent."""
    return {"required": True, "content": _content(schema, examples)}


def content(description: str, schema: Tree, examples: Mapping[str, Any]) -> Tree:
    """Return a response in JSON."""
    return {"description": description, "content": _content(schema, examples)}


def in_binary_form(response: Tree) -> Tree:
    """Return a response that is told in Triton's binary form too, where that is asked for."""
    binary = {OCTETS: {"schema": {"type": "string", "format": "binary"}}}
    return response | {"content": response["content"] | binary}


def text(description: str) -> Tree:
    """Return a response in words."""
    return {"description": description, "content": {"text/plain": {"schema": {"type": "string"}}}}


def read(operation: str, summary: str, found: Tree, others: Mapping[str, Tree] = {}) -> Tree:
    """Return a path that is read: what is ``found``, and ``others`` by status."""
    told = {"operationId": operation, "summary": summary, "responses": {"200": found, **others}}
    return {"get": told}


def refusals(schema: str, told: Mapping[str, Any], statuses: Iterable[str] = ()) -> Tree:
    """Return responses by status, all that are ``told`` or only some ``statuses``."""
    found = {}
    for status in statuses or told:
        number = int(status)
        found[status] = content(_SAYS[number], ref(schema), {"refused": told[status]})
        if number in _HEADERS:
            found[status]["headers"] = _HEADERS[number]
    return found


def _content(schema: Tree, examples: Mapping[str, Any]) -> Tree:
    named = {name: {"value": example} for name, example in examples.items()}
    return {_JSON: {"schema": schema, "examples": named}}
