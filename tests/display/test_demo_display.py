"""What a person reads: alerts with their reasons, and the closing table."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import msgspec
from rich.console import Console

from streamer.contract.ledger import Ledger
from streamer.contract.messages import Alert
from streamer.display.alert_panel import render_alert
from streamer.display.demo_display import Display
from streamer.display.demo_stages import Figures
from streamer.display.summary_table import render_summary
from streamer.reports.over_time import Share
from streamer.reports.summary import Known, Summary, Tally, VerdictCount, percentiles_ms

GOLDEN = Path(__file__).parent.parent / "golden" / "alert.json"


def golden_alert() -> Alert:
    return msgspec.json.decode(GOLDEN.read_bytes(), type=Alert)


def shown(renderable: object) -> str:
    console = Console(file=io.StringIO(), width=110, color_system=None)
    console.print(renderable)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


def summary_of(ledger: Ledger, restarts: int | None) -> Summary:
    tally = Tally()
    tally.add_sent(["a", "b", "c"], [None, "card_testing", "slow_drain"])
    tally.add_alert("alert-1", "b")
    return Summary(
        ledger, tally, 3, ledger.scored, 0.005, 2.0, percentiles_ms([8.0, 10.0]), restarts
    )


def test_an_alert_shows_what_was_paid_where_and_why() -> None:
    alert = golden_alert()
    text = " ".join(shown(render_alert(alert)).split())
    assert alert.alert_id in text
    assert alert.severity in text
    assert alert.transaction.card_id in text
    assert f"{alert.reasons[0].share:.0%}" in text
    assert alert.reasons[0].sentence.split("(")[0].strip() in text.replace("│ │ ", "")


def test_control_characters_of_an_id_move_no_cursor() -> None:
    """An id is opaque text; what a person reads shows them as points."""
    alert = golden_alert()
    odd = msgspec.structs.replace(
        alert.transaction, card_id="c\x1b[2J1", merchant_id="m\x1b[31m", transaction_id="t\x001"
    )
    text = shown(render_alert(msgspec.structs.replace(alert, transaction=odd)))
    assert "c.[2J1" in text
    assert "t.1" in text
    assert not {"\x1b", "\x00"} & set(text)


def test_the_summary_says_what_cannot_be_seen_without_verdicts() -> None:
    text = shown(render_summary(summary_of(Ledger(3, 3, 0, 1), restarts=1)))
    (hidden,) = [line for line in text.splitlines() if "slow_drain" in line]
    (seen,) = [line for line in text.splitlines() if "card_testing" in line]
    assert "not visible without verdicts" in hidden
    assert seen.split()[-2:] == ["1", "alerted"]
    assert "scored + dead letters = consumed" in text
    assert "worker restarts" in text


def test_the_summary_says_what_was_drawn_and_what_that_tells() -> None:
    """One alert, a fraud; one of a normal payment and one of a fraud drawn by a tenth: 2 of 1 + 10.

    As long as no fraud is drawn, no recall is told but the least that it may be.
    """
    summary = summary_of(Ledger(3, 3, 0, 3), restarts=None)
    assert "sampled" not in shown(render_summary(summary)).split()
    summary.tally.add_alert("alert-2", "a", 10.0)
    early = shown(render_summary(summary)).split("recall, estimated")[1].split("precision")[0]
    assert early.split()[:2] == ["at", "least"]
    said = " ".join(early.split())
    assert "1 drawn below the threshold were judged, none a fraud" in said
    assert "100" not in early
    summary.tally.add_alert("alert-3", "c", 10.0)
    lines = [line.strip() for line in shown(render_summary(summary)).splitlines()]
    (drawn,) = [line for line in lines if line.startswith("sampled")]
    by_labels, recall = [line for line in lines if line.startswith("recall")]
    (normal,) = [line for line in lines if line.startswith("normal payments")]
    assert drawn.split()[1] == "2"
    assert drawn.endswith("drawn at random from below the threshold; 1 fraud")
    assert by_labels.endswith("frauds alerted, by all labels")
    assert recall.split()[:3] == ["recall,", "estimated", "18.2%"]
    assert "by 2 sampled judged" in recall
    assert normal.endswith(" 0 alerted")


def test_a_broken_ledger_stands_out_and_a_replay_has_no_worker() -> None:
    text = shown(render_summary(summary_of(Ledger(3, 2, 0, 1), restarts=None)))
    assert "BROKEN" in text
    assert "worker restarts" not in text


def test_what_most_runs_have_none_of_is_shown_where_there_is_some() -> None:
    """Nine offsets: 3 scored, 2 dead letters, 1 sent again, 2 without a record, 1 gone."""
    ledger = Ledger(9, 3, 2, 1, repeated=1, skipped=2, lost=1, overflowed=2)
    text = shown(render_summary(summary_of(ledger, restarts=None)))
    assert "scored + dead letters + repeated + skipped + lost = consumed" in text
    words = [line.split() for line in text.splitlines()]
    rows = {line[0]: line[1] for line in words if len(line) > 1}
    assert {name: rows[name] for name in ("repeated", "skipped", "lost", "overflow")} == {
        "repeated": "1",
        "skipped": "2",
        "lost": "1",
        "overflow": "2",
    }
    assert "overflow" not in shown(render_summary(summary_of(Ledger(3, 3, 0, 1), restarts=None)))


def test_a_quiet_display_prints_nothing() -> None:
    console = Console(file=io.StringIO())
    with Display(console, is_quiet=True) as display:
        display.status("starting")
        display.note("a note")
        display.alert(golden_alert(), Known(is_labelled=False, pattern=None))
        display.progress(Figures(10, 5, Ledger(5, 5), 1, 0, 0, Share(0, 0), 0.0))
    assert console.file.getvalue() == ""  # type: ignore[attr-defined]


def test_a_summary_is_sound_only_if_every_verdict_was_stored_once_and_none_learned_twice() -> None:
    """A review and a chargeback: two stored, two learned at most."""
    summary = summary_of(Ledger(3, 3, 0, 1), restarts=0)
    assert summary.is_sound
    cases = ((2, 2, True), (2, 1, True), (1, 1, False), (3, 2, False), (2, 3, False))
    for stored, learned, whole in cases:
        judged = replace(summary, verdict_count=VerdictCount(1, 1, stored, learned))
        assert judged.is_sound is whole
        assert judged.to_dict()["verdicts"]["stored"] == stored
        assert ("BROKEN" in shown(render_summary(judged))) is not whole
    none = replace(summary, verdict_count=VerdictCount(0, 0, 0, 0))
    assert none.is_sound
    assert "none was due" in shown(render_summary(none))
