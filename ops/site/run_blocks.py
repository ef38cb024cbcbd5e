"""Runs every block of the pages that can run here (``make docs-blocks``).

``python -m ops.site.run_blocks`` starts broker, Redis and a worker as `streamer dev` does, with
payments and verdicts.  It prints how each block ended, how many were run and how many not; the exit
code is 1 where one failed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pyarrow.parquet
from confluent_kafka import Producer

from ops.site.block_session import PAYMENT_FILES, BlockSession
from ops.site.blocks import Block, pages_with_blocks
from ops.site.site_pages import ROOT
from streamer.dev.judged_traffic import judged_traffic
from streamer.dev.stack import Stack
from streamer.stream.kafka.kafka_config import librdkafka_config

__all__ = ["main"]

_WITHIN_S: Final = 300.0
_RATE: Final = 500.0
_VERDICT_DELAY_S: Final = 2.0
# Beyond the warm-up, and long enough for verdicts to teach.
_PAYMENTS_FIRST: Final = 12_000
_FILE_RATE: Final = "200"
# Of so many keys each partition gets some.
_DEAD_LETTERS: Final = 40


def main(arguments: Sequence[str] | None = None) -> int:
    """Run them; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ops.site.run_blocks", description=__doc__)
    parser.add_argument("--page", action="append", help="only the blocks of this page")
    parser.add_argument("--show", action="store_true", help="print what each block wrote")
    options = parser.parse_args(arguments)
    blocks = [
        each for each in pages_with_blocks(ROOT) if not options.page or each.page in options.page
    ]
    runnable = [each for each in blocks if each.run in ("test", "make docs-blocks")]
    with tempfile.TemporaryDirectory() as folder, Stack(1, None, print) as stack:
        worker = stack.worker_urls[0]
        session = BlockSession(
            ROOT, Path(folder), stack.environment, {"http://WORKER:8080": worker}
        )
        with judged_traffic(stack.settings, _RATE, 7, _VERDICT_DELAY_S) as (traffic, _):
            _prepare(session, stack)
            while traffic.n_sent < _PAYMENTS_FIRST and traffic.error is None:
                time.sleep(0.2)
            failed = [each for each in runnable if not _is_well(session, each, options.show)]
    kept = len(blocks) - len(runnable)
    print(f"{len(runnable)} blocks run, {len(failed)} failed, {kept} not run")
    return 1 if failed else 0


def _prepare(session: BlockSession, stack: Stack) -> None:
    """Write the files that pages name, and send what is no payment: a dead letter on each partition."""
    for name in PAYMENT_FILES:
        out = session.file(name)
        command = [
            sys.executable,
            "-m",
            "streamer",
            "simulate",
            "--out",
            str(out),
            "--rate",
            _FILE_RATE,
        ]
        subprocess.run([*command, "--duration", "100"], check=True, stderr=subprocess.DEVNULL)
        _in_one_currency(out)
    session.file("card").write_text("card-000001\n")
    producer = Producer(librdkafka_config(stack.settings))
    for n in range(_DEAD_LETTERS):
        producer.produce(stack.settings.transactions_topic, b'{"card_id": "c"}', f"key-{n}")
    producer.flush()


def _in_one_currency(path: Path) -> None:
    """Let a file's payments be in one currency, as those of most who follow a page are."""
    table = pyarrow.parquet.read_table(path)
    place = table.schema.get_field_index("currency")
    euros = pyarrow.array(["EUR"] * len(table))
    pyarrow.parquet.write_table(table.set_column(place, "currency", euros), path)


def _is_well(session: BlockSession, block: Block, is_shown: bool) -> bool:
    began = time.monotonic()
    ran = session.run(block, _WITHIN_S)
    took = time.monotonic() - began
    unlike = block.unlike(ran.output)
    shown = f"; of {block.n_words} words shown {len(unlike)} not printed" if block.output else ""
    print(f"{'ok    ' if ran.code == 0 else 'FAILED'} {took:5.1f} s  {block}{shown}")
    if ran.code or is_shown:
        print(ran.output)
    return ran.code == 0


if __name__ == "__main__":
    sys.exit(main())
