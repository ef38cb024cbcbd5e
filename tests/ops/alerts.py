"""``make alerts``: every fault that has an alert, with the seconds until it fires and until it ends.

Minutes are seconds here (see `tests.ops.monitoring`), so a time says in which order things happen and
that they do; in production the rule's own ``for`` is nearly all of it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from streamer.embedded import EmbeddedKafka, EmbeddedRedis
from tests.ops.drills import DRILLS, Site
from tests.ops.monitoring import Monitoring
from tests.ops.watcher import LONG_S, Seen, Watcher
from tests.rig.waiting import wait_until

__all__ = ["run", "table"]


def run(
    kafka: EmbeddedKafka, redis: EmbeddedRedis, folder: Path, *, is_long: bool
) -> tuple[list[Seen], list[str]]:
    """Run all drills side by side; return what was seen, and what went wrong.

    ``is_long`` adds the alerts that take more than a minute to end.
    """
    with (
        Site(kafka, redis, is_long=is_long) as site,
        Monitoring(folder, site.targets) as monitoring,
    ):
        wait_until(
            lambda: {rule["health"] for rule in monitoring.rules()} == {"ok"},
            lambda: str([rule for rule in monitoring.rules() if rule["health"] != "ok"]),
            LONG_S,
        )
        watcher = Watcher(monitoring)
        with ThreadPoolExecutor(len(DRILLS)) as threads:
            drills = {name: threads.submit(drill, site, watcher) for name, drill in DRILLS.items()}
        errors = {name: drill.exception() for name, drill in drills.items()}
        wrong = [
            f"{name}: {error!r}\n{site.workers[name].log() if name in site.workers else ''}"
            for name, error in errors.items()
            if error is not None
        ]
        wrong += [str(rule) for rule in monitoring.rules() if rule["health"] != "ok"]
    return watcher.seen, wrong


def table(seen: Iterable[Seen]) -> str:
    """Return what was seen as a table of Markdown."""
    lines = [
        "| fault | alert | severity | `for` | s to fire | s to end | |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {each.fault} | {each.alert} | {each.severity} | {each.for_s} | {each.fired_s:.0f} | "
        f"{each.ended_s:.0f} | {'held back' if each.is_suppressed else ''} |"
        for each in seen
    ]
    return "\n".join(lines)


def main() -> int:
    """Print the table; the exit code is 1 when an alert did not come or did not end."""
    parser = argparse.ArgumentParser(prog="python -m tests.ops.alerts", description=__doc__)
    parser.add_argument("--short", action="store_true", help="only what the tests run")
    options = parser.parse_args()
    with (
        EmbeddedKafka() as kafka,
        EmbeddedRedis() as redis,
        tempfile.TemporaryDirectory() as folder,
    ):
        seen, wrong = run(kafka, redis, Path(folder), is_long=not options.short)
    print(table(seen))
    for each in wrong:
        print(each, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
