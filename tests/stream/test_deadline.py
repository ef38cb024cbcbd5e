"""A stop that hangs ends at its deadline, and tells what it hung on."""

from __future__ import annotations

import subprocess
import sys

HUNG = """
import asyncio
from streamer.stream.ending import Deadline

async def never_answers():
    await asyncio.get_running_loop().create_future()

async def stop():
    Deadline(0.2, lambda: "a connection that does not close").start()
    await never_answers()

asyncio.run(stop())
"""


def test_a_stop_that_hangs_ends_at_its_deadline_and_tells_what_it_waits_for() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", HUNG], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert "must be over within 0.2 s" in ended.stdout
    assert "got a connection that does not close" in ended.stdout
    assert "never_answers" in ended.stdout
