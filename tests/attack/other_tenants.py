"""Attempts on a console of two tenants: whatever is another's, asked for as one of the one."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import httpx2 as httpx
import msgspec

from streamer.console.people.accounts import Accounts
from streamer.console.people.web_sessions import Signer
from streamer.embedded.server import free_port
from streamer.settings.loading import child_environment
from tests.attack.attempts import attempt
from tests.attack.site import ADMIN_TOKEN, Process, Site
from tests.console.conftest import Stand, alert
from tests.rig.waiting import wait_until

__all__: list[str] = []

_OTHERS: Final = "transactions overflow dead_letters feedback_dead_letters".split()
_SECRET: Final = "the-key-of-the-console-of-"
_HIDDEN: Final = "shop-of-the-other"
_GETS: Final = "", "/export.json", "/print", "/recomputed", "/asked"
_POSTS: Final = "verdict undo claim release take reopen snooze".split()


def _file_of(tenant: str, stand: Stand, folder: Path) -> None:
    process = "STREAMER_REDIS_URL", "STREAMER_KAFKA_SESSION_TIMEOUT_S"
    told = {name: text for name, text in stand.environment().items() if name not in process}
    told |= {f"STREAMER_{kind.upper()}_TOPIC": f"{kind}-{tenant}" for kind in _OTHERS}
    told |= {
        "STREAMER_CONSOLE_URL": f"https://{tenant}.example",
        "STREAMER_CONSOLE_SECRET": f"{_SECRET}{tenant}",
    }
    lines = (f"{name}={text}\n" for name, text in told.items())
    (folder / f"{tenant}.env").write_text("".join(lines))


def _cookie(stand: Stand, tenant: str) -> str:
    accounts = stand.settings.console_accounts_file
    assert accounts is not None
    lea = Accounts(accounts).get("lea")
    assert lea is not None
    signer = Signer(f"{_SECRET}{tenant}".encode())
    return f"streamer_session={signer.signed(signer.began(lea, 10**15))}"


@attempt("console", is_dear=True)
def ids_of_another_tenant(site: Site) -> str:
    """Alerts, waves and proposals of another tenant by their ids, its session at this host, this one's
    at its host, other hosts, and the metrics of both"""
    folder = site.folder / "tenants"
    folder.mkdir()
    stands = {}
    for tenant in ("acme", "beta"):
        own = site.folder / tenant
        own.mkdir()
        stands[tenant] = Stand(site.kafka, site.redis_url, own)
        _file_of(tenant, stands[tenant], folder)
    port, log = free_port(), site.folder / "tenants.log"
    settings = {
        "STREAMER_TENANTS_DIR": str(folder),
        "STREAMER_ADMIN_TOKEN": ADMIN_TOKEN,
        "STREAMER_REDIS_URL": site.redis_url,
        "STREAMER_KAFKA_SESSION_TIMEOUT_S": "6",
        "STREAMER_CONSOLE_LEAST_LOOK_S": "0",
        "STREAMER_CONSOLE_PORT": str(port),
        "STREAMER_LOG_FORMAT": "json",
    }
    with log.open("wb") as told:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamer", "console"],
            env=child_environment(settings),
            stdout=told,
            stderr=told,
        )
    made = Process(process, port, log)
    try:
        return _tried(site, made, stands)
    finally:
        made.end()


def _tried(site: Site, made: Process, stands: dict[str, Stand]) -> str:
    one = msgspec.structs.replace(alert(1, merchant_id=_HIDDEN), alert_id="of-the-other-0-1")
    stands["beta"].publish([one])
    path = f"/alerts/{one.alert_id}"
    own, theirs = (_cookie(stand, tenant) for tenant, stand in stands.items())
    n = 0
    hooks = {"response": [site.hear]}
    with httpx.Client(
        base_url=f"http://127.0.0.1:{made.port}", timeout=60, event_hooks=hooks
    ) as client:

        def asked(
            method: str, path: str, host: str = "acme.example", cookie: str = own, body: str = ""
        ) -> httpx.Response:
            kind = "application/x-www-form-urlencoded"
            headers = {"Host": host, "Cookie": cookie, "Content-Type": kind}
            return client.request(method, path, headers=headers, content=body)

        def has_come() -> bool:
            try:
                return _HIDDEN in asked("GET", path, "beta.example", theirs).text
            except httpx.TransportError:
                return False

        wait_until(has_come, made.log)
        page = asked("GET", "/help")
        token = re.search(r'name="csrf" value="([^"]+)"', page.text)
        assert token is not None
        body = f"csrf={token[1]}&verdict=fraud&key=k&kind=card&days=7&holder=lea&state=approved"
        tried = [("GET", f"{path}{part}", "") for part in _GETS]
        tried += [("POST", f"{path}/{part}", body) for part in _POSTS]
        tried += [("GET", f"/waves/{one.wave_id}", ""), ("POST", "/proposals/p/decide", body)]
        tried += [("POST", "/find", f"{body}&wanted={one.transaction.transaction_id}&topic=1")]
        for method, where, form in tried:
            told = asked(method, where, body=form)
            assert _HIDDEN not in told.text, where
            nobodys = asked(method, where.replace(one.alert_id, "nobodys-0-1"), body=form)
            assert told.status_code == nobodys.status_code, (where, told.status_code)
            n += 1
        for host, cookie in (("acme.example", theirs), ("beta.example", own)):
            assert 'action="/login"' in asked("GET", path, host, cookie).text
        for host in ("127.0.0.1", "other.example", "beta.example.other"):
            assert asked("GET", path, host, theirs).status_code == 421
            assert asked("GET", "/metrics", host).status_code == 401
        assert "beta" not in asked("GET", "/metrics").text
    return f"as an id that is not there for each of {n}; the login page; 421 for other hosts"
