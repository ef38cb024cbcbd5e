"""The OpenAPI of what `streamer serve` answers over HTTP: what may be sent, and all that may come back.

Payments and answers are described as in ``schemas/``; the examples are what a server answered
(``openapi_examples.json``, written by ``python -m tests.serving.openapi_examples``).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from streamer import __version__
from streamer.serving.admission import PRIORITIES
from streamer.serving.openapi_parts import (
    Tree,
    body,
    content,
    fields,
    in_binary_form,
    read,
    ref,
    refusals,
    schemas,
    text,
)
from streamer.serving.tensors import MODEL

__all__ = ["EXAMPLES", "openapi"]

EXAMPLES: Final = Path(__file__).with_name("openapi_examples.json")
"""Requests, answers and refusals by status, by door."""

_PRIORITY: Final[Tree] = {
    "name": "X-Priority",
    "in": "header",
    "description": "Requests with low are refused first when too much is asked at once.",
    "schema": {"enum": list(PRIORITIES), "default": "normal"},
}
_EXPLAIN: Final[Tree] = {
    "name": "explain",
    "in": "query",
    "description": "Whether to give reasons and the counterfactual.",
    "schema": {"type": "boolean", "default": False},
}
_VERSION: Final[Tree] = {
    "name": "version",
    "in": "query",
    "description": "The beginning of a stored version's id; without it the head answers.",
    "schema": {"type": "string"},
}
_FORMS: Final = ("dataframe_records", "dataframe_split", "instances", "inputs")
_UNREADY: Final = "It does not answer yet, or not any more."


def openapi(*, has_keys: bool, most_payments: int) -> Tree:
    """Return the document; ``has_keys``: who asks for answers must have one."""
    told = json.loads(EXAMPLES.read_text(encoding="utf-8"))
    several = {"type": "array", "items": ref("AnyPayment"), "minItems": 1}
    several |= {"maxItems": most_payments}
    paths = {
        "/v1/score": {"post": _score(told["native"], several)},
        **_inference(told["open_inference"]),
        "/invocations": {"post": _invocations(told["mlflow"], several)},
        **_about(told["about"]),
    }
    components: Tree = {"schemas": schemas()}
    if has_keys:
        components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    for way in (way for path in paths.values() for way in path.values()):
        if "401" in way["responses"]:
            if has_keys:
                way["security"] = [{"key": []}]
            else:
                del way["responses"]["401"]
    about = "What the stream would say of a payment if it came next; nothing is learned from it."
    info = {"title": "streamer serve", "version": __version__, "description": about}
    return {"openapi": "3.1.0", "info": info, "paths": paths, "components": components}


def _score(told: Tree, several: Tree) -> Tree:
    answers = {"type": "array", "items": ref("Item")}
    return {
        "operationId": "score",
        "summary": "Score a payment, or each of a list of them",
        "parameters": [_EXPLAIN, _VERSION, _PRIORITY],
        "requestBody": body({"anyOf": [ref("Transaction"), several]}, told["asked"]),
        "responses": {
            "200": content(
                "The answer, or of a list an answer or a refusal each.",
                {"anyOf": [ref("Answer"), answers]},
                told["answered"],
            ),
            **refusals("Refused", told["refused"]),
        },
    }


def _inference(told: Tree) -> Tree:
    name: Tree = {"name": "name", "in": "path", "required": True, "schema": {"const": MODEL}}
    version = {"name": "version", "in": "path", "required": True, "schema": {"type": "string"}}
    of_a_name = ["404", "503"]
    # A version is looked for in Redis, and so only for who may ask.
    of_a_version = ["400", "401", "404", "429", "503"]
    paths: Tree = {
        "/v2": read("server", "Name and release", _like(told, "server")),
        "/v2/health/live": read("server_live", "Whether it is alive", _like(told, "live")),
        "/v2/health/ready": read(
            "server_ready",
            "Whether it answers",
            _like(told, "ready"),
            {"503": content(_UNREADY, _ready(), {})},
        ),
    }
    for end, of, statuses, parameters in (
        ("", "", of_a_name, [name]),
        ("/versions/{version}", "_of_version", of_a_version, [name, version]),
    ):
        unknown = refusals("RefusedTensors", told["refused"], statuses)
        unready = {"anyOf": [_ready(), ref("RefusedTensors")]}
        ready = read(
            f"model_ready{of}",
            "Whether it answers",
            _like(told, "model_ready"),
            {**unknown, "503": content(_UNREADY, unready, {})},
        )
        infer = {
            "operationId": f"infer{of}",
            "summary": "Score payments that come as tensors, one for each field",
            "requestBody": body(ref("InferRequest"), told["asked"]),
            "responses": {
                "200": in_binary_form(
                    content("The answers as tensors.", ref("InferResponse"), told["answered"])
                ),
                **refusals("RefusedTensors", told["refused"]),
            },
            "parameters": [_PRIORITY],
        }
        path = f"/v2/models/{{name}}{end}"
        paths[path] = read(f"model{of}", "Its tensors", _like(told, "model"), unknown)
        paths[f"{path}/ready"] = ready
        paths[f"{path}/infer"] = {"post": infer}
        if statuses is of_a_version:
            for way in (paths[path]["get"], ready["get"]):
                way["parameters"] = [_PRIORITY]
        for way in (paths[path]["get"], ready["get"], infer):
            way["parameters"] = [*parameters, *way.get("parameters", [])]
    return paths


def _invocations(told: Tree, several: Tree) -> Tree:
    columns = {"type": "array", "items": {"type": "string"}}
    rows = {**several, "items": {"type": "array"}}
    forms = dict.fromkeys(_FORMS, several) | {"dataframe_split": fields(columns=columns, data=rows)}
    asked = {
        "type": "object",
        "properties": {**forms, "params": {"type": ["object", "null"]}},
        "oneOf": [{"required": [form]} for form in _FORMS],
    }
    predictions = fields(predictions={"type": "array", "items": ref("Prediction")})
    return {
        "operationId": "invocations",
        "summary": "Score payments as an MLflow model server does",
        "parameters": [_PRIORITY],
        "requestBody": body(asked, told["asked"]),
        "responses": {
            "200": content("An answer or a refusal each.", predictions, told["answered"]),
            **refusals("RefusedInvocation", told["refused"]),
        },
    }


def _about(told: Tree) -> Tree:
    because = fields(status={"type": "string"}, because={"type": "array"})
    off = {"503": text(_UNREADY)}
    itself = content("OpenAPI 3.1.", {"type": "object"}, {})
    return {
        "/healthz": read("healthz", "Whether it is alive", _like(told, "healthz")),
        "/readyz": read(
            "readyz",
            "Whether it answers, or why not",
            _like(told, "readyz"),
            {"503": content(_UNREADY, because, {})},
        ),
        "/metrics": read("metrics", "What was asked and refused", text("Prometheus's form.")),
        "/openapi.json": read("openapi", "This document", itself),
        "/ping": read("ping", "Whether it answers", text("An empty line."), off),
        "/health": read("health", "Whether it answers", text("An empty line."), off),
        "/version": read("version", "The release", text("The release.")),
    }


def _like(told: Tree, name: str) -> Tree:
    """Return a response that has what its example has."""
    schema = fields(**{field: _type(value) for field, value in told[name].items()})
    return content("What is there.", schema, {name: told[name]})


def _ready() -> Tree:
    return fields(ready={"type": "boolean"})


def _type(value: Any) -> Tree:
    kinds = {bool: "boolean", str: "string", list: "array"}
    return {"type": kinds[type(value)]}
