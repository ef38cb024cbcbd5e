"""Headings, sections and links of Markdown, as the site needs them."""

from __future__ import annotations

import pytest

from ops.site.markdown_text import anchored, headings, relinked, section_of, titled

PAGE = """\
# All

## Of cards

A [link](a.md) and `[code](b.md)`.

### Inner

inner

```sh
# no heading
[no link](c.md)
```

## Of cards, more

more
"""


def test_a_line_in_a_block_is_no_heading() -> None:
    assert [(each.level, each.anchor) for each in headings(PAGE)] == [
        (1, "all"),
        (2, "of-cards"),
        (3, "inner"),
        (2, "of-cards-more"),
    ]


def test_a_section_ends_with_the_next_of_its_level_and_its_headings_move_up() -> None:
    section = section_of(PAGE, "Of cards")
    assert section.startswith("# Of cards\n")
    assert "\n## Inner\n" in section
    assert section.endswith("```\n")
    assert "# no heading" in section
    assert "more" not in section


def test_what_has_a_page_of_its_own_is_left_out_of_the_section_around_it() -> None:
    section = section_of(PAGE, "Of cards", frozenset({"Inner"}))
    assert section == "# Of cards\n\nA [link](a.md) and `[code](b.md)`.\n"


@pytest.mark.parametrize(("section", "n"), [("Of shops", 0), ("Twice", 2)])
def test_a_section_that_is_not_there_once_is_refused(section: str, n: int) -> None:
    with pytest.raises(
        ValueError, match=f"must be one heading of the file, got {n} of '{section}'"
    ):
        section_of(PAGE + "\n## Twice\n\n## Twice\n", section)


def test_each_heading_says_its_anchor_and_a_new_title_keeps_it() -> None:
    """So a link to the old heading still leads there."""
    page = titled(anchored(PAGE, {"Inner": "inner-1"}), "Everything")
    assert page.startswith("# Everything {#all}\n")
    assert "\n### Inner {#inner-1}\n" in page
    assert "\n# no heading\n" in page


def test_links_are_replaced_outside_of_blocks_and_one_to_nothing_leaves_its_text() -> None:
    page = relinked("[a](x.md) ![b `c`](y.png) [gone](z)\n```\n[a](x.md)\n```\n", {
        "x.md": "../x.md", "y.png": "files/y.png", "z": None}.get)  # fmt: skip
    assert page == "[a](../x.md) ![b `c`](files/y.png) gone\n```\n[a](x.md)\n```\n"
