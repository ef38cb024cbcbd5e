"""Whatever is asked in whatever way gets an answer in words, with the headers, and never a defect."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from hypothesis import example, given, settings
from hypothesis import strategies as st

from streamer.console.console import now_ms
from tests.console.conftest import Reviewer, Stand, alert, arrived

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO")
FIELDS = "csrf key verdict comment holder name password after alert_id x".split()
FILTERS = "severity reason merchant country least most hours ranked_by page done look since".split()
ONE = "transactions-0-1"
TEXTS = st.one_of(
    st.sampled_from(
        ["", ONE, "fraud", "legitimate", "mona", "9" * 5_000, "-1", "1e999", "\0", "../"]
    ),
    st.text(max_size=40),
)
IDS = st.one_of(st.just(ONE), st.text(min_size=1, max_size=40), st.just("x" * 4_000))
PAGES = st.sampled_from(
    "/ /next /help /below /login /logout /healthz /readyz /metrics /static/console.css /static/ "
    "/nowhere".split()
)
PLACES = "recomputed export.json print verdict undo claim release take print/more".split()
PARTS = st.sampled_from(["", "/", *(f"/{part}" for part in PLACES)])
ALERTS = st.builds(lambda which, part: f"/alerts/{quote(which, safe='')}{part}", IDS, PARTS)
ANYTHING = st.binary(max_size=30).map(lambda told: "/" + quote(told))
PATHS = st.one_of(PAGES, ALERTS, ANYTHING)
QUERIES = st.dictionaries(st.sampled_from(FILTERS), TEXTS, max_size=3).map(urlencode)
FORMS = st.dictionaries(st.sampled_from(FIELDS), TEXTS, max_size=8)
BODIES = st.one_of(st.binary(max_size=200), st.just(b"a=1&" * 100), st.just(b"c=" + b"x" * 70_000))
KINDS = st.sampled_from(
    ["application/x-www-form-urlencoded", "application/json", "", "a/b; c=\xff"]
)
COOKIES = st.one_of(st.none(), st.binary(max_size=60).map(lambda told: told.replace(b"\n", b"")))
NAMES = (
    "content-security-policy",
    "x-content-type-options",
    "x-frame-options",
    "referrer-policy",
    "cache-control",
    "strict-transport-security",
)


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    """Return a request as a dictionary: ``has_token`` says that its form is one of the session's."""
    return {
        "method": draw(st.sampled_from(METHODS)),
        "path": draw(PATHS),
        "query": draw(QUERIES),
        "body": draw(st.one_of(FORMS, BODIES)),
        "kind": draw(KINDS),
        "cookie": draw(COOKIES),
        "has_token": draw(st.booleans()),
    }


def asked(method: str, path: str, cookie: bytes | None = None, **told: Any) -> dict[str, Any]:
    kind = "application/x-www-form-urlencoded"
    common = {"query": "", "body": {}, "kind": kind, "has_token": True}
    return common | {"method": method, "path": path, "cookie": cookie} | told


def test_any_request_gets_an_answer_in_words_with_the_headers(stand: Stand) -> None:
    stand.publish([alert(1)])
    with stand.console() as (console, client):
        arrived(console, client, 1)
        mona = Reviewer(client, "mona")
        account = console.accounts.get("mona")
        assert account is not None

        @example(asked("GET", "/", query="page=" + "9" * 5_000))
        @example(asked("HEAD", "/login"))
        @example(asked("GET", "/login/"))
        @example(asked("DELETE", f"/alerts/{ONE}"))
        @example(asked("GET", "/", b"streamer_session=\xff.\xe9; =;"))
        @example(asked("POST", f"/alerts/{ONE}/verdict", body={"key": "\xe9", "verdict": "fraud"}))
        @settings(max_examples=300, deadline=None)
        @given(request=requests())
        def holds(request: dict[str, Any]) -> None:
            session = console.signer.began(account, now_ms() + 60_000)
            own = f"streamer_session={console.signer.signed(session)}".encode()
            body = request["body"]
            if isinstance(body, dict):
                token = console.signer.token(session.id)
                body = urlencode(body | ({"csrf": token} if request["has_token"] else {})).encode()
            mona.browser.cookies.clear()
            answer = mona.browser.request(
                request["method"],
                f"{request['path']}?{request['query']}",
                content=body,
                headers={
                    "Cookie": own if request["cookie"] is None else request["cookie"],
                    "Content-Type": request["kind"].encode("latin-1"),
                },
                follow_redirects=False,
            )
            assert answer.status_code < 500
            assert all(name in answer.headers for name in NAMES), answer.headers
            if answer.status_code >= 400 and request["method"] != "HEAD":
                assert "<h1>" in answer.text
            if answer.status_code in (301, 302, 303, 307, 308):
                where = answer.headers["location"]
                assert where.startswith("/")
                assert not where.startswith("//")

        holds()
        assert mona.browser.head("/login").status_code == 200


def test_a_defect_is_told_with_the_headers(stand: Stand) -> None:
    with stand.console() as (console, client):
        console.alerts = None  # type: ignore[assignment]
        mona = Reviewer(client, "mona")
        mona.browser._transport.raise_server_exceptions = False  # type: ignore[attr-defined]
        answer = mona.get("/readyz")
        assert (answer.status_code, "defect of the console" in answer.text) == (500, True)
        assert all(name in answer.headers for name in NAMES)
