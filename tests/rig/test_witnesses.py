"""A failed test shows what its workers wrote, in the output that CI keeps."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.rig.waiting import DEADLINE_S

ROOT = Path(__file__).resolve().parents[2]
TESTS = """
from tests.rig.witnesses import call_as_witness


def test_that_passes():
    call_as_witness("worker 1", lambda: False, lambda: "of a test that is over")
    call_as_witness("worker 2", lambda: True, lambda: "of a fixture of all tests")


def test_that_fails():
    call_as_witness("worker 3", lambda: False, lambda: "why it was so")
    assert 1650 > 1650
"""


def test_a_failed_test_has_the_words_of_those_that_took_part(tmp_path: Path) -> None:
    """One that runs and one that has ended; not one of an earlier test that has ended too."""
    (tmp_path / "test_two.py").write_text(TESTS)
    options = ["-p", "tests.conftest", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    assert done.returncode == 1, done.stdout
    assert "1650 > 1650" in done.stdout
    for heading, text in (
        ("worker 2, which runs", "of a fixture of all tests"),
        ("worker 3, which has ended", "why it was so"),
    ):
        assert heading in done.stdout
        assert text in done.stdout.partition(heading)[2]
    assert "worker 1" not in done.stdout.partition("short test summary")[0].partition("FAILURES")[2]
