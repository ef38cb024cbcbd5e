"""``streamer drift``: what has moved in the traffic that a version knows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from streamer.cli.operator import with_store
from streamer.cli.options import as_json
from streamer.cli.passes import sums_in
from streamer.display.output import print_json, readable_errors
from streamer.errors import ConfigurationError
from streamer.settings import Settings, load_settings

if TYPE_CHECKING:
    from streamer.model import Sums
    from streamer.store import Store

__all__ = ["drift"]

# More than a history ever has (STREAMER_LINEAGE_MAX_ENTRIES).
_ALL: Final = 10_000_000
_FILE: Final = click.Path(dir_okay=False, path_type=Path)


@click.group()
def drift() -> None:
    """Show how far traffic has moved from a model version."""


@drift.command("report")
@click.argument("version", default="head")
@click.option(
    "--html", "html_path", type=_FILE, metavar="OUT.html", help="Write the report as an HTML page."
)
@click.option(
    "--evidently",
    "evidently_path",
    type=_FILE,
    metavar="OUT.html",
    help="Write Evidently's own report of the same two samples. Needs the extra `evidently`.",
)
@as_json
@readable_errors
def report(
    version: str, html_path: Path | None, evidently_path: Path | None, as_json: bool
) -> None:
    """Show which features have moved, the most moved first.

    Compared is traffic now with that when VERSION's reference was frozen.

    VERSION is an id or its beginning, a file, or the head where none is named. Only the version is
    read: its histograms, the reference among them, and its sample of recent payments.

    \b
    streamer drift report
    streamer drift report --html drift.html
    streamer drift report 4f1c --json
    """
    from streamer.drifting import drift_findings, drift_page, evidently_page
    from streamer.starting.wiring import model_config

    _check_directories(html_path, evidently_path)
    settings = load_settings()
    version_id, sums, lineage = _version(version, settings)
    found = drift_findings(version_id, sums, model_config(settings), lineage)
    if html_path is not None:
        html_path.write_text(drift_page(found), encoding="utf-8")
    if evidently_path is not None:
        if found["reference"] == "none":
            raise ConfigurationError(
                f"version {version_id[:12]} must have a reference to be held against, got none yet"
            )
        evidently_path.write_text(evidently_page(found), encoding="utf-8")
    if as_json:
        print_json(found)
    else:
        _print(found)
    for path in (html_path, evidently_path):
        if path is not None:
            click.echo(f"written: {path}", err=True)


def _version(name: str, settings: Settings) -> tuple[str, Sums, list[dict[str, str]]]:
    """Return id and state of a version in a file, or else in the store, and the head's history."""
    from streamer.model.codec import state_id

    path = Path(name)
    if path.is_file():
        sums = sums_in(path, settings)
        return state_id(sums), sums, []

    async def work(store: Store) -> tuple[str, Sums, list[dict[str, str]]]:
        _, stored = await store.version(name)
        return stored.id, stored.sums, await store.lineage(_ALL)

    return with_store(work, settings)


def _print(found: dict[str, Any]) -> None:
    from streamer.drifting.drift_page import headline, told_reference

    click.echo(headline(found))
    click.echo(told_reference(found))
    for each in found["features"]:
        click.echo(f"  {each['level']:11}  {each['sentence']}")


def _check_directories(*paths: Path | None) -> None:
    for path in paths:
        if path is not None and not path.parent.is_dir():
            raise ConfigurationError(f"directory of {path.name} must exist, got {path.parent}")
