"""The OpenAPI says what is there: its schemas hold for its examples, and its examples for a server."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from streamer.contract.json_schemas import json_schemas
from streamer.serving.openapi import EXAMPLES, openapi
from tests.serving.openapi_examples import collected
from tests.serving.stored_service import StoredService
from tests.serving.test_native_door import served

DOCUMENT = openapi(has_keys=True, most_payments=1_000)
# Of a server with keys and three doors; each has what its door can refuse.
STATUSES = {
    "/v1/score": {200, 400, 401, 404, 408, 413, 415, 422, 429, 503},
    "/v2/models/{name}/infer": {200, 400, 401, 404, 408, 413, 415, 429, 503},
    "/v2/models/{name}/versions/{version}/infer": {200, 400, 401, 404, 408, 413, 415, 429, 503},
    "/invocations": {200, 400, 401, 408, 413, 415, 429, 503},
}


def with_examples(tree: Any, path: str = "$") -> Iterator[Any]:
    """Every schema that has examples, with each of them, by its place."""
    if isinstance(tree, dict):
        if "examples" in tree and "schema" in tree:
            for name, example in tree["examples"].items():
                yield pytest.param(tree["schema"], example["value"], id=f"{path}.{name}")
        for name, below in tree.items():
            yield from with_examples(below, f"{path}.{name}")


@pytest.mark.parametrize(("schema", "example"), list(with_examples(DOCUMENT["paths"])))
def test_every_example_keeps_its_schema(schema: dict[str, Any], example: Any) -> None:
    whole = {**schema, "components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator(whole).validate(example)


def test_every_status_is_there_and_has_an_example() -> None:
    posts = {path: way["post"] for path, way in DOCUMENT["paths"].items() if "post" in way}
    found = {path: {int(status) for status in way["responses"]} for path, way in posts.items()}
    assert found == STATUSES
    for way in posts.values():
        assert way["security"] == [{"key": []}]
        for told in way["responses"].values():
            assert told["content"]["application/json"]["examples"]
        for status in ("429", "503"):
            assert "Retry-After" in way["responses"][status]["headers"]


def test_payments_and_answers_are_described_as_in_the_schema_files() -> None:
    for stem, name in (("transaction.v1", "Transaction"), ("answer.v1", "Answer")):
        wanted = json.dumps(json_schemas()[stem]["$defs"][name])
        found = DOCUMENT["components"]["schemas"][name]
        assert found == json.loads(wanted.replace("#/$defs/", "#/components/schemas/"))


def test_without_keys_nobody_is_told_of_them() -> None:
    without = json.dumps(openapi(has_keys=False, most_payments=1))
    assert '"401"' not in without
    assert "security" not in without


def test_the_examples_are_what_a_server_answers(
    service: StoredService, following: list[tuple[bytes, bytes]]
) -> None:
    found = json.dumps(collected(service, following))
    assert json.loads(settled(found)) == json.loads(settled(EXAMPLES.read_text()))


def settled(told: str) -> str:
    """Leave out the moment at which a client may come back."""
    return re.sub(r"try again in [0-9.]+ s", "try again in 0 s", told)


def test_a_server_gives_it_and_refuses_other_paths_in_the_same_form(
    service: StoredService,
) -> None:
    with served(service.settings) as door:
        status, told, _ = door.ask("/openapi.json")
        assert (status, told) == (200, openapi(has_keys=False, most_payments=1_000))
        status, told, headers = door.ask("/v1/score")
        assert (status, headers["allow"]) == (405, "POST")
        assert told["error"]["detail"].endswith("got method not allowed")
        assert door.ask("/nothing")[0] == 404
