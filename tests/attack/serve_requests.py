"""Attempts on `streamer serve` over HTTP: keys, bodies, heads, names."""

from __future__ import annotations

import gzip
import json
import re
from urllib.parse import quote

from tests.attack.attempts import attempt
from tests.attack.console_pages import ESCAPES, log_lines_are_whole
from tests.attack.site import SERVE_KEY, Site
from tests.attack.wire import crowd, exchange, smuggled, trickled

__all__: list[str] = []

BEARER = f"Bearer {SERVE_KEY}"
KEY_LINE = f"Authorization: {BEARER}\r\n"
INFER = "/v2/models/streamer/infer"
DOORS = ("/v1/score", INFER, "/invocations")


def asked(
    site: Site, path: str, body: bytes | None, **headers: str
) -> tuple[int, object, dict[str, str]]:
    """Return status, body and headers of an answer to who has a key."""
    told = site.serve.door.ask(path, body, **{"Authorization": BEARER} | headers)
    site.heard.append(f"{told}")
    return told


def raw(site: Site, head: str, body: bytes = b"", within_s: float = 30.0) -> bytes:
    """Return what comes back for a head's lines, with a key."""
    content = f"{head}\r\n{KEY_LINE}\r\n".encode() + body
    return exchange(site, site.serve.port, content, within_s)


@attempt("serve", is_dear=True)
def no_key_and_wrong_keys(site: Site) -> str:
    """No key, half of one, one more letter, both keys, in the address, as Basic, X-API-Key or
    a cookie"""
    payment, door = site.serve.following[0], site.serve.door
    tried: list[dict[str, str]] = [{}]
    texts = ["", "Bearer", "Bearer ", BEARER[:-1], f"{BEARER}x", BEARER.upper(), "Bearer *"]
    texts += [f"Basic {SERVE_KEY}", SERVE_KEY, f"Bearer another-key-of-serve,{SERVE_KEY}"]
    tried += [{"Authorization": text} for text in texts]
    tried += [{"X_API_Key": SERVE_KEY}, {"Cookie": f"key={SERVE_KEY}"}]
    for headers in tried:
        for path in DOORS:
            assert door.ask(path, payment, **headers)[0] == 401, headers
    assert door.ask(f"/v1/score?api_key={SERVE_KEY}&key={SERVE_KEY}", payment)[0] == 401
    assert asked(site, "/v1/score", payment)[0] == 200
    return f"401 for each of {len(tried) * len(DOORS) + 1}"


@attempt("serve", is_dear=True)
def key_twice(site: Site) -> str:
    """Two Authorization headers, the wrong one first and last"""
    payment = site.serve.following[0]
    told = []
    for lines in (
        f"Authorization: Bearer x\r\n{KEY_LINE}",
        f"{KEY_LINE}Authorization: Bearer x\r\n",
    ):
        head = f"POST /v1/score HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{lines}"
        head += f"Content-Length: {len(payment)}\r\n\r\n"
        told.append(exchange(site, site.serve.port, head.encode() + payment).split()[1].decode())
    assert set(told) <= {"200", "401"}
    assert "401" in told
    return f"one of the two counts, and it has to be a key: {' and '.join(told)}"


@attempt("serve", is_dear=True)
def what_is_told_without_a_key(site: Site) -> str:
    """/metrics, /readyz, /openapi.json, /v2 and a version's page without a key"""
    door, told = site.serve.door, []
    for path in ("/metrics", "/healthz", "/readyz", "/openapi.json", "/v2", "/v2/models/streamer"):
        status, body, _ = door.ask(path)
        site.heard.append(str(body))
        told.append(f"{path} {status}")
        # The names of outputs are told, and none of their values.
        if path != "/openapi.json":
            assert not re.search(r"(threshold|center|card_id)\W+\d", str(body)), path
    return f"{', '.join(told)}: the form of questions and answers, counters; no threshold, no card"


@attempt("serve", is_dear=True)
def body_too_large(site: Site) -> str:
    """Ten megabytes announced, and ten in chunks that were not"""
    told = []
    for path in DOORS:
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000"
        told.append(raw(site, head).split()[1])
        chunks = (b"10000\r\n" + b" " * 65_536 + b"\r\n") * 40
        chunked = f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked"
        answer = raw(site, chunked, chunks, 5.0)
        assert answer[:12] in (b"HTTP/1.1 413", b"")
    assert set(told) == {b"413"}
    return "413 at once for each of three doors; of chunks no more than the limit is taken"


@attempt("serve", is_dear=True)
def compressed_body(site: Site) -> str:
    """A gzipped body that becomes 100 MB"""
    bomb = gzip.compress(b" " * 100_000_000, 1)
    status, told, _ = asked(site, "/v1/score", bomb, Content_Encoding="gzip")
    assert status in (400, 413, 415, 422), told
    return f"{status}: nothing is unpacked"


@attempt("serve", is_dear=True)
def slow_head_of_serve(site: Site) -> str:
    """A head a byte at a time, on 200 connections"""
    first = b"POST /v1/score HTTP/1.1\r\nHost: x\r\n"
    with crowd(site.serve.port, 200, first):
        assert asked(site, "/v1/score", site.serve.following[0])[0] == 200
    after_s = trickled(site.serve.port, first, b"X: y\r\n")
    assert after_s is not None
    return f"others are answered meanwhile; closed after {after_s:.0f} s"


@attempt("serve", is_dear=True)
def slow_body_of_serve(site: Site) -> str:
    """A body a byte at a time"""
    first = f"POST /v1/score HTTP/1.1\r\nHost: x\r\n{KEY_LINE}Content-Length: 9999\r\n\r\n".encode()
    after_s = trickled(site.serve.port, first, b" ")
    assert after_s is not None
    return f"408 and closed after {after_s:.0f} s"


@attempt("serve", is_dear=True)
def endless_head_of_serve(site: Site) -> str:
    """Ten megabytes of headers"""
    line = b"X-Large: " + b"x" * 1_000 + b"\r\n"
    head = b"POST /v1/score HTTP/1.1\r\nHost: x\r\n"
    answer = exchange(site, site.serve.port, head + line * 10_000 + b"\r\n", 5.0)
    assert answer[:12] in (b"HTTP/1.1 431", b"")
    return "431, and closed"


@attempt("serve", is_dear=True)
def deep_json(site: Site) -> str:
    """10,000 and 100,000 levels of objects and of lists"""
    for n in (10_000, 100_000):
        for body in (b'{"a":' * n + b"1" + b"}" * n, b"[" * n + b"]" * n, b"[" * n):
            for path in DOORS:
                status, _, _ = asked(site, path, body)
                assert status in (400, 422), (path, status)
    assert asked(site, "/v1/score", site.serve.following[0])[0] == 200
    return "400 or 422 for each; the next payment is answered"


def _with(payment: bytes, name: str, text: str) -> bytes:
    fields = json.loads(payment) | {name: "@"}
    return json.dumps(fields).replace('"@"', text).encode()


@attempt("serve", is_dear=True)
def numbers_that_are_none(site: Site) -> str:
    """Amounts NaN, Infinity, 1e999, of 5,000 digits, negative, true, a list; 2^64 as a moment"""
    payment = site.serve.following[0]
    amounts = ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5_000, "-1", "true", "[1]", '"1"']
    for text in amounts:
        status, told, _ = asked(site, "/v1/score", _with(payment, "amount", text))
        assert status in (400, 422), (text, told)
    for text in (str(2**64), "-" + "9" * 400, "1e308", '"9999-12-31T23:59:60Z"'):
        status, _, _ = asked(site, "/v1/score", _with(payment, "timestamp", text))
        assert status in (200, 400, 422), text
    return f"400 or 422 with the path for each of {len(amounts)} amounts"


@attempt("serve", is_dear=True)
def field_twice(site: Site) -> str:
    """An amount twice in one object: do the check and the score take different ones?"""
    payment = json.loads(site.serve.following[0])
    rest = json.dumps({name: each for name, each in payment.items() if name != "amount"})[1:]
    told = {}
    for first, last in (("1.0", "-5"), ("-5", "1.0"), ("1.0", "900.0"), ("900.0", "1.0")):
        body = f'{{"amount": {first}, "amount": {last}, {rest}'.encode()
        status, answer, _ = asked(site, "/v1/score", body)
        told[first, last] = status, answer.get("score") if isinstance(answer, dict) else None
    alone = asked(site, "/v1/score", _with(site.serve.following[0], "amount", "900.0"))[1]
    assert isinstance(alone, dict)
    assert told["1.0", "-5"][0] in (400, 422)
    if told["1.0", "900.0"][0] == 200:
        # As of one that has only the last: one and the same is checked and scored.
        assert told["1.0", "900.0"][1] == alone["score"]
    return f"{told['1.0', '-5'][0]} where the last is negative: the last is checked, and scored"


@attempt("serve", is_dear=True)
def question_asked_again(site: Site) -> str:
    """The same payment, with the same id, is asked about a hundred times: does its card learn
    from it?"""
    payment = site.serve.following[1]
    scores = set()
    for _ in range(100):
        status, told, _ = asked(site, "/v1/score", payment)
        assert isinstance(told, dict)
        scores.add((status, told["score"]))
    assert len(scores) == 1
    return "one and the same score: asking changes nothing"


@attempt("serve", is_dear=True)
def versions_by_odd_names(site: Site) -> str:
    """A version called ../../etc/passwd, *, with line ends, with 10,000 letters, of Redis' own words"""
    payment = site.serve.following[0]
    names = [
        "../../etc/passwd",
        "*",
        "a\r\nGET x",
        "x" * 10_000,
        "\x00",
        "version:*",
        "' OR 1=1",
        "?",
    ]
    for name in names:
        whole = quote(name, safe="")
        for path in (f"/v1/score?version={whole}", f"/v2/models/streamer/versions/{whole}/infer"):
            status, told, _ = asked(site, path, payment)
            assert status in (400, 404, 422), (path[:60], told)
            assert "root:" not in str(told)
    return f"404 for each of {len(names)} on two doors"


@attempt("serve", is_dear=True)
def other_methods(site: Site) -> str:
    """GET, HEAD, PUT, DELETE, PATCH, TRACE and a made-up one on the doors that take POST"""
    for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH", "TRACE", "FOO"):
        for path in DOORS:
            answer = raw(site, f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close")
            assert answer.split()[1] in (b"400", b"405"), (method, answer[:60])
            assert SERVE_KEY.encode() not in answer
    return "405 (a made-up one 400); TRACE echoes nothing"


@attempt("serve", is_dear=True)
def other_kinds_of_body(site: Site) -> str:
    """A form, CSV, XML with an entity of a file, multipart, JSON said to be UTF-16"""
    entity = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'
    kinds = (
        "application/x-www-form-urlencoded",
        "text/csv",
        "application/xml",
        "multipart/form-data",
    )
    for kind in kinds:
        for path in DOORS:
            status, told, _ = asked(site, path, entity, Content_Type=kind)
            assert status == 415, (kind, told)
    wide = site.serve.following[0].decode().encode("utf-16")
    kind = "application/json; charset=utf-16"
    status, told, _ = asked(site, "/v1/score", wide, Content_Type=kind)
    plain = asked(site, "/v1/score", site.serve.following[0])[1]
    assert status in (400, 415, 422) or (status, told) == (200, plain)
    return "415 for each, and nothing of it is parsed; what is UTF-16 is read as the same payment"


@attempt("serve", is_dear=True)
def smuggled_to_serve(site: Site) -> str:
    """A second request hidden by Content-Length and Transfer-Encoding, two lengths, spaces,
    folded lines"""
    told = smuggled(site, site.serve.port, "/v1/score", KEY_LINE)
    return f"one answer or none to each, and the connection is closed: {', '.join(told)}"


@attempt("serve", is_dear=True)
def host_of_serve(site: Site) -> str:
    """Host: evil.example, an absolute address, and none: does an answer have it?"""
    for head in (
        "GET /v1/score/ HTTP/1.1\r\nHost: evil.example\r\nConnection: close",
        "GET http://evil.example/readyz HTTP/1.1\r\nHost: x\r\nConnection: close",
        "GET /healthz/ HTTP/1.1\r\nHost: x\r\nX-Forwarded-Host: evil.example\r\nConnection: close",
    ):
        answer = raw(site, head)
        assert b"evil.example" not in answer, answer
    return "no answer and no redirect has it"


@attempt("serve", is_dear=True)
def lines_in_the_log_of_serve(site: Site) -> str:
    """Line ends, escapes and a forged event in addresses, headers, ids and versions"""
    whole = quote(ESCAPES, safe="")
    payment = json.loads(site.serve.following[0]) | {"transaction_id": ESCAPES, "card_id": ESCAPES}
    asked(site, f"/v1/score?version={whole}", json.dumps(payment).encode())
    asked(site, f"/{whole}?explain={whole}", b"{}")
    status, _, headers = asked(
        site, "/v1/score", json.dumps(payment).encode(), X_Request_Id="a\tb", Traceparent="x"
    )
    assert "forged" not in str(headers)
    n_lines = log_lines_are_whole(site.serve.log())
    return f"{status}; each of {n_lines} lines is one JSON object of ours"


@attempt("serve", is_dear=True)
def many_connections(site: Site) -> str:
    """500 connections that say nothing"""
    with crowd(site.serve.port, 500, b""):
        assert asked(site, "/v1/score", site.serve.following[0])[0] == 200
    return "the next is answered; those who say nothing are closed after five seconds"
