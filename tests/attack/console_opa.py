"""Attempts by way of the policy server: it is away, slow, or says what it should not."""

from __future__ import annotations

import time
from typing import Any

from tests.attack.attempts import attempt
from tests.attack.console_pages import is_dead
from tests.attack.people import Person, known, path_of
from tests.attack.site import PROXY, Site, as_told
from tests.console.conftest import key_of
from tests.rig.waiting import DEADLINE_S

__all__: list[str] = []

# What a page lets somebody wait for at most: of several questions one waits.
_SOON_S = 10.0


def _refused(site: Site, how: str, number: int) -> float:
    """Try a change and an export meanwhile; return how long a page took."""
    console = site.guarded
    assert console.opa is not None
    mona = known(site, console, "mona")
    page = mona.get(path_of(number))
    key = key_of(page)
    assert key
    with as_told(console.opa, how):
        told = mona.post(
            path_of(number, "/verdict"), page, verdict="fraud", key=key, comment="kept"
        )
        assert (told.status_code, "kept" in told.text) == (503, True)
        assert mona.get(path_of(number, "/export.json")).status_code == 503
        began = time.monotonic()
        assert mona.get(path_of(number)).status_code == 200
        took_s = time.monotonic() - began
        assert known(site, console, "otto").get(path_of(number)).status_code == 403
    assert took_s < _SOON_S
    assert console.opa.led_astray == []
    assert mona.get(path_of(number, "/export.json")).status_code == 200
    return took_s


@attempt("console", is_dear=True)
def policy_server_away(site: Site) -> str:
    """While OPA answers 500 with a yes in it, a verdict and an export are tried, and a page of
    no role"""
    _refused(site, "away", 20)
    return "503 with what was typed; pages by the table: 200, 403 for who has no role"


@attempt("console", is_dear=True)
def policy_server_talks_nonsense(site: Site) -> str:
    """OPA answers with HTML, and with allow as the text "true" """
    for n, how in enumerate(("nonsense", "words")):
        _refused(site, how, 21 + n)
    return "503: neither yes nor no"


@attempt("console", is_dear=True)
def policy_server_without_end(site: Site) -> str:
    """OPA answers yes, with five megabytes of blanks in it"""
    _refused(site, "huge", 23)
    return "503: more than 65,536 bytes are not read"


@attempt("console", is_dear=True)
def policy_server_hangs(site: Site) -> str:
    """OPA says yes after three times the time it has"""
    took_s = _refused(site, "slow", 24)
    return f"503; a page meanwhile took {took_s:.1f} s"


@attempt("console", is_dear=True)
def policy_server_sends_elsewhere(site: Site) -> str:
    """OPA redirects the question to another address, which would say yes"""
    _refused(site, "elsewhere", 25)
    return "503: the redirect is not followed"


@attempt("console", is_dear=True)
def policy_server_says_yes_to_all(site: Site) -> str:
    """OPA allows everything: is one person enough for what needs two?"""
    console = site.guarded
    assert console.opa is not None
    lea = known(site, console, "lea")
    fields = {"kind": "card", "days": "60", "reason": "the customer travels", "key": "k-all"}
    assert lea.post(path_of(26, "/snooze"), lea.get(path_of(26)), **fields).status_code == 200
    path = "/proposals/snooze-k-all"
    with as_told(console.opa, "all"):
        page = lea.get("/proposals")
        own = lea.post(f"{path}/decide", page, state="approved")
        assert (own.status_code, "Nobody decides on what they proposed" in own.text) == (403, True)
        for name in ("LEA", "Lea"):
            # A proxy may write a name in other ways than the account's.
            told = {"X-Forwarded-User": name, "X-Forwarded-Groups": "leads"}
            other = Person(site, console, name, PROXY, **told)
            assert f"{name}, " in other.get("/help").text
            again = other.post(f"{path}/decide", other.get("/proposals"), state="approved")
            assert again.status_code == 403, name
        assert lea.post(f"{path}/carry-out", page).status_code == 403
        assert known(site, console, "lars").post(f"{path}/carry-out", page).status_code == 403
        nobody = Person(site, console, "nobody", site.new_address())
        assert not nobody.is_in()
        # A policy may let anybody approve, and then it needs one person more all the same.
        mona = known(site, console, "mona")
        done = mona.post(f"{path}/decide", mona.get("/proposals"), state="approved")
        assert done.status_code == 200, done.text[-400:]
        assert "snooze-k-all" not in lea.get("/snoozed").text
        assert lea.post(f"{path}/carry-out", lea.get("/proposals")).status_code == 200
        twice = lea.post(f"{path}/carry-out", lea.get("/proposals"))
        assert twice.status_code in (403, 404, 409)
    return (
        "403 for the maker's own approval, in capitals too, and for carrying out what nobody has"
        f" approved; {twice.status_code} for doing it twice; nobody is let in"
    )


@attempt("console", is_dear=True)
def worker_that_lies(site: Site) -> str:
    """What STREAMER_CONSOLE_WORKERS names redirects, answers 40 MB, or markup for a status"""
    console = site.guarded
    assert console.opa is not None
    lea = known(site, console, "lea")
    for how, said in (
        ("elsewhere", "status 302"),
        ("markup", "&lt;script&gt;"),
        ("huge", "16,000,000"),
    ):
        # Metrics are asked for every five seconds; the policy is the honest one's again by then.
        console.opa.worker = how
        page = _operations_saying(lea, said)
        assert is_dead(page), how
    console.opa.worker = ""
    assert console.opa.led_astray == []
    return "no redirect is followed, and 16 MB is the most that is read; the page has it as text"


def _operations_saying(lea: Person, said: str) -> Any:
    deadline = time.monotonic() + DEADLINE_S
    while True:
        page = lea.get("/operations")
        if said in page.text or time.monotonic() > deadline:
            assert said in page.text, said
            return page
        time.sleep(0.5)
