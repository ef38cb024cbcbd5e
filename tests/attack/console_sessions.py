"""Attempts to get into the console, or to stay there: logins, cookies, proxies."""

from __future__ import annotations

import re
import time
from urllib.parse import urlsplit

from streamer.console.people.accounts import account_line
from streamer.console.people.login_tries import TRIES_FROM_AN_ADDRESS, TRIES_OF_A_NAME
from streamer.console.people.web_sessions import Signer
from tests.attack.attempts import attempt
from tests.attack.people import SESSION, Person, known, stranger
from tests.attack.site import PROXY, Console, Site
from tests.console.conftest import PASSWORD
from tests.console.oidc_provider import signed
from tests.console.test_oidc_login import go
from tests.console.test_oidc_people import FORGERIES

__all__: list[str] = []


def _is_shut(site: Site, console: Console, cookie: str) -> bool:
    return not Person(site, console, "thief").holding(cookie).is_in()


@attempt("console")
def session_fixation(site: Site) -> str:
    """A session cookie of the attacker's is put into the victim's browser before the login"""
    console = site.console
    planted = console.signed("noor")
    victim = stranger(site, console, "lars").holding(planted)
    form = stranger(site, console, "lars")
    page = form.get("/login")
    form.browser.cookies.set(SESSION, planted, domain="127.0.0.1", path="/")
    assert form.post("/login", page, name="lars", password=PASSWORD).status_code == 200
    assert victim.cookie == planted != form.cookie
    assert form.is_in()
    assert _is_shut(site, console, planted)
    return "the login set another cookie, and ended the session of the planted one"


@attempt("console")
def cookie_stolen_before_a_logout(site: Site) -> str:
    """A copy of a session cookie is used after its owner has logged out"""
    console = site.console
    owner = known(site, console, "noor")
    copied = owner.cookie
    assert owner.is_in()
    owner.post("/logout", owner.get("/help"))
    assert _is_shut(site, console, copied)
    return "the login page"


def _accounts_changed(site: Site, name: str, change: str) -> str:
    """Return a cookie of before an account was changed, and wait for nothing."""
    console = site.console
    cookie = console.signed(name)
    assert Person(site, console, name).holding(cookie).is_in()
    lines = console.accounts.read_text().splitlines()
    [old] = [line for line in lines if line.startswith(f"{name}:")]
    new = change or f"{old}:disabled"
    console.accounts.write_text("\n".join(new if line == old else line for line in lines))
    return cookie


@attempt("console")
def cookie_of_a_disabled_account(site: Site) -> str:
    """A session goes on after its account was disabled, and somebody logs in with it"""
    cookie = _accounts_changed(site, "nils", "")
    assert _is_shut(site, site.console, cookie)
    refused = stranger(site, site.console, "nils").login()
    assert refused.status_code == 401
    return "the login page at once; 401 for the right password"


@attempt("console")
def cookie_of_an_old_password(site: Site) -> str:
    """A session goes on after the password of its account was changed"""
    line = account_line("nina", ("reviewer",), "another long password")
    assert _is_shut(site, site.console, _accounts_changed(site, "nina", line))
    return "the login page at once"


@attempt("console")
def cookie_after_its_time(site: Site) -> str:
    """A cookie whose time is over is sent, with its own signature"""
    cookie = site.console.signed("noor", until_ms=round(time.time() * 1000) - 1_000)
    assert _is_shut(site, site.console, cookie)
    return "the login page"


@attempt("console")
def forged_cookie(site: Site) -> str:
    """Cookies with another name, time, role or key, an empty signature, half of one, none, two dots"""
    console = site.console
    good = console.signed("mona")
    body, _, mac = good.rpartition(".")
    other = console.signed("lea").rpartition(".")[0]
    from streamer.console.people.accounts import Accounts

    account = Accounts(console.accounts).get("lea")
    assert account is not None
    signer = Signer(b"another key, of thirty-two bytes")
    by_another = signer.signed(signer.began(account, 10**15))
    forged = [f"{other}.{mac}", f"{body}.", f"{body}.{mac[:32]}", body, f"{body}..{mac}"]
    forged += [f"{body}.{mac.upper()}", by_another, f".{mac}", "x" * 4_000]
    assert all(_is_shut(site, console, each) for each in forged)
    return f"the login page for each of {len(forged)}"


@attempt("console")
def cookie_flags(site: Site) -> str:
    """Script, another site and plain HTTP are to get at the session cookie"""
    person = stranger(site, site.console, "noor")
    answer = person.post("/login", person.get("/login"), False, name="noor", password=PASSWORD)
    [cookie] = [each for each in answer.headers.get_list("set-cookie") if each.startswith(SESSION)]
    flags = {part.strip().partition("=")[0].lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "secure", "samesite", "path"} <= flags
    assert "domain" not in flags
    return "HttpOnly, Secure, SameSite=lax, no Domain"


@attempt("console")
def login_without_its_page(site: Site) -> str:
    """A login is sent that no page of the console was asked for: another site logs the victim
    in as itself"""
    outsider = stranger(site, site.console)
    page = stranger(site, site.console).get("/login")
    answer = outsider.post("/login", page, name="mona", password=PASSWORD)
    assert answer.status_code == 401
    assert not outsider.cookie
    return "401: the page was too old"


@attempt("console")
def passwords_of_a_name(site: Site) -> str:
    """Passwords of one account are tried from one address, one after the other"""
    person = stranger(site, site.console, "lars")
    page = person.get("/login")
    codes = [
        person.post("/login", page, name="lars", password=f"wrong {n}").status_code
        for n in range(TRIES_OF_A_NAME + 1)
    ]
    assert codes == [401] * TRIES_OF_A_NAME + [429]
    assert person.login().status_code == 429
    return f"401 {TRIES_OF_A_NAME} times, then 429 for a quarter of an hour, also for the right one"


@attempt("console")
def forged_x_forwarded_for(site: Site) -> str:
    """The same with another X-Forwarded-For each time, from an address that is no proxy's"""
    person = stranger(site, site.console, "lea")
    page, codes = person.get("/login"), []
    for n in range(TRIES_OF_A_NAME + 1):
        person.browser.headers["X-Forwarded-For"] = f"198.51.100.{n}"
        codes.append(person.post("/login", page, name="lea", password="wrong").status_code)
    assert codes[-1] == 429
    return "429: the connection's own address counts"


@attempt("console", is_dear=True)
def passwords_of_many_names(site: Site) -> str:
    """One password is tried for ever other names from one address"""
    person = stranger(site, site.console)
    page = person.get("/login")
    codes = [
        person.post("/login", page, name=f"name{n}", password="wrong").status_code
        for n in range(TRIES_FROM_AN_ADDRESS + 1)
    ]
    assert codes == [401] * TRIES_FROM_AN_ADDRESS + [429]
    return f"401 {TRIES_FROM_AN_ADDRESS} times, then 429"


@attempt("console")
def names_told_apart(site: Site) -> str:
    """A wrong password of an account that there is, and one of none: do page or status differ?"""
    told = []
    for name in ("moss", "nobody"):
        person = stranger(site, site.console, name)
        answer = person.login("wrong wrong wrong")
        told.append(
            (answer.status_code, re.sub(r'value="[^"]*"', "", answer.text).replace(name, ""))
        )
    assert told[0] == told[1]
    return "401 with the same page; both are hashed"


@attempt("console", is_dear=True)
def proxy_header_from_elsewhere(site: Site) -> str:
    """X-Forwarded-User: lea from an address that is no proxy's, with X-Forwarded-For of the proxy"""
    person = stranger(
        site,
        site.guarded,
        X_Forwarded_User="lea",
        X_Forwarded_Groups="leads",
        X_Forwarded_For=PROXY,
        Forwarded=f"for={PROXY}",
        X_Real_IP=PROXY,
    )
    assert not person.is_in()
    return "the login page"


@attempt("console", is_dear=True)
def proxy_header_twice(site: Site) -> str:
    """The browser sends X-Forwarded-User too, and the proxy adds its own; the same with groups"""
    console = site.guarded
    base = [("X-Forwarded-User", "mona"), ("X-Forwarded-Groups", "team")]
    person = Person(site, console, "mona", PROXY)
    assert "mona, reviewer" in person.get("/team", headers=base).text
    twice = [*base, ("x-forwarded-user", "lea")]
    assert 'action="/login"' in person.get("/team", headers=twice).text
    groups = [*base, ("X-FORWARDED-GROUPS", "leads")]
    assert person.get("/team", headers=groups).status_code == 403
    return "the login page for two names; no role at all for two lists of groups"


@attempt("console", is_dear=True)
def proxy_header_of_odd_names(site: Site) -> str:
    """The proxy hands on names with commas, spaces, non-ASCII letters, markup, 65 letters, none"""
    person = Person(site, site.guarded, "mona", PROXY)
    names = [b"mona,lea", b"mo na", "môna".encode(), b"<b>mona</b>", b"m" * 65, b"", b"mona\x00"]
    for name in names[:-1]:
        told = [(b"X-Forwarded-User", name), (b"X-Forwarded-Groups", b"leads")]
        assert 'action="/login"' in person.get("/help", headers=told).text, name
    return "the login page for each"


@attempt("console")
def forged_id_tokens(site: Site) -> str:
    """ID tokens with alg none, HS256 by the public key, another's key, issuer, audience, nonce, time"""
    console, n_tried = site.console, 0
    provider = console.provider
    provider.person["preferred_username"] = "olena"
    person = stranger(site, console)
    for n, (forge, outcome) in enumerate(FORGERIES.values()):
        if n and n % 30 == 0:
            person = stranger(site, console)
        provider.forge = forge
        try:
            told = go(person, provider)
        finally:
            provider.forge = signed
        assert (told.status_code, f"({outcome})" in told.text) == (403, True), outcome
        n_tried += 1
    assert not person.cookie
    assert go(person, provider).status_code == 303
    return f"403 for each of {n_tried}, each for its own reason; the same with a good one is let in"


@attempt("console")
def code_and_state_again(site: Site) -> str:
    """The address with which a provider sent somebody back is opened again, by them and by another"""
    console = site.console
    provider = console.provider
    person = stranger(site, console)
    out = person.get("/oidc/login", follow_redirects=False)
    jar = {each.name: each.value for each in person.browser.cookies.jar}
    query = provider.log_in(out.headers["location"])
    other = stranger(site, console).get("/oidc/callback", params=query, follow_redirects=False)
    assert (other.status_code, "(state)" in other.text) == (400, True)
    first = person.get("/oidc/callback", params=query, follow_redirects=False)
    assert first.status_code == 303
    again = stranger(site, console)
    again.browser.cookies.set(
        "streamer_oidc", jar["streamer_oidc"] or "", domain="127.0.0.1", path="/"
    )
    told = again.get("/oidc/callback", params=query, follow_redirects=False)
    assert (told.status_code, "(state_used)" in told.text) == (400, True)
    return "400 (state) without the cookie, 400 (state_used) with it"


@attempt("console")
def open_redirect(site: Site) -> str:
    """The login, by password and by provider, is to send on to another site or to set a header"""
    console = site.console
    elsewhere = ["//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example"]
    elsewhere += [
        "javascript:alert(1)",
        "/x\r\nSet-Cookie: a=b",
        "\\\\evil.example",
        "/\n/evil.example",
    ]
    person = stranger(site, console, "noor")
    for after in elsewhere:
        page = person.get("/login")
        told = person.post("/login", page, False, name="noor", password=PASSWORD, after=after)
        assert (told.status_code, told.headers["location"]) == (303, "/"), after
        assert "a=b" not in str(told.headers)
        back = go(stranger(site, console), console.provider, after)
        assert back.headers["location"] == "/", after
    page = Person(site, console, "noor").browser.get("//evil.example/..%2f", follow_redirects=False)
    assert urlsplit(page.headers.get("location", "/")).netloc == ""
    return f"303 to / for each of {len(elsewhere)}, and no other header"
