"""Frames of pandas and polars give what the same payments as dicts give, whatever types they hold.

What a frame cannot say, such as a time without a zone, is refused by its row and with what mends it.
"""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import streamer
from ops.site.blocks import pages_with_blocks
from streamer.simulator import Simulator, SimulatorConfig
from tests.integrations.environments import ROOT

N: Final = 3_000
SETTINGS: Final[dict[str, Any]] = {
    "warmup_transactions": 500,
    "n_clusters": 4,
    "alert_budget": 0.02,
}
ROWS: Final = Simulator(SimulatorConfig(seed=3)).generate(N).rows()
# Every 40th, whatever it was: what is tried is how they are given.
LABELS: Final = [int(i % 40 == 0) for i in range(N)]
Frame = Any


def made() -> streamer.Detector:
    return streamer.Detector(**SETTINGS)


def columns_of(payments: Any) -> dict[str, Any]:
    return made().process(payments).columns()


def in_utc() -> pd.DataFrame:
    """Return the payments with their instants in UTC: where the card's clock stood is not kept."""
    frame = pd.DataFrame(ROWS)
    return frame.assign(timestamp=pd.to_datetime(frame["timestamp"], utc=True, format="ISO8601"))


def as_dicts(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows as one would write them by hand: text, numbers, nothing where nothing is."""
    told = frame.assign(timestamp=[each.isoformat() for each in frame["timestamp"]])
    return [
        {name: value for name, value in row.items() if not pd.isna(value)}
        for row in told.to_dict(orient="records")
    ]


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    found = columns_of(as_dicts(in_utc()))
    assert (found["status"] == "scored").sum() == N - 1_000
    assert found["alerted"].sum() > 20
    return found


def with_categories(frame: pd.DataFrame) -> pd.DataFrame:
    names = ("currency", "country", "channel", "mcc")
    return frame.astype(dict.fromkeys(names, "category"))


def with_nullable(frame: pd.DataFrame) -> pd.DataFrame:
    if "mcc" in frame:
        frame = frame.assign(mcc=frame["mcc"].astype("Int64"))
    return frame.convert_dtypes()


def with_arrow(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.convert_dtypes(dtype_backend="pyarrow")


def with_decimals(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(amount=[Decimal(str(each)) for each in frame["amount"]])


def as_polars(frame: pd.DataFrame) -> pl.DataFrame:
    return pl.from_pandas(frame)


def as_polars_with_categories(frame: pd.DataFrame) -> pl.DataFrame:
    found = pl.from_pandas(frame)
    enum = pl.Enum(found["currency"].unique().sort())
    return found.with_columns(
        pl.col("currency").cast(enum),
        pl.col("channel").cast(pl.Categorical),
        pl.col("amount").cast(pl.Decimal(18, 2)),
        pl.col("mcc").cast(pl.Int16),
    )


@pytest.mark.parametrize(
    "kind",
    [
        lambda frame: frame,
        lambda frame: frame.set_index(np.arange(N)[::-1]),
        with_categories,
        with_nullable,
        with_arrow,
        with_decimals,
        as_polars,
        as_polars_with_categories,
        lambda frame: as_polars_with_categories(frame).to_arrow(),
    ],
)
def test_a_frame_gives_what_the_dicts_give(
    kind: Callable[[pd.DataFrame], Frame], expected: dict[str, Any]
) -> None:
    for name, column in columns_of(kind(in_utc())).items():
        np.testing.assert_array_equal(column, expected[name])


def test_a_zone_keeps_the_clock_of_the_place_and_so_does_an_offset() -> None:
    """Hours are local: 23:30 in Paris is no 22:30."""
    frame = in_utc()
    paris = frame.assign(timestamp=frame["timestamp"].dt.tz_convert("Europe/Paris"))
    theirs = columns_of(as_dicts(paris))
    for each in (paris, with_arrow(paris), as_polars(paris)):
        np.testing.assert_array_equal(columns_of(each)["distance"], theirs["distance"])


def test_nanoseconds_are_cut_and_lose_no_payment() -> None:
    frame = in_utc().astype({"timestamp": "datetime64[ns, UTC]"})
    later = frame.assign(timestamp=frame["timestamp"] + pd.Timedelta(7, "ns"))
    assert (columns_of(later)["status"] != "refused").all()


def test_narrow_floats_are_the_amounts_that_were_meant(expected: dict[str, Any]) -> None:
    """57.16 as a float32 is 57.15999984741211; coordinates are narrow in neither."""
    frame = in_utc()
    frame = frame[frame["amount"] < 10_000.0]
    theirs = columns_of(as_dicts(frame))
    narrow = frame.assign(amount=frame["amount"].astype("float32"))
    nullable = frame.assign(amount=frame["amount"].astype("Float32"))
    for each in (narrow, nullable, as_polars(narrow), pa.Table.from_pandas(narrow)):
        np.testing.assert_array_equal(columns_of(each)["distance"], theirs["distance"])
    scalars = [row | {"amount": np.float32(row["amount"])} for row in as_dicts(frame)]
    np.testing.assert_array_equal(columns_of(scalars)["distance"], theirs["distance"])


def test_ids_may_be_numbers_and_such_as_a_gap_made_floats_of() -> None:
    n = 8
    numbers = in_utc()[:n].assign(transaction_id=np.arange(n), card_id=np.arange(n) + 100)
    as_floats = numbers.astype({"card_id": float})
    told = [made().process(each) for each in (numbers, as_floats, as_polars(numbers))]
    for results in told:
        assert [score.card_id for score in results.scores.values()] == [
            str(100 + i) for i in range(n)
        ]


@pytest.mark.parametrize("kind", [lambda frame: frame, with_nullable, with_arrow, as_polars])
def test_what_is_missing_is_a_field_that_is_not_there(
    kind: Callable[[pd.DataFrame], Frame],
) -> None:
    """Of an optional field nothing, of a required one a refusal with its row."""
    frame = in_utc()[:6].reset_index(drop=True)
    frame.loc[1, "merchant_id"] = None
    frame.loc[2, "amount"] = np.nan
    frame.loc[3, "timestamp"] = pd.NaT
    frame.loc[4, "country"] = np.nan
    results = made().process(kind(frame))
    assert [(each.row, each.reason, each.path) for each in results.refused] == [
        (2, "missing_field", "$.amount"),
        (3, "missing_field", "$.timestamp"),
    ]
    assert list(results.scores) == [0, 1, 4, 5]


@pytest.mark.parametrize("kind", [lambda frame: frame, as_polars])
def test_a_time_without_a_zone_is_refused_with_the_line_that_mends_it(
    kind: Callable[[pd.DataFrame], Frame],
) -> None:
    frame = in_utc()[:4]
    bare = kind(frame.assign(timestamp=frame["timestamp"].dt.tz_localize(None)))
    with pytest.raises(streamer.ConfigurationError) as raised:
        made().process(bare)
    told = str(raised.value)
    assert "payment 0 must have a time zone in its timestamp" in told
    if isinstance(bare, pl.DataFrame):
        assert "pl.col('timestamp').dt.replace_time_zone('UTC')" in told
        mended = bare.with_columns(pl.col("timestamp").dt.replace_time_zone("UTC"))
    else:
        assert "frame['timestamp'].dt.tz_localize('UTC')" in told
        mended = bare.assign(timestamp=bare["timestamp"].dt.tz_localize("UTC"))
    assert len(made().process(mended).scores) == 4


def test_a_date_is_refused_by_the_intake_and_taken_where_a_zone_is_declared() -> None:
    frame = in_utc()[:2]
    dates = as_polars(frame).with_columns(pl.col("timestamp").dt.date())
    assert [each.reason for each in made().process(dates).refused] == [
        "timestamp_without_offset"
    ] * 2


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (in_utc()["amount"], "payment 0 must be a dict, .* got float"),
        (as_polars(in_utc())["amount"], "payment 0 must be a dict, .* got float"),
        (as_polars(in_utc()).lazy(), r"got LazyFrame; collect\(\) it first"),
        (in_utc()[:1].assign(x=[timedelta(1)]), "payment 0 must be of text, numbers and times"),
        (in_utc()[:1].assign(x=[pd.Period("2026")]), "payment 0 must be of text, numbers"),
    ],
)
def test_what_is_no_frame_of_payments_is_said(given: Any, told: str) -> None:
    with pytest.raises(streamer.ConfigurationError, match=told):
        made().process(given)


def test_results_are_frames_of_either() -> None:
    results = made().process(in_utc())
    for frame in (pd.DataFrame(results.columns()), pl.DataFrame(results.columns())):
        assert len(frame) == N
        assert int(frame["alerted"].sum()) == len(results.alerts) + len(results.overflow)
    told = pd.DataFrame(results.alert_columns())
    assert str(told["time"].dtype) == "datetime64[ms]"
    assert told["row"].map(lambda row: ROWS[row]["transaction_id"]).tolist() == (
        told["transaction_id"].tolist()
    )
    theirs = pl.DataFrame(results.alert_columns())
    assert theirs["why"].to_list() == told["why"].tolist()


@pytest.mark.parametrize("kind", [lambda frame: frame, with_nullable, with_arrow, as_polars])
def test_verdicts_may_be_a_frame(kind: Callable[[pd.DataFrame], Frame]) -> None:
    frame = in_utc()
    verdicts = frame[["transaction_id", "card_id", "merchant_id", "timestamp"]][1_000:]
    verdicts = verdicts.rename(columns={"timestamp": "decided_at"}).assign(
        verdict=np.where(np.arange(1_000, N) % 20 == 0, "fraud", "legitimate"), origin="reviewer"
    )
    detector, by_dicts = made(), made()
    for each, given in ((detector, kind(verdicts)), (by_dicts, as_rows(verdicts))):
        each.process(frame)
        each.teach(given)
        each.process(frame[:1_200].assign(transaction_id=[f"again-{i}" for i in range(1_200)]))
    assert detector.version_id == by_dicts.version_id


def as_rows(verdicts: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in row.items() if not pd.isna(value)}
        | {"decided_at": row["decided_at"].to_pydatetime()}
        for row in verdicts.to_dict(orient="records")
    ]


def test_labels_of_every_kind_measure_alike() -> None:
    frame = in_utc()
    labels = pd.Series(LABELS)
    kinds = [
        LABELS,
        labels.to_numpy(),
        labels.astype("boolean"),
        labels.astype("bool[pyarrow]"),
        pl.Series(LABELS),
        pa.chunked_array([LABELS]),
        labels.astype("category"),
    ]
    options: dict[str, Any] = {"taught": "none", "n_resamples": 2} | SETTINGS
    told = {streamer.evaluate(frame, each, **options).auc_roc for each in kinds}
    assert len(told) == 1
    unknown = labels.astype("Int64")
    unknown[N - 100 :] = pd.NA
    # Of what is not warming, and so many of nobody knows what.
    assert streamer.evaluate(frame, unknown, **options).n_measured == N - 1_000 - 100


def test_the_example_from_a_frame_to_the_service_runs_as_the_page_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = [each for each in pages_with_blocks(ROOT) if each.page == "docs/library.md"]
    [example] = [each.text for each in blocks if "import pandas" in each.text]
    rows = Simulator(SimulatorConfig(seed=7)).generate(12_000).rows()
    (tmp_path / "mine.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "example.py").write_text(example)
    ran = runpy.run_path("example.py")
    assert len(ran["results"].alerts) > 50
    assert "why" in capsys.readouterr().out
    taught = ran["verdicts"]["decided_at"] <= ran["payments"]["timestamp"].iloc[-1]
    assert 3_000 < taught.sum() < 12_000
    later = streamer.Detector.load("model.safetensors")
    assert later.version_id == ran["detector"].version_id
