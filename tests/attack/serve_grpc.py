"""Attempts on `streamer serve` over gRPC: metadata, messages."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import grpc

from streamer.serving.grpc_messages import SERVICE
from tests.attack.attempts import attempt
from tests.attack.serve_requests import BEARER
from tests.attack.site import SERVE_KEY, Site
from tests.rig.waiting import DEADLINE_S
from tests.serving.test_grpc_door import call, infer

__all__: list[str] = []

_KEY = ("authorization", BEARER)


def _code(site: Site, work: Callable[[], Any]) -> str:
    """Return the status of a call, OK where it was answered."""
    try:
        site.heard.append(str(work())[:2_000])
    except grpc.RpcError as error:
        site.heard.append(f"{error.details()} {error.trailing_metadata()}")
        return str(error.code().name)
    return "OK"


def _inferred(site: Site, metadata: Sequence[tuple[str, Any]]) -> str:
    payment = json.loads(site.serve.following[0])
    with grpc.insecure_channel(f"127.0.0.1:{site.serve.grpc_port}") as channel:
        return _code(site, lambda: infer(channel, [payment], is_raw=True, metadata=metadata))


@attempt("serve", is_dear=True)
def metadata_without_a_key(site: Site) -> str:
    """No key, x-api-key, half a key, the key as a binary value, under a longer name, twice"""
    assert _inferred(site, [_KEY]) == "OK"
    tried: list[list[tuple[str, Any]]] = [
        [],
        [("x-api-key", SERVE_KEY)],
        [("authorization", BEARER[:-1])],
        [("authorization-bin", BEARER.encode())],
        [("proxy-authorization", BEARER)],
        [("authorization", SERVE_KEY)],
    ]
    codes = {_inferred(site, each) for each in tried}
    assert codes == {"UNAUTHENTICATED"}
    twice = _inferred(site, [_KEY, ("authorization", "Bearer x")])
    assert twice == "UNAUTHENTICATED"
    return f"UNAUTHENTICATED for each of {len(tried) + 1}; of two the last counts"


@attempt("serve", is_dear=True)
def metadata_too_large(site: Site) -> str:
    """100 kB of metadata, and a thousand names"""
    large = _inferred(site, [_KEY, ("x-large", "x" * 100_000)])
    many = _inferred(site, [_KEY, *((f"x-{n}", "y" * 100) for n in range(1_000))])
    assert {large, many} <= {"RESOURCE_EXHAUSTED", "UNAVAILABLE"}
    assert _inferred(site, [_KEY]) == "OK"
    return f"{large}, {many}; the next call is answered"


@attempt("serve", is_dear=True)
def odd_metadata(site: Site) -> str:
    """Binary metadata, escapes in x-priority, X-Forwarded-For that is no address"""
    told = [
        _inferred(site, [_KEY, ("x-odd-bin", b"\x00\xff\r\n")]),
        _inferred(site, [_KEY, ("x-priority", "high; DROP")]),
        _inferred(site, [_KEY, ("x-forwarded-for", "not an address, 127.0.0.1")]),
        _inferred(site, [_KEY, ("traceparent", "00-zz-zz-zz"), ("tracestate", "x" * 600)]),
    ]
    assert set(told) <= {"OK", "INVALID_ARGUMENT"}
    return ", ".join(told)


@attempt("serve", is_dear=True)
def message_too_large(site: Site) -> str:
    """A message of five megabytes, bytes that are no message, an empty one, one for another method"""
    target = f"127.0.0.1:{site.serve.grpc_port}"
    with grpc.insecure_channel(target) as channel:
        made = channel.unary_unary(f"/{SERVICE}/ModelInfer")

        def sent(content: bytes) -> str:
            return _code(site, lambda: made(content, timeout=DEADLINE_S, metadata=[_KEY]))

        large, junk = sent(b"\x0a" + b"\xff" * 5_000_000), sent(b"\xff\xff\xff")
        told = [large, junk, sent(b""), sent(b"\x0a\x00" * 1_000)]
        assert large == "RESOURCE_EXHAUSTED"
        assert junk == "INVALID_ARGUMENT"
        absent = channel.unary_unary("/inference.Admin/Drop")
        told.append(_code(site, lambda: absent(b"", timeout=DEADLINE_S)))
        assert told[-1] == "UNIMPLEMENTED"
        assert call(channel, "ServerLive").live
    return ", ".join(told)


@attempt("serve", is_dear=True)
def not_grpc_at_all(site: Site) -> str:
    """HTTP/1.1 and random bytes on the gRPC port"""
    from tests.attack.wire import exchange

    for content in (
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x00" * 10_000,
        b"PRI * HTTP/2.0\r\n\r\nXX",
    ):
        exchange(site, site.serve.grpc_port, content, 1.0)
    assert _inferred(site, [_KEY]) == "OK"
    return "closed; the next call is answered"
