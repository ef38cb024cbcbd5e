"""What is wrong with the chain of one writer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from streamer.audit.anchors import Anchors, Known
from streamer.audit.audit_entry import BEGINNING
from streamer.audit.audit_findings import Finding, FindingKind, NoteKind, Places, numbers
from streamer.audit.stored_entry import StoredEntry
from streamer.audit.writer_log import Rival, Run, WriterLog

__all__ = ["WriterCheck"]


class WriterCheck:
    """``links`` are what other chains say of this one's entries."""

    def __init__(
        self,
        writer: str,
        log: WriterLog,
        links: Sequence[Known],
        anchors: Anchors,
        place_text: Places,
    ) -> None:
        self._writer, self._log, self._anchors, self._text = writer, log, anchors, place_text
        head, after = anchors.heads.get(writer), anchors.heads_after.get(writer)
        # What must be there: it was there before the first entry was read.
        until_ms = anchors.until_ms
        self._due = [each for each in links if until_ms is None or each.at_ms < until_ms]
        if head is not None and (anchors.until_ms is None or head.at_ms < anchors.until_ms):
            self._due.append(Known(head.sequence, head.hash, head.at_ms, anchors.source))
        by = anchors.source
        told = [Known(each.sequence, each.hash, each.at_ms, by) for each in (head, after) if each]
        self._known = sorted([*links, *told])
        self._heads = [each.sequence for each in told]
        self._changed: dict[int, StoredEntry] = {}
        self._end = max(
            [run.last for run in log.runs] + [each.sequence for each in self._due], default=-1
        )

    def match_damaged(self) -> list[StoredEntry]:
        """Give each entry that fits no hash the number that is missing there; return what has none."""
        strays = []
        for entry in self._log.damaged:
            number = self._number_of(entry)
            if number is None:
                strays.append(entry)
            else:
                self._changed[number] = entry
        return strays

    def take(self, entry: StoredEntry, number: int) -> None:
        """Take an entry that was altered beyond telling whose it was as the one with a number."""
        self._changed[number] = entry

    def hole_around(self, place: int) -> int | None:
        """Return the number that is missing around a place, None where none is."""
        runs = self._log.runs
        if any(run.places[0] < place < run.places[-1] for run in runs):
            return None
        before = max((run for run in runs if run.places[-1] < place), key=_place, default=None)
        after = min((run for run in runs if run.places[0] > place), key=_place, default=None)
        if before is None and after is not None and not self._is_from_beginning(after):
            return None
        low = self._begin if before is None else before.last + 1
        high = self._end if after is None else after.first - 1
        return next(self._missing(low, high), None)

    def findings(self) -> Iterator[Finding]:
        """Yield what is wrong, each once."""
        log, text = self._log, self._text
        for number, entry in self._changed.items():
            at = text(entry.place)
            told = f"{numbers(number, number)} at {at} does not fit its own hash: it was changed"
            yield self._finding("changed", number, number, at, told)
        blamed = set(self._changed)
        for found in (*self._broken_links(), *self._broken_beginning(), *self._forks()):
            if found.kind == "forked" or found.first not in blamed:
                yield found
            blamed.update(range(found.first, found.last + 1))
        yield from self._rewritten(blamed)
        for run in log.moved():
            at = text(run.places[0])
            told = (
                f"{numbers(run.first, run.last)} at {at} {_stand(run)} in another place than the "
                "numbers say: reordered"
            )
            yield self._finding("reordered", run.first, run.last, at, told)
        yield from self._absent()
        yield from self._beyond()
        for sequence, place in log.repeated:
            told = f"{numbers(sequence, sequence)} is stored again at {text(place)}, byte for byte"
            yield self._finding("repeated", sequence, sequence, text(place), told)

    @property
    def _begin(self) -> int:
        """The number that the chain begins with, where it is whole."""
        return self._anchors.begins.get(self._writer, (0, BEGINNING))[0]

    def _number_of(self, entry: StoredEntry) -> int | None:
        claimed = entry.sequence
        if claimed is not None and self._is_missing(claimed):
            return claimed
        return self.hole_around(entry.place)

    def _is_missing(self, number: int) -> bool:
        is_there = self._log.run_of(number) is not None or number in self._changed
        # One after the last of which nothing is known elsewhere.
        return not is_there and number <= self._end + 1

    def _missing(self, low: int, high: int) -> Iterator[int]:
        for first, last in self._log.holes(low, high):
            for number in range(first, last + 1):
                if number not in self._changed:
                    yield number

    def _is_from_beginning(self, first: Run) -> bool:
        """Whether the chain should have what is before its first entry that is stored."""
        begins = self._anchors.begins.get(self._writer)
        if begins is not None:
            return first.first > begins[0]
        return first.previous_ms > max(self._anchors.removed_ms, self._anchors.since_ms - 1)

    def _broken_links(self) -> Iterator[Finding]:
        """Yield entries whose successor names another hash, unless that was changed itself."""
        is_believed = True
        blamed = []
        misnamed = set(self._misnamed())
        for before, after in reversed(list(pairwise(self._log.by_number))):
            is_believed = is_believed and after.first not in misnamed
            is_next = before.last + 1 == after.first
            is_broken = is_next and after.previous != before.last_hash and is_believed
            # Who was changed is no witness against who came before, if it is one entry alone.
            is_believed = not (is_broken and before.first == before.last)
            if is_broken and not self._is_rival(before.last, after.previous):
                blamed.append(before)
        for run in blamed:
            at = self._text(run.places[-1])
            told = (
                f"{numbers(run.last, run.last)} at {at} is not the one whose hash "
                f"{numbers(run.last + 1, run.last + 1)} has: it was changed, and its hash made anew"
            )
            yield self._finding("changed", run.last, run.last, at, told)

    def _misnamed(self) -> Iterator[int]:
        """Yield the numbers of entries that are others than what is known of them elsewhere."""
        for each in self._known:
            run = self._log.run_of(each.sequence)
            if run is not None and run.hash_of(each.sequence) != each.hash:
                yield each.sequence

    def _broken_beginning(self) -> Iterator[Finding]:
        runs = self._log.by_number
        begins = self._anchors.begins.get(self._writer, (0, BEGINNING))
        if runs and runs[0].first == begins[0] and runs[0].previous != begins[1]:
            first = runs[0].first
            at = self._text(runs[0].places[0])
            told = f"{numbers(first, first)} at {at} does not follow what the chain begins with"
            yield self._finding("changed", first, first, at, f"{told}: it was changed")

    def _is_rival(self, number: int, digest: str) -> bool:
        return any(each.sequence == number and each.hash == digest for each in self._log.rivals)

    def _forks(self) -> Iterator[Finding]:
        """Yield numbers that two entries have; those that follow each other together."""
        groups: list[list[Rival]] = []
        for rival in self._log.rivals:
            if groups and groups[-1][-1].sequence + 1 == rival.sequence:
                groups[-1].append(rival)
            else:
                groups.append([rival])
        for group in groups:
            first, last = group[0], group[-1]
            run = self._log.run_of(first.sequence)
            other = "nowhere" if run is None else self._text(run.place_of(first.sequence))
            at = self._text(first.place)
            told = (
                f"{numbers(first.sequence, last.sequence)} {_are(first.sequence, last.sequence)} there "
                f"twice with another content, at {other} and at {at}: forked"
            )
            yield self._finding("forked", first.sequence, last.sequence, at, told)

    def _rewritten(self, blamed: set[int]) -> Iterator[Finding]:
        """Yield the first entry that is another than what is known of it elsewhere."""
        last_right = -1
        for each in self._known:
            number, run = each.sequence, self._log.run_of(each.sequence)
            if run is None:
                continue
            if run.hash_of(number) == each.hash:
                last_right = number
                continue
            if number in blamed:
                continue
            at, since = self._text(run.place_of(number)), max(last_right + 1, run.first)
            more = (
                f", and those since entry {since} may have been with it" if since < number else ""
            )
            told = (
                f"{numbers(number, number)} at {at} is not the one that {each.by} names: it was "
                f"changed, and its hash made anew{more}"
            )
            yield self._finding("changed", number, number, at, told)
            return

    def _absent(self) -> Iterator[Finding]:
        """Yield what is missing at the beginning, in between and at the end."""
        runs, begin = self._log.by_number, self._begin
        if not runs:
            yield from self._absent_chain()
            return
        first, last = runs[0], max(run.last for run in runs)
        if first.first > begin and not self._is_from_beginning(first):
            are = _are(begin, first.first - 1)
            told = f"{numbers(begin, first.first - 1)} {are} older than what is read or kept"
            yield self._finding("removed", begin, first.first - 1, "", told)
            begin = first.first
        for low, high in self._left(begin, last):
            told = f"{numbers(low, high)} {_are(low, high)} not there, and later ones are: dropped"
            yield self._finding("dropped", low, high, "", told)
        for low, high in self._left(last + 1, self._end):
            by = max(self._due).by
            told = (
                f"{numbers(low, high)} {_are(low, high)} not there, and {by} names {self._end}: cut"
            )
            yield self._finding("cut", low, high, "", told)

    def _absent_chain(self) -> Iterator[Finding]:
        oldest = max(self._anchors.removed_ms, self._anchors.since_ms)
        due = [each for each in self._due if each.at_ms > oldest]
        if due and any(True for _ in self._left(self._begin, self._end)):
            low, high = self._begin, self._end
            told = (
                f"{numbers(low, high)}, all of the chain, {_are(low, high)} not there, and "
                f"{max(due).by} names {max(due).sequence}: missing"
            )
            yield self._finding("missing", low, high, "", told)

    def _left(self, low: int, high: int) -> Iterator[tuple[int, int]]:
        """Yield the ranges of what is missing and was not changed."""
        for first, last in self._log.holes(low, high):
            at = first
            for number in sorted(n for n in self._changed if first <= n <= last):
                if at < number:
                    yield at, number - 1
                at = number + 1
            if at <= last:
                yield at, last

    def _beyond(self) -> Iterator[Finding]:
        """Yield entries that are on the topic while no head knows of them, and what waits for it."""
        anchors, runs = self._anchors, self._log.by_number
        waiting = anchors.waiting.get(self._writer, ())
        if waiting:
            low, high = min(waiting), max(waiting)
            told = (
                f"{numbers(low, high)} {_are(low, high)} in Redis and may not be on the topic yet"
            )
            yield self._finding("waiting", low, high, "", told)
        if not anchors.is_topic or not runs:
            return
        if max(run.last_ms for run in runs) < anchors.removed_ms:
            # Kafka removes whole segments: its head may have gone before its last entries.
            return
        last, known = max(run.last for run in runs), max(self._heads, default=-1)
        begin = max(known + 1, runs[0].first)
        if known < last and not all(n in waiting for n in (begin, last)):
            at = self._text(self._place_of(begin))
            told = (
                f"{numbers(begin, last)} from {at} on: no head in Redis knows of "
                f"{'it' if begin == last else 'them'}, so that none of streamer's processes wrote it, "
                "or Redis has lost what it knew"
            )
            yield self._finding("unanchored", begin, last, at, told)

    def _place_of(self, number: int) -> int:
        run = self._log.run_of(number) or self._log.by_number[0]
        return run.place_of(max(number, run.first) if run.has(number) else run.first)

    def _finding(
        self, kind: FindingKind | NoteKind, first: int, last: int, place: str, told: str
    ) -> Finding:
        return Finding(kind, self._writer, first, last, place, told)


def _place(run: Run) -> int:
    return run.places[0]


def _are(first: int, last: int) -> str:
    return "is" if first == last else "are"


def _stand(run: Run) -> str:
    return "stands" if run.first == run.last else "stand"
