"""``streamer model verify``: does a version come out of its payments again?"""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Final

import click
import numpy as np

from streamer.cli.files import PAYMENT_FILES, Reading, reads_payments
from streamer.cli.fitting_run import fitted
from streamer.cli.operator import with_store
from streamer.cli.passes import fit_request, version_in
from streamer.display.output import readable_errors
from streamer.errors import NotRebuiltError
from streamer.model import Sums
from streamer.model.codec import MadeOf, decode_version, state_id
from streamer.settings import load_settings
from streamer.starting.wiring import model_config

__all__ = ["verify"]

_SHOWN_DIGITS: Final = 12


@click.command()
@click.argument("version")
@click.argument("files", type=PAYMENT_FILES, nargs=-1, required=True, metavar="FILES...")
@reads_payments
@readable_errors
def verify(version: str, files: tuple[Path | str, ...], reading: Reading) -> None:
    """Fit FILES once more and say whether VERSION comes out.

    VERSION is an id or its beginning, or a file; `streamer fit` made it of FILES. The hashes in it,
    of the files, the configuration and the intake, are compared first: if one differs, nothing is
    fitted. Otherwise the result must be the same to the last bit. Exit code 1 when a hash or the
    result differs. Needs the extra `evaluation`.
    """
    settings = load_settings()
    path = Path(version)
    if path.is_file():
        wanted, header = version_in(path, settings)
    else:
        stored = with_store(lambda store: store.version(version), settings)[1]
        wanted, header = stored.sums, stored.header
    request = fit_request(settings, [settings.n_clusters])
    then = header.made_of
    if then is not None:
        request = replace(request, shards=then.shards)
    what = ", ".join(map(str, files))
    with reading.report(*files) as report:
        declaration = report.file.declaration
        now = request.made_of(report.file.digests, declaration, settings.n_clusters)
    if then is not None:
        _require_same(state_id(wanted), what, then, now)
    again, _ = fitted(request, files, reading)
    if again.version_id == state_id(wanted):
        click.echo(f"{again.version_id} comes out of {what} again", err=True)
        return
    found, _ = decode_version(again.version, model_config(settings))
    unlike = [f.name for f in fields(found) if not _same(f.name, wanted, found)]
    raise NotRebuiltError(
        f"{state_id(wanted)[:_SHOWN_DIGITS]} must come out of {what}, got "
        f"{again.version_id[:_SHOWN_DIGITS]}, which differs in {', '.join(unlike)}; "
        + _why(then, now)
    )


def _require_same(version_id: str, what: str, then: MadeOf, now: MadeOf) -> None:
    """Raise where it is known beforehand that another version would come out."""
    unlike = []
    if then.data_hash != now.data_hash:
        unlike.append(f"data (of {_files(then)}, got {_files(now)})")
    for name in ("configuration", "intake"):
        was, got = getattr(then, name), getattr(now, name)
        if was != got:
            unlike.append(f"{name} (of {was}, got {got})")
    if unlike:
        raise NotRebuiltError(
            f"{version_id[:_SHOWN_DIGITS]} must come out of {what}, but was made of other "
            f"{' and other '.join(unlike)}; nothing was fitted"
        )


def _files(made_of: MadeOf) -> str:
    return ", ".join(f"{name} {digest[:_SHOWN_DIGITS]}" for name, digest in made_of.data)


def _why(then: MadeOf | None, now: MadeOf) -> str:
    if then is None:
        return "are settings, file and release those of then?"
    if then.code != now.code:
        return f"it was made by the code {then.code}, this is {now.code}"
    return (
        "data, configuration, intake and code are those of then; is it another processor or numpy?"
    )


def _same(name: str, one: Sums, other: Sums) -> bool:
    return bool(np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True))
