"""A built site is looked through: links that lead nowhere, and what a browser would fetch elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.site.built_site import check

PAGE = """\
<html><head><link rel="canonical" href="https://docs.example/">
<link rel="stylesheet" href="assets/a.css">
</head><body><a href="b/#part">b</a> <a href="https://example.org/">elsewhere</a> <a href="#here">h</a>
<h1 id="here">x</h1><img src="assets/i.png"><script src="assets/s.js"></script></body></html>
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "b").mkdir()
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(PAGE)
    (tmp_path / "b" / "index.html").write_text('<h2 id="part">b</h2><a href="..">up</a>')
    (tmp_path / "assets" / "a.css").write_text(
        "@font-face{src:url('f.woff2')} a{background:url(data:x)}"
    )
    for name in ("i.png", "s.js", "f.woff2"):
        (tmp_path / "assets" / name).write_text("")
    return tmp_path


def test_a_whole_site_has_no_faults_and_its_links_are_counted(site: Path) -> None:
    """A link that a person clicks may lead to another host, and so may the page's own address."""
    assert check(site) == ([], 4)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('<script src="https://unpkg.com/m.js"></script>', "fetches https://unpkg.com/m.js of"),
        ('<link rel="stylesheet" href="//fonts.example/css">', "fetches //fonts.example/css of"),
        (
            '<link rel="preconnect" href="https://fonts.example">',
            "fetches https://fonts.example of",
        ),
        (
            '<img srcset="a.png 1x, https://h/b.png 2x" src="assets/i.png">',
            "fetches https://h/b.png",
        ),
        ('<p style="background: url(https://h/i.png)">', "fetches https://h/i.png of another host"),
        ("<style>@import 'https://h/a.css';</style>", "fetches https://h/a.css of another host"),
        ('<iframe src="http://h/"></iframe>', "fetches http://h/ of another host"),
        ('<img src="assets/gone.png">', "fetches assets/gone.png, which is not there"),
        ('<a href="gone/">x</a>', "links to gone/, which is not there"),
        ('<a href="b/#gone">x</a>', "links to b/#gone, whose anchor is not there"),
        ('<pre class="mermaid">a</pre>', "has mermaid, for which the theme asks another host"),
    ],
)
def test_what_is_wrong_with_a_page_is_said_with_its_place(
    site: Path, body: str, fault: str
) -> None:
    (site / "c.html").write_text(body)
    faults, _ = check(site)
    assert [each for each in faults if each.startswith("c.html: ") and fault in each], faults


def test_a_font_of_another_host_in_a_style_is_found(site: Path) -> None:
    (site / "assets" / "a.css").write_text("@font-face{src:url(https://fonts.example/f.woff2)}")
    assert check(site)[0] == ["assets/a.css: fetches https://fonts.example/f.woff2 of another host"]
