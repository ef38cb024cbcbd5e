"""schemathesis makes requests to `streamer console` out of its description, as who is logged in."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

import pytest

from tests.console.console_openapi import HEADERS, console_openapi
from tests.integrations.standing import PASSWORD, stood

CONFIG = Path(__file__).with_name("console.toml")
STATIC = "console.css", "console.js", "mark.svg"
NUMBERS = range(1, 31)
WAVE = "card-0f"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with stood() as stand:
        found = str(stand.ask("open"))
        alerts = [{"number": n, "score": 0.9999 - n * 1e-6} for n in NUMBERS]
        for each in alerts[-4:]:
            each["wave_id"] = WAVE
        stand.ask("ask", found, "publish", alerts)
        yield found
        stand.ask("ask", found, "close")


def begun(url: str, name: str) -> tuple[str, str]:
    """Log somebody in; return the session's cookie and the token of its forms."""
    jar = CookieJar()
    opener = build_opener(HTTPCookieProcessor(jar))

    def cookies() -> str:
        # They are for HTTPS, which is not spoken here.
        return "; ".join(f"{each.name}={each.value}" for each in jar)

    def token(page: str) -> str:
        found = re.search(r'name="csrf" value="([^"]+)"', page)
        assert found is not None, page
        return found[1]

    first = opener.open(f"{url}/login").read().decode()
    form = {"csrf": token(first), "name": name, "password": PASSWORD}
    asked = Request(  # noqa: S310 - on this machine
        f"{url}/login", urlencode(form).encode(), {"Cookie": cookies()}
    )
    opener.open(asked)
    session = next(f"{each.name}={each.value}" for each in jar if each.name.endswith("session"))
    page = opener.open(Request(f"{url}/help", headers={"Cookie": session}))  # noqa: S310
    return session, token(page.read().decode())


def test_events_are_a_stream_for_who_is_logged_in_and_nothing_for_others(url: str) -> None:
    cookie, _ = begun(url, "mona")
    for headers, status in (({"Cookie": cookie}, 200), ({}, 204)):
        asked = Request(f"{url}/events", headers=headers)  # noqa: S310
        with build_opener().open(asked, timeout=60) as answer:
            assert answer.status == status
            assert {name: answer.headers[name] for name in HEADERS} == HEADERS
            if status == 200:
                assert answer.headers["Content-Type"].startswith("text/event-stream")
                assert answer.readline().startswith((b":", b"data:"))


@pytest.mark.parametrize("name", ["lea", "mona"])
def test_nothing_that_it_thinks_of_is_answered_otherwise(
    url: str, name: str, tmp_path: Path
) -> None:
    cookie, csrf = begun(url, name)
    alert_ids = [f"transactions-0-{n}" for n in NUMBERS]
    document = console_openapi(alert_ids, [WAVE], csrf, STATIC)
    (tmp_path / "console.json").write_text(json.dumps(document))
    command = [
        str(Path(sys.executable).with_name("st")), "--config-file", str(CONFIG),
        "run", str(tmp_path / "console.json"), "--url", url, "--seed", "1", "--no-color",
        "--max-examples", "20", "--report", "junit", "--report-dir", str(tmp_path),
        "--header", f"Cookie: {cookie}", "--exclude-path", "/events",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=800, check=False)
    print(done.stdout[-12_000:], done.stderr[-4_000:])
    assert done.returncode == 0
