"""A period of the audit topic as a file, with a manifest by which it can be checked without a server.

JSON Lines are the bytes of the topic, an entry a line, so that each still fits its hash; CSV is for
spreadsheets, and only the whole file has a hash.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from streamer.audit.anchors import Anchors
from streamer.audit.audit_check import AuditCheck
from streamer.audit.audit_entry import BEGINNING, AuditEntry, Head, split_value
from streamer.audit.audit_findings import Checked, Finding, WriterSummary, on_line
from streamer.audit.audit_reading import ReadEntry
from streamer.audit.audit_verification import Verification
from streamer.audit.stored_entry import stored_entry
from streamer.errors import ConfigurationError

__all__ = ["COLUMNS", "Manifest", "checked_file", "manifest_path", "write_export"]

COLUMNS: Final = (
    *("at", "writer", "sequence", "who", "role", "by", "address", "action", "outcome"),
    *(
        "subject",
        "subject_id",
        "card",
        "transaction_id",
        "comment",
        "decision_id",
        "details",
        "hash",
    ),
)
"""Of a CSV; ``card`` of an entry that is sealed is the sealed text."""


class _Begins(msgspec.Struct):
    """Where a chain begins in a file: the number of its first entry, and the hash before that."""

    first: int
    previous: str


class Manifest(msgspec.Struct, kw_only=True):
    """What a file has; times are RFC 3339, ``until`` "" for none."""

    topic: str
    since: str
    until: str
    exported_at: str
    exported_by: str
    file: str
    sha256: str
    n_entries: int
    begins: dict[str, _Begins]
    writers: list[WriterSummary]
    findings: list[Finding]


def manifest_path(file: Path) -> Path:
    """Return where the manifest of a file lies.

    >>> manifest_path(Path("may.jsonl")).name
    'may.jsonl.manifest.json'
    """
    return file.with_name(f"{file.name}.manifest.json")


def write_export(
    path: Path, entries: Iterable[ReadEntry], verification: Verification, **said: str
) -> tuple[Manifest, str]:
    """Write what is read to ``path`` and its manifest beside it; return it with its SHA-256.

    ``said`` are topic, since, until, exported_at and exported_by.
    """
    digest, n_entries = hashlib.sha256(), 0
    begins: dict[str, _Begins] = {}
    is_csv = path.suffix.lower() == ".csv"
    with _private(path) as file:
        for line in _header() if is_csv else ():
            file.write(line)
            digest.update(line)
        for read in entries:
            verification.add(read)
            stored = read.stored
            if stored.is_sound and stored.sequence is not None:
                known = begins.get(stored.writer)
                if known is None or stored.sequence < known.first:
                    begins[stored.writer] = _Begins(stored.sequence, stored.previous)
            line = _csv_row(stored.value) if is_csv else _one_line(stored.value)
            file.write(line)
            digest.update(line)
            n_entries += 1
    found = verification.done()
    manifest = Manifest(
        **said,
        file=path.name,
        sha256=digest.hexdigest(),
        n_entries=n_entries,
        begins=begins,
        writers=list(found.writers),
        findings=list(found.findings),
    )
    told = msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
    with _private(manifest_path(path)) as file:
        file.write(told)
    return manifest, hashlib.sha256(told).hexdigest()


def _private(path: Path) -> IO[bytes]:
    """Open a file for its owner's eyes alone, also one that was there: it has names and cards."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.fchmod(descriptor, 0o600)
    return os.fdopen(descriptor, "wb")


def checked_file(path: Path) -> tuple[Checked, list[str]]:
    """Return what is wrong with the entries of a JSON Lines export, and with the file as a whole."""
    if path.suffix.lower() == ".csv":
        raise ConfigurationError(
            f"--file must be JSON Lines, got {path.name}; of a CSV only the SHA-256 of the whole file "
            "can be held against its manifest"
        )
    manifest, faults = _manifest(path)
    check, digest, n_entries = AuditCheck(on_line), hashlib.sha256(), 0
    with path.open("rb") as file:
        for n_entries, line in enumerate(file, start=1):
            digest.update(line)
            check.add(stored_entry(line.rstrip(b"\n"), n_entries))
    anchors = Anchors(is_topic=False)
    if manifest is not None:
        heads = {
            each.writer: Head(each.last, each.hash, each.until_ms) for each in manifest.writers
        }
        begins = {name: (each.first, each.previous) for name, each in manifest.begins.items()}
        anchors = Anchors(heads=heads, begins=begins, is_topic=False, source="the manifest")
        if digest.hexdigest() != manifest.sha256:
            faults.append(
                f"{path.name} is not the file of its manifest: {n_entries:,} lines, of which it names "
                f"{manifest.n_entries:,}, and another SHA-256"
            )
    return check.done(anchors), faults


def _manifest(path: Path) -> tuple[Manifest | None, list[str]]:
    at = manifest_path(path)
    try:
        return msgspec.json.decode(at.read_bytes(), type=Manifest), []
    except FileNotFoundError:
        return None, [f"{at.name} is not there: what was cut at either end cannot be seen"]
    except msgspec.MsgspecError as error:
        return None, [f"{at.name} must be as it was exported, got: {error}"]


def _one_line(value: bytes) -> bytes:
    """Return a value as a line; of one that somebody put line ends into, they are spaces."""
    return value.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n"


def _header() -> Iterator[bytes]:
    yield _written(COLUMNS)


def _csv_row(value: bytes) -> bytes:
    found = split_value(value)
    try:
        entry = msgspec.json.decode(b"" if found is None else found[0], type=AuditEntry)
    except msgspec.MsgspecError:
        return _written(["", "", "", *[""] * 4, "cannot be read", *[""] * (len(COLUMNS) - 8)])
    card, subject = entry.card, entry.subject
    is_open = card is not None and not isinstance(card, str)
    row: list[Any] = [
        *(entry.at, entry.writer, entry.sequence),
        *(entry.actor.name, entry.actor.role, entry.actor.by, entry.actor.address),
        *(entry.action, entry.outcome),
        *(("", "") if subject is None else (subject.kind, subject.id)),
        card.id if is_open else card or "",  # type: ignore[union-attr]
        card.transaction_id if is_open else "",  # type: ignore[union-attr]
        card.comment if is_open else "",  # type: ignore[union-attr]
        entry.decision_id,
        "; ".join(f"{name}={text}" for name, text in entry.details.items()),
        BEGINNING if found is None else found[1],
    ]
    return _written(row)


def _written(row: Iterable[Any]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(map(_harmless, row))
    return out.getvalue().encode()


def _harmless(cell: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in "=+-@\t\r" and cell else cell
