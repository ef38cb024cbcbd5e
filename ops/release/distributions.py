"""The files of a release: ``make dist`` writes sdist and wheel to dist/, the same bytes each time.

What git keeps track of is what goes in, as it lies in the checkout: no cache, no secret and no result
of a run.  The wheel is made of the sdist, so whoever builds from the sdist gets that wheel.  All files
in them are dated by ``SOURCE_DATE_EPOCH``, which is the last commit's time unless it is set.  (Where
zlib is another and compresses differently, the contents are the same and the bytes are not.)
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Final

from ops.release.version_places import ROOT

__all__ = ["DIST", "build", "build_wheel", "export", "main", "sums"]

DIST: Final = ROOT / "dist"


def export(to: Path, root: Path = ROOT) -> None:
    """Copy what git keeps track of in ``root``, as it lies there, to the new folder ``to``."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607
        cwd=root,
        check=True,
        capture_output=True,
    ).stdout
    for name in filter(None, listed.decode().split("\0")):
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / name, to / name)


def build(to: Path, tree: Path, epoch: int) -> tuple[Path, Path]:
    """Build the sdist from the sources in ``tree`` and the wheel from that sdist; return both.

    ``epoch`` is the time of every file in them, in seconds since 1970.
    """
    to.mkdir(parents=True, exist_ok=True)
    sdist = _hatchling("sdist", tree, to, epoch)
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(sdist) as packed:
            packed.extractall(folder, filter="data")
        (unpacked,) = Path(folder).iterdir()
        return sdist, build_wheel(to, unpacked, epoch)


def build_wheel(to: Path, tree: Path, epoch: int) -> Path:
    """Build the wheel alone from the sources in ``tree``."""
    return _hatchling("wheel", tree, to, epoch)


def _hatchling(target: str, tree: Path, to: Path, epoch: int) -> Path:
    command = [
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "--target",
        target,
        "--directory",
        str(to),
    ]
    env = os.environ | {"SOURCE_DATE_EPOCH": str(epoch)}
    subprocess.run(command, cwd=tree, env=env, check=True, capture_output=True)
    (made,) = to.glob({"sdist": "*.tar.gz", "wheel": "*.whl"}[target])
    return made


def sums(folder: Path) -> str:
    """Return what ``sha256sum`` prints of the files in ``folder``, by name."""
    files = sorted(path for path in folder.iterdir() if path.name != "SHA256SUMS")
    return "".join(
        f"{hashlib.sha256(each.read_bytes()).hexdigest()}  {each.name}\n" for each in files
    )


def _epoch() -> int:
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    asked = ["git", "log", "-1", "--format=%ct"]
    return int(subprocess.run(asked, cwd=ROOT, check=True, capture_output=True).stdout)


def main() -> int:
    """Write both to the folder that is given, in place of what was there, and print their sums."""
    parser = argparse.ArgumentParser(
        prog="python -m ops.release.distributions", description=__doc__
    )
    parser.add_argument("--to", type=Path, default=DIST, help="a folder that is emptied before")
    to: Path = parser.parse_args().to
    shutil.rmtree(to, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        export(Path(folder))
        build(to, Path(folder), _epoch())
    print(sums(to), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
