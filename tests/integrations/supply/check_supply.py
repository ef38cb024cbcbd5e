"""The SBOM names what is locked, byte for byte, and a scan without answers is none that passed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.integrations.environments import ROOT
from tests.ops.supply import sbom

TOOLS = Path(sys.executable).parent


def locked() -> dict[tuple[str, str], set[str]]:
    """Return the hashes of every package and version of the lock."""
    found: dict[tuple[str, str], set[str]] = {}
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        if package := re.match(r"([\w.-]+)(?:\[[\w,-]+\])?==(\S+)", line):
            hashes = found.setdefault((package[1], package[2]), set())
        elif digest := re.search(r"--hash=sha256:([0-9a-f]{64})", line):
            hashes.add(digest[1])
    return found


def test_the_sbom_has_every_package_of_the_lock_with_its_hashes(tmp_path: Path) -> None:
    sbom(TOOLS, tmp_path / "sbom" / "streamer.cdx.json")
    written = json.loads((tmp_path / "sbom" / "streamer.cdx.json").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    root = written["metadata"]["component"]
    assert (root["name"], root["version"]) == (project["name"], project["version"])
    named = {
        (each["name"], each["version"]): {
            digest["content"]
            for source in each["externalReferences"]
            for digest in source.get("hashes", [])
        }
        for each in written["components"]
    }
    assert named == locked()
    assert all(each["purl"].startswith("pkg:pypi/") for each in written["components"])


def test_a_scan_that_cannot_ask_fails() -> None:
    """Whoever reads a green run believes that somebody looked."""
    environment = os.environ | {
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "ALL_PROXY": "http://127.0.0.1:9",
    }
    lock = ROOT / "tests" / "integrations" / "supply" / "requirements.lock"
    flags = "--strict", "--require-hashes", "--disable-pip", "--requirement", str(lock)
    done = subprocess.run(
        [TOOLS / "pip-audit", *flags], env=environment, capture_output=True, check=False
    )
    assert done.returncode != 0
