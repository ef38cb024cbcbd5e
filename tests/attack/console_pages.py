"""Attempts by what stands on the console's pages, in its log, and in addresses."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

from tests.attack.attempts import attempt
from tests.attack.people import known, path_of, stranger
from tests.attack.site import HOSTILE_ID, MARKUP, Site
from tests.attack.wire import crowd, exchange, smuggled, trickled
from tests.console.conftest import key_of

__all__: list[str] = []

HOSTILE = f"/alerts/{quote(HOSTILE_ID)}"
# What would be more than text: a tag, or a quote that ends an attribute, of ours.
_ALIVE = re.compile(r"<script>alert|<img src=x|onerror=alert\(1\)>|\"><svg", re.IGNORECASE)
ESCAPES = 'a\r\n{"event": "forged"}\x1b[2J\u2028\x07'


def is_dead(answer: Any) -> bool:
    """Whether markup on a page is text, on a page that would not run it either."""
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    return not _ALIVE.search(answer.text)


@attempt("console")
def stored_markup(site: Site) -> str:
    """A payment's merchant, card and id are markup: on the queue, the alert, print, export and wave"""
    lea = known(site, site.console, "lea")
    n_seen = 0
    for path in (
        "/",
        HOSTILE,
        f"{HOSTILE}/print",
        f"{HOSTILE}/recomputed",
        "/waves/card-40",
        "/team",
    ):
        answer = lea.get(path)
        assert is_dead(answer), path
        n_seen += "&lt;script&gt;alert(1)" in answer.text
    assert n_seen
    exported = lea.get(f"{HOSTILE}/export.json")
    assert exported.headers["content-type"].startswith("application/json")
    assert exported.headers["x-content-type-options"] == "nosniff"
    assert "attachment" in exported.headers["content-disposition"]
    return f"text on each of {n_seen} pages, whose policy runs no inline script; a download as JSON"


@attempt("console")
def stored_comment(site: Site) -> str:
    """A reviewer's comment and a proposal's reason are markup, and others read them"""
    console = site.console
    lars = known(site, console, "lars")
    page = lars.get(path_of(12))
    note = f'"><svg onload=alert(1)>{MARKUP}'
    lars.post(path_of(12, "/verdict"), page, verdict="fraud", key=key_of(page), comment=note)
    fields = {"kind": "card", "days": "60", "reason": note, "key": "k-xss"}
    lars.post(path_of(13, "/snooze"), lars.get(path_of(13)), **fields)
    lea, n_seen = known(site, console, "lea"), 0
    for path in (path_of(12), "/proposals", "/team", path_of(12, "/print")):
        answer = lea.get(path)
        assert is_dead(answer), path
        n_seen += "svg onload" in answer.text
    assert n_seen
    return f"text on {n_seen} pages that have it"


@attempt("console")
def reflected_markup(site: Site) -> str:
    """Markup in a search, a filter, an alert's id, an unknown address, the login's name, a
    refused form"""
    console = site.console
    lea = known(site, console, "lea")
    told = '"><img src=x onerror=alert(1)>' + MARKUP
    whole = quote(told, safe="")
    for path in (
        f"/?merchant={whole}&severity={whole}&done={whole}",
        f"/alerts/{whole}",
        f"/{whole}",
    ):
        assert is_dead(lea.get(path)), path
    for path in (
        f"/proposals/{whole}/decide",
        f"/waves/{whole}",
        f"/static/{whole}",
        f"/?joint={whole}",
    ):
        assert is_dead(lea.get(path)), path
    assert is_dead(lea.post("/find", lea.get("/"), wanted=told))
    refused = lea.browser.post(path_of(14, "/verdict"), data={"comment": told, "csrf": "x"})
    assert (refused.status_code, is_dead(refused)) == (403, True)
    nobody = stranger(site, console, told)
    assert is_dead(nobody.login("wrong wrong wrong"))
    assert is_dead(nobody.get(f"/login?after={whole}"))
    assert is_dead(nobody.get(f"/oidc/callback?error={whole}&error_description={whole}&state=x"))
    return "text, or not there, on each page; the policy is on all of them"


def log_lines_are_whole(log: str) -> int:
    """Return how many lines a log has; each is one JSON object, and none was forged."""
    lines = log.splitlines()
    for line in lines:
        found = json.loads(line)
        assert found["event"] != "forged", line
        assert "\x1b" not in line
    assert len(lines) == len([each for each in log.split("\n") if each])
    return len(lines)


@attempt("console")
def lines_in_the_log(site: Site) -> str:
    """Line ends, escapes of a terminal and a forged event in names, ids, addresses, headers, a
    provider's error"""
    console = site.console
    lea = known(site, console, "otto")
    for text in (ESCAPES, '{"event": "forged"}'):
        whole = quote(text, safe="")
        lea.get(f"/alerts/{whole}")
        lea.get(f"/{whole}?{whole}={whole}")
        lea.post("/find", lea.get("/help"), wanted=text)
        lea.post(f"/proposals/{whole}/decide", lea.get("/help"), state=text)
        stranger(site, console, text).login("wrong wrong wrong")
        lea.get(f"/oidc/callback?error={whole}&error_description={whole}&state=x")
        lea.get("/help", headers={"User-Agent": "a\tb", "X-Request-Id": "x\ty"})
    return f"each of {log_lines_are_whole(console.log())} lines is one JSON object of ours"


@attempt("console")
def headers_by_line_ends(site: Site) -> str:
    """Line ends in an address, a file's name, the page after the login: another header is to
    come back"""
    console = site.console
    lea = known(site, console, "lea")
    for path in ("/%0d%0aSet-Cookie:%20a=b", "/alerts/x%0d%0aSet-Cookie:%20a=b/export.json"):
        answer = lea.get(path)
        assert answer.status_code == 404
        assert "a=b" not in str(answer.headers)
    found = lea.get(f"{HOSTILE}/export.json")
    assert re.fullmatch(
        r'attachment; filename="[\w.-]+\.json"', found.headers["content-disposition"]
    )
    raw = exchange(site, console.port, b"GET / HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n", 2.0)
    assert b" 400 " in raw.splitlines()[0]
    return "404 without another header; a file's name has letters, digits and dots alone"


@attempt("console")
def paths_out_of_the_folder(site: Site) -> str:
    """../ in the name of a static file and of an export, plain, encoded, doubly encoded, with
    backslashes"""
    lea = known(site, site.console, "lea")
    ways = ["..", "%2e%2e", "%252e%252e", "..%5c..", "....//"]
    paths = [f"/static/{way}/{way}/console.py" for way in ways]
    paths += [f"/static/{way}%2f{way}%2fetc%2fpasswd" for way in ways]
    paths += [
        "/static//etc/passwd",
        "/static/console.css%00.js",
        "/static/.",
        "/alerts/..%2f..%2fx",
    ]
    for path in paths:
        raw = exchange(
            site,
            site.console.port,
            f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            f"Cookie: streamer_session={lea.cookie}\r\n\r\n".encode(),
        )
        assert raw.split()[1] == b"404", (path, raw[:100])
        assert b"root:" not in raw
        assert b"import" not in raw
    return f"404 for each of {len(paths)}: files are known by name, and none is opened"


@attempt("console")
def other_hosts_name(site: Site) -> str:
    """Host and X-Forwarded-Host name another site, on pages, redirects and the way to the provider"""
    console = site.console
    person = stranger(site, console, "noor", Host="evil.example", X_Forwarded_Host="evil.example")
    page = person.get("/login", follow_redirects=False)
    out = person.get("/oidc/login", follow_redirects=False)
    slash = person.get("/help/", follow_redirects=False)
    for answer in (page, out, slash):
        assert "evil.example" not in answer.text
        assert "evil.example" not in str(answer.headers)
    assert "redirect_uri=https%3A%2F%2Ftestserver%2F" in out.headers["location"]
    return "no page and no redirect has it; the provider is told STREAMER_CONSOLE_URL"


@attempt("console")
def smuggled_requests(site: Site) -> str:
    """A second request hidden by Content-Length and Transfer-Encoding, two lengths, spaces,
    folded lines"""
    told = smuggled(site, site.console.port, "/login")
    assert "hidden-by-smuggling" not in site.console.log()
    return f"one answer or none to each, and the connection is closed: {', '.join(told)}"


@attempt("console", is_dear=True)
def slow_head(site: Site) -> str:
    """A request's head comes a byte at a time, on 200 connections, and without an end"""
    console = site.console
    first = b"GET /login HTTP/1.1\r\nHost: x\r\n"
    with crowd(console.port, 200, first):
        assert stranger(site, console).get("/login").status_code == 200
    after_s = trickled(console.port, first, b"X: y\r\n")
    assert after_s is not None, "the connection was held"
    return f"others are answered meanwhile; it is closed after {after_s:.0f} s"


@attempt("console")
def endless_head(site: Site) -> str:
    """Headers of 10 MB are sent, in one and in 10,000 lines"""
    line = b"X-Large: " + b"x" * 1_000 + b"\r\n"
    told = []
    for rest in (line * 10_000, b"X-Large: " + b"x" * 10_000_000 + b"\r\n"):
        answer = exchange(
            site, site.console.port, b"GET / HTTP/1.1\r\nHost: x\r\n" + rest + b"\r\n", 5.0
        )
        assert b"HTTP/1.1 200" not in answer
        told.append(answer.split()[1].decode() if answer else "closed")
    return f"ended early: {', '.join(told)}"


@attempt("console", is_dear=True)
def slow_form(site: Site) -> str:
    """A form comes a byte at a time"""
    head = b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n"
    head += b"Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    told = bytearray()
    after_s = trickled(site.console.port, head, b"a", 40.0, told)
    assert after_s is not None, "the connection was held"
    assert b"HTTP/1.1 400" in told, told
    return f"400, and closed after {after_s:.0f} s"


@attempt("console")
def numbers_without_end(site: Site) -> str:
    """Pages, filters, days and forms with numbers of 5,000 digits, 1e999, NaN, negative, other
    digits"""
    lea = known(site, site.console, "lea")
    for number in ("9" * 5_000, "1e999", "NaN", "-1", "٣", "0x10", "", "1_000"):
        for path in (f"/?page={number}&least={number}&hours={number}", f"/events?since={number}x"):
            if not path.startswith("/events"):
                assert lea.get(path).status_code < 500, (path, number)
        fields = {"kind": "card", "days": number, "reason": "why", "key": "k"}
        told = lea.post(path_of(15, "/snooze"), lea.get(path_of(15)), **fields)
        assert told.status_code < 500
        assert told.status_code == 400 or number in ("٣", "1_000", "0x10"), number
        asked = lea.get(path_of(15, "/asked"), params={"amount": number, "hour": number})
        assert asked.status_code < 500
    return "pages as without them; 400 for a form that says what it must be"


@attempt("console")
def what_nobody_logged_in_sees(site: Site) -> str:
    """/metrics, /healthz, /readyz, /events and an unknown address without a login: do they
    have card data?"""
    person = stranger(site, site.console)
    for path in ("/metrics", "/healthz", "/readyz", "/events", "/nothing", "/openapi.json"):
        answer = person.get(path)
        assert "card-" not in answer.text
        assert "mona" not in answer.text
        assert answer.status_code in (200, 204, 404), path
    return "counts and states without names, ids and cards; close /metrics at the proxy"
