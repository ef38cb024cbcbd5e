"""DESIGN.md and docs/decisions name what is there: sections, tests, faults, mutants, files, commands.

A proof is worth what its tests are, and a figure what its command is; both are renamed sooner than the
page that names them.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

import streamer

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = Path(streamer.__file__).parent
DESIGN: Final = ROOT / "DESIGN.md"
FOLDER: Final = ROOT / "docs" / "decisions"
DECISIONS: Final = tuple(sorted(FOLDER.glob("[0-9]*.md")))
PAGES: Final = (DESIGN, FOLDER / "README.md", *DECISIONS)
SECTIONS: Final = ["Context", "Decision", "Figures", "Consequences"]
_STATUS: Final = re.compile(r"^Accepted, \d{4}-\d\d-\d\d\b")
_FENCE: Final = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def found(name: str) -> Path:
    """Return where a file is; the package is wherever it was imported from."""
    return (PACKAGE.parent if name.split("/")[0] == PACKAGE.name else ROOT) / name


@cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def title_of(path: Path) -> str:
    """Return the first line without its sign: ``0001 The product is one function``."""
    return text_of(path).split("\n", 1)[0].removeprefix("# ")


def quoted(path: Path) -> list[str]:
    """Return everything in backticks outside of blocks, a line break in it being a space."""
    found = re.findall(r"`([^`]+)`", _FENCE.sub("", text_of(path)))
    return [" ".join(each.split()) for each in found]


@cache
def sources_of_tests() -> str:
    return "\n".join(text_of(path) for path in sorted((ROOT / "tests").rglob("*.py")))


@cache
def figures_of_faults() -> str:
    return text_of(ROOT / "docs" / "faults.md")


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_has_its_number_its_status_and_its_four_parts(path: Path) -> None:
    assert re.fullmatch(r"\d{4}-[a-z0-9-]+", path.stem)
    assert title_of(path).startswith(path.stem[:4] + " ")
    assert _STATUS.match(text_of(path).split("\n")[2]), text_of(path).split("\n")[2]
    assert re.findall(r"^## (.+)$", text_of(path), re.MULTILINE) == SECTIONS


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(path.stem[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize(
    ("page", "under"), [(FOLDER / "README.md", ""), (DESIGN, "docs/decisions/")]
)
def test_both_lists_have_every_decision_by_its_title(page: Path, under: str) -> None:
    listed = re.findall(r"^- \[(\d{4})\]\((\S+)\) (.+)$", text_of(page), re.MULTILINE)
    there = [(path.stem[:4], under + path.name, title_of(path)[5:]) for path in DECISIONS]
    assert listed == there


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_calls_a_test_a_fault_or_a_mutant_is_one(page: Path) -> None:
    """A fault is named as in its row of docs/faults.md, a mutant is a function of the simulation."""
    for name in quoted(page):
        if re.fullmatch(r"test_\w+", name):
            assert f"def {name}(" in sources_of_tests(), name
    text = " ".join(_FENCE.sub("", text_of(page)).split())
    for kind, names in re.findall(r"\b(fault|mutant)s? ((?:`[^`]+`(?:, )?)+)", text):
        for name in re.findall(r"`([^`]+)`", names):
            is_there = (
                f"| {name} |" in figures_of_faults()
                if kind == "fault"
                else f"def {name}(" in sources_of_tests()
            )
            assert is_there, (kind, name)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    for name in quoted(page):
        if (
            re.fullmatch(r"(streamer|tests|load|ops|docs|schemas)/[\w./-]+", name)
            and "/x/" not in name
        ):
            assert found(name).exists(), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_module_that_a_page_runs_is_there(page: Path) -> None:
    for module in re.findall(r"\bpython -m ((?:streamer|tests|load|ops)[\w.]*)", text_of(page)):
        path = found(module.replace(".", "/"))
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), module


def test_what_the_rest_says_of_the_design_leads_somewhere() -> None:
    """``DESIGN.md, "Section"`` is a heading there; ``docs/decisions/NNNN`` is a decision."""
    headings = set(re.findall(r"^#+ (.+)$", text_of(DESIGN), re.MULTILINE))
    numbers = {path.stem[:4] for path in DECISIONS}
    files = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "pyproject.toml", *PAGES]
    for folder, kind in (
        ("streamer", "py"),
        ("tests", "py"),
        ("load", "*"),
        ("docs", "md"),
        ("ops", "md"),
    ):
        files += sorted(found(folder).rglob(f"*.{kind}"))
    n_found = 0
    for path in files:
        if path.suffix not in {".py", ".md", ".toml"} or path == Path(__file__):
            continue
        text = " ".join(re.sub(r"^\s*#", "", text_of(path), flags=re.MULTILINE).split())
        named = re.findall(r"DESIGN\.md[`)]*, \"([^\"]+)\"", text)
        assert set(named) <= headings, (path, named)
        pointed = re.findall(r"docs/decisions/(\d{4})", text)
        assert set(pointed) <= numbers, (path, pointed)
        n_found += len(named) + len(pointed)
    assert n_found > len(numbers)
