"""The attempts: ``python -m tests.attack [--only NAME] [--markdown]``.

Progress goes to standard error, the table to standard output, and with ``--markdown`` into
``docs/attempts.md``.  The exit code is 1 when an attempt succeeds.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from pathlib import Path
from typing import Final

from streamer.embedded import EmbeddedKafka, EmbeddedRedis
from tests.attack.every_attempt import attempts
from tests.attack.running import run_all, table
from tests.attack.site import Site
from tests.rig.waiting import DEADLINE_S

__all__: list[str] = []

PAGE: Final = Path(__file__).parents[2] / "docs" / "attempts.md"
_MARK: Final = "<!-- made by: python -m tests.attack --markdown -->"


def main() -> int:
    """Make the attempts that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.attack", description=__doc__)
    parser.add_argument("--only", action="append", help="a part of the name; may be given again")
    parser.add_argument("--markdown", action="store_true", help="write docs/attempts.md anew")
    parser.add_argument("--list", action="store_true", help="name the attempts and end")
    options = parser.parse_args()
    chosen = [
        each
        for each in attempts().values()
        if not options.only or any(part in each.name for part in options.only)
    ]
    if options.list:
        for each in chosen:
            print(f"{each.against:<8} {each.name}")
        return 0
    with (
        tempfile.TemporaryDirectory(prefix="streamer-attack-") as folder,
        EmbeddedKafka(ready_timeout_s=DEADLINE_S) as kafka,
        EmbeddedRedis(ready_timeout_s=DEADLINE_S) as redis,
        Site(kafka, redis.url, Path(folder)) as site,
    ):
        rows = run_all(chosen, site, sys.stderr)
    print(table(rows, markdown=False))
    n_held = sum(row.held for row in rows)
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu_s = sum(each.ru_utime + each.ru_stime for each in used)
    print(f"{len(rows)} attempts, {n_held} held; {cpu_s:.0f} s of processor", file=sys.stderr)
    if options.markdown and not options.only:
        text = PAGE.read_text(encoding="utf-8").partition(_MARK)[0]
        PAGE.write_text(f"{text}{_MARK}\n\n{table(rows, markdown=True)}\n", encoding="utf-8")
    return 0 if n_held == len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
