"""``streamer console`` as a process: accounts, pages, events, and an end in good order."""

from __future__ import annotations

import http.client
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlencode

from click.testing import CliRunner

from streamer.cli import main
from streamer.embedded import EmbeddedKafka
from streamer.embedded.server import free_port
from streamer.settings.loading import child_environment
from tests.console.conftest import PASSWORD, Stand, alert
from tests.rig.waiting import DEADLINE_S


def asked(
    port: int, method: str, path: str, cookie: str = "", **fields: str
) -> tuple[int, str, str]:
    """Return status, body and the last cookie that was set."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)
    headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
    connection.request(method, path, urlencode(fields) if fields else None, headers)
    answer = connection.getresponse()
    set_cookie = answer.headers.get_all("Set-Cookie") or [""]
    body = answer.read().decode()
    connection.close()
    return answer.status, body, set_cookie[-1].partition(";")[0]


def is_ready(port: int, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if asked(port, "GET", "/readyz")[0] == 200:
                return True
        except OSError:
            pass
        time.sleep(0.05)
    return False


def test_a_process_tells_of_new_alerts_and_ends_when_it_is_told(
    kafka: EmbeddedKafka, redis_url: str, tmp_path: Path
) -> None:
    stand = Stand(kafka, redis_url, tmp_path)
    port, log = free_port(), tmp_path / "log"
    settings = stand.environment() | {"STREAMER_CONSOLE_PORT": str(port)}
    with log.open("wb") as told:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamer", "console"],
            env=child_environment(settings),
            stdout=told,
            stderr=told,
        )
    try:
        assert is_ready(port, process), log.read_text()
        _, page, form_cookie = asked(port, "GET", "/login")
        token = re.search(r'name="csrf" value="([^"]+)"', page)
        assert token is not None
        fields = {"csrf": token[1], "name": "mona", "password": PASSWORD}
        status, _, cookie = asked(port, "POST", "/login", form_cookie, **fields)
        assert (status, cookie.startswith("streamer_session=")) == (303, True)
        events = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)
        events.request("GET", "/events?since=0", headers={"Cookie": cookie})
        stream = events.getresponse()
        assert stream.headers["content-type"].startswith("text/event-stream")
        stand.publish([alert(1), alert(2)])
        counts = []
        while 2 not in counts:
            line = stream.readline().decode()
            assert line, log.read_text()
            if line.startswith("data: "):
                counts.append(int(line.removeprefix("data: ")))
        process.send_signal(signal.SIGTERM)
        process.wait(DEADLINE_S)
        stream.close()
        events.close()
        assert "Traceback" not in log.read_text()
    finally:
        process.kill()
        process.wait()


def test_an_account_is_a_line_on_standard_output_and_the_question_is_not() -> None:
    told = CliRunner().invoke(
        main, ["console", "account", "mona", "--role", "lead"], input=f"{PASSWORD}\n{PASSWORD}\n"
    )
    assert told.exit_code == 0
    # Click's runner, which has no terminal, ends hidden answers on standard output.
    assert re.fullmatch(r"mona:\$argon2id\$v=19\$m=19456,t=2,p=1\$[^:]+:lead", told.stdout.strip())
    refused = CliRunner().invoke(main, ["console", "account", "a:b"], input="x\nx\n")
    assert refused.exit_code == 2


def test_without_an_accounts_file_the_command_says_how_to_make_one() -> None:
    told = CliRunner().invoke(main, ["console"], env={"STREAMER_CONSOLE_ACCOUNTS_FILE": ""})
    assert told.exit_code == 2
    assert "streamer users add NAME" in told.output
