"""schemathesis makes requests out of ``/openapi.json``, and every answer is as that says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integrations.served import Served, served

CONFIG = Path(__file__).with_name("schemathesis.toml")
KEY = "k" * 16


@pytest.fixture(scope="module", params=["open", "with keys"])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[Served, list[str]]]:
    if request.param == "open":
        with served() as found:
            yield found, []
    else:
        with served(serve_api_keys=KEY) as found:
            yield found, ["--header", f"Authorization: Bearer {KEY}"]


def test_nothing_that_it_thinks_of_is_answered_otherwise(
    server: tuple[Served, list[str]], tmp_path: Path
) -> None:
    found, headers = server
    command = [
        str(Path(sys.executable).with_name("st")), "--config-file", str(CONFIG),
        "run", f"{found.url}/openapi.json", "--seed", "1", "--no-color", "--max-examples", "30",
        "--report", "junit", "--report-dir", str(tmp_path), *headers,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=800, check=False)
    print(done.stdout[-12_000:], done.stderr[-4_000:])
    assert done.returncode == 0
