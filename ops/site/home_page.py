"""The first page: what streamer is, and every page by the parts of the navigation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ops.site.markdown_text import headings

__all__ = ["page", "places"]

_HEAD: Final = """\
# streamer

Scores card payments for fraud as they stream through Kafka, learns while it scores, and puts alerts
with reasons in words on an output topic. Decode, validate, features, score, decide, explain and learn
run in memory, on whole batches; workers share one model through Redis, and there is no leader.

Who is here for the first time begins with [three commands](start/three-commands.md) and then follows
[one payment](start/tutorial.md) from its message to what its verdict taught.
"""


def places(nav: Iterable[Any]) -> list[str]:
    """Return the pages that a navigation names, in its order.

    >>> places([{"A": "a.md"}, {"B": [{"C": "b/c.md"}, "b/d.md"]}])
    ['a.md', 'b/c.md', 'b/d.md']
    """
    found: list[str] = []
    for each in nav:
        if isinstance(each, str):
            found.append(each)
        else:
            for value in each.values():
                found += [value] if isinstance(value, str) else places(value)
    return found


def page(nav: Iterable[Mapping[str, Any]], texts: Mapping[str, str]) -> str:
    """Return the page; ``texts`` has those of the others, for what each is called in full."""
    rows = [_HEAD, "\n| part | pages |\n|---|---|\n"]
    for part in nav:
        for title, value in part.items():
            if value != "index.md":
                found = [value] if isinstance(value, str) else places(value)
                links = "; ".join(_link(place, texts[place]) for place in found)
                rows.append(f"| **{title}** | {links} |\n")
    return "".join(rows)


def _link(place: str, text: str) -> str:
    title = headings(text)[0].text.partition(" {#")[0]
    return f"[{title}]({place})"
