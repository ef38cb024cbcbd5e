"""Chains of several writers, interleaved, as they would be stored."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from streamer.audit.anchors import Anchors
from streamer.audit.audit_check import AuditCheck
from streamer.audit.audit_entry import (
    Actor,
    AuditEntry,
    Card,
    Head,
    Link,
    Subject,
    Told,
    sealed,
)
from streamer.audit.audit_findings import Checked
from streamer.audit.stored_entry import place_code, stored_entry
from streamer.store import rfc3339

START_MS = 1_790_000_000_000


class Writers:
    """What several processes have written, in the order of ``values``; each message has its writer."""

    def __init__(self) -> None:
        self.values: list[tuple[str, bytes]] = []
        self.heads: dict[str, Head] = {}

    def write(self, writer: str, *, links: bool = False, card: str = "c-1", **changes: str) -> None:
        """Write the next entry of a writer, with the heads of the others if told."""
        head = self.heads.get(writer)
        sequence = 0 if head is None else head.sequence + 1
        told = Told(
            actor=Actor("mona", "password", "reviewer"),
            action="view alert",
            subject=Subject("alert", f"transactions-0-{sequence}"),
            card=Card(card),
            details=changes,
        )
        others = [
            Link(name, each.sequence, each.hash, each.at_ms)
            for name, each in self.heads.items()
            if links and name != writer
        ]
        at_ms = START_MS + len(self.values)
        entry = AuditEntry.of(
            told,
            writer=writer,
            before=head,
            at=rfc3339(at_ms),
            heads=others,
        )
        made = sealed(entry)
        self.values.append((writer, made.value))
        self.heads[writer] = Head(sequence, made.hash, at_ms)


def resealed(value: bytes, **changes: object) -> bytes:
    """Return an entry with other content and a hash that fits it."""
    told = msgspec.json.decode(value)
    told.pop("hash")
    entry = msgspec.convert(told, AuditEntry)
    return sealed(msgspec.structs.replace(entry, **changes)).value


def checked(
    values: Sequence[tuple[str, bytes]],
    heads: dict[str, Head],
    *,
    has_keys: bool = True,
    **known: object,
) -> Checked:
    """Return what a check says of messages of one partition."""
    check = AuditCheck()
    for n, (key, value) in enumerate(values):
        check.add(stored_entry(value, place_code(0, n), key if has_keys else ""))
    anchors = {"heads": heads, "heads_after": heads} | known
    return check.done(Anchors(**anchors))  # type: ignore[arg-type]
