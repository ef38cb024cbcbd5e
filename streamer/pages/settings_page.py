"""Writes ``ops/SETTINGS.md``: every setting with its default and what it does.

``python -m streamer.pages.settings_page`` writes it; with ``--check`` it writes nothing and exits
with 1 when the page differs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from streamer.pages.page_command import write_or_check
from streamer.settings import SettingRow, describe, describe_tracing, load_settings

__all__ = ["main", "page"]

_PAGE: Final = Path(__file__).parents[2] / "ops" / "SETTINGS.md"

_HEAD: Final = """\
# Settings

What a worker and the commands read from their environment: this page is made from `streamer/settings`
(`python -m streamer.pages.settings_page`). `streamer check-config` prints the same with the values in
force, where they come from, and every fault at once.

A value comes from the variable, or from a file named like the setting (`kafka_sasl_password`) in the
directory `STREAMER_SECRETS_DIR`. Units are the last part of a name.

Those marked "policy" are of the policy, a record in Redis that running workers take up without a
restart: the environment of the first worker of a namespace gives the first one, and from then on it is
changed by `streamer policy apply`. A worker whose environment names another value says so at its start.

"""
_TABLE: Final = "| variable | default | meaning |\n|---|---|---|\n"
_TRACING: Final = """
## Tracing

OpenTelemetry's own variables, as far as they say whether and how batches are traced; from the
environment only. The SDK reads those of certificates and compression too, by their standard names.

"""


def page() -> str:
    """Return the page's text."""
    own, tracing = describe(load_settings({})), describe_tracing({})
    return _HEAD + _table(own) + _TRACING + _table(tracing)


def _table(rows: Iterable[SettingRow]) -> str:
    return _TABLE + "".join(map(_row, rows))


def _row(row: SettingRow) -> str:
    meaning = " ".join(row.description.split())
    mark = " (policy)" if row.is_policy else ""
    return f"| `{row.env}`{mark} | {row.value} | {meaning} |\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the page; return the exit code."""
    return write_or_check("streamer.pages.settings_page", __doc__, page, _PAGE, arguments)


if __name__ == "__main__":
    sys.exit(main())
