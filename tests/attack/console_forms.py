"""Attempts to do in the console what one may not, by forms: forged, of others, sent twice, too
large."""

from __future__ import annotations

from tests.attack.attempts import attempt
from tests.attack.people import Person, judged, known, path_of, stranger
from tests.attack.site import Site
from tests.console.conftest import key_of
from tests.console.test_access import MORE

__all__: list[str] = []


def _is_open(person: Person, number: int) -> bool:
    """Whether nobody has judged an alert."""
    page = person.get(path_of(number), params={"look": "1"})
    # 409: another has claimed it.
    assert page.status_code in (200, 409)
    return " judged it <strong>" not in page.text


@attempt("console")
def form_without_its_token(site: Site) -> str:
    """A verdict without the token, with one of another's session, of an earlier one of the
    same, of the login"""
    console = site.console
    mona, noor = known(site, console, "mona"), known(site, console, "noor")
    page = mona.get(path_of(1))
    earlier = known(site, console, "mona")
    old = earlier.token()
    tokens = ["", noor.token(), old, "0" * 64, key_of(page), stranger(site, console).cookie]
    for token in tokens:
        fields = {"csrf": token, "verdict": "fraud", "key": key_of(page)}
        answer = mona.browser.post(path_of(1, "/verdict"), data=fields)
        assert (answer.status_code, "form was of another session" in answer.text) == (403, True)
    absent = mona.browser.post(path_of(1, "/verdict"), data={"verdict": "fraud"})
    assert absent.status_code == 403
    assert mona.browser.post("/logout", data={"csrf": noor.token()}).status_code == 403
    assert mona.is_in()
    assert _is_open(known(site, console, "lea"), 1)
    return "403 for each; the alert is still open, and nobody was logged out"


@attempt("console")
def form_of_another_site(site: Site) -> str:
    """A page of another origin sends a form with the victim's cookie, as its Origin and
    Sec-Fetch-Site say"""
    mona = known(site, site.console, "mona")
    headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    fields = {"verdict": "fraud", "key": "k"}
    answer = mona.browser.post(path_of(2, "/verdict"), data=fields, headers=headers)
    assert answer.status_code == 403
    plain = {"Content-Type": "text/plain"} | headers
    told = mona.browser.post(path_of(2, "/verdict"), content="verdict=fraud", headers=plain)
    assert told.status_code == 400
    assert "access-control-allow-origin" not in answer.headers
    asked = mona.browser.options(path_of(2, "/verdict"), headers=headers)
    assert "access-control-allow-origin" not in asked.headers
    return "403 without a token it cannot read; 400 as text/plain; no header that lets it read"


@attempt("console")
def link_from_another_site(site: Site) -> str:
    """A link elsewhere to an alert, or to the next one, is to claim it for who follows it"""
    nora = known(site, site.console, "noor")
    headers = {"Sec-Fetch-Site": "cross-site"}
    page = nora.get(path_of(3), headers=headers)
    assert page.status_code == 200
    assert nora.get("/next", headers=headers).status_code == 200
    taken = known(site, site.console, "lars").get(path_of(3), params={"look": "1"})
    assert "noor" not in taken.text
    return "the page, and no claim"


@attempt("console")
def changes_by_get(site: Site) -> str:
    """Every form's address is opened as a link, and asked for with HEAD, PUT, DELETE, PATCH
    and TRACE"""
    lea = known(site, site.console, "lea")
    paths = [path_of(4, f"/{part}") for part in ("verdict", "undo", "claim", "take", "snooze")]
    paths += ["/logout", "/snoozed/end", "/model/propose", "/budget/propose", "/ticked/verdict"]
    for path in paths:
        for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH", "TRACE"):
            answer = lea.browser.request(method, path, params={"verdict": "fraud"})
            assert answer.status_code == 405, (method, path)
    trace = lea.browser.request("TRACE", "/", headers={"X-Secret": "echo me"})
    assert (trace.status_code, "echo me" in trace.text) == (405, False)
    assert _is_open(lea, 4)
    return f"405 for each of {len(paths) * 6}; TRACE echoes nothing"


@attempt("console")
def alert_of_another(site: Site) -> str:
    """A verdict on an alert that another has claimed; its claim released, undone or taken by no lead"""
    console = site.console
    mona, noor = known(site, console, "mona"), known(site, console, "noor")
    own = mona.get(path_of(5))
    theirs = noor.get(path_of(5))
    assert key_of(own)
    for key in (key_of(own), key_of(theirs) or "k"):
        told = noor.post(path_of(5, "/verdict"), theirs, verdict="legitimate", key=key)
        assert "mona" in told.text
        assert told.status_code in (403, 409)
    assert noor.post(path_of(5, "/take"), theirs, holder="mona").status_code == 403
    noor.post(path_of(5, "/release"), theirs)
    assert "mona" in known(site, console, "lars").get(path_of(5), params={"look": "1"}).text
    undone = noor.post(path_of(5, "/undo"), theirs, key="undo-k")
    assert undone.status_code in (403, 404, 409)
    assert _is_open(known(site, console, "lars"), 5)
    return f"{told.status_code} with the holder's name; 403 for taking it; the claim stays"


@attempt("console")
def alert_that_is_not_there(site: Site) -> str:
    """A verdict on an alert that never was, on one of a foreign key, with a verdict that is none"""
    console = site.console
    mona = known(site, console, "mona")
    page = mona.get(path_of(6))
    absent = mona.post("/alerts/transactions-9-9/verdict", page, verdict="fraud", key=key_of(page))
    assert absent.status_code in (404, 409)
    key = key_of(mona.get(path_of(7)))
    odd = mona.post(path_of(6, "/verdict"), page, verdict="fraud; DROP", key=key_of(page))
    assert odd.status_code == 400
    crossed = mona.post(path_of(6, "/verdict"), page, verdict="fraud", key=key, comment="typed")
    assert crossed.status_code != 500
    sent = [each for each in judged(console, 0) if each["transaction_id"] in ("t-6",)]
    return (
        f"{absent.status_code}, 400, and {crossed.status_code} for another alert's key"
        f" ({len(sent)} verdicts)"
    )


@attempt("console")
def roles_that_one_has_not(site: Site) -> str:
    """Each role sends the forms and opens the pages of the others"""
    console = site.console
    closed = {
        "otto": ["/", path_of(8), "/team", "/budget", "/below"],
        "ada": [],
        "moss": [path_of(8), "/snoozed"],
    }
    n_denied = 0
    forms = [path_of(8, f"/{part}") for part in ("verdict", "claim", "take", "reopen", "snooze")]
    forms += ["/ticked", "/ticked/verdict", "/snoozed/end"]
    for name, _ in MORE:
        person = known(site, console, name)
        page = person.get("/help")
        for path in forms:
            answer = person.post(path, page, verdict="fraud", kind="card", days="1", reason="why")
            assert answer.status_code == 403, (name, path)
            n_denied += 1
        for path in closed[name]:
            if path != "/":
                assert person.get(path).status_code == 403, (name, path)
                n_denied += 1
    mona = known(site, console, "mona")
    for path in ("/ticked", "/ticked/verdict", path_of(8, "/take")):
        assert mona.post(path, mona.get("/help"), members="transactions-0-8").status_code == 403
        n_denied += 1
    return f"403 with the reason for each of {n_denied}"


@attempt("console")
def own_proposal(site: Site) -> str:
    """Who proposed something approves it, also a lead with another's form, and carries it out
    unapproved"""
    console = site.console
    lea = known(site, console, "lea")
    fields = {"kind": "card", "days": "60", "reason": "the customer travels", "key": "k-own"}
    told = lea.post(path_of(9, "/snooze"), lea.get(path_of(9)), **fields)
    assert told.status_code == 200
    path = "/proposals/snooze-k-own"
    own = lea.post(f"{path}/decide", lea.get("/proposals"), state="approved")
    assert own.status_code == 403
    early = known(site, console, "lars")
    assert early.post(f"{path}/carry-out", early.get("/proposals")).status_code == 403
    absent = early.post("/proposals/none/carry-out", early.get("/proposals"))
    assert absent.status_code == 404
    return "403 for the maker, 403 for carrying it out before another has approved, 404 for none"


@attempt("console")
def verdict_sent_twice(site: Site) -> str:
    """The same form is sent again, and once more with the other verdict"""
    console = site.console
    mona = known(site, console, "mona")
    page = mona.get(path_of(10))
    key = key_of(page)
    for verdict in ("fraud", "fraud", "legitimate"):
        answer = mona.post(path_of(10, "/verdict"), page, verdict=verdict, key=key)
        assert answer.status_code < 500
    sent = [each for each in judged(console, 1) if each["transaction_id"] == "t-10"]
    assert [each["verdict"] for each in sent] == ["fraud"], sent
    return "one verdict on the topic: the first"


@attempt("console")
def form_that_is_too_much(site: Site) -> str:
    """A form of a megabyte, of 10,000 fields, of other bytes, of JSON, with a field twice, gzipped"""
    mona = known(site, site.console, "mona")
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    bodies = [b"a=" + b"x" * 1_000_000, b"a=1&" * 10_000, b"\xff\xfe=\x00", b"%ff%fe=1"]
    for body in bodies:
        answer = mona.browser.post(path_of(11, "/verdict"), content=body, headers=kind)
        assert answer.status_code == 400
    for other in ("application/json", "multipart/form-data; boundary=x", "text/xml"):
        head = {"Content-Type": other}
        told = mona.browser.post(path_of(11, "/verdict"), content=b"{}", headers=head)
        assert told.status_code == 400
    token = mona.token()
    twice = f"csrf={token}&csrf=x&verdict=fraud".encode()
    assert (
        mona.browser.post(path_of(11, "/verdict"), content=twice, headers=kind).status_code == 403
    )
    zipped = kind | {"Content-Encoding": "gzip"}
    assert mona.browser.post("/login", content=b"\x1f\x8b", headers=zipped).status_code == 400
    return "400 for each with what a form must be; of two tokens the last counts: 403"
