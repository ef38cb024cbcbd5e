"""``python -m streamer.compiled``: a folder in the package, with each kernel for each processor."""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import Future, wait
from concurrent.futures._base import DoneAndNotDoneFutures
from pathlib import Path
from typing import Any

import pytest

from streamer.compiled import Loaded
from streamer.compiled import __main__ as installing
from streamer.compiled.folders import Folders
from streamer.compiled.processor import baselines
from streamer.starting.rehearsal import Rehearsal


class AtOnce:
    """Stands in for processes: in one a rehearsal compiles for minutes where nothing is cached."""

    def __init__(self, **_: Any) -> None: ...

    def __enter__(self) -> AtOnce:
        return self

    def __exit__(self, *_: object) -> None: ...

    def submit(self, work: Callable[[str], Rehearsal], name: str) -> Future[Rehearsal]:
        done: Future[Rehearsal] = Future()
        done.set_result(work(name))
        return done


@pytest.mark.parametrize("faults", [(), ("b must be a folder", "a must take files")])
def test_what_was_compiled_is_told_by_processor_and_what_cannot_be_kept_fails(
    faults: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folders = Folders(tmp_path / "__pycache__" / "compiled", None)
    monkeypatch.setattr(installing, "ProcessPoolExecutor", AtOnce)
    monkeypatch.setattr(Folders, "of", lambda _: folders)
    monkeypatch.setattr(
        installing, "rehearse_on", lambda _: Rehearsal(1.25, 1, 1, Loaded(3, 40, faults))
    )
    if faults:
        with pytest.raises(SystemExit) as ended:
            installing.main()
        assert ended.value.code == "a must take files\nb must be a folder"
    else:
        installing.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f"for {name}: 3 kernels compiled, 40 found compiled, in 1.2 s: {folders.installed}"
        for name in baselines()
    ]
    assert folders.installed.stat().st_mode & 0o777 == 0o755
    # A start that finds the mark compiles nothing first.
    assert bool(list(folders.installed.glob("whole-*"))) == (not faults)


def test_what_takes_long_tells_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line each time that it was waited for; what lay there before does not count."""
    (tmp_path / "old.nbc").touch()
    first, second = Future[int](), Future[int]()
    first.set_result(1)

    def waited(futures: Collection[Future[int]], _: float) -> DoneAndNotDoneFutures[int]:
        if len(list(tmp_path.iterdir())) == 3:
            second.set_result(1)
        else:
            (tmp_path / f"new-{len(list(tmp_path.iterdir()))}.nbc").touch()
        return wait(futures, 0)

    monkeypatch.setattr(installing, "wait", waited)
    installing._tell([first, second], tmp_path)
    assert capsys.readouterr().out.splitlines() == [
        f"compiling: {n} of about 450 kernels after 0 s, 1 of 2 processors done" for n in (1, 2)
    ]
