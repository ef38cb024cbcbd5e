"""What a release's page says: the section of CHANGELOG.md under its version.

Lines are joined, since a release's page breaks where its source does, and links into the repository
are made whole, since the page lies elsewhere.
"""

from __future__ import annotations

import argparse
import re
import sys

from ops.release.version_places import ROOT, version

__all__ = ["main", "notes", "section"]


def section(text: str, of: str) -> str:
    """Return what stands under the heading of the version ``of``, which must have a date.

    >>> section("## Unreleased\\n\\n## 1.2.0 - 2026-01-02\\n\\n- New.\\n\\n## 1.1.0 - ...", "1.2.0")
    '- New.'
    """
    heading = rf"^## {re.escape(of)} - \d{{4}}-\d\d-\d\d$"
    parts = re.split(heading, text, flags=re.MULTILINE)
    if len(parts) != 2:
        has = len(parts) - 1
        raise ValueError(f"CHANGELOG.md must have one heading '## {of} - YYYY-MM-DD', has {has}")
    found = re.split(r"^## ", parts[1], flags=re.MULTILINE)[0].strip()
    if not found:
        raise ValueError(f"CHANGELOG.md must say under {of} what has changed, says nothing")
    return found


def notes(text: str, of: str, address: str = "") -> str:
    """Return the section as a page of its own; ``address`` is where the repository's files are read.

    >>> notes("## 1.2.0 - 2026-01-02\\n- A [page](docs/a.md)\\n  and more.", "1.2.0", "https://h/blob/v1")
    '- A [page](https://h/blob/v1/docs/a.md) and more.'
    """
    lines: list[str] = []
    for line in section(text, of).splitlines():
        goes_on = lines and lines[-1] and line and not line.startswith(("- ", "#"))
        if goes_on and not lines[-1].startswith("#"):
            lines[-1] += f" {line.strip()}"
        else:
            lines.append(line)
    joined = "\n".join(lines)
    if not address:
        return joined
    return re.sub(r"\]\((?!https?://|#)([^)]+)\)", rf"]({address}/\1)", joined)


def main() -> int:
    """Print the notes of the version; 1 where there are none."""
    parser = argparse.ArgumentParser(
        prog="python -m ops.release.release_notes", description=__doc__
    )
    parser.add_argument("--address", default="", help="such as https://HOST/OWNER/NAME/blob/TAG")
    address: str = parser.parse_args().address
    try:
        print(notes((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version(), address))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
