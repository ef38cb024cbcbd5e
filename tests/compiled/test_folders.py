"""Which folders are trusted with compiled code."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from streamer.compiled.folders import fault_of


def test_a_folder_of_one_s_own_is_trusted(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    assert fault_of(tmp_path) is None
    tmp_path.chmod(0o755)
    assert fault_of(tmp_path) is None


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_one_that_others_can_write_to_is_not(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    expected = f"{tmp_path} must be writable by its owner alone, got mode {mode:o}; remove it"
    assert fault_of(tmp_path) == expected


def test_somebody_else_s_folder_is_not(tmp_path: Path) -> None:
    folder = tmp_path
    if os.geteuid() == 0:
        os.chown(folder, 12_345, -1)
    else:
        folder = Path("/etc")
    fault = fault_of(folder)
    assert fault is not None
    assert f"{folder} must belong to user {os.geteuid()}, got " in fault


def test_what_stands_in_for_a_folder_is_not(tmp_path: Path) -> None:
    """A link leads where somebody else may have it lead."""
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    assert fault_of(link) == f"{link} must be a folder; remove it"


def test_one_that_is_not_there_is_an_error_to_handle(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        fault_of(tmp_path / "none")
