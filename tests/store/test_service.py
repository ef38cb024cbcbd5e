"""A namespace belongs to one service, whose workers agree on the model's settings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streamer.errors import ConfigurationError, InvariantError
from streamer.settings import Settings
from streamer.starting.wiring import service_identity
from streamer.store import ServiceIdentity
from tests.store.helpers import NOW_MS, opened, raw, run, step

SERVICE = ServiceIdentity(
    "transactions", {"STREAMER_N_CLUSTERS": "16", "STREAMER_ALERT_BUDGET": "0.005"}, "h1"
)
OTHER = replace(
    SERVICE,
    model_settings={"STREAMER_N_CLUSTERS": "8", "STREAMER_ALERT_BUDGET": "0.005"},
    config_hash="h2",
)


def test_a_second_transactions_topic_is_refused_even_when_nobody_is_alive(redis_url, namespace):
    """Its model would learn from both, and its offsets are another log's."""

    async def scenario():
        async with opened(redis_url, namespace) as store:
            await store.register(SERVICE, "w1", NOW_MS)
            await store.leave("w1")
            intruder = replace(SERVICE, transactions_topic="refunds")
            with pytest.raises(ConfigurationError) as caught:
                await store.register(intruder, "w2", NOW_MS + 10**9)
            for part in ("'transactions'", "'refunds'", f"STREAMER_NAMESPACE '{namespace}'"):
                assert part in str(caught.value)
        async with opened(redis_url, f"{namespace}-b") as store:
            await store.register(replace(SERVICE, transactions_topic="refunds"), "w2", NOW_MS)

    run(scenario())


def test_other_settings_are_refused_while_a_worker_with_the_old_ones_is_alive(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            await store.register(SERVICE, "w1", NOW_MS)
            await store.register(SERVICE, "w2", NOW_MS)
            await store.leave("w2")
            with pytest.raises(ConfigurationError) as caught:
                await store.register(OTHER, "w3", NOW_MS + 29_000)
            assert "STREAMER_N_CLUSTERS: 16 -> 8" in str(caught.value)
            assert "ALERT_BUDGET" not in str(caught.value)
            assert "1 other workers" in str(caught.value)
            assert "w1" in str(caught.value)
            # Who was refused is nobody's colleague.
            await store.register(SERVICE, "w4", NOW_MS + 29_000)
            assert await store.lineage(10) == []

    run(scenario())


def test_what_earlier_releases_compared_of_the_policy_is_left_to_its_record(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            await store.register(SERVICE, "w1", NOW_MS)
            settings = {"STREAMER_N_CLUSTERS": "16", "STREAMER_SAMPLE_SHARE": "0.3"}
            await store.register(replace(SERVICE, model_settings=settings), "w2", NOW_MS)
            assert await store.lineage(10) == []

    run(scenario())


@pytest.mark.parametrize("sign", ["heartbeat", "claim", "checkpoint"])
def test_each_sign_of_life_counts(redis_url, namespace, sign):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            await store.register(SERVICE, "w1", NOW_MS)
            await store.claim("transactions", 0, "w1", NOW_MS)
            later = NOW_MS + 60_000
            if sign == "heartbeat":
                await store.heartbeat("w1", later)
            elif sign == "claim":
                await store.claim("transactions", 1, "w1", later)
            else:
                await store.checkpoint(step(None, 10, now_ms=later))
            with pytest.raises(ConfigurationError, match="stop them first"):
                await store.register(OTHER, "w2", later + 30_000)
            await store.register(OTHER, "w2", later + 30_001)

    run(scenario())


def test_new_settings_are_taken_over_when_nobody_else_is_alive_and_are_on_record(
    redis_url, namespace
):
    """The same worker, started again in the same process, is nobody else."""

    async def scenario():
        async with opened(redis_url, namespace) as store:
            await store.register(SERVICE, "w1", NOW_MS)
            await store.register(OTHER, "w1", NOW_MS + 1)
            [entry] = await store.lineage(10)
            assert entry == {
                "reason": "settings",
                "who": "w1",
                "at": "2023-11-14T22:13:20.124Z",
                "changed": "STREAMER_N_CLUSTERS: 16 -> 8",
            }
            await store.register(OTHER, "w2", NOW_MS + 2)
            with pytest.raises(ConfigurationError, match="STREAMER_N_CLUSTERS: 8 -> 16"):
                await store.register(SERVICE, "w3", NOW_MS + 3)
            assert len(await store.lineage(10)) == 1

    run(scenario())


def test_another_kafka_is_another_service_while_a_worker_is_alive(redis_url, namespace):
    """A broker without an id says nothing."""

    async def scenario():
        async with opened(redis_url, namespace) as store:
            known = replace(SERVICE, kafka_cluster_id="k1")
            await store.register(known, "w1", NOW_MS)
            await store.register(SERVICE, "w2", NOW_MS)
            with pytest.raises(ConfigurationError, match="Kafka's cluster id: k1 -> k2"):
                await store.register(replace(known, kafka_cluster_id="k2"), "w3", NOW_MS)

    run(scenario())


def test_workers_that_are_gone_are_forgotten(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store, raw(redis_url) as redis:
            for i in range(50):
                await store.heartbeat(f"w{i}", NOW_MS + 1_000 * i)
            key = f"streamer:{{{namespace}}}:workers"
            assert await redis.zcard(key) == 31
            assert await redis.zrange(key, 0, 0) == [b"w19"]

    run(scenario())


def test_a_record_of_another_kind_is_named(redis_url, namespace):
    async def scenario():
        key = f"streamer:{{{namespace}}}:service"
        async with opened(redis_url, namespace) as store, raw(redis_url) as redis:
            for written in ({"a": "b"}, {"model_settings": b"\xff\xfe"}):
                await redis.delete(key)
                await redis.hset(key, mapping=written)
                with pytest.raises(InvariantError) as caught:
                    await store.register(SERVICE, "w1", NOW_MS)
                assert key in str(caught.value)

    run(scenario())


def test_every_setting_of_the_model_is_compared_under_its_own_name():
    """Those that a person can set by their variable, the others as this release's."""
    default, changed = service_identity(Settings()), service_identity(Settings(n_clusters=17))
    differing = {
        name: value
        for name, value in changed.model_settings.items()
        if default.model_settings[name] != value
    }
    assert differing == {"STREAMER_N_CLUSTERS": "17"}
    assert default.config_hash != changed.config_hash
    assert "STREAMER_HALF_LIFE_TRANSACTIONS" in default.model_settings
    assert "this release's feature_names" in default.model_settings


def test_the_intake_is_compared_by_what_it_declares_and_without_one_there_is_no_entry(tmp_path):
    """Two files of one content are one intake; its change is told like any setting's."""
    here, there = tmp_path / "a.toml", tmp_path / "b.toml"
    here.write_text('card_id = "card"\nmcc = "code"\n')
    there.write_text('mcc = "code"\n# the same\ncard_id = "card"\n')
    default = service_identity(Settings())
    first, second = (service_identity(Settings(intake=str(path))) for path in (here, there))
    assert first == second
    assert first.model_settings.keys() - default.model_settings.keys() == {"STREAMER_INTAKE"}
    assert first.config_hash == default.config_hash
