"""The garbage collector leaves batches alone, and what was freed goes back to the system."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from itertools import count

import pytest

from streamer.stream import garbage
from tests.rig.waiting import DEADLINE_S

_COUNTED = """
import gc
from streamer.stream.garbage import collect_rarely, give_back, keep_little
collections = []
gc.callbacks.append(lambda phase, info: collections.append(info.get("collected", 0)))
early = []
collect_rarely()
"""


def printed(code: str) -> list[str]:
    """Return what ``code`` prints in a process of its own, whose collector it may set as it likes."""
    result = subprocess.run(
        [sys.executable, "-c", _COUNTED + code],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=True,
    )
    return result.stdout.split()


def test_no_collection_begins_while_a_batch_of_4_000_records_is_there() -> None:
    code = "batches = [[[], []] for _ in range(4_000)]; print(len(collections))"
    assert printed(code) == ["0"]


def test_what_was_there_before_is_gone_through_no_more() -> None:
    code = "late = []; print([o is early or o is late for o in gc.get_objects()].count(True))"
    assert printed(code) == ["1"]


def test_cycles_are_found_before_60_000_of_them_wait() -> None:
    code = """
for _ in range(60_000):
    cycle = []
    cycle.append(cycle)
print(sum(collections) > 40_000)
"""
    assert printed(code) == ["True"]


def test_memory_that_was_freed_below_what_is_still_held_goes_back_to_the_system() -> None:
    """Of 100 MB in blocks of 1 kB; the last one holds the others fast."""
    code = """
import psutil
resident = lambda: psutil.Process().memory_info().rss
blocks = [bytes(1_000) for _ in range(100_000)]
last = blocks.pop()
del blocks
freed = resident()
give_back()
print(freed - resident() > 50_000_000)
"""
    assert printed(code) == ["True"]


def test_large_blocks_go_back_at_once_whatever_lies_between_them() -> None:
    """Twice 80 MB in blocks of 2 MB with small ones between them that stay; the second time glibc would
    take them from its heap, and keep them."""
    code = """
import psutil
resident = lambda: psutil.Process().memory_info().rss
keep_little()
before, held = resident(), []
for _ in range(2):
    blocks = []
    for _ in range(40):
        blocks.append(b"x" * 2_000_000)
        held.append(bytes(2_000))
    del blocks
print(resident() - before < 20_000_000)
"""
    assert printed(code) == ["True"]


def test_threads_share_what_they_allocate_from() -> None:
    """Of sixteen at work at once, with 4 MB each in small blocks; one's own would be 64 MB wide."""
    code = """
import threading
from pathlib import Path
keep_little()
together = threading.Barrier(17)
def work():
    blocks = [bytes(1_000) for _ in range(4_000)]
    together.wait()
    together.wait()
threads = [threading.Thread(target=work) for _ in range(16)]
for each in threads:
    each.start()
together.wait()
starts = [int(line.split("-")[0], 16) for line in Path("/proc/self/maps").read_text().splitlines()]
print(sum(start % (64 << 20) == 0 for start in starts) < 8)
together.wait()
"""
    assert printed(code) == ["True"]


def test_what_was_freed_goes_back_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "_GIVEN_BACK_EVERY_S", 0.001)
    times = count(1)
    thrice = threading.Event()
    monkeypatch.setattr(garbage, "give_back", lambda: next(times) == 3 and thrice.set())

    async def run() -> None:
        task = asyncio.create_task(garbage.give_back_often())
        assert await asyncio.to_thread(thrice.wait, DEADLINE_S)
        task.cancel()

    asyncio.run(run())
