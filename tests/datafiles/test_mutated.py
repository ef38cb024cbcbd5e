"""Files of the corpus, cut, spliced, broken, recoded and packed: a report or one readable error."""

from __future__ import annotations

import bz2
import contextlib
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Final

import cramjam
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamer.datafiles import Sample
from streamer.errors import StreamerError
from streamer.intake import Declaration
from tests.datafiles.corpus import CASES
from tests.datafiles.helpers import report_of

_NAMES: Final = ["t.jsonl", "t.json", "t.csv", "t.tsv", "t.parquet", "t.txt", "t"]


def _recoded(encoding: str) -> Callable[[bytes], bytes]:
    return lambda data: data.decode(errors="replace").encode(encoding, "replace")


_WRAPS: Final[list[Callable[[bytes], bytes]]] = [
    bytes,
    bytes,
    gzip.compress,
    lambda data: bytes(cramjam.zstd.compress(data)),
    lambda data: gzip.compress(data)[:-7],
    bz2.compress,
    *map(_recoded, ("utf-16", "utf-16-be", "utf-32-le", "cp1252", "latin-1", "cp1251", "gb18030")),
    *map(_recoded, ("shift_jis", "big5", "euc_kr", "iso8859-2", "cp037")),
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Return a file of the corpus after up to four mutations."""
    contents = [case.content for case in CASES]
    data = draw(st.sampled_from(contents))
    for _ in range(draw(st.integers(0, 4))):
        at, to = sorted(draw(st.tuples(*[st.integers(0, len(data))] * 2)))
        kind = draw(st.sampled_from(["cut", "drop", "splice", "insert", "repeat"]))
        if kind == "cut":
            data = data[:to]
        elif kind == "drop":
            data = data[:at] + data[to:]
        elif kind == "splice":
            data = data[:at] + draw(st.sampled_from(contents))[at:]
        elif kind == "insert":
            signs = st.sampled_from(
                [b'"', b"'", b"{", b"}", b"[", b"]", b"\r", b"\n", b"\0", b"\\"]
            )
            data = data[:at] + draw(st.one_of(signs, st.binary(max_size=8))) + data[at:]
        else:
            data = data[:to] + data[at:to] * 2 + data[to:]
    return draw(st.sampled_from(_WRAPS))(data)


@settings(
    deadline=None,
    max_examples=250,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(content=mutated(), name=st.sampled_from(_NAMES))
def test_no_file_ends_in_a_traceback(content: bytes, name: str, tmp_path: Path) -> None:
    """In the file commands, in try and in suggest; and rows that are counted are all accounted for."""
    path = tmp_path / name
    path.write_bytes(content)
    with contextlib.suppress(StreamerError):
        Sample.of(path).suggestion()
    with contextlib.suppress(StreamerError):
        list(Sample.of(path, encoding="gb18030").items(50))
    with contextlib.suppress(StreamerError):
        list(Sample.of(path).readings(Declaration(), limit=50))
    with contextlib.suppress(StreamerError):
        report = report_of(path)
        n_passed = sum(report.to_dict()["passed_over"].values())
        assert report.n_usable + report.n_refused + n_passed >= report.file.n_rows
