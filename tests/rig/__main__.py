"""Start Apache Kafka by hand: ``python -m tests.rig [--brokers 3] [--port 9092]``.

``--fetch`` only fetches the jars, which a start does too where they are missing, and builds Open Policy
Agent where there is Go.  With ``--lives-long`` the JVM compiles what runs often in full, as a broker in
service does: for measurements.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import threading

from streamer.errors import UnavailableError
from tests.rig import jars, opa
from tests.rig.apache_kafka import ApacheKafka


def main() -> None:
    """Run until Ctrl-C or SIGTERM; the data go with it."""
    parser = argparse.ArgumentParser(prog="python -m tests.rig", description=__doc__)
    parser.add_argument("--brokers", type=int, choices=(1, 3), default=1)
    parser.add_argument("--port", type=int, help="of the first broker; by default one is chosen")
    parser.add_argument("--fetch", action="store_true", help="fetch what is missing and end")
    parser.add_argument("--lives-long", action="store_true", help="compile what runs often in full")
    options = parser.parse_args()
    try:
        jars.fetch()
        if not options.fetch:
            _run(options.brokers, options.port, options.lives_long)
        elif shutil.which("go") is None:
            # Its tests are skipped, or fail, and say the same.
            print(opa.missing() or "Open Policy Agent is there.")
        else:
            opa.fetch()
    except UnavailableError as error:
        sys.exit(str(error))


def _run(n_brokers: int, port: int | None, lives_long: bool) -> None:
    # Set, not left to the default: a shell's background job starts with SIGINT ignored.
    ended = threading.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda _signum, _frame: ended.set())
    with ApacheKafka(n_brokers, port=port, lives_long=lives_long) as kafka:
        print(f"bootstrap servers: {kafka.bootstrap_servers}")
        print("Stop it with Ctrl-C or SIGTERM; the data go with it.", flush=True)
        ended.wait()


if __name__ == "__main__":
    main()
