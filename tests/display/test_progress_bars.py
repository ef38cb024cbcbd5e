"""Progress without a terminal: a line every ten seconds, with what is left."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from streamer.display.progress_bars import Bars


def test_without_a_terminal_a_line_every_ten_seconds_says_how_much_is_left(
    capsys: pytest.CaptureFixture[str],
) -> None:
    # When it is made, and of each step.
    times: Iterator[float] = iter([0.0, 4.0, 10.0, 15.0, 20.0, 400.0])
    with Bars(lambda: next(times)) as bars:
        bars.begin("t.csv: 1,000 rows [to score]")
        for n in (100, 100, 50, 150, 600):
            bars.advance("scoring", n, 1_000)
    assert capsys.readouterr().err.splitlines() == [
        "t.csv: 1,000 rows [to score]",
        # 200 took 10 s, and 800 are left.
        "scoring: 200 of 1,000, about 40 s left",
        # 400 took 20 s.
        "scoring: 400 of 1,000, about 30 s left",
        "scoring: 1,000 of 1,000",
    ]


def test_a_run_of_less_than_ten_seconds_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    times = iter([0.0, 9.9])
    with Bars(lambda: next(times)) as bars:
        bars.advance("scoring", 10, 10)
    assert capsys.readouterr().err == ""
