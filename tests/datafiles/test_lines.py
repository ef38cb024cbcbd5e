"""Lines of JSON: what is cut out of them, whatever lies between, and however large the chunks are."""

from __future__ import annotations

import io

import pytest

from streamer.datafiles.line_values import line_values


@pytest.mark.parametrize(
    ("content", "values"),
    [
        (b'{"a": 1}\n{"a": {"b": 2}}\n', [(1, b'{"a": 1}'), (2, b'{"a": {"b": 2}}')]),
        (b'{"a": 1}{"a": 2}\n{"a": 3}\n', [(1, b'{"a": 1}'), (1, b'{"a": 2}'), (2, b'{"a": 3}')]),
        # As many brackets as lines, and two of them in one.
        (b'{"a": 1}{"a": 2}\n\n{"a": 3}', [(1, b'{"a": 1}'), (1, b'{"a": 2}'), (3, b'{"a": 3}')]),
        (b'{"a": 1}\n# no more\n{"a": "}{"}\n', [(1, b'{"a": 1}'), (3, b'{"a": "}{"}')]),
        (b'{"a": 1}\r\n{"a": 2}\r\n', [(1, b'{"a": 1}\r'), (2, b'{"a": 2}\r')]),
        (b'{"a": 1},\nno JSON\n{"a": 2', [(1, b'{"a": 1}'), (2, b"no JSON"), (3, b'{"a": 2')]),
    ],
)
@pytest.mark.parametrize("chunk_size", [1, 7, 1_000])
def test_lines_are_cut_alike_in_chunks_of_any_size(
    content: bytes, values: list[tuple[int, bytes]], chunk_size: int
) -> None:
    """Each value with the number of its line, and nothing left out but comments and blank lines."""
    file = io.BytesIO(content)
    start = file.read(chunk_size)
    found = line_values(start, file, "lines", chunk_size, lambda: None)
    assert [(number, value.strip()) for number, value in found] == [
        (number, value.strip()) for number, value in values
    ]
