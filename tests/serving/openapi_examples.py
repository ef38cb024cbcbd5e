"""The examples of the OpenAPI: ``python -m tests.serving.openapi_examples`` asks servers for them.

Everything in them is what a server answered, or what it was asked.
"""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import closing
from typing import Any, Final

from streamer.serving.openapi import EXAMPLES
from streamer.serving.tensors import INPUTS
from streamer.settings import load_settings
from tests.rig.waiting import DEADLINE_S
from tests.serving.conftest import N_LEARNED, PAYMENTS
from tests.serving.stored_service import StoredService
from tests.serving.test_native_door import Door, served

KEY: Final = "k" * 16
INFER: Final = "/v2/models/streamer/infer"
PATHS: Final = {"native": "/v1/score", "open_inference": INFER, "mlflow": "/invocations"}
READ: Final = {
    "open_inference": {
        "server": "/v2",
        "live": "/v2/health/live",
        "ready": "/v2/health/ready",
        "model": "/v2/models/streamer",
        "model_ready": "/v2/models/streamer/ready",
    },
    "about": {"healthz": "/healthz", "readyz": "/readyz"},
}
Examples = dict[str, dict[str, Any]]


def asked(following: list[tuple[bytes, bytes]]) -> Examples:
    """Return what each door is asked: two payments, of which one has no currency, and one alone."""
    good, other = (json.loads(value) for _, value in following[:2])
    bad = {name: value for name, value in other.items() if name != "currency"}
    tensors = [
        {
            "name": name,
            "datatype": kind,
            "shape": [2],
            "data": [each.get(name, "" if kind == "BYTES" else None) for each in (good, bad)],
        }
        for name, kind in INPUTS.items()
    ]
    return {
        "native": {"one": good, "several": [good, bad]},
        "open_inference": {"several": {"id": "question-1", "inputs": tensors}},
        "mlflow": {"records": {"dataframe_records": [good, bad], "params": {"explain": True}}},
    }


def collected(service: StoredService, following: list[tuple[bytes, bytes]]) -> Examples:
    """Return the examples, by door, of servers on what the service has in Redis."""
    questions = asked(following)
    found: Examples = {door: {"asked": questions[door]} for door in PATHS} | {"about": {}}
    with served(service.settings) as door:
        for name, path in PATHS.items():
            way = path + ("?explain=true" if name == "native" else "")
            found[name]["answered"] = {
                each: json.loads(json.dumps(door.ask(way, _bytes(body))[1]))
                for each, body in questions[name].items()
            }
            found[name]["refused"] = _refused(door, name)
        for name, paths in READ.items():
            found[name] |= {each: door.ask(path)[1] for each, path in paths.items()}
    keys = load_settings({"STREAMER_SERVE_API_KEYS": KEY}).serve_api_keys
    limits = {"serve_api_keys": keys, "serve_rate": 1, "serve_burst": 2, "serve_max_batch": 2}
    with served(service.settings.model_copy(update=limits)) as door:
        for name, path in PATHS.items():
            found[name]["refused"]["401"] = _told(door.ask(path, b"{}"), 401)
            body = _bytes(next(iter(questions[name].values())))
            for _ in range(3):
                last = door.ask(path, body, Authorization=f"Bearer {KEY}")
            found[name]["refused"]["429"] = _told(last, 429)
    with served(service.settings.model_copy(update={"serve_deadline_s": 0.0001})) as door:
        for name, path in PATHS.items():
            last = door.ask(path, _bytes(next(iter(questions[name].values()))))
            found[name]["refused"]["503"] = _told(last, 503)
    for name in PATHS:
        found[name]["refused"] = dict(sorted(found[name]["refused"].items()))
    return found


def _refused(door: Door, name: str) -> dict[str, Any]:
    path = PATHS[name]
    refused = {
        "400": _told(door.ask(path, b"{"), 400),
        "408": _told(_slowly(door, path), 408),
        "413": _told(door.ask(path, b" " * 2_000_000), 413),
        "415": _told(door.ask(path, b"a=b", Content_Type="application/x-www-form-urlencoded"), 415),
    }
    if name == "native":
        refused["404"] = _told(door.ask(f"{path}?version=none", b"{}"), 404)
        refused["422"] = _told(door.ask(path, b"{}"), 422)
    if name == "open_inference":
        refused["404"] = _told(door.ask("/v2/models/other/infer", b"{}"), 404)
    return refused


def _slowly(door: Door, path: str) -> tuple[int, Any, dict[str, str]]:
    """Return what is told to who sends the beginning of a body and then nothing."""
    with closing(socket.create_connection(("127.0.0.1", door.port), DEADLINE_S)) as connection:
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"
        connection.sendall(head.encode() + b"{")
        with connection.makefile("rb") as read:
            status = int(read.readline().split()[1])
            names = {}
            while line := read.readline().strip():
                name, _, value = line.decode().partition(": ")
                names[name] = value
            return status, json.loads(read.read(int(names["content-length"]))), names


def _told(found: tuple[int, Any, dict[str, str]], status: int) -> Any:
    assert found[0] == status, found
    return found[1]


def _bytes(body: Any) -> bytes:
    return json.dumps(body).encode()


def main(url: str) -> None:
    """Write the file anew, with a Redis at ``url``."""
    service = StoredService(url, "openapi")

    async def learn() -> None:
        await service.claim()
        await service.stream(PAYMENTS[:N_LEARNED])
        await service.store.close()

    asyncio.run(learn())
    found = collected(service, PAYMENTS[N_LEARNED:])
    EXAMPLES.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    from streamer.embedded import EmbeddedRedis

    with EmbeddedRedis() as running:
        main(running.url)
