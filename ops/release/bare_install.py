"""The wheel where there is nothing else: ``python -m ops.release.bare_install WHEEL [PYTHON ...]``.

For each Python an environment outside the checkout: with the extras that the demo needs, in which a
short ``streamer demo`` has to end with 0; and with none, in which each command has to work or to name
the extra that it needs.  Packages are the newest that the wheel's own metadata let in, not the locked
ones: what somebody gets who types ``pip install``.  Only the standard library is needed here.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["ASKED", "Asked", "Bare", "main", "without_extras"]

_DEMO: Final = ("demo", "--duration", "5", "--rate", "500")
# The loops are compiled at the first start, which takes a minute of a busy core.
_WITHIN_S: Final = 1_200


@dataclass(frozen=True, slots=True)
class Asked:
    """A command, and the extra that it must name where that is missing; none where it must work."""

    arguments: tuple[str, ...]
    names: str = ""


ASKED: Final = (
    Asked(("--help",)),
    Asked(("--version",)),
    Asked(("check-config",)),
    Asked(("intake", "presets")),
    Asked(("simulate", "--rate", "200", "--duration", "10", "--out", "payments.jsonl")),
    Asked(("replay", "payments.jsonl")),
    Asked(("model", "show", "--help")),
    Asked(("demo", "--duration", "1"), "embedded"),
    Asked(("dev",), "embedded"),
    Asked(("console",), "console"),
    Asked(("users", "add", "anna", "--role", "lead", "--file", "accounts"), "console"),
    Asked(("serve",), "serve"),
    Asked(("fit", "payments.jsonl", "--out", "m.safetensors"), "evaluation"),
    Asked(("model", "pull", "streamer@champion", "--mlflow", "http://127.0.0.1:9"), "mlflow"),
)


class Bare:
    """An environment of ``python``, in ``folder``, with nothing but what is put into it."""

    def __init__(self, folder: Path, python: str) -> None:
        subprocess.run([python, "-m", "venv", str(folder / "venv")], check=True)
        self.programs = folder / "venv" / "bin"
        self.cwd = folder / "elsewhere"
        self.cwd.mkdir()

    def install(self, wheel: Path, extras: Sequence[str], *, with_uv: bool = False) -> None:
        """Install ``wheel`` with ``extras``, by its pip, or by the uv of this interpreter."""
        wanted = f"streamer-fraud[{','.join(extras)}] @ {wheel.resolve().as_uri()}"
        into = ["--quiet", "--python", str(self.programs / "python")]
        by_uv = [sys.executable, "-m", "uv", "pip", "install", *into]
        by_pip = [str(self.programs / "python"), "-m", "pip", "install", "--quiet"]
        subprocess.run([*(by_uv if with_uv else by_pip), wanted], check=True, env=os.environ)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``streamer ARGUMENTS``, elsewhere, with no setting and no path of this checkout."""
        return subprocess.run(
            [str(self.programs / "streamer"), *arguments],
            cwd=self.cwd,
            env=self._env(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_WITHIN_S,
            check=False,
        )

    def _env(self) -> Mapping[str, str]:
        return {
            "PATH": f"{self.programs}:/usr/bin:/bin",
            "HOME": str(self.cwd),
            "LC_ALL": "C.UTF-8",
        }


def without_extras(bare: Bare, asked: Sequence[Asked] = ASKED) -> list[str]:
    """Return what is wrong with the answers to ``asked`` where no extra is installed, in words."""
    wrong = []
    for each in asked:
        done = bare.run(*each.arguments)
        said = re.sub(r"\s+", " ", done.stdout + done.stderr).strip()
        command = f"streamer {' '.join(each.arguments)}"
        if "Traceback" in said:
            wrong.append(f"{command} must end with a sentence, got {said[-300:]}")
        elif not each.names and done.returncode != 0:
            wrong.append(
                f"{command} must work without extras, got {done.returncode}: {said[-300:]}"
            )
        elif each.names and (done.returncode == 0 or f"streamer-fraud[{each.names}]" not in said):
            wrong.append(
                f"{command} must name streamer-fraud[{each.names}], "
                f"got {done.returncode}: {said[-300:]}"
            )
    return wrong


def main() -> int:
    """Try each Python; print a line for each step; 1 where something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m ops.release.bare_install", description=__doc__)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("pythons", nargs="*", default=[sys.executable], metavar="PYTHON")
    parser.add_argument("--with-uv", action="store_true", help="install by this interpreter's uv")
    options = parser.parse_args()
    return max([_tried(options.wheel, python, options.with_uv) for python in options.pythons])


def _tried(wheel: Path, python: str, with_uv: bool) -> int:
    asked = [python, "-c", "import platform; print(platform.python_version())"]
    name = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
    started = time.monotonic()

    def told(what: str) -> None:
        print(f"{name}: {what}, after {time.monotonic() - started:.0f} s", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        for part in ("none", "two"):
            (Path(folder) / part).mkdir()
        bare = Bare(Path(folder) / "none", python)
        bare.install(wheel, (), with_uv=with_uv)
        told("installed without extras")
        wrong = without_extras(bare)
        told(f"{len(ASKED) - len(wrong)} of {len(ASKED)} commands answered as they must")
        bare = Bare(Path(folder) / "two", python)
        bare.install(wheel, ("console", "embedded"), with_uv=with_uv)
        told("installed with console and embedded")
        done = bare.run(*_DEMO)
        told(f"streamer {' '.join(_DEMO)} ended with {done.returncode}")
        if done.returncode != 0:
            wrong.append((done.stdout + done.stderr)[-3000:])
    print(*wrong, sep="\n", end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
