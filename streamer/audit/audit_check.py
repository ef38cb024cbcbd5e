"""Holds what is stored against itself and against the heads that are kept elsewhere.

Pure: entries in the order in which they are stored go in, what is wrong with them comes out.  What
can be known is this.  An entry that does not fit its own hash was changed.  One that fits, while its
successor names another, was changed by somebody who made its hash anew.  One that is in no place was
dropped, or cut where it is the end.  A tail that was rewritten as a whole fits in itself: only its
head, kept in Redis and in the other chains, says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from streamer.audit.anchors import Anchors, Known
from streamer.audit.audit_findings import Checked, Finding, Places, WriterSummary, on_topic
from streamer.audit.stored_entry import StoredEntry
from streamer.audit.writer_check import WriterCheck
from streamer.audit.writer_log import WriterLog

__all__ = ["AuditCheck"]

_UNNAMED: Final = ""


class AuditCheck:
    """Takes entries one by one in `add`; `done` says what is wrong."""

    def __init__(self, place_text: Places = on_topic) -> None:
        self._text = place_text
        self._logs: dict[str, WriterLog] = {}
        # By writer: what other chains say of its entries.
        self._links: dict[str, list[Known]] = {}

    def add(self, entry: StoredEntry, *, names_others: bool = True) -> None:
        """Take the next entry that is stored.

        Without ``names_others`` what it says of other chains is passed over: of one that came while
        others were read already, more is not known of them than they had then.
        """
        self._logs.setdefault(entry.writer, WriterLog()).add(entry)
        for link in entry.heads if names_others else ():
            by = f"{entry.writer} in its entry {entry.sequence}"
            known = Known(link.sequence, link.hash, link.at_ms, by)
            self._links.setdefault(link.writer, []).append(known)

    def done(self, anchors: Anchors) -> Checked:
        """Return what is wrong with all of it."""
        findings: list[Finding] = []
        strays: list[StoredEntry] = []
        heads, after, waiting = anchors.heads, anchors.heads_after, anchors.waiting
        named = {*heads, *after, *waiting, *self._links, *anchors.begins}
        sound = {writer for writer, log in self._logs.items() if log.runs}
        checks: dict[str, WriterCheck] = {}
        for writer in sorted((named | sound) - {_UNNAMED}):
            log = self._logs.get(writer, WriterLog())
            # A file may name chains of which its period has nothing: its manifest has those it has.
            is_expected = anchors.is_topic or not anchors.heads or writer in anchors.begins
            links = self._links.get(writer, []) if is_expected else []
            checks[writer] = WriterCheck(writer, log, links, anchors, self._text)
            strays += checks[writer].match_damaged()
        for writer, log in self._logs.items():
            if writer not in checks:
                strays += log.damaged
        findings += self._stray(strays, checks)
        for check in checks.values():
            findings += check.findings()
        findings.sort(key=lambda each: (each.is_note, each.writer, each.first, each.kind))
        return Checked(
            tuple(findings),
            tuple(_summary(name, log) for name, log in sorted(self._logs.items()) if log.runs),
            sum(log.n_entries for log in self._logs.values()),
        )

    def _stray(self, strays: list[StoredEntry], checks: Mapping[str, WriterCheck]) -> list[Finding]:
        """Return what is to be said of entries that no longer tell whose they were.

        Where one hole of all chains is around its place, it is what was there.
        """
        findings = []
        for entry in sorted(strays, key=lambda each: each.place):
            around = [
                (check, number)
                for check in checks.values()
                if (number := check.hole_around(entry.place)) is not None
            ]
            if len(around) == 1:
                [(check, number)] = around
                check.take(entry, number)
                continue
            findings.append(
                Finding(
                    "added",
                    entry.writer,
                    entry.sequence or 0,
                    entry.sequence or 0,
                    self._text(entry.place),
                    f"what is stored at {self._text(entry.place)} fits no hash of its own and no place "
                    "of any chain: it was written by none, or belongs to one of the entries that are "
                    "missing",
                )
            )
        return findings


def _summary(writer: str, log: WriterLog) -> WriterSummary:
    runs = log.by_number
    first, last = runs[0], max(runs, key=lambda run: run.last)
    return WriterSummary(
        writer=writer,
        first=first.first,
        last=last.last,
        n_entries=log.n_entries,
        hash=last.last_hash,
        since_ms=min(run.first_ms for run in runs),
        until_ms=max(run.last_ms for run in runs),
    )
