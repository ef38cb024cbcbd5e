"""`ops/feast` applied, materialized and asked: what Feast answers is what was scored, to the bit."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from feast import FeatureStore
from feast.types import Float64

from tests.integrations.environments import ROOT

pytestmark = pytest.mark.timeout(900)
Run = Callable[..., CompletedProcess[str]]
N = 4_000


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory, streamer: Run) -> Path:
    """A copy of ops/feast with the features of simulated payments, applied by Feast's own command."""
    path = tmp_path_factory.mktemp("feast") / "repository"
    shutil.copytree(ROOT / "ops" / "feast", path, ignore=shutil.ignore_patterns("data"))
    payments = path / "payments.parquet"
    made = streamer("simulate", "--rate", "400", "--duration", "10", "--out", str(payments))
    assert made.returncode == 0, made.stderr
    (path / "data").mkdir()
    features = path / "data" / "features.parquet"
    merchants = ("--with-merchant", str(path / "data" / "merchants.parquet"))
    written = streamer("features", str(payments), "--parquet", str(features), *merchants)
    assert written.returncode == 0, written.stderr
    feast = Path(sys.executable).with_name("feast")
    applied = subprocess.run(
        [feast, "apply"], cwd=path, capture_output=True, text=True, check=False
    )
    assert applied.returncode == 0, applied.stdout + applied.stderr
    return path


def scored(repository: Path, key: str) -> pd.DataFrame:
    """What was scored and names a ``key``, but for the keys with two payments in one millisecond."""
    rows = pq.read_table(repository / "data" / "features.parquet").to_pandas()
    assert len(rows) == N
    rows = rows[rows[key].notna()]
    twice = rows[rows.duplicated([key, "event_timestamp"])][key]
    kept = rows[~rows[key].isin(twice)].reset_index(drop=True)
    assert len(kept) > N * 0.8
    return kept


def bits(value: Any) -> bytes:
    """Return the bytes of a float64; those of one NaN for whatever is unknown."""
    return b"unknown" if value is None or value != value else struct.pack("<d", value)


def names_of(store: FeatureStore, view: str) -> list[str]:
    names = [field.name for field in store.get_feature_view(view).schema if field.dtype == Float64]
    assert len(names) == {"card_as_scored": 15, "merchant_as_scored": 2}[view]
    return names


@pytest.mark.parametrize(
    ("view", "key"), [("card_as_scored", "card_id"), ("merchant_as_scored", "merchant_id")]
)
def test_the_past_reads_back_as_it_was_scored(repository: Path, view: str, key: str) -> None:
    """As of each payment's time: that payment's row.  A millisecond before the first there is none, and
    Feast leaves out who asks."""
    store, rows = FeatureStore(repo_path=str(repository)), scored(repository, key)
    names = names_of(store, view)
    asked = rows[[key, "event_timestamp", "transaction_id"]].rename(
        columns={"transaction_id": "of"}
    )
    wanted = [f"{view}:{name}" for name in names]
    got = store.get_historical_features(entity_df=asked, features=wanted).to_df()
    got = got.set_index("of").loc[rows["transaction_id"]]
    for name in names:
        told = [bits(value) for value in got[name]]
        assert told == [bits(value) for value in rows[name]], name
    first = rows.sort_values("event_timestamp").groupby(key).head(1)
    before = first[[key]].assign(
        event_timestamp=first["event_timestamp"] - timedelta(milliseconds=1)
    )
    early = store.get_historical_features(entity_df=before, features=wanted).to_df()
    assert len(early) == 0


@pytest.mark.parametrize(
    ("view", "key"), [("card_as_scored", "card_id"), ("merchant_as_scored", "merchant_id")]
)
def test_the_online_store_has_the_latest_of_each(repository: Path, view: str, key: str) -> None:
    store, rows = FeatureStore(repo_path=str(repository)), scored(repository, key)
    ends = rows["event_timestamp"]
    store.materialize(
        start_date=ends.min() - timedelta(seconds=1),
        end_date=ends.max() + timedelta(seconds=1),
        feature_views=[view],
    )
    names = names_of(store, view)
    last = rows.sort_values("event_timestamp").groupby(key).tail(1)
    answer = store.get_online_features(
        features=[f"{view}:{name}" for name in names],
        entity_rows=[{key: entity} for entity in last[key]],
    ).to_dict()
    assert answer[key] == list(last[key])
    for name in names:
        assert [bits(v) for v in answer[name]] == [bits(v) for v in last[name]], name
    unknown = store.get_online_features(
        features=[f"{view}:{names[0]}"], entity_rows=[{key: "nobody"}]
    ).to_dict()
    assert unknown[names[0]] == [None]
