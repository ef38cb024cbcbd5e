"""Rows of frames, with stand-ins for pandas and polars, which are in none of the locks here.

The frames themselves are tried in tests/integrations/notebook.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pytest

import streamer
from streamer.library.frame_rows import rows_of_frame, values_of
from streamer.library.given_payments import messages_of
from streamer.library.given_verdicts import feedback_of

AMOUNTS = [27.36, 57.16, None]


class Column(list[Any]):
    """A column of a frame, as far as it is asked: narrow floats as an array."""

    def to_numpy(self, **_: Any) -> Any:
        return np.array([np.nan if each is None else each for each in self], dtype=np.float32)


class Polars:
    """What is asked of a frame of polars."""

    schema: ClassVar = {"amount": "Float32", "card_id": "String"}

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, name: str) -> Column:
        return Column(row[name] for row in self._rows)

    def slice(self, first: int, n: int) -> Polars:
        return Polars(self._rows[first : first + n])

    def to_dicts(self) -> list[dict[str, Any]]:
        return [dict(row) for row in self._rows]


class Pandas(Polars):
    """What is asked of a frame of pandas."""

    columns = ("amount", "card_id")
    dtypes: ClassVar = {"amount": "float32", "card_id": "str"}
    slice = None  # type: ignore[assignment]
    to_dicts = property(lambda _: pytest.fail("it is no frame of polars"))  # type: ignore[assignment]

    def __getattribute__(self, name: str) -> Any:
        if name in ("to_dicts", "slice"):
            raise AttributeError(name)
        return super().__getattribute__(name)

    @property
    def iloc(self) -> Any:
        rows = self._rows

        class Places:
            def __getitem__(self, which: slice) -> Pandas:
                return Pandas(rows[which])

        return Places()

    def to_dict(self, orient: str) -> list[dict[str, Any]]:
        assert orient == "records"
        return [dict(row) for row in self._rows]


def rows() -> list[dict[str, Any]]:
    """Return rows as a frame has them whose amounts are narrow."""
    narrow = [None if each is None else float(np.float32(each)) for each in AMOUNTS]
    return [{"amount": amount, "card_id": f"c{i}"} for i, amount in enumerate(narrow)]


@pytest.mark.parametrize(
    "frame",
    [
        Polars(rows()),
        Pandas(rows()),
        pa.table({"amount": pa.array(AMOUNTS, pa.float32()), "card_id": ["c0", "c1", "c2"]}),
    ],
)
def test_narrow_floats_are_told_by_their_shortest_text_and_others_are_as_they_are(
    frame: Any,
) -> None:
    assert rows()[0]["amount"] != 27.36
    assert list(rows_of_frame(frame) or ()) == [
        {"amount": amount, "card_id": f"c{i}"} for i, amount in enumerate(AMOUNTS)
    ]
    assert list(messages_of(frame, 10)) == [
        [
            b'{"amount":27.36,"card_id":"c0"}',
            b'{"amount":57.16,"card_id":"c1"}',
            b'{"card_id":"c2"}',
        ]
    ]


def test_a_frame_is_cut_into_rows_a_few_thousand_at_a_time() -> None:
    many = Pandas([{"amount": 1.0, "card_id": str(i)} for i in range(10_000)])
    assert [row["card_id"] for row in rows_of_frame(many) or ()] == [str(i) for i in range(10_000)]


def test_what_is_no_frame_is_none_and_a_lazy_one_is_refused() -> None:
    assert rows_of_frame([{}]) is None

    class Lazy:
        def collect(self) -> None: ...
        def __iter__(self) -> None: ...

    with pytest.raises(streamer.ConfigurationError, match=r"got Lazy; collect\(\) it first"):
        list(messages_of(Lazy(), 1))


def test_scalars_of_numpy_are_numbers_narrow_ones_those_that_were_meant() -> None:
    ((message,),) = messages_of([{"amount": np.float32(57.16), "mcc": np.int16(5411)}], 1)
    assert message == b'{"amount":57.16,"mcc":5411}'


def test_columns_of_every_kind_are_values() -> None:
    class Nullable(list[Any]):
        def to_list(self) -> list[Any]:
            return list(self)

    class NAType:
        def __ne__(self, other: object) -> Any:
            raise TypeError("boolean value of NA is ambiguous")

    expected = [1, None]
    assert values_of(iter([1, float("nan")])) == expected
    assert values_of(Nullable([1, NAType()])) == expected
    assert values_of(pa.array([1, None])) == expected
    assert values_of(np.array([1.0, np.nan])) == expected


def test_verdicts_may_be_the_rows_of_a_frame_without_what_is_missing() -> None:
    """Ids that are numbers are text, as those of payments are."""
    table = pa.table(
        {
            "transaction_id": [12],
            "card_id": [34.0],
            "merchant_id": pa.nulls(1, pa.string()),
            "verdict": ["fraud"],
            "origin": ["reviewer"],
            "decided_at": ["2026-01-05T10:00:00Z"],
        }
    )
    (verdict,) = feedback_of(table)
    assert (verdict.transaction_id, verdict.card_id, verdict.merchant_id) == ("12", "34", None)
    assert feedback_of([{**table.to_pylist()[0], "card_id": None}])[0].card_id is None
    with pytest.raises(streamer.ConfigurationError, match="verdict 0 must have transaction_id"):
        feedback_of(["t"])
