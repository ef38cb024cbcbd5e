"""The fault table: ``python -m tests.faults [--only NAME] [--broker kafka] [--markdown]``.

Progress and findings go to standard error, the table to standard output.  The exit code is 1 when a
figure that must be 0 is not.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tests.faults.running import Row, run_all, table
from tests.faults.site import BOTH, BrokerKind, Fault
from tests.faults.table import faults

__all__: list[str] = []


def main() -> int:
    """Run the faults that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument(
        "--only", action="append", help="a part of the fault's name; may be given again"
    )
    parser.add_argument("--broker", choices=BOTH, action="append")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--long", action="store_true", help="also those that take minutes")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--list", action="store_true", help="name the faults and end")
    options = parser.parse_args()
    chosen = _chosen(options.only, options.broker or list(BOTH), with_long=options.long)
    if options.list:
        for fault, kind in chosen:
            print(f"{kind:<9} {fault.name}")
        return 0
    rows: list[Row] = run_all(chosen, options.seed, sys.stderr)
    print(table(rows, markdown=options.markdown))
    return 0 if all(row.is_clean for row in rows) else 1


def _chosen(
    only: Sequence[str] | None, kinds: Sequence[BrokerKind], *, with_long: bool
) -> list[tuple[Fault, BrokerKind]]:
    # Those of one broker in a row: it is started once.
    return [
        (each, kind)
        for kind in kinds
        for each in faults().values()
        if kind in each.brokers
        and (with_long or not each.is_long or only)
        and (not only or any(part in each.name for part in only))
    ]


if __name__ == "__main__":
    sys.exit(main())
