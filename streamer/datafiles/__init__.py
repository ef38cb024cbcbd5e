"""Payment files: JSON, CSV and Parquet, read into batches of transactions and written.

Reading order: `source` (files, directories, standard input) with `file_addresses` (files that lie
elsewhere), `laid_down` and `unpacking` (what is unpacked first), `content` (which format) and
`encodings`; `chunk` (what the readers of the formats hand on); `csv_table` with `csv_rows` and
`dialect`, `json_table` with `json_values`, `line_values` and `json_cutter`, and `parquet`; `declared`
(which column is which field), `table_rows` and `direct` (a row as a transaction), `substitutes`,
`zoneless`, `label_words`; `file_batches` (a batch in the contract), `reading`, `file_sample`,
`file_report`, `writing`.
"""

from streamer.datafiles.declared import TIME_UNITS, TimeUnit, declared
from streamer.datafiles.file_addresses import is_url
from streamer.datafiles.file_batches import FileBatch
from streamer.datafiles.file_report import FileReport, OnDecoded
from streamer.datafiles.file_sample import Sample
from streamer.datafiles.formats import FORMATS, Format
from streamer.datafiles.label_words import UNLABELLED
from streamer.datafiles.reading import PaymentFile, count_rows, read_batches
from streamer.datafiles.source import STANDARD_INPUT
from streamer.datafiles.writing import write_rows

__all__ = [
    "FORMATS",
    "STANDARD_INPUT",
    "TIME_UNITS",
    "UNLABELLED",
    "FileBatch",
    "FileReport",
    "Format",
    "OnDecoded",
    "PaymentFile",
    "Sample",
    "TimeUnit",
    "count_rows",
    "declared",
    "is_url",
    "read_batches",
    "write_rows",
]
