"""What the log says of readiness: when it changes, and now and then while something is wrong."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from streamer.stream.health import announcing
from streamer.stream.health.announcing import ReadinessLog


@pytest.fixture(autouse=True)
def _fresh_logger(monkeypatch: pytest.MonkeyPatch) -> None:
    """A logger that another test has used is bound to that test's processors."""
    import structlog

    structlog.reset_defaults()
    monkeypatch.setattr(announcing, "_log", structlog.get_logger("announcing"))


def told(faulty: dict[int, list[str]], until: int) -> list[tuple[int, str]]:
    """Return what is logged in which second, when /readyz has these faults in these seconds."""
    now = 0
    log = ReadinessLog(lambda: float(now))
    said = []
    for now in range(until):
        with capture_logs() as lines:
            log.note(faulty.get(now, []))
        said += [(now, line["event"]) for line in lines]
    return said


def during(first: int, end: int) -> dict[int, list[str]]:
    return {second: ["partition 0 must advance"] for second in range(first, end)}


def test_a_worker_is_ready_once() -> None:
    assert told({}, 100) == [(0, "ready")]


def test_a_start_that_takes_its_time_is_told_after_five_seconds() -> None:
    assert told(during(0, 8), 10) == [(5, "not ready"), (8, "ready")]


def test_a_rebalance_of_a_few_seconds_is_no_news() -> None:
    assert told(during(10, 14), 30) == [(0, "ready")]


def test_what_goes_on_is_told_once_a_minute_and_its_end_once() -> None:
    """From second 10 on: told at 15, 75 and 135; over at 150."""
    stalled = during(10, 150)
    assert told(stalled, 160) == [
        (0, "ready"),
        (15, "not ready"),
        (75, "not ready"),
        (135, "not ready"),
        (150, "ready"),
    ]
