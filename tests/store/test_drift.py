"""Drift in Redis: what the lineage says of it, and what a promotion freezes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from streamer.model import Sums, drift_of
from streamer.model.codec import VersionHeader, state_id
from streamer.model.feature_histogram import N_FEATURE_BINS
from streamer.model.sums import SETTLED
from streamer.store import Wish
from tests.store.helpers import CONFIG, NOW_MS, delta, opened, run, step

TOPIC = "transactions"
LOG_AMOUNT, GAP = 0, 1
HEADER = VersionHeader("", "2023-11-14T22:13:20.123Z", "fit", CONFIG.hash)


def settled(n: int = 1_000, due: int = SETTLED) -> Sums:
    """Return a model with centers whose features lie in bin 33, as in its settled reference."""
    sums = replace(delta(n), reference_at=n, reference_due=due)
    sums.cluster_weights += 10.0
    sums.feature_histograms[:, 33] = sums.reference_histograms[:, 33] = 1_000.0
    return sums


def moving(n: int, feature: int) -> Sums:
    """Return a delta of ``n`` payments in which ``feature`` lies three bins higher."""
    learned = delta(n)
    learned.feature_histograms[:, 33] = float(n)
    learned.feature_histograms[feature] = np.roll(learned.feature_histograms[feature], 3)
    return learned


async def promoted(store, sums):
    await store.claim(TOPIC, 0, "w1", NOW_MS)
    await store.set_head(Wish(await store.put_version(sums, HEADER), "promotion", "ana", NOW_MS))


@pytest.mark.parametrize(("feature", "name"), [(LOG_AMOUNT, "log_amount"), (GAP, "gap")])
def test_a_merge_after_which_a_feature_has_moved_says_so_in_the_lineage(
    redis_url, namespace, feature, name
):
    """Shares 1 and 0 become 2/3 and 1/3: (ln 1.5 + ln (1/3 / 1e-4)) / 3 = 2.84.

    The 63 empty bins have 1 in 10,000 each, which takes 0.6% of that.
    """

    async def scenario():
        async with opened(redis_url, namespace) as store:
            await promoted(store, settled())
            await store.checkpoint(step(None, 500, learned=moving(500, feature)))
            [entry] = await store.lineage(1)
            assert entry["reason"] == "merge"
            assert entry["drift_feature"] == name
            assert float(entry["drift_psi"]) == pytest.approx(2.84 * 0.994, abs=0.005)

    run(scenario())


def test_a_merge_that_moves_no_feature_says_nothing(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            await promoted(store, settled())
            learned = delta(500)
            learned.feature_histograms[:, 33] = 500.0
            await store.checkpoint(step(None, 500, learned=learned))
            [entry] = await store.lineage(1)
            assert not {"drift_feature", "drift_psi"} & entry.keys()

    run(scenario())


def test_while_the_reference_is_provisional_the_lineage_is_silent(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            await promoted(store, settled(due=10**9))
            head = (await store.checkpoint(step(None, 500, learned=moving(500, GAP)))).head
            assert drift_of(head.sums, CONFIG).psi[GAP] > 0.2
            [entry] = await store.lineage(1)
            assert "drift_feature" not in entry

    run(scenario())


def test_a_promotion_measures_drift_from_what_is_promoted(redis_url, namespace):
    """The head is a version of its own, whose parent is the promoted one; twice makes no third."""

    async def scenario():
        async with opened(redis_url, namespace) as store:
            sums = settled()
            sums.feature_histograms = moving(1_000, GAP).feature_histograms
            assert drift_of(sums, CONFIG).psi[GAP] > 0.2
            asked = await store.put_version(sums, HEADER)
            await store.set_head(Wish(asked, "promotion", "ana", NOW_MS))
            head = await store.head()
            assert not drift_of(head.sums, CONFIG).psi.any()
            assert head.sums.is_reference_settled
            assert (head.header.parent, head.header.reason) == (asked, "promotion")
            assert head.id == state_id(head.sums) != asked
            [entry] = await store.lineage(10)
            assert (entry["version"], entry["parent"], entry["replaced"]) == (head.id, asked, "")
            await store.set_head(Wish(asked, "promotion", "ana", NOW_MS + 1))
            assert (await store.head()).id == head.id
            assert len(await store.lineage(10)) == 1

    run(scenario())


def test_the_version_that_a_promotion_makes_counts_among_those_kept(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace, versions_kept=2) as store:
            sums = settled()
            sums.feature_histograms = moving(1_000, GAP).feature_histograms
            await store.claim(TOPIC, 0, "w1", NOW_MS)
            oldest = (await store.checkpoint(step(None, 10))).head.id
            replaced = (await store.checkpoint(step(10, 20, now_ms=NOW_MS + 1))).head.id
            asked = await store.put_version(sums, HEADER)
            assert {info.id for info in await store.versions()} == {oldest, replaced, asked}
            await store.set_head(Wish(asked, "promotion", "ana", NOW_MS + 2))
            head = (await store.head()).id
            assert {info.id for info in await store.versions()} == {replaced, asked, head}

    run(scenario())


def test_a_checkpoint_keeps_the_reference_of_the_head(redis_url, namespace):
    async def scenario():
        async with opened(redis_url, namespace) as store:
            await promoted(store, settled())
            head = (await store.checkpoint(step(None, 500, learned=moving(500, GAP)))).head
            assert head.sums.reference_histograms.shape == (2, N_FEATURE_BINS)
            assert head.sums.reference_histograms[:, 33].tolist() == [1_000.0, 1_000.0]
            assert (head.sums.reference_at, head.sums.is_reference_settled) == (1_000, True)

    run(scenario())
