"""Faults of Redis: away, hung, slow, cut in the middle, emptied, older, somebody else's."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Final

from streamer.model.codec import FORMAT
from tests.faults.checker import Report
from tests.faults.crashing import crashing
from tests.faults.site import Site, fault
from tests.faults.stand import RATE, Stand
from tests.rig.redis import DebianRedis

__all__: list[str] = []

_GONE_S: Final = 10.0
# Enough for every card, and few enough that checkpoints need not make room.
_UNKNOWN: Final = 3_000


def _on_disk(site: Site) -> tuple[DebianRedis, Stand]:
    redis = site.redis("aof-always")
    return redis, site.stand(redis.url).load()


@fault("Redis killed and back", redis="killed 10 s, data kept")
def killed_and_back(site: Site) -> Report:
    redis, stand = _on_disk(site)
    redis.kill()
    time.sleep(_GONE_S)
    redis.start()
    stand.fault_is_over()
    return stand.finish()


@fault("Redis restarted empty", redis="emptied")
def emptied(site: Site) -> Report:
    """What only Redis knew is gone: it is said, and is all that is missing."""
    redis, stand = _on_disk(site)
    redis.kill()
    redis.forget()
    redis.start()
    time.sleep(5)
    stand.fault_is_over()
    return stand.finish(with_alert_counts=False)


@fault("Redis restored from an older snapshot", redis="5 s older")
def older_snapshot(site: Site) -> Report:
    """What has happened since is still in Kafka, and is done again without a second alert."""
    redis = site.redis("rdb")
    stand = site.stand(redis.url).load()
    redis.snapshot()
    time.sleep(5)
    redis.kill()
    redis.start()
    stand.fault_is_over()
    return stand.finish()


def _hung(seconds: float, *, is_long: bool) -> None:
    @fault(f"Redis hung {seconds:g} s", redis=f"SIGSTOP {seconds:g} s", is_long=is_long)
    def run(site: Site) -> Report:
        redis = site.redis()
        stand = site.stand(redis.url).load()
        redis.pause()
        time.sleep(seconds)
        redis.resume()
        stand.fault_is_over()
        return stand.finish()

    del run


_hung(10, is_long=False)
_hung(45, is_long=True)


@fault("Redis slow", redis="0.1 s each way, 10 s")
def slow(site: Site) -> Report:
    redis = site.redis()
    proxy = site.proxy(redis.port)
    stand = site.stand(f"redis://127.0.0.1:{proxy.port}/0").load()
    proxy.delay(0.1)
    time.sleep(10)
    proxy.pass_on()
    stand.fault_is_over()
    return stand.finish()


@fault("atomic step: answer swallowed, 10 times", redis="connection cut after EXEC")
def answer_swallowed(site: Site) -> Report:
    """Redis has written, and the worker does not hear of it."""
    redis = site.redis()
    proxy = site.proxy(redis.port)
    stand = site.stand(f"redis://127.0.0.1:{proxy.port}/0").load()
    for n in range(1, 11):
        proxy.cut_answer_to(b"EXEC")
        stand.until(lambda n=n: proxy.n_cut >= n, f"{n} answers swallowed")
    stand.fault_is_over()
    return stand.finish()


@fault("atomic step: cut while it is sent, 10 times", redis="connection cut within MULTI")
def cut_within(site: Site) -> Report:
    """Redis gets the beginning of a checkpoint and never its end."""
    redis = site.redis()
    proxy = site.proxy(redis.port)
    stand = site.stand(f"redis://127.0.0.1:{proxy.port}/0").load()
    for n in range(1, 11):
        proxy.cut_after(4_000 * n)
        stand.until(lambda n=n: proxy.n_cut >= n, f"{n} requests cut")
    stand.fault_is_over()
    return stand.finish()


@fault("Redis away, killed, back, killed in the replay", redis="killed 12 s, data kept")
def killed_in_the_replay(site: Site) -> Report:
    """Alerts published by two lives of a worker, none of which has checkpointed them."""
    redis, stand = _on_disk(site)
    slot = stand.slots[0]
    redis.kill()
    time.sleep(_GONE_S)
    slot.next_argv = crashing("after-exec", 2)
    slot.running.kill()
    time.sleep(2)
    redis.start()
    stand.wait_restart(slot, 3)
    stand.fault_is_over()
    return stand.finish()


@fault("Redis away before the histories are loaded", redis="killed, data kept")
def unknown_histories(site: Site) -> Report:
    """A worker that has just claimed, and knows nobody, goes on from memory; then all is merged."""
    redis = site.redis("aof-always")
    stand = site.stand(redis.url, are_noting=True).load()
    slot = stand.slots[0]
    stand.traffic.stop()
    assert stand.settle(), "nothing may be left that a claim would load histories for"
    slot.running.kill()
    stand.wait_restart(slot, 2)
    stand.wait_ready(slot)
    redis.kill()
    before = sum(stand.n_scored().values())
    stand.traffic.send(_UNKNOWN)
    stand.until(lambda: sum(stand.n_scored().values()) > before + _UNKNOWN / 2, "scored without")
    redis.start()
    stand.traffic.start(RATE)
    stand.fault_is_over()
    report = stand.finish()
    assert report.excused, "payments must have met habits that were not known"
    return report


@fault("rolling restart while Redis is away", redis="killed 20 s, data kept")
def restarted_meanwhile(site: Site) -> Report:
    redis, stand = _on_disk(site)
    slot = stand.slots[0]
    redis.kill()
    time.sleep(5)
    slot.running.terminate()
    time.sleep(10)
    redis.start()
    stand.fault_is_over()
    return stand.finish()


def _away_during_rebalance(seconds: float, *, is_long: bool) -> None:
    @fault(
        f"Redis away {seconds:g} s during a rebalance",
        redis=f"killed {seconds:g} s, data kept",
        is_long=is_long,
    )
    def run(site: Site) -> Report:
        redis, stand = _on_disk(site)
        redis.kill()
        stand.add_worker()
        time.sleep(seconds)
        redis.start()
        stand.fault_is_over()
        return stand.finish(run_on_s=5)

    del run


_away_during_rebalance(20, is_long=False)
_away_during_rebalance(100, is_long=True)


@fault("foreign bytes in a partition's record", redis="field offset is text")
def foreign_bytes(site: Site) -> Report:
    """The worker must not guess; when the bytes are put right all goes on."""
    redis, stand = _on_disk(site)
    key = f"streamer:{{{stand.service.settings.namespace}}}:partition:{stand.traffic.topic}:0"
    slot = stand.slots[0]
    slot.running.terminate()
    with redis.client() as client:
        before = client.hget(key, "offset")
        client.hset(key, "offset", "foreign")
    time.sleep(8)
    stand.notes.append(f"meanwhile /readyz {slot.running.get('/readyz')}, exits {slot.codes}")
    with redis.client() as client:
        client.hset(key, "offset", before)
    stand.fault_is_over()
    return stand.finish()


@fault("foreign bytes for the model's head", redis="model version is text")
def foreign_head(site: Site) -> Report:
    redis, stand = _on_disk(site)
    prefix = f"streamer:{{{stand.service.settings.namespace}}}:"
    with redis.client() as client:
        head = client.get(prefix + "model:head")
        client.set(prefix + "model:head", b"\xffforeign")
    time.sleep(8)
    stand.notes.append(
        f"meanwhile /readyz {stand.slots[0].running.get('/readyz')}, exits {stand.slots[0].codes}"
    )
    with redis.client() as client:
        client.set(prefix + "model:head", head)
    stand.fault_is_over()
    return stand.finish()


@fault("a model version of a newer format", redis="head of format 9")
def newer_format(site: Site) -> Report:
    """Written by a later release: refused and left alone; after the way back all goes on."""
    redis, stand = _on_disk(site)
    prefix = f"streamer:{{{stand.service.settings.namespace}}}:model:"
    slot = stand.slots[0]
    slot.running.terminate()
    with redis.client() as client:
        head = client.get(prefix + "head").decode()
        stored = client.get(f"{prefix}version:{head}")
        newer = stored.replace(f'"format":"{FORMAT}"'.encode(), b'"format":"9"')
        assert newer != stored, "the format must be in the header"
        client.set(f"{prefix}version:{head}", newer)
        time.sleep(8)
        is_untouched = client.get(f"{prefix}version:{head}") == newer
        stand.notes.append(
            f"left alone: {is_untouched}, exits {slot.codes}: {slot.last_words[-200:]}"
        )
        client.set(f"{prefix}version:{head}", stored)
    stand.fault_is_over()
    return stand.finish()


@fault("connections to Redis half open 10 s", redis="mute behind a proxy")
def half_open(site: Site) -> Report:
    """Neither side hears that the other has gone; new connections are mute as well."""
    redis = site.redis()
    proxy = site.proxy(redis.port)
    stand = site.stand(f"redis://127.0.0.1:{proxy.port}/0").load()
    proxy.hang()
    time.sleep(_GONE_S)
    proxy.pass_on()
    stand.fault_is_over()
    return stand.finish()


@fault("Redis fails over to its replica", redis="Sentinel, the primary killed")
def failed_over(site: Site) -> Report:
    """The replica may lack the last writes: it is an older store at worst."""
    sentinel = site.sentinel()
    addresses = ",".join(f"{host}:{port}" for host, port in sentinel.addresses)
    stand = site.stand(f"redis+sentinel://{addresses}/{sentinel.service}/0").load()
    sentinel.fail_over()
    stand.fault_is_over()
    return stand.finish(run_on_s=5)


@fault("Redis demoted behind one address", redis="replica promoted, address moved 5 s later")
def demoted(site: Site) -> Report:
    """Nobody cuts the connections: the former primary goes on answering, and refuses writes."""
    first, second = (site.redis(repl_diskless_sync_delay=0) for _ in range(2))
    second.follow(first)
    proxy = site.proxy(first.port)
    stand = site.stand(f"redis://127.0.0.1:{proxy.port}/0").load()
    second.take_over(first)
    refused = 'streamer_dependency_up{name="redis"} 0.0'
    stand.until(lambda: refused in stand.slots[0].running.get("/metrics")[1], "said to be away")
    time.sleep(5)
    proxy.target = second.port
    stand.fault_is_over()
    taken = 'streamer_redis_breaker_state{state="closed"} 1.0'
    stand.until(lambda: taken in stand.slots[0].running.get("/metrics")[1], "said to be back")
    return stand.finish()


@fault("Redis cannot save", redis="MISCONF 10 s")
def cannot_save(site: Site) -> Report:
    """Its disk is full: it refuses writes until a snapshot succeeds."""
    redis = site.redis("rdb", enable_protected_configs="yes")
    stand = site.stand(redis.url).load()
    with redis.client() as client:
        # A folder in place of the file: even root cannot write a snapshot there.
        client.config_set("dbfilename", "taken")
        taken = Path(client.config_get("dir")["dir"], "taken")
        taken.mkdir()
        (taken / "by").touch()
        client.config_set("save", "1 1")
        time.sleep(_GONE_S)
        stand.notes.append(f"last bgsave {client.info()['rdb_last_bgsave_status']}")
        shutil.rmtree(taken)
    stand.fault_is_over()
    return stand.finish()
