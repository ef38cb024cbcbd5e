"""Who gets in, for how long, and what no page may do."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from streamer.console.console_process import uvicorn_config
from streamer.console.pages import page_templates
from streamer.console.people.accounts import Accounts, account_line
from streamer.console.people.login_tries import TRIES_OF_A_NAME
from streamer.errors import ConfigurationError
from tests.console.conftest import Reviewer, Stand, accounts_text, alert, arrived

STATIC = Path(page_templates.__file__).parent / "static"


def at(client: TestClient, name: str, address: str) -> Reviewer:
    """Return somebody who comes from an address."""
    made = Reviewer(client, name)
    portal, headers = made.browser.portal, {"Sec-Fetch-Site": "same-origin"}
    made.browser = TestClient(
        client.app, base_url="https://testserver", headers=headers, client=(address, 1)
    )
    made.browser.portal = portal
    return made


def test_nobody_sees_anything_but_the_login_without_one(stand: Stand) -> None:
    with stand.console() as (_, client):
        stranger = Reviewer(client, "mona")
        for path in ("/", "/next", "/help", "/alerts/a-1", "/alerts/a-1/print"):
            assert 'action="/login"' in stranger.get(path).text
        assert stranger.get("/events").status_code == 204
        refused = stranger.login("wrong")
        assert (refused.status_code, "Name or password is wrong" in refused.text) == (401, True)
        assert Reviewer(client, "nobody").login().status_code == 401
        # A form of another browser is none of this one's.
        token = re.search(r'name="csrf" value="([^"]+)"', stranger.get("/login").text)
        assert token is not None
        fields = {"csrf": token[1], "name": "mona", "password": "correct horse battery"}
        other = Reviewer(client, "mona").browser.post("/login", data=fields)
        assert "streamer_session" not in other.cookies


def test_a_session_is_a_signed_cookie_that_ends_with_logout_and_with_the_password(
    stand: Stand,
) -> None:
    with stand.console() as (_, client):
        mona = Reviewer(client, "mona")
        page = mona.post(
            "/login",
            mona.get("/login"),
            follow=False,
            name="mona",
            password="correct horse battery",
            after="//evil.example",
        )
        assert page.headers["location"] == "/"
        cookie = page.headers["set-cookie"]
        assert all(
            flag in cookie for flag in ("HttpOnly", "Secure", "SameSite=lax", "Max-Age=28800")
        )
        thief = Reviewer(client, "mona")
        stolen = mona.browser.cookies["streamer_session"]
        thief.browser.cookies.set("streamer_session", stolen)
        assert "Queue" in thief.get("/").text
        thief.browser.cookies.set("streamer_session", "x" + stolen[1:])
        assert 'action="/login"' in thief.get("/").text
        mona.post("/logout", mona.get("/"))
        thief.browser.cookies.set("streamer_session", stolen)
        assert 'action="/login"' in thief.get("/").text
        # Another password, and sessions of the old one are over.
        mona.login()
        assert "<h1>Queue</h1>" in mona.get("/").text
        path = stand.settings.console_accounts_file
        assert path is not None
        changed = account_line("mona", ("reviewer",), "another long password")
        path.write_text(accounts_text().replace(accounts_text().splitlines()[0], changed))
        assert 'action="/login"' in mona.get("/").text


def test_passwords_of_a_name_are_tried_ten_times_a_quarter_of_an_hour(stand: Stand) -> None:
    with stand.console() as (console, client):
        mona = Reviewer(client, "mona")
        page = mona.get("/login")
        codes = [
            mona.post("/login", page, name="mona", password="wrong").status_code
            for _ in range(TRIES_OF_A_NAME + 1)
        ]
        assert codes == [401] * TRIES_OF_A_NAME + [429]
        limited = mona.login()
        assert (limited.status_code, limited.headers["retry-after"]) == (429, "900")
        assert Reviewer(client, "noor").login().status_code == 200
        # Of an address only those count that were refused: 11 and 1 of hers.
        assert client.portal is not None
        assert client.portal.call(console.sittings.tried, "address-testclient", 1_000) == 13
        # Who sits elsewhere is not locked out by it.
        assert at(client, "mona", "192.0.2.7").login().status_code == 200
    actions = [line["action"] for line in stand.audit(13)]
    assert actions.count("login refused") == 10
    # Said once in the quarter of an hour, however often they try.
    assert actions.count("login limited") == 1


def test_a_name_that_many_addresses_try_opens_only_from_where_it_was_opened(stand: Stand) -> None:
    """A hundred tries from ten hosts; two addresses of one IPv6 network are one host."""
    with stand.console() as (console, client):
        home, abroad = (at(client, "lea", address) for address in ("2001:db8::1", "192.0.2.7"))
        assert home.login().status_code == 200
        assert client.portal is not None
        for _ in range(TRIES_OF_A_NAME):
            for host in range(10):
                client.portal.call(console.tries.may_try, "lea", f"198.51.100.{host}")
        assert abroad.login().status_code == 429
        assert at(client, "lea", "2001:db8::2").login().status_code == 200
        assert at(client, "noor", "192.0.2.7").login().status_code == 200


def test_passwords_are_hashed_by_two_at_a_time_and_twenty_wait(stand: Stand) -> None:
    with stand.console() as (console, client):
        assert client.portal is not None

        async def crowd() -> list[str]:
            inside, told = 0, []

            async def one() -> None:
                nonlocal inside
                async with console.tries.hashing():
                    inside += 1
                    told.append(str(inside))
                    await asyncio.sleep(0)
                    inside -= 1

            tasks = await asyncio.gather(*(one() for _ in range(25)), return_exceptions=True)
            return told + [type(each).__name__ for each in tasks if each is not None]

        told = client.portal.call(crowd)
    assert (told.count("UnavailableError"), set(told)) == (5, {"1", "2", "UnavailableError"})


def test_what_stood_in_the_name_of_a_refused_login_is_not_kept(stand: Stand) -> None:
    with stand.console() as (_, client):
        stranger = Reviewer(client, "mona")
        page = stranger.get("/login")
        for name in ("correct horse battery", "4929 1234 5678 1230", "mona"):
            answer = stranger.post("/login", page, name=name, password="wrong")
            assert answer.status_code == 401
    whom = [line["who"] for line in stand.audit(3)]
    assert sorted(whom) == ["(unknown name)", "(unknown name)", "mona"]


@pytest.mark.parametrize(("allowed", "seen"), [(None, "127.0.0.1"), ("127.0.0.1", "192.0.2.7")])
def test_a_proxy_is_believed_where_it_is_told_of(
    stand: Stand, allowed: str | None, seen: str
) -> None:
    settings = stand.settings.model_copy(update={"console_trusted_proxies": allowed})
    told: list[str] = []

    async def app(scope: Any, _: Any, __: Any) -> None:
        told.append(scope["client"][0])

    config = uvicorn_config(settings, app)
    config.load()
    scope = {
        "type": "http",
        "client": ("127.0.0.1", 1),
        "headers": [(b"x-forwarded-for", b"192.0.2.7")],
    }
    asyncio.run(config.loaded_app(scope, None, None))  # type: ignore[arg-type]
    assert told == [seen]


def test_a_form_without_the_sessions_token_does_nothing(stand: Stand) -> None:
    stand.publish([alert(1)])
    with stand.console() as (console, client):
        arrived(console, client, 1)
        mona = Reviewer(client, "mona")
        mona.login()
        fields = {"verdict": "fraud", "key": "k", "comment": "typed", "csrf": "0" * 64}
        answer = mona.browser.post("/alerts/transactions-0-1/verdict", data=fields)
        assert (answer.status_code, "typed</textarea>" in answer.text) == (403, True)
        assert mona.browser.post("/logout", data={"csrf": ""}).status_code == 403
        assert client.portal is not None
        assert client.portal.call(console.reviews.review, "transactions-0-1") is None
        assert mona.browser.post("/logout", json={}).status_code == 400


def test_every_answer_has_the_headers_and_no_page_asks_another_host(stand: Stand) -> None:
    stand.publish([alert(1)])
    with stand.console() as (console, client):
        arrived(console, client, 1)
        mona = Reviewer(client, "mona")
        mona.login()
        one = "/alerts/transactions-0-1"
        paths = ["/", one, f"{one}/print", f"{one}/recomputed", f"{one}/export.json", "/help"]
        for path in [*paths, "/nothing", "/login", "/static/console.css", "/healthz", "/readyz"]:
            answer = mona.get(path)
            policy = answer.headers["content-security-policy"]
            assert policy.startswith("default-src 'none'; ")
            assert "unsafe" not in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "max-age" in answer.headers["strict-transport-security"]
            is_static = path.startswith("/static")
            assert ("no-store" in answer.headers["cache-control"]) != is_static
            assert not re.search(r'(?:src|href|action)="(?:https?:)?//', answer.text), path
            # The policy would refuse them.
            assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script>", answer.text), path


def test_pages_are_small(stand: Stand) -> None:
    """150 kB with all that a first page loads; here of fifty rows with a lead's boxes."""
    stand.publish([alert(n) for n in range(1, 61)])
    with stand.console() as (console, client):
        arrived(console, client, 60)
        lea = Reviewer(client, "lea")
        page = lea.login()
        n_bytes = len(page.content) + sum(each.stat().st_size for each in STATIC.iterdir())
        assert n_bytes < 150_000


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted([luminance(one), luminance(other)])
    return (lighter + 0.05) / (darker + 0.05)


def test_text_of_both_themes_has_the_contrast_of_wcag_aa() -> None:
    """4.5 to 1, by the equations of WCAG 2.2; white on black is 21."""
    assert round(contrast("#000000", "#ffffff"), 6) == 21
    style = (STATIC / "console.css").read_text()
    light, dark = (
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block))
        for block in re.findall(r":root \{(.*?)\}", style, re.DOTALL)[:2]
    )
    assert light.keys() == dark.keys()
    inks = ("ink", "soft", "accent", "critical", "high", "medium", "good", "bad")
    pairs = [(ink, ground) for ink in inks for ground in ("ground", "card")]
    pairs += [
        ("ink", "told"),
        ("ink", "good-ground"),
        ("ink", "bad-ground"),
        ("on-accent", "accent"),
    ]
    pairs += [("accent", ground) for ground in ("told", "good-ground", "bad-ground")]
    low = [
        (theme["ink"], ink, ground, round(contrast(theme[ink], theme[ground]), 2))
        for theme in (light, dark)
        for ink, ground in pairs
        if contrast(theme[ink], theme[ground]) < 4.5
    ]
    assert low == []


def test_all_faulty_lines_of_an_accounts_file_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "accounts"
    first = accounts_text().splitlines()[0]
    path.write_text(f"# ours\n{first}\n{first}\nnoor:boss:scrypt$a$b\nlea:lead:plain\n")
    with pytest.raises(ConfigurationError) as caught:
        Accounts(path)
    lines = str(caught.value).splitlines()
    assert [re.search(r"line (\d)", line)[1] for line in lines] == ["3", "4", "5"]  # type: ignore[index]
    path.write_text("# none yet\n")
    with pytest.raises(ConfigurationError, match="must have an account"):
        Accounts(path)


def test_a_password_is_long_and_not_in_its_line() -> None:
    with pytest.raises(ConfigurationError, match="12 to 1,024 characters, got 5"):
        account_line("mona", ("reviewer",), "short")
    assert "correct" not in accounts_text()
