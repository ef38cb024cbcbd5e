"""Environments of other people's software: what is in one, what it takes, and whether it passes.

A folder here is an environment.  Its `requirements.in` says what it needs, `requirements.lock` what
that is to the byte, and its `check_*.py` are pytest files, which the main run does not collect.

Two lines of `requirements.in` are read here:

* ``# seconds: 60`` is what making it anew and running its checks takes, in round figures.
* ``-c ../../../requirements.lock`` holds it to the versions of streamer's own lock.  Then both locks go
  into one environment, and checks import streamer.  Without it streamer is apart: checks run it as
  ``$STREAMER_PYTHON -m streamer``, which is the interpreter that runs this.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["FOLDER", "ROOT", "Environment", "environments", "within"]

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = Path(__file__).resolve().parent
_MADE: Final = ROOT / "build" / "integrations"
_OWN_LOCK: Final = ROOT / "requirements.lock"

# Nobody's software here reports to anybody.
_NO_TELEMETRY: Final = {
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    "DO_NOT_TRACK": "1",
    "FEAST_USAGE": "False",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "RAY_USAGE_STATS_ENABLED": "0",
    "SCARF_NO_ANALYTICS": "true",
}


@dataclass(frozen=True, slots=True)
class Environment:
    """One folder; ``seconds`` is what it takes, ``has_streamer`` whether both locks go into one."""

    name: str
    seconds: int
    has_streamer: bool

    @classmethod
    def of(cls, folder: Path) -> Environment:
        """Return what ``requirements.in`` of ``folder`` declares; raise where it says no time."""
        wanted = (folder / "requirements.in").read_text(encoding="utf-8")
        seconds = re.search(r"^# seconds: (\d+)$", wanted, re.MULTILINE)
        if seconds is None:
            raise ValueError(f"{folder.name}/requirements.in must have a line '# seconds: N'")
        held = re.search(r"^-c \.\./\.\./\.\./requirements\.lock$", wanted, re.MULTILINE)
        return cls(folder.name, int(seconds[1]), held is not None)

    @property
    def path(self) -> Path:
        """Where it is made."""
        return _MADE / self.name

    @property
    def python(self) -> Path:
        """Its interpreter, once it is made."""
        return self.path / "bin" / "python"

    @property
    def locks(self) -> list[Path]:
        """What is installed."""
        own = [_OWN_LOCK] if self.has_streamer else []
        return [*own, FOLDER / self.name / "requirements.lock"]

    def make(self) -> None:
        """Make it anew, unless it was made of the same locks by the same interpreter."""
        made_of = hashlib.sha256(sys.version.encode())
        for lock in self.locks:
            made_of.update(lock.read_bytes())
        stamp = self.path / "made-of"
        if stamp.is_file() and stamp.read_text() == made_of.hexdigest():
            return
        _uv("venv", "--clear", "--python", sys.executable, str(self.path))
        locks = [part for lock in self.locks for part in ("--requirement", str(lock))]
        # Compiled once: where Python may write no bytecode, each process would compile all it imports.
        flags = "--require-hashes", "--compile-bytecode", "--python", str(self.python)
        _uv("pip", "install", *flags, *locks)
        stamp.write_text(made_of.hexdigest())

    def check(self, arguments: Sequence[str] = ()) -> int:
        """Run its checks and return pytest's exit code."""
        command = [
            str(self.python), "-m", "pytest", "-q", "--config-file", str(FOLDER / "checks.ini"),
            "--rootdir", str(ROOT), "--confcutdir", str(FOLDER), *arguments, str(FOLDER / self.name),
        ]  # fmt: skip
        return subprocess.run(command, cwd=ROOT, env=self.env(), check=False).returncode

    def env(self) -> Mapping[str, str]:
        """The environment of what runs in it."""
        # Not resolved: what lies behind the link of a virtual environment has no packages.
        python = str(self.python) if self.has_streamer else sys.executable
        others = {k: v for k, v in os.environ.items() if not k.startswith(("STREAMER_", "COV_"))}
        return others | _NO_TELEMETRY | {"STREAMER_PYTHON": python, "PYTHONPATH": str(ROOT)}


def _uv(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "uv", "--quiet", *arguments], check=True)


def environments(folder: Path = FOLDER) -> dict[str, Environment]:
    """Return those that there are, by name."""
    found = sorted(path.parent for path in folder.glob("*/requirements.in"))
    return {path.name: Environment.of(path) for path in found}


def within(
    wanted: Sequence[Environment], seconds: int | None
) -> tuple[list[Environment], list[str]]:
    """Return which run where all of them may take ``seconds``, and why each of the others does not.

    Those that take least come first, so that as many as possible run; None is without a limit.

    >>> chosen, left_out = within([Environment("a", 90, True), Environment("b", 60, True)], 100)
    >>> [each.name for each in chosen], left_out
    (['b'], ['a takes 90 s, of 100 s there are 40 s left'])
    """
    if seconds is None:
        return list(wanted), []
    chosen, left_out, left = [], [], seconds
    for each in sorted(wanted, key=lambda environment: environment.seconds):
        if each.seconds <= left:
            chosen.append(each)
            left -= each.seconds
        else:
            left_out.append(
                f"{each.name} takes {each.seconds} s, of {seconds} s there are {left} s left"
            )
    return chosen, left_out
