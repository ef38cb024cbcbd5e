"""Docstrings as Markdown: prose is prose, equations are blocks, examples are examples."""

from __future__ import annotations

import inspect
import re

__all__ = ["as_markdown"]


def as_markdown(docstring: str | None) -> str:
    """Return a docstring, as it stands in the source, as Markdown: with single backticks and blocks.

    >>> as_markdown("Add ``b``.\\n\\n    Since\\n\\n        a = b * 2\\n    ")
    'Add `b`.\\n\\nSince\\n\\n```text\\na = b * 2\\n```'
    """
    text = inspect.cleandoc(docstring or "").replace("``", "`")
    parts = []
    for part in re.split(r"\n\n+", text):
        plain = inspect.cleandoc(part) if part.startswith(" ") else part
        if plain.startswith(">>>"):
            parts.append(f"```pycon\n{plain}\n```")
        elif part.startswith("    "):
            # Blocks that lie beside each other are one, with a blank line between.
            parts.append(f"```text\n{_outdented(part)}\n```")
        else:
            parts.append(_prose(part))
    return "\n\n".join(parts)


def _outdented(part: str) -> str:
    lines = part.split("\n")
    margin = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    return "\n".join(line[margin:].rstrip() for line in lines)


def _prose(part: str) -> str:
    """Return a paragraph whose signs of comparison, outside of code, are no markup."""
    pieces = re.split(r"(`[^`]*`)", part)
    plain = (
        piece if piece.startswith("`") else piece.replace("<", "&lt;").replace("*", "\\*")
        for piece in pieces
    )
    text = "".join(plain)
    # A list's own signs are markup.
    text = re.sub(r"^\\\* ", "* ", text, flags=re.MULTILINE)
    before, star, rest = text.partition("\n* ")
    return f"{before}\n\n* {rest}" if star and not before.startswith("* ") else text
