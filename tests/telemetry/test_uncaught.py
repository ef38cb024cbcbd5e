"""What nobody caught is one line of JSON like any other, and shows nothing of a payment."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.rig.waiting import DEADLINE_S

CARD = "C77-of-nobody"

_HEAD = """
import asyncio, gc, threading, warnings
from streamer.telemetry import configure_logging
from streamer.telemetry.uncaught import log_uncaught
configure_logging("DEBUG")
log_uncaught()
card = "C77-of-nobody"
"""


def lines_of(script: str) -> tuple[int, list[dict[str, Any]], str]:
    """Return exit code, events and text of a process that runs ``script``."""
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", _HEAD + script],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    text = done.stdout + done.stderr
    return done.returncode, [json.loads(line) for line in text.splitlines()], text


@pytest.mark.parametrize(
    ("script", "code", "level", "event"),
    [
        ("{}[card]", 1, "critical", "uncaught exception"),
        (
            "t = threading.Thread(target=lambda: {}[card], name='reader'); t.start(); t.join()",
            0,
            "critical",
            "uncaught exception in a thread",
        ),
        (
            "class Thing:\n    def __del__(self): {}[card]\nThing()",
            0,
            "error",
            "uncaught exception in a destructor",
        ),
        (
            "async def main():\n"
            "    async def work(card): {}[card]\n"
            "    task = asyncio.create_task(work(card))\n"
            "    await asyncio.sleep(0)\n"
            "    await asyncio.sleep(0)\n"
            "    del task\n"
            "    gc.collect()\n"
            "asyncio.run(main())",
            0,
            "error",
            "Task exception was never retrieved",
        ),
    ],
)
def test_an_exception_that_nobody_caught_is_one_line(
    script: str, code: int, level: str, event: str
) -> None:
    returned, (line,), text = lines_of(script)
    assert (returned, line["level"], line["event"]) == (code, level, event)
    assert line["exception"][0]["type"] == "KeyError"
    assert CARD not in text


def test_a_thread_and_a_task_are_named() -> None:
    _, (thread, task), _ = lines_of(
        "t = threading.Thread(target=lambda: 1 / 0, name='reader'); t.start(); t.join()\n"
        "async def main():\n"
        "    async def work(): 1 / 0\n"
        "    asyncio.get_running_loop().create_task(work())\n"
        "    await asyncio.sleep(0.01)\n"
        "    gc.collect()\n"
        "asyncio.run(main())"
    )
    assert thread["thread"] == "reader"
    assert task["coroutine"] == "main.<locals>.work"


def test_a_warning_is_one_line() -> None:
    _, (line,), _ = lines_of("warnings.warn('old broker', DeprecationWarning)")
    assert (line["level"], line["logger"]) == ("warning", "py.warnings")
    assert "DeprecationWarning: old broker" in line["event"]


def test_an_interrupt_at_the_keyboard_is_none_of_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"{_HEAD}\nraise KeyboardInterrupt"],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert "uncaught" not in done.stderr
