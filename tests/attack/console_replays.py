"""Attempts with what was sent before, what was taken away since, and what stands between browser and
console."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from streamer.console.people.accounts import account_in, line_of
from tests.attack.attempts import attempt
from tests.attack.people import SESSION, Person, judged, known, path_of, stranger
from tests.attack.site import Site
from tests.attack.wire import exchange
from tests.console.conftest import key_of
from tests.console.test_oidc_login import go

__all__: list[str] = []


@attempt("console")
def role_taken_away(site: Site) -> str:
    """A lead's session goes on after the account was made a reviewer's, and sends a lead's forms"""
    console = site.console
    norbert = known(site, console, "norbert")
    text = console.accounts.read_text()
    [line] = [each for each in text.splitlines() if each.startswith("norbert:")]
    account = account_in(line)
    assert account is not None
    console.accounts.write_text(text.replace(line, line.replace(":reviewer", ":lead")))
    ticked = norbert.post("/ticked", norbert.get("/help"), members="transactions-0-16")
    assert ticked.status_code != 403
    console.accounts.write_text(text.replace(line, line_of(account)))
    for path in ("/ticked", "/ticked/verdict", path_of(16, "/take")):
        told = norbert.post(path, norbert.get("/help"), members="transactions-0-16", holder="mona")
        assert told.status_code == 403, path
    assert norbert.get("/proposals").status_code == 200
    return "403 with the next request, by the roles of then; what a reviewer sees goes on"


@attempt("console")
def form_of_a_session_that_is_over(site: Site) -> str:
    """A form is recorded with its cookie, and sent after its owner has logged out"""
    console = site.console
    owner = known(site, console, "mona")
    page = owner.get(path_of(17))
    cookie, token, key = owner.cookie, owner.token(), key_of(page)
    owner.post("/logout", owner.get("/help"))
    thief = Person(site, console, "thief").holding(cookie)
    fields = {"csrf": token, "verdict": "fraud", "key": key}
    told = thief.browser.post(path_of(17, "/verdict"), data=fields)
    assert told.status_code == 401
    assert 'action="/login"' in told.text
    assert not [each for each in judged(console, 0) if each["transaction_id"] == "t-17"]
    return "401 with the login, and no verdict"


@attempt("console")
def decision_sent_again(site: Site) -> str:
    """A lead's form of approval is sent again, by a third person, and turned into the opposite"""
    console = site.console
    lea, lars = known(site, console, "lea"), known(site, console, "lars")
    fields = {"kind": "card", "days": "90", "reason": "the customer travels", "key": "k-again"}
    assert lea.post(path_of(18, "/snooze"), lea.get(path_of(18)), **fields).status_code == 200
    path = "/proposals/snooze-k-again"
    page = lars.get("/proposals")
    assert lars.post(f"{path}/decide", page, state="declined").status_code == 200
    for who, state in ((lars, "approved"), (lea, "approved")):
        told = who.post(f"{path}/decide", who.get("/proposals"), state=state)
        assert told.status_code in (403, 409), state
    assert lars.post(f"{path}/carry-out", page).status_code == 403
    same = lea.post(path_of(18, "/snooze"), lea.get(path_of(18)), **fields)
    assert same.status_code == 409
    assert "snooze-k-again" not in lea.get("/snoozed").text
    return "409: the first decision stands; its form makes no second proposal"


@attempt("console")
def two_cookies_of_a_session(site: Site) -> str:
    """A site beside the console plants a session of the attacker's beside the victim's, before and
    behind it"""
    console = site.console
    planted, own = console.signed("noor"), console.signed("mona")
    for pair in ((planted, own), (own, planted), (own, own)):
        told = "; ".join(f"{SESSION}={each}" for each in pair)
        person = Person(site, console, "mona")
        page = person.get("/team", headers={"Cookie": told})
        assert 'action="/login"' in page.text
    assert Person(site, console, "mona").holding(own).is_in()
    return "the login page for each order: neither counts"


@attempt("console")
def page_in_a_frame_or_a_cache(site: Site) -> str:
    """Another site shows a page in a frame of its own; what stands between keeps a page for others"""
    lea = known(site, site.console, "lea")
    for path in ("/", path_of(19), path_of(19, "/export.json"), "/login", "/nothing", "/proposals"):
        headers = lea.get(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"], path
        assert headers["x-frame-options"] == "DENY"
        assert "no-store" in headers["cache-control"], path
    return "frame-ancestors 'none' and no-store on each"


@attempt("console")
def method_by_a_header(site: Site) -> str:
    """A link is to become a form: X-HTTP-Method-Override, _method, another path in X-Original-URL"""
    lea = known(site, site.console, "lea")
    for name in ("X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"):
        told = lea.get(path_of(19, "/claim"), headers={name: "POST"}, params={"_method": "POST"})
        assert told.status_code == 405, name
    for name in ("X-Original-URL", "X-Rewrite-URL"):
        assert stranger(site, site.console).get("/login", headers={name: "/"}).url.path == "/login"
        nobody = stranger(site, site.console).get("/healthz", headers={name: path_of(19)})
        assert "card-" not in nobody.text
    for path in (f"//{path_of(19)[1:]}", f"/static/..{path_of(19)}", f"/login/..{path_of(19)}"):
        head = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        answer = exchange(site, site.console.port, head.encode())
        assert b"card-" not in answer, path
    return "405, and the path of the request alone counts"


@attempt("console")
def provider_that_sends_elsewhere(site: Site) -> str:
    """The provider redirects keys and tokens to another address, and answers with two megabytes"""
    console = site.console
    provider = console.provider
    for answer in ((302, {}), (307, {}), (200, b" " * 2_000_000 + b"{}"), (200, b"[" * 200_000)):
        provider.answers = {"token": answer}
        try:
            told = go(stranger(site, console), provider)
        finally:
            provider.answers = {}
        assert told.status_code in (403, 503), answer
        assert "elsewhere" not in told.text
    return "503: no redirect is followed, and a megabyte is the most that is read"


@attempt("console", is_dear=True)
def event_streams_without_end(site: Site) -> str:
    """One person opens 200 streams of events, and leaves them open"""
    console = site.console
    lea = known(site, console, "lea")
    head = f"GET /events HTTP/1.1\r\nHost: x\r\nCookie: {SESSION}={lea.cookie}\r\n\r\n"
    with ThreadPoolExecutor(20) as pool:
        held = [pool.submit(exchange, site, console.port, head.encode(), 3.0) for _ in range(200)]
        began = time.monotonic()
        page = lea.get("/help")
        took_s = time.monotonic() - began
        told = [each.result() for each in held]
    assert page.status_code == 200
    n_open = sum(b"200 OK" in each for each in told)
    assert took_s < 10
    return f"{n_open} were answered; a page meanwhile took {took_s:.1f} s"


@attempt("console", is_dear=True)
def logins_all_at_once(site: Site) -> str:
    """Sixty logins come at once, from sixty addresses: each hash takes 19 MiB and a core"""
    console = site.console
    people = [stranger(site, console, "moss") for _ in range(60)]
    pages = [each.get("/login") for each in people]
    lea = known(site, console, "lea")
    with ThreadPoolExecutor(60) as pool:
        tried = [
            pool.submit(each.post, "/login", page, name=f"nobody{n}", password="wrong")
            for n, (each, page) in enumerate(zip(people, pages, strict=True))
        ]
        began = time.monotonic()
        assert lea.get("/help").status_code == 200
        took_s = time.monotonic() - began
        codes = {each.result().status_code for each in tried}
    assert codes <= {401, 429, 503}
    assert took_s < 10
    return f"{', '.join(map(str, sorted(codes)))}; a page meanwhile took {took_s:.1f} s"
