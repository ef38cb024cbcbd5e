"""What was compiled is found again if nothing has changed of what it was made from, and only then."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from streamer.compiled.processor import baselines
from tests.compiled.kernels import Kernels

# As on a full disk, or one that cannot be written: the kernel refuses every byte that goes to a file.
NO_FILE = "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))"
# A processor that has only what all of its kind have.
NO_FEATURES = "from llvmlite import binding; binding.get_host_cpu_features = dict"
# A folder that nobody can make, root included.
NO_HOME = {"HOME": "/proc/nobody"}


@pytest.fixture
def kernels(tmp_path: Path) -> Kernels:
    return Kernels(tmp_path)


def test_a_kernel_is_compiled_once_and_again_when_a_callee_in_another_file_is_edited(
    kernels: Kernels,
) -> None:
    """2 x (0 + 1 + 2 + 3) is 12, and with a factor of 3 it is 18.  At home, for the user alone."""
    first = kernels.run()
    assert (first.result, first.compiled, first.faults) == (12.0, 2, [])
    # The caller has the callee's code in it.
    again = kernels.run()
    assert (again.result, again.compiled, again.from_cache, again.faults) == (12.0, 0, 1, [])
    kernels.set_factor(3.0)
    edited = kernels.run()
    assert (edited.result, edited.compiled) == (18.0, 2)
    (folder,) = {path.parent for path in kernels.entries()}
    assert folder.is_relative_to(kernels.home)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert folder.stat().st_uid == os.geteuid()


def test_what_was_compiled_at_installation_is_found_where_nothing_can_be_written(
    kernels: Kernels,
) -> None:
    """And what is not there is compiled in memory, at each start, which is told and no error.

    Here for the name of a processor that the installation did not think of.
    """
    kernels.installed.mkdir(parents=True)
    assert kernels.run().compiled == 2
    assert {path.parent for path in kernels.entries()} == {kernels.installed}
    assert not kernels.home.exists()
    found = kernels.run(NO_FILE, **NO_HOME)
    assert (found.result, found.compiled, found.faults) == (12.0, 0, [])
    other = kernels.run(NO_FILE, **NO_HOME, NUMBA_CPU_NAME="generic")
    assert (other.result, other.compiled) == (12.0, 2)
    assert [fault.partition(" must ")[2] for fault in other.faults] == [
        "take files, or kernels are compiled at each start"
    ]
    assert len(kernels.entries()) == 2


def test_an_older_machine_finds_what_the_installation_compiled_for_it(kernels: Kernels) -> None:
    """Also where the installing one has more than that; nothing is compiled at a start."""
    kernels.installed.mkdir(parents=True)
    for baseline in baselines():
        compile_for = f"from streamer.compiled import compile_for; compile_for({baseline!r})"
        assert kernels.run(compile_for).compiled == 2
    assert len(kernels.entries()) == 2 * len(baselines())
    found = kernels.run(f"{NO_FILE}; {NO_FEATURES}", **NO_HOME)
    assert (found.result, found.compiled, found.faults) == (12.0, 0, [])


def test_a_folder_that_others_can_write_to_is_neither_read_nor_written(kernels: Kernels) -> None:
    """Its entries are pickles: whoever put them there would decide what this process does."""
    kernels.installed.mkdir(parents=True)
    kernels.run()
    before = kernels.entries()
    kernels.installed.chmod(0o777)
    refused = kernels.run()
    assert (refused.result, refused.compiled) == (12.0, 2)
    assert refused.faults == [
        f"{kernels.installed} must be writable by its owner alone, got mode 777; remove it"
    ]
    at_home = [path for path in kernels.entries() if path.parent != kernels.installed]
    assert len(at_home) == 2
    assert sorted(kernels.installed.iterdir()) == before


def test_an_entry_that_is_not_whole_is_made_again(kernels: Kernels) -> None:
    kernels.run()
    for path in kernels.entries():
        path.write_bytes(path.read_bytes()[:100])
    broken = kernels.run()
    assert (broken.result, broken.compiled) == (12.0, 2)
    assert len(broken.faults) == 2
    assert all("must be a compiled kernel" in fault for fault in broken.faults)
    assert kernels.run().compiled == 0


def test_processes_that_compile_the_same_at_once_do_not_disturb_each_other(
    kernels: Kernels,
) -> None:
    """Nothing unfinished is left.  Of one kernel the latest sixteen are: every edit leaves one."""
    kernels.installed.mkdir(parents=True)
    old = [kernels.installed / f"pricing.caller.total-{i:02}.nbc" for i in range(20)]
    for i, path in enumerate(old):
        path.touch()
        os.utime(path, (i, i))
    started = [kernels.start() for _ in range(2)]
    assert {kernels.result_of(process).result for process in started} == {12.0}
    assert {path.suffix for path in kernels.entries()} == {".nbc"}
    kept = {path for path in kernels.entries() if path.name.startswith("pricing.caller.total-")}
    assert len(kept) == 16
    assert set(old[5:]) < kept
    assert kernels.run().compiled == 0


def test_without_the_compiler_a_kernel_is_its_python(kernels: Kernels) -> None:
    uncompiled = kernels.run(NUMBA_DISABLE_JIT="1")
    assert (uncompiled.result, uncompiled.compiled, uncompiled.from_cache) == (12.0, 0, 0)
    assert kernels.entries() == []
