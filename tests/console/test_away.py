"""A form that comes while Redis is away: what was typed is there to be sent again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from streamer.console.console import Console, now_ms
from streamer.console.console_app import console_app
from streamer.console.people.accounts import Account
from streamer.embedded.server import free_port
from streamer.settings import Settings


@pytest.mark.parametrize(
    ("what", "fields"),
    [
        ("alerts/a-1/verdict", {"verdict": "fraud", "key": "k", "comment": "seen <twice>"}),
        ("alerts/a-1/undo", {"key": "undo-k"}),
        ("alerts/a-1/release", {}),
        ("alerts/a-1/claim", {"comment": "seen <twice>"}),
        ("alerts/a-1/take", {"holder": "noor"}),
        ("logout", {}),
    ],
)
def test_a_form_that_redis_was_away_for_can_be_sent_again_by_its_session_only(
    tmp_path: Path, what: str, fields: dict[str, str]
) -> None:
    """Nobody listens on either port."""
    accounts = tmp_path / "accounts"
    hashed = f"$argon2id$v=19$m=19456,t=2,p=1${'A' * 22}${'A' * 43}"
    accounts.write_text(f"mona:{hashed}:reviewer\n")
    console = Console(
        Settings(
            kafka_bootstrap_servers=f"127.0.0.1:{free_port()}",
            redis_url=f"redis://127.0.0.1:{free_port()}/0",  # type: ignore[arg-type]
            console_accounts_file=accounts,
        )
    )
    session = console.signer.began(Account("mona", ("reviewer",), hashed), now_ms() + 60_000)
    browser = TestClient(console_app(console), base_url="https://testserver")
    page = browser.get("/login")
    browser.cookies.set("streamer_session", console.signer.signed(session))
    sent = fields | {"csrf": console.signer.token(session.id)}
    away = browser.post(f"/{what}", data=sent)
    assert away.status_code == 503
    kept = dict(re.findall(r'name="(\w+)" value="([^"]*)"', away.text))
    assert kept == {name: value for name, value in sent.items() if name != "comment"}
    assert ("It is kept below" in away.text) == ("verdict" in fields)
    assert ("seen &lt;twice&gt;</textarea>" in away.text) == ("comment" in fields)
    of_another = browser.post(f"/{what}", data=sent | {"csrf": "0" * 64})
    assert (of_another.status_code, "<form" in of_another.text) == (503, False)
    assert "It is kept below" not in of_another.text
    # The session is over as well: what was typed waits on the login's page, as often as need be.
    browser.cookies.delete("streamer_session")
    over = browser.post(f"/{what}", data=sent)
    assert (over.status_code, "Your session has ended" in over.text) == (401, True)
    typed = dict(re.findall(r'name="(\w+)" value="([^"]*)"', over.text))
    login = typed | {"name": "mona", "password": "any", "comment": fields.get("comment", "")}
    refused = browser.post("/login", data=login)
    assert (refused.status_code, "You cannot log in now" in refused.text) == (503, True)
    again = dict(re.findall(r'name="(\w+)" value="([^"]*)"', refused.text))
    assert again.items() >= {"verdict": fields["verdict"]}.items() if "verdict" in fields else True
    assert ("seen &lt;twice&gt;</textarea>" in refused.text) == ("comment" in fields)
    assert page.status_code == 200
