"""Payment files: JSON, CSV and Parquet, read into batches of transactions and written.

Reading order: `source` (files, directories, standard input, compression), `chunk` (what the readers of
the formats, `csv_table` with `dialect`, `json_table` with `json_values` and `parquet`, hand on),
`mapping` (which column is which field), `derived` and `substitutes` (what a column stands for),
`label_words`, `values` (a file's values in the contract), `reading`, `report`, `writing`.
"""

from streamer.datafiles.declared import TIME_UNITS, TimeUnit, declared
from streamer.datafiles.formats import FORMATS, Format
from streamer.datafiles.label_words import UNLABELLED
from streamer.datafiles.reading import PaymentFile, count_rows, read_batches
from streamer.datafiles.report import FileReport, OnDecoded
from streamer.datafiles.values import FileBatch
from streamer.datafiles.writing import write_rows

__all__ = [
    "FORMATS",
    "TIME_UNITS",
    "UNLABELLED",
    "FileBatch",
    "FileReport",
    "Format",
    "OnDecoded",
    "PaymentFile",
    "TimeUnit",
    "count_rows",
    "declared",
    "read_batches",
    "write_rows",
]
