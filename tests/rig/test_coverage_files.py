"""What a killed process has left of its coverage does not end the run."""

from __future__ import annotations

from pathlib import Path

from coverage import CoverageData

from tests.rig.coverage_files import remove_broken


def _write(path: Path) -> bytes:
    data = CoverageData(str(path))
    data.add_lines({f"/module-{i}.py": range(500) for i in range(200)})
    data.write()
    data.close()
    return path.read_bytes()


def test_files_that_are_not_whole_are_removed_and_the_others_stay(tmp_path: Path) -> None:
    """Cut off in the middle, empty, without its tables, spoiled; and one as it should be."""
    whole = _write(tmp_path / ".coverage.whole")
    (tmp_path / ".coverage.cut").write_bytes(whole[: len(whole) // 2])
    (tmp_path / ".coverage.empty").touch()
    (tmp_path / ".coverage.head").write_bytes(whole[:4_096])
    spoiled = bytearray(whole)
    spoiled[len(whole) // 2 :] = bytes(len(whole) - len(whole) // 2)
    (tmp_path / ".coverage.spoiled").write_bytes(spoiled)
    (tmp_path / ".coveragerc").touch()
    names = {f".coverage.{name}" for name in ("cut", "empty", "head", "spoiled")}
    assert set(remove_broken(tmp_path)) == names
    assert {path.name for path in tmp_path.iterdir()} == {".coverage.whole", ".coveragerc"}
    assert remove_broken(tmp_path) == []
