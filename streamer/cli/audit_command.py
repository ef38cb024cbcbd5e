"""``streamer audit``: is the audit topic whole, and what does it say of a period?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from streamer.cli.command_permission import permitted
from streamer.cli.operator import audited, now_ms, who
from streamer.cli.options import as_json
from streamer.display.output import EXIT_FAILED, print_json, readable_errors
from streamer.errors import ConfigurationError
from streamer.intake.naming import printable
from streamer.settings import load_settings
from streamer.store import rfc3339

if TYPE_CHECKING:
    from streamer.audit.audit_findings import Checked
    from streamer.audit.audit_reading import Period

__all__ = ["audit"]


@click.group()
def audit() -> None:
    """Show who changed what and who saw which card.

    Every process writes a chain of entries to STREAMER_AUDIT_TOPIC, each with the hash of the one
    before; the head of each chain is kept in Redis (STREAMER_NAMESPACE), in the chains of the
    others and as a metric.
    """


@audit.command()
@click.option("--since", metavar="TIME", help="Only entries at this time (RFC 3339) or later.")
@click.option("--until", metavar="TIME", help="Only entries before this time.")
@click.option(
    "--file",
    "path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE.jsonl",
    help="Check what `streamer audit export` wrote instead: no server is asked.",
)
@as_json
@readable_errors
def verify(since: str | None, until: str | None, path: Path | None, as_json: bool) -> None:
    """Name every entry that was tampered with.

    That is changed, dropped, reordered, cut, forked or added.

    Exit code 0 when there is none, 1 when there is one, 2 when it cannot be determined.

    \b
    streamer audit verify
    streamer audit verify --since 2026-11-01T00:00:00Z --json
    streamer audit verify --file november.jsonl
    """
    faults: list[str] = []
    if path is not None:
        from streamer.audit.audit_export import checked_file

        if since or until:
            raise ConfigurationError("--since and --until must not be given with --file")
        found, faults = checked_file(path)
    else:
        from streamer.audit.audit_verification import verified

        found = verified(load_settings(), _period(since, until), now_ms())
    if as_json:
        print_json(
            {
                "is_whole": found.is_whole and not faults,
                "entries": found.n_entries,
                "findings": msgspec.to_builtins([e for e in found.findings if not e.is_note]),
                "notes": msgspec.to_builtins([e for e in found.findings if e.is_note]),
                "faults": faults,
                "writers": msgspec.to_builtins(found.writers),
            }
        )
    else:
        _print(found, faults)
    if faults or not found.is_whole:
        raise SystemExit(EXIT_FAILED)


@audit.command()
@click.option(
    "--from", "since", metavar="TIME", help="Only entries at this time (RFC 3339) or later."
)
@click.option("--to", "until", metavar="TIME", help="Only entries before this time.")
@click.option(
    "--out",
    "path",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="FILE.jsonl holds the topic's bytes and can be verified; FILE.csv is for spreadsheets.",
)
@readable_errors
def export(since: str | None, until: str | None, path: Path) -> None:
    """Write the entries of a period to a file.

    FILE.manifest.json is written beside it, to check it by.

    The manifest's hash is printed, and is written to the audit topic too: a file that matches it is
    complete and unchanged.

    \b
    streamer audit export --from 2026-11-01T00:00:00Z --to 2026-12-01T00:00:00Z --out november.jsonl
    """
    from streamer.audit.audit_export import manifest_path, write_export
    from streamer.audit.audit_reading import read_entries
    from streamer.audit.audit_verification import Verification

    settings, period, at_ms = load_settings(), _period(since, until), now_ms()
    by = permitted(settings, "read_audit")
    details = {"from": since or "", "to": until or "", "file": path.name}
    subject = "topic", settings.audit_topic
    with audited(settings, "export audit", subject, details, decision_id=by) as came:
        verification = Verification.begin(settings, period, at_ms)
        manifest, digest = write_export(
            path,
            read_entries(settings, period),
            verification,
            topic=settings.audit_topic,
            since="" if since is None else rfc3339(period.since_ms),
            until="" if period.until_ms is None else rfc3339(period.until_ms),
            exported_at=rfc3339(at_ms),
            exported_by=who(),
        )
        came |= {"entries": str(manifest.n_entries), "manifest_sha256": digest}
    n_findings = sum(not each.is_note for each in manifest.findings)
    click.echo(
        f"{manifest.n_entries:,} entries written to {path}; SHA-256 of {manifest_path(path).name}: "
        f"{digest}",
        err=True,
    )
    if n_findings:
        click.echo(
            f"{n_findings} findings are in the manifest: see `streamer audit verify`", err=True
        )
        raise SystemExit(EXIT_FAILED)


def _period(since: str | None, until: str | None) -> Period:
    from streamer.audit.audit_reading import Period
    from streamer.cli.dlq_selection import moment_ms

    since_ms, until_ms = moment_ms(since, "--since"), moment_ms(until, "--until")
    if since_ms is not None and until_ms is not None and since_ms >= until_ms:
        raise ConfigurationError("the end of the period must be after its beginning")
    return Period(since_ms or 0, until_ms)


def _print(found: Checked, faults: list[str]) -> None:
    for fault in faults:
        click.echo(f"file         {printable(fault)}")
    for each in found.findings:
        # Who forges an entry calls its writer as they like.
        click.echo(printable(f"{each.kind:<12} {each.writer or 'unknown'}: {each.told}"))
    n = sum(not each.is_note for each in found.findings) + len(faults)
    n_writers = len(found.writers)
    period = ""
    if found.writers:
        low = min(each.since_ms for each in found.writers)
        high = max(each.until_ms for each in found.writers)
        period = f", {rfc3339(low)} to {rfc3339(high)}"
    entries = "1 entry" if found.n_entries == 1 else f"{found.n_entries:,} entries"
    processes = "1 process" if n_writers == 1 else f"{n_writers:,} processes"
    verdict = "whole" if not n else "1 finding" if n == 1 else f"{n:,} findings"
    click.echo(f"{entries} of {processes}{period}: {verdict}")
