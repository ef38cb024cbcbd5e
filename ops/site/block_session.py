"""Runs blocks of pages, one after the other, in one folder and against one service.

A block finds what a reader has: ``streamer`` and ``python`` on the path, the repository's ``ops`` and
``schemas`` folders, files of payments under the names that pages use, and the variables that name the
service.  Blocks of one page follow each other, so that what one has written the next one reads.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import streamer
from ops.site.blocks import Block
from streamer.settings import child_environment

__all__ = ["PAYMENT_FILES", "BlockSession", "Ran"]

PAYMENT_FILES: Final = ("payments.parquet", "last-week.parquet")
"""What pages call a file of somebody's own payments."""
_FOLDERS: Final = ("ops", "schemas")


@dataclass(frozen=True, slots=True)
class Ran:
    """How a block ended: its exit code and what it wrote, both streams in one."""

    code: int
    output: str


class BlockSession:
    """A folder for blocks; ``environment`` are the settings that name the service.

    ``replaced`` are texts of pages that stand for something of a reader's own, with what they are here.
    Where a page changes files, ``copied`` lays down the package and whatever else they are in.
    """

    def __init__(
        self,
        root: Path,
        folder: Path,
        environment: Mapping[str, str],
        replaced: Mapping[str, str],
        copied: Callable[[Path], None] | None = None,
    ) -> None:
        self._folder = folder / "work"
        self._replaced = dict(replaced)
        programs = folder / "bin"
        programs.mkdir(parents=True)
        self._folder.mkdir()
        if copied is not None:
            copied(self._folder)
        for name in _FOLDERS if copied is None else ():
            (self._folder / name).symlink_to(root / name, target_is_directory=True)
        for name, arguments in (("streamer", "-m streamer "), ("python", "")):
            program = programs / name
            program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments}"$@"\n')
            program.chmod(0o755)
        # The package is wherever this process found it, or the copy.
        package = Path(streamer.__file__).parents[1] if copied is None else self._folder
        inherited = child_environment(dict(environment))
        if copied is not None:
            # What a copy executes is no part of what the tests cover of the package.
            inherited = {
                k: v for k, v in inherited.items() if not k.startswith(("COV_", "COVERAGE_"))
            }
        self._environ = inherited | {
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(package),
            "COLUMNS": "100",
        }

    @property
    def folder(self) -> Path:
        """Where blocks are run."""
        return self._folder

    def file(self, name: str) -> Path:
        """Return where a file lies that a block reads or writes."""
        return self._folder / name

    def run(self, block: Block, within_s: float) -> Ran:
        """Run a block; one that takes longer is ended, and its exit code is that of ``timeout``."""
        text = block.commands
        for of_page, here in self._replaced.items():
            text = text.replace(of_page, here)
        command = (
            [sys.executable, "-c", text]
            if block.language == "python"
            else ["/bin/bash", "-e", "-o", "pipefail", "-c", text]
        )
        try:
            done = subprocess.run(
                command, cwd=self._folder, env=self._environ, timeout=within_s, check=False,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True,
            )  # fmt: skip
        except subprocess.TimeoutExpired as late:
            said = (late.output or b"").decode(errors="replace")
            return Ran(124, f"{said}\nmust end within {within_s:.0f} s")
        return Ran(done.returncode, done.stdout)
