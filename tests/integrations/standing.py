"""Servers and consoles that another interpreter runs, for checks that streamer is apart from."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from tests.integrations.environments import ROOT

__all__ = ["PASSWORD", "Stand", "stood"]

PASSWORD: Final = "correct horse battery"


class Stand:
    """The other interpreter, see `tests.integrations.browser.stand`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, name: str, *arguments: Any) -> Any:
        """Return what a method of `stand.Stand` returns."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps([name, *arguments]), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        assert line, "the servers must go on; what they wrote is above"
        return json.loads(line)


@contextmanager
def stood() -> Iterator[Stand]:
    """Yield servers, without a console yet."""
    others = {k: v for k, v in os.environ.items() if k != "STREAMER_PYTHON"}
    command = [os.environ["STREAMER_PYTHON"], "-m", "tests.integrations.browser.stand"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=others
    ) as process:
        assert process.stdin is not None
        try:
            yield Stand(process)
        finally:
            process.stdin.close()
