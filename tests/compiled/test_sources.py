"""A stamp is over every file that a module imports, in whatever way."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamer.compiled import sources
from streamer.compiled.sources import package_of, stamp

FILES = {
    "__init__.py": "",
    "kernel.py": "import math\nfrom shop.direct import one\nfrom shop import rooms\n",
    "direct.py": "    from shop.indirect import (\n        two,\n    )\n",
    "indirect.py": "# not of this world: from shop.unrelated import x\n",
    "unrelated.py": "",
    "rooms/__init__.py": "",
    "rooms/__main__.py": "import shop.unrelated\n",
    "rooms/inner.py": "import shop.far.away as away\n",
    "far/__init__.py": "",
    "far/away.py": "from shop.kernel import round_about\n",
    "far/neighbour.py": "",
}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / "shop" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "shop"


def stamped(shop: Path) -> str:
    """Return the stamp of the kernel's module as a fresh process would."""
    stamp.cache_clear()
    sources._read.cache_clear()
    sources._makers.cache_clear()
    return stamp(shop / "kernel.py", shop)


@pytest.mark.parametrize(
    "name",
    ["kernel.py", "direct.py", "indirect.py", "rooms/inner.py", "far/away.py", "__init__.py"],
)
def test_an_edit_of_a_file_that_is_imported_changes_the_stamp(shop: Path, name: str) -> None:
    before = stamped(shop)
    assert stamped(shop) == before
    with (shop / name).open("a") as file:
        file.write("NEW = 1\n")
    assert stamped(shop) != before


def test_an_edit_of_a_file_that_is_not_imported_changes_nothing(shop: Path) -> None:
    """`shop.unrelated` is named in a comment; `from shop import rooms` counts for all of shop.

    And a package's program, with what it imports, is nothing that others have of the package.
    """
    (shop / "kernel.py").write_text("from shop.direct import one\nimport shop.rooms\n")
    before = stamped(shop)
    (shop / "rooms" / "__main__.py").write_text("NEW = 1\n")
    (shop / "unrelated.py").write_text("NEW = 1\n")
    (shop / "far" / "neighbour.py").write_text("NEW = 1\n")
    assert stamped(shop) == before


def test_another_release_of_what_makes_the_code_changes_the_stamp(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stamped(shop)
    monkeypatch.setattr(sources, "version", lambda name: "0.0" if name == "numpy" else "1.0")
    assert stamped(shop) != before


def test_the_package_is_the_outermost_one(shop: Path) -> None:
    assert package_of(shop / "rooms" / "inner.py") == shop
    assert package_of(shop.parent / "alone.py") is None
