"""Whatever is done to one entry of any chain is named as what it is, and nothing else is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.audit.audit_entry import Head
from streamer.audit.audit_findings import FINDING_KINDS, NOTE_KINDS, Finding
from tests.audit.chains import START_MS, Writers, checked, resealed


@st.composite
def written(draw: st.DrawFn, least: int = 1) -> Writers:
    """Return one to four writers with entries in any order, each of at least ``least``."""
    n_writers = draw(st.integers(1, 4))
    order = [n for n in range(n_writers) for _ in range(least)]
    order += draw(st.lists(st.integers(0, n_writers - 1), max_size=20))
    writers = Writers()
    for n in draw(st.permutations(order)):
        writers.write(f"console:h{n}:{n}", links=draw(st.integers(0, 3)) == 0)
    return writers


def named(found: Any) -> list[tuple[str, str, int, int]]:
    return [(each.kind, each.writer, each.first, each.last) for each in found.findings]


def numbered(writers: Writers, n: int) -> tuple[str, int]:
    """Return writer and number of the ``n``-th message."""
    writer = writers.values[n][0]
    return writer, sum(each == writer for each, _ in writers.values[:n])


@settings(max_examples=40)
@given(written())
def test_of_chains_that_nobody_has_touched_nothing_is_said(writers: Writers) -> None:
    found = checked(writers.values, writers.heads)
    assert found.findings == ()
    assert found.n_entries == len(writers.values)
    assert {each.writer: (each.last, each.hash) for each in found.writers} == {
        name: (head.sequence, head.hash) for name, head in writers.heads.items()
    }


@settings(max_examples=40)
@given(written(), st.data(), st.booleans())
def test_a_byte_that_was_changed_anywhere_in_an_entry_is_named(
    writers: Writers, data: st.DataObject, has_keys: bool
) -> None:
    """As a change of that entry, not as a hole with something strange in it; with keys and without."""
    n = data.draw(st.integers(0, len(writers.values) - 1))
    writer, number = numbered(writers, n)
    _, value = writers.values[n]
    at = data.draw(st.integers(0, len(value) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != value[at]))
    changed = value[:at] + bytes([other]) + value[at + 1 :]
    values = [*writers.values[:n], (writer, changed), *writers.values[n + 1 :]]
    found = checked(values, writers.heads, has_keys=has_keys)
    assert named(found) == [("changed", writer, number, number)]
    assert found.findings[0].place == f"0/{n}"


@settings(max_examples=40)
@given(written(), st.data())
def test_an_entry_whose_hash_was_made_anew_is_named_by_its_successor_or_its_head(
    writers: Writers, data: st.DataObject
) -> None:
    n = data.draw(st.integers(0, len(writers.values) - 1))
    writer, number = numbered(writers, n)
    other = data.draw(
        st.sampled_from([{"details": {"x": "y"}}, {"previous": "f" * 64}, {"card": None}])
    )
    values = list(writers.values)
    values[n] = writer, resealed(values[n][1], **other)
    assert named(checked(values, writers.heads)) == [("changed", writer, number, number)]


@settings(max_examples=40)
@given(written(least=2), st.data())
def test_an_entry_that_was_dropped_is_named(writers: Writers, data: st.DataObject) -> None:
    """The last of a chain as cut: later ones are not there to miss it."""
    n = data.draw(st.integers(0, len(writers.values) - 1))
    writer, number = numbered(writers, n)
    kind = "cut" if number == writers.heads[writer].sequence else "dropped"
    values = writers.values[:n] + writers.values[n + 1 :]
    assert named(checked(values, writers.heads)) == [(kind, writer, number, number)]


@settings(max_examples=40)
@given(written(least=2), st.data())
def test_two_entries_that_changed_places_are_named_unless_they_are_of_two_writers(
    writers: Writers, data: st.DataObject
) -> None:
    """Between writers there is no order to hold; of one at least one of the two is named."""
    n, m = sorted(
        data.draw(
            st.lists(st.integers(0, len(writers.values) - 1), min_size=2, max_size=2, unique=True)
        )
    )
    values = list(writers.values)
    values[n], values[m] = values[m], values[n]
    found = named(checked(values, writers.heads))
    order: dict[str, list[int]] = {}
    for at in [*range(n), m, *range(n + 1, m), n, *range(m + 1, len(values))]:
        writer, number = numbered(writers, at)
        order.setdefault(writer, []).append(number)
    moved = {writer for writer, seen in order.items() if seen != sorted(seen)}
    assert {writer for _, writer, _, _ in found} == moved
    assert {kind for kind, *_ in found} <= {"reordered"}
    (first, a), (second, b) = numbered(writers, n), numbered(writers, m)
    if first == second:
        assert any(low <= number <= high for *_, low, high in found for number in (a, b))


@settings(max_examples=40)
@given(written(), st.data())
def test_a_tail_that_was_cut_is_named_by_the_head(writers: Writers, data: st.DataObject) -> None:
    """All of it too: the chain is missing then."""
    writer = data.draw(st.sampled_from(sorted(writers.heads)))
    last = writers.heads[writer].sequence
    first = data.draw(st.integers(0, last))
    values = [
        each
        for n, each in enumerate(writers.values)
        if numbered(writers, n) < (writer, first) or each[0] != writer
    ]
    kind = "cut" if first else "missing"
    assert named(checked(values, writers.heads)) == [(kind, writer, first, last)]


@settings(max_examples=40)
@given(written(), st.data())
def test_what_kafka_was_sent_twice_is_a_note_and_another_entry_with_the_number_a_fork(
    writers: Writers, data: st.DataObject
) -> None:
    n = data.draw(st.integers(0, len(writers.values) - 1))
    at = data.draw(st.integers(n + 1, len(writers.values)))
    writer, number = numbered(writers, n)
    values = writers.values
    again = [*values[:at], values[n], *values[at:]]
    found = checked(again, writers.heads)
    assert named(found) == [("repeated", writer, number, number)]
    assert found.is_whole
    other = writer, resealed(values[n][1], details={"who": "else"})
    forged = [*values[:at], other, *values[at:]]
    assert named(checked(forged, writers.heads)) == [("forked", writer, number, number)]
    # Before the true one as well.
    forged = [*values[:n], other, *values[n:]]
    assert ("forked", writer, number, number) in named(checked(forged, writers.heads))


@settings(max_examples=40)
@given(written())
def test_a_chain_that_no_head_knows_of_is_named(writers: Writers) -> None:
    forged = Writers()
    forged.write("console:nowhere:0")
    found = checked([*writers.values, *forged.values], writers.heads)
    assert named(found) == [("unanchored", "console:nowhere:0", 0, 0)]


def two_chains() -> Writers:
    """Return five entries of each of two writers; the second names the first's head in its third."""
    writers = Writers()
    for n in range(5):
        writers.write("console:a:1")
        writers.write("console:b:2", links=n == 2)
    return writers


def test_a_tail_rewritten_as_a_whole_is_named_by_head_and_link_and_how_far_back_it_may_go() -> None:
    """Hashes and their successors' are made anew: nothing in the chain is at odds with itself."""
    writers = two_chains()
    values, previous, n = [], b"", 0
    for key, value in writers.values:
        if key == "console:a:1":
            if n:
                digest = hash_in(previous)
                value = resealed(value, details={"said": "else"}, previous=digest)
            previous, n = value, n + 1
        values.append((key, value))
    found = checked(values, writers.heads)
    [finding] = found.findings
    assert (finding.kind, finding.writer, finding.first) == ("changed", "console:a:1", 2)
    assert "console:b:2 in its entry 2" in finding.told
    assert "those since entry 0 may have been" in finding.told
    # Somebody who has Redis as well moves its head: the other chain names it still.
    heads = writers.heads | {"console:a:1": Head(4, hash_in(previous), START_MS)}
    assert [each.first for each in checked(values, heads).findings] == [2]
    # And one who cuts the topic and takes the head away.
    left = [each for each in writers.values if each[0] != "console:a:1"]
    without = {"console:b:2": writers.heads["console:b:2"]}
    assert named(checked(left, without)) == [("missing", "console:a:1", 0, 2)]


def hash_in(value: bytes) -> str:
    return value[-66:-2].decode()


def test_what_retention_removed_is_a_note_and_what_went_before_its_time_a_finding() -> None:
    writers = two_chains()
    left = writers.values[4:]
    # The second entries are of 2 and 3 ms after the start.
    aged = checked(left, writers.heads, removed_ms=START_MS + 3)
    assert named(aged) == [("removed", "console:a:1", 0, 1), ("removed", "console:b:2", 0, 1)]
    assert aged.is_whole
    early = checked(left, writers.heads, removed_ms=START_MS + 2)
    assert named(early) == [("dropped", "console:b:2", 0, 1), ("removed", "console:a:1", 0, 1)]
    # The same of a period that is read alone.
    assert checked(left, writers.heads, since_ms=START_MS + 4).is_whole
    assert not checked(left, writers.heads, since_ms=START_MS + 3).is_whole
    # A chain of which all was that old is not missed.
    aged = checked([], writers.heads, removed_ms=START_MS + 100)
    assert named(aged) == []


def test_what_waits_in_redis_is_a_note() -> None:
    writers = two_chains()
    heads = writers.heads | {"console:a:1": Head(3, "0" * 64, START_MS)}
    [*_, last] = [value for key, value in writers.values if key == "console:a:1"]
    heads["console:a:1"] = Head(3, str(msg_previous(last)), START_MS)
    waiting = {"console:a:1": {4}}
    assert named(checked(writers.values, heads, waiting=waiting)) == [
        ("waiting", "console:a:1", 4, 4)
    ]
    assert named(checked(writers.values, heads)) == [("unanchored", "console:a:1", 4, 4)]


def msg_previous(value: bytes) -> str:
    return value.split(b'"previous":"')[1][:64].decode()


@pytest.mark.parametrize("kind", [*FINDING_KINDS, *NOTE_KINDS])
def test_notes_are_what_happens_by_itself(kind: Any) -> None:
    assert Finding(kind, "w", 0, 0, "", "").is_note == (kind in NOTE_KINDS)
