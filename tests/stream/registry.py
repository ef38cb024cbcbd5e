"""A small schema registry that speaks the real one's protocol, with a few schemas.

It may ask for a password, and for TLS with or without a certificate of the client.
"""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from google.protobuf.descriptor_pb2 import FileDescriptorProto

from tests.intake.test_schemas import AVRO, money_file, proto_file, sale_file

__all__ = ["MONEY", "serving"]

MONEY = {"type": "record", "name": "Money", "fields": [{"name": "value", "type": "long"}]}
NESTED = {
    **AVRO,
    "fields": [f for f in AVRO["fields"] if f["name"] != "amount"]  # type: ignore[index]
    + [{"name": "amount", "type": "Money"}],
}


def _protobuf(file: FileDescriptorProto) -> dict[str, Any]:
    """Return a Protobuf schema in its serialised form; a registry knows no name of the file."""
    bare = FileDescriptorProto.FromString(file.SerializeToString())
    bare.name = "default"
    text = base64.b64encode(bare.SerializeToString()).decode()
    return {"schema": text, "schemaType": "PROTOBUF"}


def _text(schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "schema": 'syntax = "proto3";'}


def _version(subject: str, **schema: Any) -> dict[str, Any]:
    return {"subject": subject, "id": 1, "version": 1, **schema}


def _reference(name: str, subject: str) -> dict[str, Any]:
    return {"name": name, "subject": subject, "version": 1}


_SALE = {
    **_protobuf(sale_file()),
    "references": [_reference("common/money.proto", "money.proto")],
}
_MONEY = _protobuf(money_file())
ANSWERS: dict[tuple[str, bool], dict[str, Any]] = {
    ("/schemas/ids/7", False): {"schema": json.dumps(AVRO)},
    ("/schemas/ids/8", False): _text(_protobuf(proto_file())),
    ("/schemas/ids/8", True): _protobuf(proto_file()),
    ("/schemas/ids/9", False): {
        "schema": json.dumps(NESTED),
        "references": [_reference("Money", "money")],
    },
    ("/schemas/ids/10", False): _text(_SALE),
    ("/schemas/ids/10", True): _SALE,
    ("/subjects/money/versions/1", False): _version("money", schema=json.dumps(MONEY)),
    ("/subjects/money.proto/versions/1", False): _version("money.proto", **_text(_MONEY)),
    ("/subjects/money.proto/versions/1", True): _version("money.proto", **_MONEY),
}
"""By path, and whether the serialised form of Protobuf is asked for."""


class Registry(BaseHTTPRequestHandler):
    """Answers as a registry does."""

    credentials: str | None = None

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        is_serialised = parse_qs(url.query).get("format") == ["serialized"]
        missing = {"error_code": 40403, "message": "Schema not found"}
        content = ANSWERS.get((url.path, is_serialised), missing)
        status = 404 if content is missing else 200
        if self.credentials is not None:
            basic = base64.b64encode(self.credentials.encode()).decode()
            if self.headers.get("Authorization") != f"Basic {basic}":
                status, content = 401, {"error_code": 401, "message": "Unauthorized"}
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Print nothing."""


class _Server(ThreadingHTTPServer):
    context: ssl.SSLContext | None = None

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands in the request's own thread, and let go of a client that does not."""
        if self.context is None:
            super().finish_request(request, client_address)
            return
        with suppress(OSError), self.context.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)


@contextmanager
def serving(
    port: int = 0, *, credentials: str | None = None, context: ssl.SSLContext | None = None
) -> Iterator[str]:
    """Serve a registry on a port of this host, any that is free for 0; yields its URL.

    ``credentials`` are ``user:password`` that every request must bring.
    """
    handler = type("Registry", (Registry,), {"credentials": credentials})
    server = _Server(("127.0.0.1", port), handler)
    server.context = context
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        scheme = "http" if context is None else "https"
        yield f"{scheme}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
