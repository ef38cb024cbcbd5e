"""Attempts on the worker's two addresses, and by what stands in payments."""

from __future__ import annotations

import ast
import inspect
import json
import textwrap

from streamer.serving import http_requests
from streamer.stream.health.endpoints import Endpoints
from tests.attack.attempts import attempt
from tests.attack.console_pages import ESCAPES
from tests.attack.site import ADMIN_TOKEN, Site
from tests.attack.wire import crowd, exchange, smuggled
from tests.rig.waiting import wait_until
from tests.stream.harness import payments

__all__: list[str] = []

BEARER_LINE = f"Authorization: Bearer {ADMIN_TOKEN}\r\n"


def _ask(site: Site, port: int, line: str, headers: str = "", body: bytes = b"") -> bytes:
    head = f"{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n"
    return exchange(site, port, head.encode("utf-8", "surrogateescape") + body, 10.0)


def _status(answer: bytes) -> str:
    return answer.split()[1].decode() if answer else "closed"


@attempt("worker")
def model_without_a_token(site: Site) -> str:
    """/model without a token, with half, more, lower case, Basic, twice, non-ASCII, in the address"""
    port = site.worker.admin_port
    tried = ["", "Authorization: Bearer \r\n", BEARER_LINE.replace("address", "addres")]
    tried += [BEARER_LINE.replace("\r", "x\r"), BEARER_LINE.replace("a-token", "A-token")]
    tried += [BEARER_LINE.replace("Bearer", "Basic"), BEARER_LINE.replace("Bearer ", "")]
    tried += ["Authorization: Bearer Bäume\r\n", f"X-Admin-Token: {ADMIN_TOKEN}\r\n"]
    for headers in tried:
        answer = _ask(site, port, f"GET /model?token={ADMIN_TOKEN}", headers)
        assert _status(answer) == "401", (headers, answer[:200])
        assert b"threshold" not in answer
    good = _ask(site, port, "GET /model", BEARER_LINE)
    assert _status(good) == "200"
    return f"401 for each of {len(tried)}, without anything of the model"


@attempt("worker")
def tokens_compared_by_time(site: Site) -> str:
    """How long a wrong token takes is to tell how much of it is right: read from the code"""
    for compares in (Endpoints._ask_token, http_requests.client_of):
        source = textwrap.dedent(inspect.getsource(compares))
        names = [n.attr for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Attribute)]
        assert "compare_digest" in names
        assert "get_secret_value() ==" not in source
    return "hmac.compare_digest for the worker's token and the keys of serve"


@attempt("worker")
def model_on_the_open_address(site: Site) -> str:
    """/model, /admin, /debug and others on the address that scrapers reach"""
    port = site.worker.port
    paths = ["/model", "/admin", "/admin/model", "/debug/pprof", "/env", "/metrics/../model"]
    paths += ["/static/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//model", "/model/"]
    for path in paths:
        answer = _ask(site, port, f"GET {path}", BEARER_LINE)
        assert _status(answer) == "404", path
        assert b"root:" not in answer
    return f"404 for each of {len(paths)}"


@attempt("worker")
def what_a_scraper_reads(site: Site) -> str:
    """/metrics, /healthz and /readyz without a token: card ids, merchants, thresholds,
    addresses, secrets"""
    records = payments(50)
    site.service.produce(records)
    wait_until(lambda: sum(site.worker.n_scored().values()) >= 50, site.worker.log)
    cards = {json.loads(value or b"{}")["card_id"] for _, value in records}
    for path in ("/metrics", "/healthz", "/readyz"):
        answer = _ask(site, site.worker.port, f"GET {path}").decode()
        assert not any(card in answer for card in cards)
        assert "redis://" not in answer
    return "counters by partition and reason; no id of any card"


@attempt("worker")
def methods_of_the_worker(site: Site) -> str:
    """POST, PUT, DELETE, TRACE and a made-up one, on all paths of both addresses"""
    worker = site.worker
    for port, path in (
        (worker.port, "/metrics"),
        (worker.port, "/readyz"),
        (worker.admin_port, "/model"),
    ):
        for method in ("POST", "PUT", "DELETE", "PATCH", "TRACE", "FOO"):
            status = _status(_ask(site, port, f"{method} {path}", BEARER_LINE))
            assert status in ("400", "405"), (method, path, status)
    return "405, and 400 for what is no method"


@attempt("worker")
def large_requests_to_the_worker(site: Site) -> str:
    """Headers of 10 MB, an address of 100 kB, a body of 10 MB"""
    port = site.worker.port
    line = "X-Large: " + "x" * 1_000 + "\r\n"
    told = [
        _status(_ask(site, port, "GET /healthz", line * 10_000)),
        _status(_ask(site, port, f"GET /{'x' * 100_000}")),
        _status(_ask(site, port, "POST /healthz", "Content-Length: 10000000\r\n", b" " * 100_000)),
    ]
    assert set(told) <= {"400", "404", "405", "413", "414", "431", "closed"}
    assert _status(_ask(site, port, "GET /healthz")) == "200"
    return ", ".join(told)


@attempt("worker")
def connections_held_to_the_worker(site: Site) -> str:
    """200 connections with half a head, and 200 that say nothing: are probes and payments kept
    waiting?"""
    worker = site.worker
    scored = sum(worker.n_scored().values())
    half = b"GET /metrics HTTP/1.1\r\nHost: x\r\n"
    with crowd(worker.port, 200, half), crowd(worker.admin_port, 200, b""):
        assert _status(_ask(site, worker.port, "GET /healthz")) == "200"
        site.service.produce(payments(50, seed=2))
        wait_until(lambda: sum(worker.n_scored().values()) >= scored + 50, worker.log)
    return "both go on; such connections are not ended by the worker: who may reach it is the network's"


@attempt("worker")
def smuggled_to_the_worker(site: Site) -> str:
    """A second request hidden by Content-Length and Transfer-Encoding, two lengths, spaces,
    folded lines"""
    told = smuggled(site, site.worker.port, "/healthz")
    return f"one answer or none to each: {', '.join(told)}"


@attempt("worker")
def payments_with_escapes(site: Site) -> str:
    """Line ends, escapes of a terminal and a forged event in ids of payments, as JSON and as no JSON"""
    service, worker = site.service, site.worker
    before = len(service.dead_letters())
    good = json.loads(payments(1)[0][1] or b"{}")
    odd = [good | {"card_id": ESCAPES, "transaction_id": ESCAPES, "currency": ESCAPES}]
    odd += [good | {"amount": ESCAPES}, good | {"merchant_id": ESCAPES, "mcc": ESCAPES}]
    records = [(ESCAPES.encode(), json.dumps(each).encode()) for each in odd]
    service.produce([*records, (None, ESCAPES.encode() * 20), (b"\xff", b"\xff\xfe{")])
    wait_until(lambda: len(service.dead_letters()) >= before + 3, worker.log)
    lines = worker.child.log_tail(100_000).splitlines()
    for line in lines:
        if line.strip():
            assert json.loads(line)["event"] != "forged", line
            assert "\x1b" not in line
    metrics = _ask(site, worker.port, "GET /metrics").decode()
    assert "forged" not in metrics
    return f"dead letters; each of {len(lines)} lines of the log is one JSON object of ours"
