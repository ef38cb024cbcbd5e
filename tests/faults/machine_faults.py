"""Faults of the machine: clock, disk, descriptors, memory."""

from __future__ import annotations

import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.faults.checker import Report
from tests.faults.limited import limited
from tests.faults.site import KAFKA, NotHereError, Site, fault
from tests.faults.stand import Stand
from tests.rig.redis import DebianRedis

__all__: list[str] = []

_DISK_MB: Final = 96
_HALF_AN_HOUR_S: Final = 1_800.0
# A moment where there is nothing else to do, and minutes at a load of 50.
_SAVED_S: Final = 600.0


def _clock_jumps(name: str, offset_s: int) -> None:
    @fault(f"the worker's clock jumps {name}")
    def run(site: Site) -> Report:
        """Each time until every partition has a checkpoint of the clock as it is then."""
        with tempfile.TemporaryDirectory(prefix="streamer-clock-") as folder:
            clock = Path(folder, "clock")
            _set_clock(clock, 0)
            redis = site.redis()
            stand = site.stand(redis.url)
            stand.add_worker(limited("clock", str(clock)))
            stand.load()
            for ahead_s in (offset_s, 0):
                _set_clock(clock, ahead_s)
                assert stand.until(
                    lambda ahead_s=ahead_s: _is_saved(redis, stand, ahead_s), "saved", _SAVED_S
                ), f"every partition must have a checkpoint of a clock that is {ahead_s:+} s ahead"
            stand.fault_is_over()
            return stand.finish()

    del run


def _set_clock(clock: Path, ahead_s: int) -> None:
    """Set it at once: one that reads half of a file would take another time from it."""
    text = clock.with_suffix(".next")
    text.write_text(f"{ahead_s:+}")
    text.replace(clock)


def _is_saved(redis: DebianRedis, stand: Stand, ahead_s: int) -> bool:
    settings, partitions = stand.service.settings, range(stand.service.n_partitions)
    prefix = f"streamer:{{{settings.namespace}}}:partition:{settings.transactions_topic}:"
    now_s = time.time()
    with redis.client() as client:
        saved_ms = [client.hget(f"{prefix}{partition}", "saved_at_ms") for partition in partitions]
    return all(ms and abs(int(ms) / 1000 - now_s - ahead_s) < _HALF_AN_HOUR_S for ms in saved_ms)


_clock_jumps("an hour ahead and back", 3600)
_clock_jumps("an hour back and ahead", -3600)


@contextmanager
def _small_disk() -> Iterator[Path]:
    """A file system of its own, which can be filled without harm to the rest."""
    folder = Path(tempfile.mkdtemp(prefix="streamer-disk-"))
    options = ["-t", "tmpfs", "-o", f"size={_DISK_MB}m", "tmpfs", str(folder)]
    mounted = subprocess.run(["mount", *options], check=False, capture_output=True)  # noqa: S607
    if mounted.returncode != 0:
        folder.rmdir()
        raise NotHereError(f"needs the right to mount a file system: {mounted.stderr.decode()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)  # noqa: S607
        folder.rmdir()


@fault("the broker's disk is full", brokers=KAFKA)
def disk_full(site: Site) -> Report:
    """The broker shuts itself down; it is started again when there is room."""
    with _small_disk() as folder:
        before, tempfile.tempdir = tempfile.tempdir, str(folder)
        try:
            kafka = site.kafka()
        finally:
            tempfile.tempdir = before
        stand = site.stand(bootstrap=kafka.bootstrap_servers).load()
        _fill(folder / "filling")
        stand.until(lambda: not kafka.brokers[0].is_running, "the broker ends", 30)
        (folder / "filling").unlink()
        if not kafka.brokers[0].is_running:
            kafka.start_broker()
        stand.fault_is_over()
        report = stand.finish(run_on_s=5)
        stand.stop()
        kafka.close()
        return report


def _fill(path: Path) -> None:
    with path.open("wb") as file:
        try:
            while True:
                file.write(bytes(1 << 16))
                file.flush()
        except OSError:
            return


@fault("descriptors exhausted", is_long=False)
def no_descriptors(site: Site) -> Report:
    """The worker may not open another file or connection for 10 s, while Redis is cut off."""
    redis = site.redis()
    proxy = site.proxy(redis.port)
    stand = site.stand(f"redis://127.0.0.1:{proxy.port}/0").load()
    pid = stand.slots[0].running.child.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    n_open = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (n_open - 5, hard))
    proxy.reset()
    time.sleep(10)
    if stand.slots[0].running.child.pid == pid:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
    stand.fault_is_over()
    return stand.finish()


@fault("a worker may open 40 files only, from its start")
def few_descriptors(site: Site) -> Report:
    """It cannot work, says so by ending, and its successor can."""
    stand = site.stand().load()
    slot = stand.slots[0]
    slot.next_argv = limited("files", "40")
    slot.running.kill()
    stand.wait_restart(slot, 2)
    if not stand.until(lambda: slot.has_ended or slot.n_starts > 2, "it ends by itself", 30):
        slot.running.kill()
    stand.wait_restart(slot, 3)
    stand.fault_is_over()
    return stand.finish()


@fault("no memory left for a worker")
def no_memory(site: Site) -> Report:
    """Every allocation of new pages fails; it must end, not go on with half a batch."""
    stand = site.stand().load()
    slot = stand.slots[0]
    pid = slot.running.child.pid
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
    size = pages * resource.getpagesize()
    resource.prlimit(pid, resource.RLIMIT_AS, (size, size))
    time.sleep(10)
    if slot.running.child.pid == pid and slot.running.child.is_running():
        stand.notes.append("went on without new memory for 10 s")
        slot.running.kill()
    stand.wait_restart(slot, 2)
    stand.fault_is_over()
    return stand.finish()


@fault("killed by the kernel for its memory")
def out_of_memory(site: Site) -> Report:
    """A control group with too little memory: the kernel kills the worker, as it does a container."""
    groups = Path("/sys/fs/cgroup")
    group = groups / "memory" if (groups / "memory").is_dir() else groups
    own = group / f"streamer-{time.monotonic_ns()}"
    limit = "memory.limit_in_bytes" if group != groups else "memory.max"
    try:
        own.mkdir()
        stand = site.stand().load()
        slot = stand.slots[0]
        (own / "cgroup.procs").write_text(str(slot.running.child.pid))
        (own / limit).write_text(str(8 << 20))
    except OSError as error:
        shutil.rmtree(own, ignore_errors=True)
        raise NotHereError(f"needs the right to make a control group: {error}") from None
    stand.wait_restart(slot, 2)
    stand.notes.append(f"exit codes {slot.codes}")
    stand.fault_is_over()
    report = stand.finish()
    own.rmdir()
    return report
