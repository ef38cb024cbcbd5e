"""Faults of workers: killed, frozen, coming and going."""

from __future__ import annotations

import time
from typing import Final

import numpy as np

from tests.faults.checker import Report
from tests.faults.crashing import CHECKPOINT_POINTS, crashing
from tests.faults.site import Site, fault
from tests.faults.stand import Stand

__all__: list[str] = []

# A checkpoint of each of four partitions every 0.3 s: well into the load, and soon.
_PASS: Final = {"after-commit": 6, "flush": 90}
_PASS_OF_A_CHECKPOINT: Final = 40
_SESSION_S: Final = 6.0


def _killed_at(point: str) -> None:
    @fault(f"kill -9 {point}")
    def run(site: Site) -> Report:
        stand = site.stand()
        at_pass = _PASS.get(point, _PASS_OF_A_CHECKPOINT)
        slot = stand.add_worker(crashing(point, at_pass))
        stand.load()
        stand.wait_restart(slot, 2)
        stand.fault_is_over()
        return stand.finish()

    del run


for _point in (*CHECKPOINT_POINTS, "flush"):
    _killed_at(_point)


@fault("kill -9 during release")
def killed_during_release(site: Site) -> Report:
    """The worker is asked to end, and dies while it writes its last checkpoints."""
    stand = site.stand()
    slot = stand.add_worker(crashing("release", 1))
    stand.load()
    slot.running.terminate()
    stand.wait_restart(slot, 2)
    stand.fault_is_over()
    return stand.finish()


def _killed_while_claiming(point: str) -> None:
    @fault(f"kill -9 during {point}")
    def run(site: Site) -> Report:
        stand = site.stand().load()
        slot = stand.slots[0]
        # Its successor has claimed two of four partitions when it dies.
        slot.next_argv = crashing(point, 2)
        slot.running.kill()
        stand.wait_restart(slot, 3)
        stand.fault_is_over()
        return stand.finish()

    del run


for _point in ("claim", "load"):
    _killed_while_claiming(_point)


@fault("kill -9 at random, 5 times")
def killed_at_random(site: Site) -> Report:
    """One worker dies again and again, some of the times before it has done anything."""
    stand = site.stand().load()
    rng = np.random.default_rng(site.seed)
    slot = stand.slots[0]
    for _ in range(5):
        time.sleep(float(rng.uniform(0.0, 4.0)))
        n_starts = slot.n_starts
        slot.running.kill()
        stand.wait_restart(slot, n_starts + 1)
    stand.fault_is_over()
    return stand.finish()


@fault("kill -9 of two workers")
def two_killed(site: Site) -> Report:
    """Both workers of a service die at once."""
    stand = site.stand().load(2)
    for slot in stand.slots:
        slot.running.kill()
    for slot in stand.slots:
        stand.wait_restart(slot, 2)
    stand.fault_is_over()
    return stand.finish()


@fault("zombie: frozen beyond its session, then awake")
def zombie(site: Site) -> Report:
    """A worker stands still until another one has its partitions, and then goes on."""
    stand = site.stand().load(2)
    frozen = stand.slots[0].running
    frozen.pause()
    time.sleep(_SESSION_S + 9)
    frozen.resume()
    stand.fault_is_over()
    return stand.finish(run_on_s=5)


@fault("rolling 1 -> 3 -> 1")
def rolling(site: Site) -> Report:
    """Workers join and leave in good order under load."""
    stand = site.stand().load()
    added = [stand.add_worker(), stand.add_worker()]
    for slot in added:
        stand.wait_ready(slot)
    time.sleep(3)
    for slot in (stand.slots[0], added[0]):
        stand.remove_worker(slot)
        time.sleep(2)
    stand.fault_is_over()
    return stand.finish()


@fault("rebalances with 64 partitions")
def many_partitions(site: Site) -> Report:
    """Three workers share 64 partitions; one is killed, one leaves, one comes."""
    stand = site.stand(n_partitions=64).load()
    _join(stand)
    _join(stand)
    stand.slots[1].running.kill()
    stand.wait_restart(stand.slots[1], 2)
    stand.wait_ready(stand.slots[1])
    stand.remove_worker(stand.slots[2])
    _join(stand)
    stand.fault_is_over()
    return stand.finish(run_on_s=5)


def _join(stand: Stand) -> None:
    stand.wait_ready(stand.add_worker())
    time.sleep(2)
