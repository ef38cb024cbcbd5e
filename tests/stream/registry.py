"""A small schema registry that speaks the real one's protocol, with a few schemas."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.intake.test_schemas import AVRO, proto_file

__all__ = ["MONEY", "serving"]

MONEY = {"type": "record", "name": "Money", "fields": [{"name": "value", "type": "long"}]}
NESTED = {
    **AVRO,
    "fields": [f for f in AVRO["fields"] if f["name"] != "amount"]  # type: ignore[index]
    + [{"name": "amount", "type": "Money"}],
}
SERIALISED = base64.b64encode(proto_file().SerializeToString()).decode()
ANSWERS: dict[str, Any] = {
    "/schemas/ids/7": {"schema": json.dumps(AVRO)},
    "/schemas/ids/8": {"schema": 'syntax = "proto3";', "schemaType": "PROTOBUF"},
    "/schemas/ids/8?format=serialized": {"schema": SERIALISED, "schemaType": "PROTOBUF"},
    "/schemas/ids/9": {
        "schema": json.dumps(NESTED),
        "references": [{"name": "Money", "subject": "money", "version": 1}],
    },
    "/subjects/money/versions/1": {
        "subject": "money",
        "id": 1,
        "version": 1,
        "schema": json.dumps(MONEY),
    },
}


class Registry(BaseHTTPRequestHandler):
    """Answers as a registry does."""

    def do_GET(self) -> None:
        path = self.path
        if "format=serialized" not in path:
            path = path.partition("?")[0]
        path = path.partition("&")[0]
        content = ANSWERS.get(path, {"error_code": 40403, "message": "Schema not found"})
        body = json.dumps(content).encode()
        self.send_response(404 if "error_code" in content else 200)
        self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Print nothing."""


@contextmanager
def serving(port: int = 0) -> Iterator[str]:
    """Serve a registry on a port of this host, any that is free for 0; yields its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", port), Registry)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
