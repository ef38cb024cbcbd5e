"""Folders of data are gone in the end, whatever ended the process that made them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.rig.folders import DataFolder

ROOT = Path(__file__).resolve().parents[2]

OWNER = """
import sys
from tests.rig.folders import DataFolder

folder = DataFolder()
(folder.path / "data").write_text("x")
print(folder.path, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> subprocess.Popen[str]:
    """Another process with a folder, and a folder for the folders of both."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return subprocess.Popen(
        [sys.executable, "-c", OWNER],
        cwd=ROOT,
        env=os.environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_folder_goes_with_remove_and_with_the_end_of_its_process(
    owner: subprocess.Popen[str],
) -> None:
    """At a normal end nothing is left."""
    with owner:
        assert owner.stdout is not None
        path = Path(owner.stdout.readline().strip())
        mine = DataFolder()
        # A folder whose owner lives is left alone.
        assert (path / "data").exists()
        mine.remove()
        mine.remove()
        assert not mine.path.exists()
        owner.communicate()
    assert not path.exists()


def test_the_next_folder_removes_that_of_a_process_that_was_killed(
    owner: subprocess.Popen[str],
) -> None:
    """Nobody holds its lock any more."""
    with owner:
        assert owner.stdout is not None
        path = Path(owner.stdout.readline().strip())
        owner.kill()
        owner.wait()
    assert path.exists()
    DataFolder().remove()
    assert not path.exists()
