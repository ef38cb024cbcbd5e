"""Payment files: JSON Lines, CSV and Parquet, read into batches of transactions and written.

Reading order: `mapping` (which column is which field), `derived`
(what a column stands for), `values` (a file's values in the contract),
`reading`, `parquet`, `writing`.
"""

from streamer.datafiles.derived import TIME_UNITS, TimeUnit
from streamer.datafiles.mapping import ColumnMapping
from streamer.datafiles.reading import count_rows, read_batches
from streamer.datafiles.values import FileBatch
from streamer.datafiles.writing import write_rows

__all__ = [
    "TIME_UNITS",
    "ColumnMapping",
    "FileBatch",
    "TimeUnit",
    "count_rows",
    "read_batches",
    "write_rows",
]
