"""The command of a generated page: write it, or check that it is as generated."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

__all__ = ["write_or_check"]


def write_or_check(
    module: str,
    description: str | None,
    page: Callable[[], str],
    default: Path,
    arguments: Sequence[str] | None,
) -> int:
    """Write or check ``page`` at ``default`` or where ``arguments`` say; return the exit code."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 on a difference"
    )
    parser.add_argument("--page", type=Path, default=default, help="where the page lies")
    options = parser.parse_args(arguments)
    if not options.check:
        options.page.parent.mkdir(parents=True, exist_ok=True)
        options.page.write_text(page(), "utf-8")
        return 0
    if options.page.is_file() and options.page.read_text("utf-8") == page():
        return 0
    print(f"{options.page.name} must be as generated; run python -m {module}", file=sys.stderr)
    return 1
