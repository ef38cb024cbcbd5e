"""The features of a file's payments as a Parquet file with point-in-time columns.

They are those of the features topic: the same function makes them, in a partition that reads the file
from its beginning.  A repeated payment is in it once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from streamer.contract.messages import FeatureRow
from streamer.datafiles import FileBatch, OnDecoded
from streamer.datafiles.formats import load_pyarrow
from streamer.features import FEATURE_NAMES
from streamer.offline.offline_partition import OfflinePartition

__all__ = ["feature_rows", "write_feature_file"]

_NAMED: Final = ("transaction_id", "card_id", "merchant_id", "currency")
_TIMES: Final = ("event_timestamp", "created_timestamp")


def feature_rows(
    batches: Iterable[FileBatch],
    partition: OfflinePartition,
    *,
    now_ms: int,
    on_progress: Callable[[int], None],
    on_decoded: OnDecoded = lambda *_: None,
) -> Iterator[list[FeatureRow]]:
    """Yield the rows of ``batches`` as ``partition`` (IN/OUT), which makes them, comes to them.

    ``on_progress`` gets the number of records since it was last called, ``on_decoded`` what
    `FileReport.add` takes.
    """
    offset = 0
    for file_batch in batches:
        batch = file_batch.as_fetched(offset, now_ms)
        for part in partition.run(batch, now_ms=now_ms):
            on_decoded(file_batch, offset, part.prepared.decoded)
            if part.outcome.features:
                yield part.outcome.features
        offset += len(batch)
        on_progress(len(batch))


def write_feature_file(
    path: Path, rows: Iterable[list[FeatureRow]], with_merchant: Path | None = None
) -> int:
    """Write rows to a Parquet file, which appears whole or not at all; return how many there were.

    Names are text, times are instants in UTC to the microsecond, features are float64, null where
    unknown.  A second file, if asked for, has the rows ``with_merchant`` alone.
    """
    count = 0
    with ExitStack() as stack:
        write = stack.enter_context(_writing(path))
        write_named = stack.enter_context(_writing(with_merchant)) if with_merchant else _nowhere
        for some in rows:
            write(some)
            write_named([row for row in some if row.merchant_id is not None])
            count += len(some)
    return count


def _nowhere(_: list[FeatureRow]) -> None:
    return None


@contextmanager
def _writing(path: Path) -> Iterator[Callable[[list[FeatureRow]], None]]:
    pyarrow, parquet = load_pyarrow()
    types = {name: pyarrow.string() for name in _NAMED}
    types |= {name: pyarrow.timestamp("us", tz="UTC") for name in _TIMES}
    types |= {name: pyarrow.float64() for name in FEATURE_NAMES}
    schema = pyarrow.schema(types)
    partial = path.with_name(f".{path.name}.partial")
    try:
        with parquet.ParquetWriter(partial, schema, compression="zstd") as writer:
            yield lambda rows: writer.write_table(
                pyarrow.Table.from_pydict(_columns(rows), schema=schema)
            )
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _columns(rows: list[FeatureRow]) -> dict[str, list[Any]]:
    columns = {name: [getattr(row, name) for row in rows] for name in (*_NAMED, *_TIMES)}
    return columns | {name: [row.features[name] for row in rows] for name in FEATURE_NAMES}
