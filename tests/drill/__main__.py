"""``make drill``: the whole way of a version, told at the end from the lineage."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from streamer.embedded import EmbeddedKafka, EmbeddedRedis
from tests.drill.story import SETTINGS, Drill, findings
from tests.rig.waiting import DEADLINE_S
from tests.stream.harness import Service


def main() -> int:
    """Run the drill; 1 where something is wrong."""
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {line}", flush=True)

    with (
        EmbeddedKafka(ready_timeout_s=DEADLINE_S) as kafka,
        EmbeddedRedis(ready_timeout_s=DEADLINE_S) as redis,
        tempfile.TemporaryDirectory() as folder,
        Service(kafka.bootstrap_servers, redis.url, n_partitions=4, **SETTINGS) as service,
    ):
        service.create_topics()
        drill = Drill(service, Path(folder), say=say)
        drill.run()
        print("\nThe history, oldest first:")
        entries = service.ask(lambda store: store.lineage(100_000))
        for entry in reversed(entries):
            if entry["reason"] != "merge":
                more = ", ".join(
                    f"{name} {entry[name][:80]}"
                    for name in ("partitions", "gate", "not_measured", "forced", "why")
                    if entry.get(name)
                )
                who = "a worker" if entry.get("automatic") else entry["who"]
                version = (entry.get("canary") or entry.get("version") or entry.get("to", ""))[:12]
                print(f"  {entry['at']}  {entry['reason']:10} {version}  by {who}: {more}")
        wrong = findings(drill)
        total = service.totals()
        print(
            f"\n{total.consumed:,} payments, {total.scored:,} scored and learned once, "
            f"{total.alerted:,} alerts: {'; '.join(wrong) or 'nothing wrong'}"
        )
    say("done")
    return 1 if wrong else 0


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m tests.drill", description=__doc__).parse_args()
    sys.exit(main())
