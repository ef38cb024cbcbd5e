"""The pages on extending: their changes are made to a copy of the repository, and their commands run.

A page shows what it changes, line by line, and what its commands then print.  Both are taken from the
page itself, so that it cannot say what is no longer so.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import streamer
from ops.site.block_session import BlockSession
from ops.site.blocks import Block, blocks_of, pages_with_blocks
from ops.site.page_changes import Change, changes_of, main, make_changes
from streamer.compiled.folders import Folders
from tests.rig.waiting import DEADLINE_S

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = Path(streamer.__file__).parent
PAGES: Final = sorted({each.page for each in pages_with_blocks(ROOT) if each.run == "with changes"})
NUMBER: Final = re.compile(r"\d[\d,]*(?:\.\d+)?")
# A block is a test run or a replay: seconds, and minutes on a machine ten times as busy.
WITHIN_S: Final = 6 * DEADLINE_S
# What a test of a page asks for beside the package.
COPIED: Final = ("ops", "schemas", "tests", "docs", "pyproject.toml")
NO_CACHES: Final = shutil.ignore_patterns("__pycache__", "build", ".*")


def copy_of_repository(to: Path) -> None:
    """Copy what a change may touch; kernels that it leaves as they are, are those compiled already."""
    shutil.copytree(PACKAGE, to / "streamer", ignore=NO_CACHES)
    for name in COPIED:
        of = ROOT / name
        if of.is_dir():
            shutil.copytree(of, to / name, ignore=NO_CACHES, symlinks=True)
        else:
            shutil.copy(of, to / name)
    kernels = to / "streamer" / "__pycache__" / "compiled"
    kernels.mkdir(mode=0o755, parents=True)
    for folder in Folders.of(PACKAGE).usable(set()):
        for kernel in folder.glob("*.nbc"):
            if not (kernels / kernel.name).exists():
                (kernels / kernel.name).symlink_to(kernel)


def text_of(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def is_like(said: str, printed: str) -> bool:
    """Whether a line is as the page has it: the same words, each number to within a tenth, or by 3.

    What a model learns differs in its last digits from one processor to the next.  Of a line that ends
    in "..." what comes before that.
    """
    if said.endswith(" ..."):
        said = said.removesuffix(" ...")
        printed = " ".join(printed.split()[: len(said.split())])
    if NUMBER.sub("0", said).split() != NUMBER.sub("0", printed).split():
        return False
    pairs = zip(NUMBER.findall(said), NUMBER.findall(printed), strict=True)
    numbers = [(float(a.replace(",", "")), float(b.replace(",", ""))) for a, b in pairs]
    return all(abs(a - b) <= max(0.1 * abs(a), 3.0) for a, b in numbers)


def missing_lines(block: Block, printed: str) -> list[str]:
    """Return the lines of a block's output that were not printed, in their order; "..." is any."""
    lines: Iterator[str] = iter(printed.splitlines())
    return [
        said
        for said in block.output
        if said.strip() not in ("", "...") and not any(is_like(said, line) for line in lines)
    ]


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_adds_works_as_the_page_says(page: str, tmp_path: Path) -> None:
    session = BlockSession(ROOT, tmp_path, {}, {}, copied=copy_of_repository)
    for each in (*re.findall(r"<!-- begins with (\S+) -->", text_of(page)), page):
        make_changes(changes_of(each, text_of(each)), session.folder)
    for block in blocks_of(page, text_of(page)):
        if block.run == "with changes":
            ran = session.run(block, WITHIN_S)
            assert ran.code == 0, f"{block}\n{ran.output}"
            assert missing_lines(block, ran.output) == [], f"{block}\n{ran.output}"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_names_each_file_that_it_changes_and_only_tests_that_there_are(page: str) -> None:
    text = text_of(page)
    changes = changes_of(page, text)
    fences = {change.line for change in changes}
    prose = "\n".join(line for line in text.splitlines() if not line.startswith("```"))
    assert all(f"`{change.file}`" in prose for change in changes), page
    assert len(fences) == len(changes)
    tests = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    new = "\n".join(change.text for change in changes)
    for name in set(re.findall(r"`(test_\w+)`", text)):
        assert f"def {name}(" in tests + new, f"{page} names {name}"


def test_a_change_is_made_where_its_lines_are_once_or_not_at_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.txt").write_text("one\ntwo\nthree\ntwo\n")

    def change(text: str, file: str = "a.txt", language: str = "diff") -> Change:
        return Change("p.md", 7, file, language, text)

    make_changes(
        [change(" one\n-two\n+2\n@@ further down\n three\n+3\n"), change("-2\n+II\n")], tmp_path
    )
    assert (tmp_path / "a.txt").read_text() == "one\nII\nthree\n3\ntwo\n"
    make_changes([change("x\n", "new/b.txt", "text")], tmp_path)
    assert (tmp_path / "new" / "b.txt").read_text() == "x\n"
    for wrong, said in (
        (change(" four\n+4\n"), "p.md:7: a.txt must have these lines once, .* got them 0 times"),
        (change("+4\n"), "must have these lines once"),
        (change(" one\n"), "and a change to them"),
        (change(" x\n+y\n", "c.txt"), "c.txt must be there to be changed, got none"),
        (change("x\n", "a.txt", "text"), "a.txt must be new, got one; show a diff"),
    ):
        with pytest.raises(ValueError, match=said):
            make_changes([change("-one\n+1\n"), wrong], tmp_path)
    assert (tmp_path / "a.txt").read_text().startswith("one\n")
    page = tmp_path / "p.md"
    page.write_text('```diff title="a.txt"\n-one\n+1\n```\n')
    assert main([str(page), "--into", str(tmp_path)]) == 0
    assert main([str(page), "--into", str(tmp_path)]) == 1
    page.write_text("nothing\n")
    assert main([str(page)]) == 0
    said = capsys.readouterr()
    assert said.out.endswith("a.txt\n" + f"{page} shows no changes\n")
    assert "got them 0 times" in said.err


def test_a_printed_line_is_like_another_if_its_numbers_are_near() -> None:
    assert is_like("fraud: enumeration  51  29 alerted", " fraud: enumeration 53 27 alerted")
    assert is_like("60,000 payments", "60,400 payments")
    assert not is_like("60,000 payments", "70,000 payments")
    assert not is_like("51 alerted", "51 held back")
    assert is_like("1 passed ...", "1 passed in 12.3s")
