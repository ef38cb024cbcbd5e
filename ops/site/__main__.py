"""Builds the documentation site: ``python -m ops.site`` (``make docs``).

Pages are gathered into ``build/docs/pages`` and built into ``build/docs/site``, by the builder of an
environment of its own (``ops/site/requirements.lock``).  Any warning of the builder's, a link that
leads nowhere, a word that is misspelt and a page that asks another host are failures: the exit code
is 1 then.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from load.environments import python_in
from ops.site import built_site, home_page
from ops.site.gathering import Gathered, LinkError, gather, write
from ops.site.site_pages import ROOT, gathered, made

__all__ = ["gather_all", "main"]

_CONFIG: Final = ROOT / "zensical.toml"
_STYLE: Final = Path(__file__).parent / "site.css"
_LOCK: Final = Path(__file__).parent / "requirements.lock"
_PAGES: Final = ROOT / "build" / "docs" / "pages"
_SITE: Final = ROOT / "build" / "docs" / "site"
# Words that the checker takes for misspelt others.
_WORDS: Final = Path(__file__).parent / "words.txt"
_WARNING: Final = re.compile(r"\b(?:warning|error)\b", re.IGNORECASE)


def gather_all() -> Gathered:
    """Return every page and file of the site; raises LinkError where a link leads nowhere."""
    nav = tomllib.loads(_CONFIG.read_text("utf-8"))["project"]["nav"]
    pages = made()
    without_home = gather(ROOT, gathered(), pages)
    home = home_page.page(nav, without_home.pages)
    without_home.pages["index.md"] = home
    without_home.files["files/site.css"] = _STYLE
    return without_home


def main(arguments: Sequence[str] | None = None) -> int:
    """Gather, build and check; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ops.site", description=__doc__)
    parser.add_argument("--gather", action="store_true", help="write the pages, build nothing")
    options = parser.parse_args(arguments)
    try:
        site = gather_all()
    except LinkError as error:
        print(error, file=sys.stderr)
        return 1
    write(site, _PAGES)
    print(
        f"gathered {len(site.pages)} pages and {len(site.files)} files into {_PAGES.relative_to(ROOT)}"
    )
    if options.gather:
        return 0
    python = python_in("docs-builder", _LOCK)
    faults = _misspelt(python) + _build(python)
    found, n_links = built_site.check(_SITE)
    for each in (*faults, *found):
        print(each, file=sys.stderr)
    n_built = len(list(_SITE.rglob("*.html")))
    print(
        f"built {n_built} pages into {_SITE.relative_to(ROOT)}: {len(faults)} warnings, "
        f"{n_links} links followed, {len(found)} faults"
    )
    return 1 if faults or found else 0


def _misspelt(python: Path) -> list[str]:
    command = [str(python), "-m", "codespell_lib", "--ignore-words", str(_WORDS), "--skip", "files"]
    done = subprocess.run(
        [*command, str(_PAGES)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]


def _build(python: Path) -> list[str]:
    """Build; return the lines of the builder's that warn of something."""
    command = [str(python), "-m", "zensical", "build", "--clean", "--strict"]
    done = subprocess.run(
        [*command, "--config-file", str(_CONFIG)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = (done.stdout + done.stderr).splitlines()
    if done.returncode:
        return said or [f"the builder ended with {done.returncode}"]
    return [line for line in said if _WARNING.search(line)]


if __name__ == "__main__":
    sys.exit(main())
