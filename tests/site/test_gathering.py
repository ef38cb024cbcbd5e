"""Pages are gathered with links that lead to where things lie on the site."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.site.gathering import LinkError, gather, write
from ops.site.site_pages import Source

README = """\
# Project

## For writers

See [the page](docs/page.md#a-part), [below](#for-readers), [settings](ops/x.toml), [a folder](ops),
![p](docs/p.png).

### Apart

Its [writers](#for-writers), [outside](https://example.org/).

## For readers

[The start](README.md), [writers](README.md#for-writers).
"""
PAGE = "# Page\n\n## A part\n\n[Up](../README.md#apart), [this](#a-part).\n"
SOURCES = {
    "w/writers.md": Source("README.md", "For writers", "Writing"),
    "w/apart.md": Source("README.md", "Apart"),
    "readers.md": Source("README.md", "For readers"),
    "d/page.md": Source("docs/page.md"),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "ops").mkdir()
    (tmp_path / "README.md").write_text(README, "utf-8")
    (tmp_path / "docs" / "page.md").write_text(PAGE, "utf-8")
    (tmp_path / "docs" / "p.png").write_bytes(b"png")
    (tmp_path / "ops" / "x.toml").write_text("a = 1\n")
    return tmp_path


def test_a_link_leads_to_the_page_that_has_its_anchor_or_to_a_copy_of_the_file(root: Path) -> None:
    """Of a folder the text stays; a page within a section takes its part out of that one."""
    site = gather(root, SOURCES, {})
    writers = site.pages["w/writers.md"]
    assert writers.startswith("# Writing {#for-writers}\n")
    assert "Apart" not in writers
    assert "[the page](../d/page.md#a-part)" in writers
    assert "[below](../readers.md#for-readers)" in writers
    assert "[settings](../files/ops/x.toml), a folder,\n![p](../files/docs/p.png)" in writers
    assert "[writers](writers.md#for-writers)" in site.pages["w/apart.md"]
    assert "[outside](https://example.org/)" in site.pages["w/apart.md"]
    assert "[The start](index.md), [writers](w/writers.md#for-writers)" in site.pages["readers.md"]
    assert "[Up](../w/apart.md#apart), [this](#a-part)" in site.pages["d/page.md"]
    assert site.files.keys() == {"files/ops/x.toml", "files/docs/p.png"}


def test_a_made_page_links_from_the_root_and_to_other_pages_by_their_place(root: Path) -> None:
    made = {"r/made.md": "# Made\n\n[Page](docs/page.md), [other](made:d/page.md), [own](#made)\n"}
    text = gather(root, SOURCES, made).pages["r/made.md"]
    assert text == ("# Made {#made}\n\n[Page](../d/page.md), [other](../d/page.md), [own](#made)\n")


@pytest.mark.parametrize(
    "link", ["nowhere.md", "ops/y.toml", "other.md", "README.md#of-nobody", "../beyond.md"]
)
def test_every_link_that_leads_nowhere_is_named_with_its_page(root: Path, link: str) -> None:
    """A page of the repository that is none of the site, too."""
    (root / "other.md").write_text("# Other\n")
    with pytest.raises(LinkError, match=rf"every link must lead somewhere, got\nr/made.md: {link}"):
        gather(root, SOURCES, {"r/made.md": f"# Made\n\n[x]({link})\n"})


def test_writing_makes_the_folder_anew(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    (folder / "old").mkdir(parents=True)
    write(gather(root, SOURCES, {}), folder)
    assert not (folder / "old").exists()
    assert (folder / "files" / "docs" / "p.png").read_bytes() == b"png"
    assert (folder / "d" / "page.md").read_text("utf-8").startswith("# Page {#page}\n")
