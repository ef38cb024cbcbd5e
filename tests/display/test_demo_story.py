"""The demo's screen: stages, which alerts are shown, the line of progress, the plot."""

from __future__ import annotations

import io
from dataclasses import replace

import msgspec
import pytest
from rich.console import Console

from streamer.contract.ledger import Ledger
from streamer.contract.messages import Alert
from streamer.display.bar_plot import columns_of, fits, plot_lines
from streamer.display.demo_display import Display, progress_text
from streamer.display.demo_stages import Figures, Stages
from streamer.display.story_plot import render_story
from streamer.display.varied_alerts import VariedAlerts
from streamer.reports.over_time import Share, Slice
from streamer.reports.summary import Known
from tests.display.test_demo_display import golden_alert
from tests.reports.test_over_time import four_days

GENUINE = Known(is_labelled=True, pattern=None)
START = Figures(180_000, 0, Ledger(), 0, 0, 0, Share(0, 0), 0.0)


def fraud(pattern: str) -> Known:
    return Known(is_labelled=True, pattern=pattern)


def alert(feature: str, ranked_by: str = "distance", *, sampled: bool = False) -> Alert:
    """The golden alert with another first reason."""
    golden = golden_alert()
    first = msgspec.structs.replace(golden.reasons[0], feature=feature)
    return msgspec.structs.replace(
        golden, reasons=[first, *golden.reasons[1:]], ranked_by=ranked_by, sampled=sampled
    )


def text_of(console: Console) -> str:
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


def test_each_stage_is_said_once_in_its_order() -> None:
    stages = Stages()
    assert list(stages.new(START)) == []
    warming = replace(START, ledger=Ledger(10, 10, warming=10))
    assert [said.split(":")[1].strip() for said in stages.new(warming)] == ["warming up"]
    assert list(stages.new(warming)) == []
    alerting = replace(START, ledger=Ledger(5_010, 5_010, warming=5_000), day=1.6)
    (said,) = stages.new(alerting)
    assert said.startswith("day 2: the warm-up is over: alerts now")
    (said,) = stages.new(replace(alerting, n_reviews=1))
    assert "a reviewer judges each alert a day after it came" in said
    before = Slice(0.0, 9.0, Share(40, 100), Share(40, 120))
    later = replace(alerting, n_reviews=90, n_chargebacks=1, before=before)
    charged, taken = stages.new(later)
    assert "no alert had found" in charged
    assert taken.startswith("day 9: ")
    assert taken.endswith("so far 40% of 100 alerts were frauds")
    assert list(stages.new(later)) == []


def test_alerts_that_are_shown_differ_in_reason_and_in_what_they_are() -> None:
    varied = VariedAlerts()
    assert varied.picks(alert("a"), fraud("card_testing"), 0.0)
    # Too soon; the same reason; the same pattern.
    assert not varied.picks(alert("b"), fraud("slow_drain"), 1.0)
    assert not varied.picks(alert("a"), fraud("slow_drain"), 10.0)
    assert not varied.picks(alert("b"), fraud("card_testing"), 10.0)
    assert varied.picks(alert("b"), GENUINE, 10.0)
    assert not varied.picks(alert("c"), GENUINE, 20.0)
    # What verdicts taught may show again what the distance did.
    assert varied.picks(alert("a", "log_odds"), fraud("card_testing"), 20.0)
    assert varied.picks(alert("a", sampled=True), GENUINE, 30.0)
    assert not varied.picks(alert("d", sampled=True), fraud("slow_drain"), 40.0)
    assert (varied.n_seen, varied.n_picked) == (9, 4)


def test_no_more_than_eight_alerts_are_shown_whatever_comes() -> None:
    varied = VariedAlerts()
    unknown = Known(is_labelled=False, pattern=None)
    for i in range(300):
        lane = ("distance", "log_odds", "expected_loss")[i % 3]
        varied.picks(alert(f"f{i}", lane, sampled=i % 7 == 0), unknown, 10.0 * i)
    assert varied.n_picked == 8


@pytest.mark.parametrize("days", [0.0, 365.0])
def test_the_line_of_progress_fits_into_80_columns(days: float) -> None:
    now = replace(
        START,
        ledger=Ledger(180_000, 180_000),
        n_alerts=1_000,
        n_reviews=900,
        n_chargebacks=600,
        latest=Share(100, 100),
        day=days,
    )
    assert len(progress_text(now)) <= 80
    assert progress_text(now).endswith("100% of last 100 right")
    assert "right" not in progress_text(START)


def test_columns_are_as_high_as_their_values() -> None:
    """Eight eighths a line: 0.5 of two lines fills the lower one; nothing above 0 is nothing."""
    assert columns_of([0.5, 1.0, 0.001, None], 2, in_blocks=True) == [" █  ", "██▁ "]
    assert columns_of([0.5, 1.0], 2, in_blocks=False) == [" #", "##"]


def test_a_mark_points_to_its_place_from_below() -> None:
    lines = plot_lines("t", [1.0] * 4, height=2, wide=2, in_blocks=True, mark=0.5)
    assert lines[:3] == ["t", " 100% │████████", "  50% │████████"]
    assert lines[3] == "   0% └────────"
    assert lines[4].index("▲") == 7 + 4


def test_an_output_without_blocks_gets_ascii() -> None:
    assert fits("utf-8")
    assert not fits("ascii")
    assert not fits("no such encoding")
    plot = "".join(plot_lines("t", [0.3, 0.9], height=3, wide=3, in_blocks=False, mark=0.9))
    assert plot.isascii()


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_the_plot_fits_its_console_and_says_when_the_odds_took_over(
    width: int, encoding: str
) -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=out, width=width, color_system=None)
    story = render_story(four_days(), console)
    assert story is not None
    console.print(story)
    out.flush()
    text = out.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]
    assert max(map(len, text.splitlines())) <= width
    assert "the odds take over: day 2.0" in text
    flat = " ".join(text.split())
    assert "Before the odds took over: 33% of 3 alerts frauds, 50% of 2 frauds alerted" in flat
    assert "75% of 4 alerts frauds, 100% of 3 frauds alerted" in flat
    assert "By the labels of all payments, judged or not" in flat


def test_a_run_whose_odds_did_not_take_over_says_so() -> None:
    run = four_days()
    run.odds_since_ms = None
    console = Console(file=io.StringIO(), width=80)
    story = render_story(run, console)
    console.print(story)
    assert "The odds have not taken over" in text_of(console)
    assert "▲" not in text_of(console)


def test_without_labels_there_is_no_plot() -> None:
    from streamer.reports.over_time import OverTime

    assert render_story(OverTime(), Console(file=io.StringIO())) is None


def test_where_there_is_no_terminal_there_are_plain_lines_and_the_rest_is_counted() -> None:
    console = Console(file=io.StringIO(), width=80)
    with Display(console, is_quiet=False) as display:
        display.status("starting")
        display.alert(alert("a"), fraud("card_testing"))
        display.progress(replace(START, ledger=Ledger(10, 10, warming=9), n_sent=12))
        display.alert(alert("a"), fraud("card_testing"))
        assert display.unshown is not None
        assert display.unshown.startswith("1 of 2 alerts was shown")
    text = text_of(console)
    assert "\x1b" not in text
    assert "label: fraud, card_testing" in text
    assert "day 0, 10 payments, 0 alerts, 0 verdicts" in text
    assert max(map(len, text.splitlines())) <= 80
