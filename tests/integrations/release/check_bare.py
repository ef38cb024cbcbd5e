"""The wheel in an environment with nothing else, on every supported Python that this machine has."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.integrations.environments import ROOT

SUPPORTED: Final = ("3.11", "3.12", "3.13")
THIS: Final = ".".join(map(str, sys.version_info[:2]))


def python_of(version: str) -> str | None:
    """Return a Python of ``version`` that starts: of the path, or one that pyenv has."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [shutil.which(f"python{version}"), *map(str, pyenv.glob(f"{version}.*/bin/python"))]
    for each in filter(None, found):
        # One of pyenv's stand-ins starts only where its version is chosen.
        if subprocess.run([each, "-c", ""], capture_output=True).returncode == 0:
            return each
    return None


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    to = tmp_path_factory.mktemp("dist")
    command = [os.environ["STREAMER_PYTHON"], "-m", "ops.release.distributions", "--to", str(to)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (made,) = to.glob("*.whl")
    return made


def tried(wheel: Path, python: str) -> str:
    """Try the wheel and return what was printed; by uv, which has most packages in its cache."""
    command = [os.environ["STREAMER_PYTHON"], "-m", "ops.release.bare_install", "--with-uv"]
    done = subprocess.run([*command, wheel, python], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_bare_on_this_python(wheel: Path) -> None:
    print(tried(wheel, sys.executable))


@pytest.mark.parametrize("version", [each for each in SUPPORTED if each != THIS])
def test_bare_on_another_python(version: str, wheel: Path) -> None:
    python = python_of(version)
    if python is None:
        pytest.skip(f"there is no Python {version} here")
    print(tried(wheel, python))
