"""The arithmetic of sizing by hand, and that its page is what the arithmetic gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from load.sizing import CONSTANTS, EXAMPLES, Prices, needs, page

PAGE = Path(__file__).parent.parent.parent / "docs" / "sizing.md"


def test_needs_are_the_constants_times_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """150,000/s at 20 µs are 3 processors, 5 at 60%; 8 µs of Redis are 1.2, two at 60%."""
    told = {"worker_cpu_us": 20.0, "worker_mb": 200.0, "card_bytes": 300.0, "redis_cpu_us": 8.0}
    told |= {"card_redis_bytes": 300.0, "label_redis_bytes": 200.0, "redis_in_bytes": 500.0}
    told |= {"payment_bytes": 250.0, "alert_bytes": 7_000.0, "redis_most": 250_000.0}
    for name, value in told.items():
        monkeypatch.setitem(CONSTANTS, name, CONSTANTS[name]._replace(value=value))
    found = needs(150_000.0, 6e6, Prices(processor=30.0, redis_gb=10.0))
    assert found._asdict() == pytest.approx(
        {
            "per_second": 150_000.0,
            "cards": 6e6,
            "workers": 6,
            "partitions": 32,  # four for each are 24
            "worker_mb": 500.0,  # 200, and a million cards of 300 bytes
            "redis_gb": 4.88,  # twice 1.8, and 32 times 100,000 labels of 200 bytes
            "redis_mb_s": 75.0,
            "redis_busy": 1.2,
            "n_redis": 2,
            "kafka_mb_s": 128.25,  # thrice 250, and 0.5% of 7,000
            "alerts_per_s": 750.0,
            "per_month": 228.8,
        }
    )


def test_workers_that_merge_end_one_redis_before_its_thread_is_full(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of 100,000/s that one saves at most 60,000 are planned with: 150,000/s take three."""
    for name, value in {"redis_cpu_us": 0.5, "redis_most": 100_000.0}.items():
        monkeypatch.setitem(CONSTANTS, name, CONSTANTS[name]._replace(value=value))
    assert needs(150_000.0, 1e6, Prices()).n_redis == 3


def test_the_page_is_what_the_command_writes() -> None:
    prices = Prices()
    assert PAGE.read_text("utf-8") == page([needs(*each, prices) for each in EXAMPLES], prices), (
        "docs/sizing.md must be what `python -m load.sizing` prints; write it anew"
    )
