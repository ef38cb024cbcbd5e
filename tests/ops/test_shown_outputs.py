"""What the runbooks show of our output is what the code says: sentences, names of columns, keys.

A page's example and the text that it was copied from drift apart silently; whoever is woken then looks
for words that nobody prints any more.  So every run of words in an example must be in a text of the
code, where what is filled in is a hole.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

import streamer
from streamer.status import answers

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = Path(streamer.__file__).parent
PAGES: Final = tuple(sorted((ROOT / "ops" / "runbooks").glob("*.md")))
_HOLE: Final = "\0"
_BLOCK: Final = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_QUOTED: Final = re.compile(r'"([^"]+)"')
# Words in a row; what has a digit, a dot or a slash in it is a name or a number.
_RUN: Final = re.compile(
    r"(?<![\w/.{`:-])[A-Za-z][a-z']*(?:,? [a-z][a-z']+(?![\w/.(`]*[\d/]))+(?![\w/=])"
)
_LEAST_WORDS: Final = 3
# So many words may have been filled in at one place, and at least two are the code's own.
_FILLED: Final = 3
_LITERAL: Final = 2
OF_OTHERS: Final = {
    "Timeout reading from": "redis-py",
    "Error 111 connecting": "redis-py",
    "invalid literal for int": "Python",
}
"""Runs of words that somebody else says, whose text ours quotes."""


@cache
def texts() -> dict[str, set[str]]:
    """Return every text of the code, with a hole wherever something is filled in, and where it is."""
    found: dict[str, set[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = [v.value if isinstance(v, ast.Constant) else _HOLE for v in node.values]
                text = "".join(map(str, parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = node.value
            else:
                continue
            found.setdefault(text, set()).add(str(path.relative_to(PACKAGE)))
    return found


@cache
def _sayings() -> tuple[tuple[str, ...], ...]:
    """Return the texts of several words, as these."""
    split = (tuple(_bare(word) for word in text.split()) for text in texts())
    return tuple(words for words in split if len(words) > 1)


def _bare(word: str) -> str:
    return _HOLE if _HOLE in word else word.strip('.,;:?`()"')


def shown(page: Path) -> Iterator[str]:
    """Return the outputs of a page: its blocks without commands, and what stands in quotes."""
    text = page.read_text(encoding="utf-8")
    for block in _BLOCK.findall(text):
        yield "\n".join(line for line in block.splitlines() if not line.startswith("$ "))
    yield from _QUOTED.findall(_BLOCK.sub("", text))


def unknown_words(output: str) -> list[str]:
    """Return the runs of words in an output that the code does not say."""
    runs = [run for cells in _lines(output) for cell in cells for run in _RUN.findall(cell)]
    long = [run for run in runs if len(run.split()) >= _LEAST_WORDS]
    return [run for run in long if run not in OF_OTHERS and not _is_said(run)]


def _lines(output: str) -> list[list[str]]:
    """Return each line as its cells; what is no table has one."""
    return [re.split(r" {2,}", line.strip()) for line in output.splitlines()]


def _is_said(run: str) -> bool:
    """Whether one text of the code says it, or one its beginning and another its end."""
    words = [_bare(word) for word in run.split()]
    return _is_piece(words) or any(
        _is_piece(words[:cut]) and _is_piece(words[cut:])
        for cut in range(_LEAST_WORDS, len(words) - _LEAST_WORDS + 1)
    )


def _is_piece(words: list[str]) -> bool:
    return any(
        _follows(words, saying[first:], _LITERAL)
        for saying in _sayings()
        for first, word in enumerate(saying)
        if word in (_HOLE, words[0])
    )


def _follows(words: list[str], saying: tuple[str, ...], n_literal: int) -> bool:
    """Whether ``words`` are what ``saying`` begins with, ``n_literal`` of them at least literally."""
    if not words:
        return n_literal <= 0
    if not saying:
        return False
    if saying[0] != _HOLE:
        return words[0] == saying[0] and _follows(words[1:], saying[1:], n_literal - 1)
    return any(_follows(words[n:], saying[1:], n_literal) for n in range(_FILLED + 1))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_runbook_shows_only_what_the_code_says(page: Path) -> None:
    outputs = list(shown(page))
    assert len(outputs) > 5
    unknown = {output[:60]: words for output in outputs if (words := unknown_words(output))}
    assert unknown == {}


def test_keys_and_columns_that_a_runbook_shows_are_those_of_the_code() -> None:
    """The answer of /readyz, the tables, and what a ledger counts."""
    n_keys, n_heads = 0, 0
    for page in PAGES:
        for block in _BLOCK.findall(page.read_text(encoding="utf-8")):
            for document in re.findall(r"^\{.*?^\}", block, re.MULTILINE | re.DOTALL):
                n_keys += len(json.loads(document).keys())
                assert json.loads(document).keys() <= texts().keys()
            heads = [cells for cells in _lines(block) if len(cells) > 2 and _is_head(cells)]
            n_heads += len(heads)
            assert texts().keys() >= {cell for cells in heads for cell in cells}
            for counts in re.findall(r"^\w[\w-]*/\d+: (.*imbalance \d+)$", block, re.MULTILINE):
                names = set(re.findall(r"([a-z_]+) [\d,]+", counts))
                assert names <= _names_of_a_ledger(), counts
                n_keys += len(names)
    assert n_keys > 20
    assert n_heads > 5


def _is_head(cells: list[str]) -> bool:
    return all(re.fullmatch(r"[a-z][a-z ]+", cell) for cell in cells)


def test_what_leads_status_to_a_section_is_what_a_worker_says() -> None:
    """Otherwise a line of /readyz leads to the page's head, where whoever is woken begins to read."""
    said = {text for text, paths in texts().items() if paths - {"status/answers.py"}}
    # Which topic and whose offset is filled in.
    filled_in = ["feedback is faulted", "committed offset of"]
    dead = [words for words, _ in answers.HEADINGS if not any(words in text for text in said)]
    assert dead == filled_in


def _names_of_a_ledger() -> set[str]:
    source = (PACKAGE / "contract" / "ledger.py").read_text(encoding="utf-8")
    return set(re.findall(r"^    (\w+): int", source, re.MULTILINE)) | {"imbalance"}


@pytest.mark.parametrize(
    ("output", "unknown"),
    [
        ("transactions/0 goes on at 760 in epoch 1, 0 records declared lost", []),
        ("transactions/0 continues then at 760", ["continues then at"]),
        ("partition 3 of fraud-feedback waits to be claimed", []),
        ("partition 3 of fraud-feedback waits for its claim", ["waits for its claim"]),
        ("worker          partitions  last seen", []),
    ],
)
def test_what_nobody_says_is_found(output: str, unknown: list[str]) -> None:
    assert unknown_words(output) == unknown
