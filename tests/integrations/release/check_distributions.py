"""The sdist and the wheel of this checkout: what PyPI's tools say, what is in them, and built twice."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.integrations.environments import ROOT

TOOLS: Final = Path(sys.executable).parent
# What the largest file of a release may be: a lock with a hash for each platform, or a picture.
LARGEST: Final = 500_000
RELEASE: Final[dict[str, Any]] = yaml.safe_load(
    (ROOT / ".github/workflows/release.yml").read_text()
)


def made(to: Path, **env: str) -> list[Path]:
    """Build both and return the sdist and the wheel."""
    command = [os.environ["STREAMER_PYTHON"], "-m", "ops.release.distributions", "--to", str(to)]
    subprocess.run(command, cwd=ROOT, env=os.environ | env, check=True, capture_output=True)
    return sorted(to.iterdir(), key=lambda path: path.suffix)


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    found = made(tmp_path_factory.mktemp("dist"))
    assert [path.suffix for path in found] == [".gz", ".whl"]
    return found


def test_pypis_own_checks_find_nothing(files: list[Path]) -> None:
    for command in (["twine", "check", "--strict", *files], ["check-wheel-contents", files[1]]):
        done = subprocess.run([TOOLS / command[0], *command[1:]], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_two_builds_have_the_same_bytes(files: list[Path], tmp_path: Path) -> None:
    again = made(tmp_path / "again", TZ="Asia/Tokyo", LC_ALL="C")
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in files]


def test_the_sdist_has_what_git_keeps_and_nothing_else(files: list[Path]) -> None:
    with tarfile.open(files[0]) as packed:
        entries = [each for each in packed if each.isfile()]
    names = {each.name.partition("/")[2] for each in entries}
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True)  # noqa: S607
    assert names == set(filter(None, listed.stdout.decode().split("\0"))) | {"PKG-INFO"}
    assert not [name for name in names if re.search(r"__pycache__|\.pyc$|\.nb[ci]$|\.log$", name)]
    assert max(each.size for each in entries) < LARGEST


def test_the_wheel_has_the_package_and_nothing_else(files: list[Path]) -> None:
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "streamer").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    names = set(zipfile.ZipFile(files[1]).namelist())
    assert {name for name in names if ".dist-info/" not in name} == package


def test_tests_of_the_sdist_find_all_that_they_read(files: list[Path], tmp_path: Path) -> None:
    """A sample of those that read files of several rooms and start no worker."""
    with tarfile.open(files[0]) as packed:
        packed.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    sample = [
        f"tests/ops/test_{name}.py" for name in ("kubernetes", "logs_page", "release", "workflows")
    ]
    done = subprocess.run(
        [os.environ["STREAMER_PYTHON"], "-m", "pytest", "-q", "-p", "no:cacheprovider", *sample],
        cwd=unpacked,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:]


def test_the_workflow_gathers_the_files_with_notes_and_sums(
    files: list[Path], tmp_path: Path
) -> None:
    """Its own commands, with these files in place of those of ``make dist`` and ``make sbom``."""
    (gather,) = (step for step in RELEASE["jobs"]["dist"]["steps"] if step.get("id") == "gather")
    for folder in ("dist", "build"):
        (tmp_path / folder).mkdir()
    for each in files:
        shutil.copy(each, tmp_path / "dist")
    (tmp_path / "build" / "streamer.cdx.json").write_text("{}")
    (tmp_path / ".venv").symlink_to(Path(os.environ["STREAMER_PYTHON"]).parents[1])
    output = tmp_path / "output"
    done = subprocess.run(
        ["/bin/bash", "-eo", "pipefail", "-c", f"make() {{ :; }}\n{gather['run']}"],
        cwd=tmp_path,
        env=os.environ | {"ADDRESS": "https://h/v1", "GITHUB_OUTPUT": str(output)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    version = output.read_text().removeprefix("version=").strip()
    made_there = sorted(path.name for path in (tmp_path / "build" / "release").iterdir())
    assert made_there == [
        "SHA256SUMS",
        f"streamer_fraud-{version}-py3-none-any.whl",
        f"streamer_fraud-{version}.cdx.json",
        f"streamer_fraud-{version}.tar.gz",
    ]
    assert "](https://h/v1/docs/" in (tmp_path / "build" / "notes.md").read_text()
    (check,) = (
        step["run"]
        for step in RELEASE["jobs"]["page"]["steps"]
        if "sha256sum" in step.get("run", "")
    )
    (tmp_path / "made").symlink_to("build")
    subprocess.run(["/bin/bash", "-ec", check], cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "build" / "release" / f"streamer_fraud-{version}.cdx.json").write_text("{ }")
    assert subprocess.run(["/bin/bash", "-ec", check], cwd=tmp_path, capture_output=True).returncode
