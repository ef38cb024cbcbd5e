"""Logging in to the console by way of a provider, on real servers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from streamer.cli import main
from streamer.console.console import Console
from streamer.console.people.login_tries import TRIES_FROM_AN_ADDRESS
from streamer.errors import UnavailableError
from tests.console.conftest import Reviewer, Stand, alert, arrived
from tests.console.oidc_provider import CLIENT, OTHER, SECRET, Provider, signed

ONE = "transactions-0-1"


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as made:
        made.person["preferred_username"] = "nora"
        yield made


@contextmanager
def at_console(
    stand: Stand, provider: Provider, folder: Path, **changes: Any
) -> Iterator[tuple[Console, TestClient]]:
    """Run a console that lets in whom the provider does."""
    secret = folder / "client-secret"
    secret.write_text(SECRET)
    told = {
        "console_url": "https://testserver",
        "oidc_issuer": provider.issuer,
        "oidc_client_id": CLIENT,
        "oidc_client_secret_file": secret,
        "oidc_roles": "fraud-team=reviewer,fraud-leads=reviewer+lead",
    }
    with stand.console(**told | changes) as (console, client):
        yield console, client


def go(browser: Reviewer, provider: Provider, after: str = "/", **changes: str) -> Any:
    """Log in at the provider, and come back with its answer."""
    out = browser.get("/oidc/login", params={"after": after}, follow_redirects=False)
    assert out.status_code == 303, out.text
    query = provider.log_in(out.headers["location"]) | changes
    return browser.get("/oidc/callback", params=query, follow_redirects=False)


def logins(client: TestClient) -> dict[str, float]:
    found = re.findall(
        r'streamer_oidc_logins_total\{outcome="(\w+)"\} (\S+)', client.get("/metrics").text
    )
    return {outcome: float(n) for outcome, n in found if float(n)}


def test_somebody_whom_the_provider_lets_in_works_until_they_log_out(
    stand: Stand, provider: Provider, tmp_path: Path
) -> None:
    stand.publish([alert(1)])
    with at_console(stand, provider, tmp_path) as (console, client):
        arrived(console, client, 1)
        nora = Reviewer(client, "nora")
        # Somebody has put a session of theirs into this browser.
        lea = console.accounts.get("lea")
        assert lea is not None
        planted = console.signer.signed(console.signer.began(lea, 10**15))
        nora.browser.cookies.set("streamer_session", planted, domain="testserver.local", path="/")
        page = nora.get("/login")
        assert "/oidc/login?after=" in page.text
        assert 'name="password"' in page.text
        back = go(nora, provider, "/team?x=1")
        assert (back.status_code, back.headers["location"]) == (303, "/team?x=1")
        cookie = back.cookies["streamer_session"]
        assert cookie != planted
        nora.browser.cookies.clear()
        nora.browser.cookies.set("streamer_session", cookie)
        assert "nora, reviewer" in nora.get("/team").text
        assert nora.judge(ONE, "fraud").status_code == 200
        # The planted one is over, too.
        other = Reviewer(client, "lea")
        other.browser.cookies.set("streamer_session", planted)
        assert 'action="/login"' in other.get("/").text
        # Whoever is put into another group has its role with the next login, not before.
        provider.person["groups"] = ["fraud-leads"]
        assert "nora, reviewer<" in nora.get("/team").text
        out = nora.post("/logout", nora.get("/team"))
        assert out.status_code == 200
        assert out.headers["refresh"].startswith(f"0; url={provider.issuer}/logout?client_id=")
        nora.browser.cookies.set("streamer_session", cookie)
        assert 'action="/login"' in nora.get("/team").text
        # This client would send the old one beside the new, as no browser does.
        nora.browser.cookies.clear()
        assert go(nora, provider).status_code == 303
        assert "nora, reviewer,lead" in nora.get("/team").text
        assert logins(client) == {"in": 2.0}
    told = stand.read(stand.settings.audit_topic, 5)
    acted = {each["action"]: each for each in told if each["actor"]["name"] == "nora"}
    assert {each["actor"]["by"] for each in acted.values()} == {"oidc"}
    assert acted["login"]["details"]["subject"] == f"{provider.issuer} 248289761001"
    assert {"login", "open", "verdict", "logout"} <= acted.keys()
    assert re.fullmatch(r"[0-9a-f]{32}", acted["verdict"]["decision_id"])
    assert re.fullmatch(r"[0-9a-f]{32}", acted["logout"]["decision_id"])


def test_a_name_is_whose_it_was_first_and_who_is_renamed_stays_who_they_were(
    stand: Stand, provider: Provider, tmp_path: Path
) -> None:
    with at_console(stand, provider, tmp_path) as (_, client):
        nora = Reviewer(client, "nora")
        assert go(nora, provider).status_code == 303
        provider.person["preferred_username"] = "lars.lindqvist"
        assert go(nora, provider).status_code == 303
        assert "nora, reviewer" in nora.get("/").text
        other = Reviewer(client, "other")
        provider.person |= {"sub": "another", "preferred_username": "NORA"}
        taken = go(other, provider)
        assert (taken.status_code, "(name_taken)" in taken.text) == (403, True)
        # Lea has an account here, and who is called so there is somebody else.
        provider.person |= {"sub": "third", "preferred_username": "Lea"}
        assert "(name_taken)" in go(other, provider).text
        assert 'action="/login"' in other.get("/").text
        assert logins(client) == {"in": 2.0, "name_taken": 2.0}


def test_who_has_no_role_takes_no_name_and_a_name_at_the_provider_is_no_accounts(
    stand: Stand, provider: Provider, tmp_path: Path
) -> None:
    accounts = stand.settings.console_accounts_file
    assert accounts is not None
    text = accounts.read_text()
    with at_console(stand, provider, tmp_path) as (_, client):
        provider.person |= {"sub": "somebody", "groups": ["others"]}
        nobody = go(Reviewer(client, "nobody"), provider)
        assert (nobody.status_code, "(no_role)" in nobody.text) == (403, True)
        provider.person |= {"sub": "the-owner", "groups": ["fraud-team"]}
        assert go(Reviewer(client, "nora"), provider).status_code == 303
        # Somebody writes the file by hand: with the right password it is still another's name.
        mona = next(line for line in text.splitlines() if line.startswith("mona:"))
        accounts.write_text(f"{text.rstrip()}\n{mona.replace('mona', 'Nora', 1)}\n")
        try:
            refused = Reviewer(client, "Nora").login()
            assert (refused.status_code, "organisation" in refused.text) == (403, True)
        finally:
            accounts.write_text(text)
    env = {"STREAMER_REDIS_URL": stand.settings.redis_url.get_secret_value()}
    env["STREAMER_NAMESPACE"] = stand.settings.namespace
    add = ("users", "add", "NORA", "--role", "lead", "--file", str(tmp_path / "a"))
    run = CliRunner(env=env)
    told = run.invoke(main, [*add, "--unaudited", "a test"], input="a password of some length\n")
    assert (told.exit_code, "must be nobody's whom" in told.stderr) == (2, True)


def test_nobody_is_sent_on_to_another_site(
    stand: Stand, provider: Provider, tmp_path: Path
) -> None:
    others = "https://evil.example/", "//evil.example", "/\\evil.example", "/\t/evil.example", "x"
    with at_console(stand, provider, tmp_path) as (_, client):
        for after in others:
            assert go(Reviewer(client, "nora"), provider, after).headers["location"] == "/"


def test_a_forged_answer_lets_nobody_in_and_is_told_of_without_what_it_said(
    stand: Stand, provider: Provider, tmp_path: Path
) -> None:
    with at_console(stand, provider, tmp_path) as (_, client):
        nora = Reviewer(client, "nora")
        assert "(state)" in nora.get("/oidc/callback?code=x&state=y").text
        assert "(state)" in go(nora, provider, state="another").text
        provider.forge = lambda header, claims: signed(header, claims, OTHER)
        told = go(nora, provider)
        assert (told.status_code, "(signature)" in told.text) == (403, True)
        assert "streamer_session" not in told.cookies
        provider.forge = signed
        # An answer that has been used is worth nothing, also in the browser that has used it.
        out = nora.get("/oidc/login", follow_redirects=False)
        cookie = nora.browser.cookies["streamer_oidc"]
        query = provider.log_in(out.headers["location"])
        first = nora.get("/oidc/callback", params=query, follow_redirects=False)
        assert first.status_code == 303
        nora.browser.cookies.clear()
        nora.browser.cookies.set("streamer_oidc", cookie)
        again = nora.get("/oidc/callback", params=query, follow_redirects=False)
        assert (again.status_code, "(state_used)" in again.text) == (400, True)
        # Codes that nobody was given lock out nobody, and fill no topic.
        junk = Reviewer(client, "junk")
        for _ in range(TRIES_FROM_AN_ADDRESS + 2):
            assert "(code)" in go(junk, provider, code="junk").text
        assert logins(client)["code"] == TRIES_FROM_AN_ADDRESS + 2
        assert go(Reviewer(client, "nora"), provider).status_code == 303
        provider.forge = lambda header, claims: signed(header, claims, OTHER)
        for _ in range(TRIES_FROM_AN_ADDRESS):
            limited = go(junk, provider)
        assert (limited.status_code, limited.headers.get("retry-after")) == (429, "900")
    n_entries = 2 + 2 * TRIES_FROM_AN_ADDRESS
    told = [each for each in stand.audit(n_entries) if each["action"] == "login refused"]
    assert len(told) == 2 * TRIES_FROM_AN_ADDRESS
    assert {each["subject"] for each in told} == {"oidc: signature", "oidc: code"}
    assert {each["who"] for each in told} == {"(unknown name)"}


def test_while_the_provider_is_away_an_account_of_the_console_lets_in(
    stand: Stand, provider: Provider, tmp_path: Path
) -> None:
    provider.answers["openid-configuration"] = 503, {}
    with at_console(stand, provider, tmp_path, oidc_timeout_s=1.0) as (_, client):
        mona = Reviewer(client, "mona")
        told = mona.get("/oidc/login", follow_redirects=False)
        assert told.status_code == 503
        assert "does not answer as it should" in told.text
        assert "its name and password are taken below" in told.text
        assert mona.login().status_code == 200
        assert "mona, reviewer" in mona.get("/").text
        assert logins(client) == {"away": 1.0}
    with at_console(stand, provider, tmp_path, console_accounts_file=None) as (_, client):
        told = Reviewer(client, "mona").get("/oidc/login", follow_redirects=False)
        assert "Nobody can log in until it does" in told.text
        assert 'name="password"' not in told.text


def test_what_is_away_or_at_fault_when_somebody_comes_back_is_told_and_lets_nobody_in(
    stand: Stand, provider: Provider, tmp_path: Path
) -> None:
    accounts = stand.settings.console_accounts_file
    assert accounts is not None
    with at_console(stand, provider, tmp_path) as (console, client):
        nora = Reviewer(client, "nora")
        provider.answers["token"] = 503, {}
        away = go(nora, provider)
        assert (away.status_code, "does not answer as it should" in away.text) == (503, True)
        del provider.answers["token"]
        long = nora.get(f"/oidc/callback?code={'x' * 17_000}", follow_redirects=False)
        assert (long.status_code, "(no_code)" in long.text) == (400, True)
        text = accounts.read_text()
        accounts.write_text("nonsense")
        fault = go(nora, provider)
        assert (fault.status_code, "There is a fault in the settings" in fault.text) == (503, True)
        assert str(accounts) not in fault.text
        accounts.write_text(text)

        async def lost(*_: Any) -> None:
            raise UnavailableError("Redis must keep the entry")

        provider.forge = lambda header, claims: signed(header, claims, OTHER)
        console.trail.noted = lost  # type: ignore[method-assign]
        assert go(nora, provider).status_code == 503
        assert "streamer_session" not in nora.browser.cookies


def test_a_session_of_another_provider_or_of_none_is_over(
    stand: Stand, provider: Provider, tmp_path: Path
) -> None:
    secret = {"console_secret": stand.settings.redis_url}
    with at_console(stand, provider, tmp_path, **secret) as (_, client):
        nora = Reviewer(client, "nora")
        cookie = go(nora, provider).cookies["streamer_session"]
    narrowed = {"oidc_roles": "fraud-leads=reviewer+lead"}
    for others in ({"oidc_client_id": "another"}, {"oidc_issuer": None}, narrowed):
        with at_console(stand, provider, tmp_path, **secret, **others) as (_, client):
            nora = Reviewer(client, "nora")
            nora.browser.cookies.set("streamer_session", cookie)
            assert 'name="password"' in nora.get("/team").text
    with stand.console() as (_, client):
        for path in ("/oidc/login", "/oidc/callback"):
            assert client.get(path, follow_redirects=False).status_code == 404
