"""The cache of kernels in this process: what is kept, found, refused and made anew."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba import config, njit

from streamer.compiled import cache
from streamer.compiled.cache import KernelCache
from streamer.compiled.folders import Folders

LARGE = np.zeros(200_000)


def doubled(x: float) -> float:
    return 2.0 * x


def of_large(x: int) -> float:
    return float(LARGE[x])


def kernel(function: Callable[..., Any], package: Path) -> tuple[Any, KernelCache]:
    """Return a kernel that nobody has called, and its cache."""
    made, kept = njit(function), KernelCache(function, package)
    made._cache = kept
    return made, kept


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package without a folder of its own, and a user with a home."""
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "home"))
    (package := tmp_path / "package").mkdir()
    return package


def entries(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.nbc*"))


def test_a_kernel_is_kept_at_home_and_found_by_the_next(package: Path) -> None:
    first, kept = kernel(doubled, package)
    assert (first(4.0), kept.faults) == (8.0, set())
    [entry] = entries(package.parent / "home")
    assert entry.parent.stat().st_mode & 0o777 == 0o700
    again, found = kernel(doubled, package)
    assert (again(4.0), found.faults) == (8.0, set())
    assert sum(again.stats.cache_hits.values()) == 1
    assert sum(again.stats.cache_misses.values()) == 0


def test_half_a_file_is_told_and_made_again(package: Path) -> None:
    kernel(doubled, package)[0](4.0)
    [entry] = entries(package.parent / "home")
    entry.write_bytes(entry.read_bytes()[:64])
    broken, kept = kernel(doubled, package)
    assert broken(4.0) == 8.0
    [fault] = kept.faults
    assert fault.startswith(f"{entry} must be a compiled kernel, got ")
    whole, kept = kernel(doubled, package)
    assert (whole(4.0), kept.faults) == (8.0, set())


def test_where_nothing_takes_files_it_is_compiled_in_memory_and_told(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a full disk; nothing unfinished stays."""
    Folders.of(package).install()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        made, kept = kernel(doubled, package)
        assert made(4.0) == 8.0
    folders = Folders.of(package)
    assert kept.faults == {f"{folders} must take files, or kernels are compiled at each start"}
    assert entries(package.parent) == []


def test_a_kernel_of_a_large_global_array_is_kept_nowhere(package: Path) -> None:
    """It has the address of the array in it, which is another in another process."""
    made, kept = kernel(of_large, package)
    assert made(7) == 0.0
    name = f"{of_large.__module__}.of_large"
    assert kept.faults == {f"{name} must take arrays as arguments, got a large global one"}
    assert entries(package.parent) == []


def test_of_one_kernel_the_latest_are_kept(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here two; the others are of other kernels."""
    monkeypatch.setattr(cache, "_KEPT", 2)
    Folders.of(package).install()
    folder = Folders.of(package).installed
    name = f"{doubled.__module__}.doubled"
    old = [folder / f"{name}-{i}.nbc" for i in range(3)]
    other = folder / "another.kernel-0.nbc"
    for at, path in enumerate([*old, other]):
        path.touch()
        os.utime(path, (at, at))
    kernel(doubled, package)[0](4.0)
    kept = entries(folder)
    assert other in kept
    assert old[2] in kept
    assert len(kept) == 3


def test_a_folder_that_cannot_be_trusted_is_passed_over_for_the_next(package: Path) -> None:
    folders = Folders.of(package)
    folders.install()
    folders.installed.chmod(0o777)
    made, kept = kernel(doubled, package)
    assert made(4.0) == 8.0
    assert kept.faults == {
        f"{folders.installed} must be writable by its owner alone, got mode 777; remove it"
    }
    assert [path.parent for path in entries(package.parent)] == [folders.home]


@pytest.mark.parametrize("home", ["of/nobody", ""])
def test_who_has_no_home_has_what_was_installed(
    home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "CACHE_DIR", home)
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    folders = Folders.of(tmp_path)
    assert folders.home is None
    assert str(folders) == str(tmp_path / "__pycache__" / "compiled")
    assert list(folders.usable(set(), to_write=True)) == []
    folders.install()
    assert list(folders.usable(set(), to_write=True)) == [folders.installed]
