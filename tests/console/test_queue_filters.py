"""Filters of the queue, as an address has them."""

from __future__ import annotations

from streamer.console.queue.queue_filters import Filters, choices_of, chosen
from streamer.store import QueueRow

HOUR_MS = 3_600_000


def row(number: int, **changes: object) -> QueueRow:
    told = {
        "alert_id": f"a-{number}",
        "severity": "high",
        "score": 0.999,
        "amount": 10.0 * number,
        "currency": "EUR",
        "event_ms": 0,
        "scored_ms": -number * HOUR_MS,
        "ranked_by": "distance",
        "feature": "amount",
        "merchant_id": f"shop-{number}",
        "country": "FR",
    }
    return QueueRow(**told | changes)  # type: ignore[arg-type]


ROWS = [row(1), row(2, severity="critical", country="DE"), row(3, feature="card_gap", country="")]


def ids(**asked: str) -> list[str]:
    return [each.alert_id for each in chosen(ROWS, Filters.of(asked), now_ms=0)]


def test_each_filter_leaves_what_it_names_and_none_leaves_all() -> None:
    assert ids() == ["a-1", "a-2", "a-3"]
    assert ids(severity="critical") == ["a-2"]
    assert ids(country="fr") == ["a-1"]
    assert ids(reason="card_gap") == ["a-3"]
    assert ids(merchant=" shop-2 ") == ["a-2"]
    assert ids(least="20", most="1,000") == ["a-2", "a-3"]
    assert ids(hours="1.5") == ["a-1"]
    assert ids(hours="2", severity="high") == ["a-1"]
    assert ids(ranked_by="log_odds") == []


def test_what_is_no_number_is_told_and_leaves_nothing_out() -> None:
    asked = Filters.of({"least": "much", "hours": "nan", "page": "2"})
    assert len(asked.faults) == 2
    assert len(chosen(ROWS, asked, 0)) == 3
    assert Filters.of({"merchant": "x" * 500}).merchant == "x" * 128
    assert asked.query == "least=much&hours=nan"


def test_lists_have_what_there_is() -> None:
    found = choices_of(ROWS)
    assert (list(found.reasons), list(found.countries)) == (["amount", "card_gap"], ["DE", "FR"])
