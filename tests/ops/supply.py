"""What the service runs on, as a list, and what is known against it: ``python -m tests.ops.supply``.

``sbom`` writes the packages of ``requirements.lock``, versions and hashes, as CycloneDX.  ``scan`` asks
PyPI which of them, and of what the tests use, have known vulnerabilities: it needs the network.  Both
tools are in the environment `tests/integrations/supply`, by hashes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.integrations.environments import ROOT, Environment, environments

__all__ = ["main", "sbom", "scan"]

_LOCK: Final = ROOT / "requirements.lock"
_OF_TESTS: Final = ROOT / "requirements-dev.lock"
SBOM: Final = ROOT / "build" / "streamer.cdx.json"


def sbom(tools: Path, to: Path) -> None:
    """Write the SBOM, valid by CycloneDX's schema; ``tools`` is the folder that has its command."""
    to.parent.mkdir(parents=True, exist_ok=True)
    flags = "--pyproject", str(ROOT / "pyproject.toml"), "--output-reproducible", "--validate"
    command = [str(tools / "cyclonedx-py"), "requirements", str(_LOCK), *flags, "-o", str(to)]
    subprocess.run(command, check=True, cwd=ROOT)


def scan(tools: Path) -> int:
    """Return 0 when nothing is known against any package; what could not be asked about fails too."""
    flags = "--strict", "--require-hashes", "--disable-pip"
    locks = [part for lock in (_LOCK, _OF_TESTS) for part in ("--requirement", str(lock))]
    return subprocess.run([str(tools / "pip-audit"), *flags, *locks], check=False).returncode


def main() -> int:
    """Do what was asked for; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.ops.supply", description=__doc__)
    parser.add_argument("what", choices=("sbom", "scan"))
    parser.add_argument("--to", type=Path, default=SBOM, help="where the SBOM is written")
    options = parser.parse_args()
    tools = _tools(environments()["supply"])
    if options.what == "scan":
        return scan(tools)
    sbom(tools, options.to)
    print(options.to)
    return 0


def _tools(environment: Environment) -> Path:
    environment.make()
    return environment.python.parent


if __name__ == "__main__":
    sys.exit(main())
