"""Dead letters in the log: a line per topic and reason, at once and then once a minute."""

from __future__ import annotations

from structlog.testing import capture_logs

from streamer.contract.batch import Batch, StoredRecord
from streamer.intake.decoding import DeadLetter, DeadLetterReason
from streamer.stream.publishing.dead_letter_log import DeadLetterLog


class _Time:
    now_s = 1_000.0


def _add(log: DeadLetterLog, reason: DeadLetterReason, *offsets: int, topic: str = "t") -> None:
    records = [StoredRecord(offset, 0, None, b"") for offset in offsets]
    letters = [DeadLetter(record, reason, "$.amount", "") for record in records]
    log.add(letters, Batch(topic, 3, records, 0))


def test_the_first_is_logged_at_once_and_the_rest_of_a_minute_in_one_line() -> None:
    time = _Time()
    log = DeadLetterLog(lambda: time.now_s)
    with capture_logs() as lines:
        _add(log, "wrong_type", 5, 6)
        for offset in range(10, 60):
            _add(log, "wrong_type", offset)
        _add(log, "empty", 61)
        _add(log, "wrong_type", 62, topic="u")
    assert [(line["topic"], line["reason"], line["count"]) for line in lines] == [
        ("t", "wrong_type", 2),
        ("t", "empty", 1),
        ("u", "wrong_type", 1),
    ]
    assert (lines[0]["example"], lines[0]["path"]) == ("t/3/5", "$.amount")
    with capture_logs() as lines:
        time.now_s += 59.9
        log.tell()
        assert lines == []
        time.now_s += 0.1
        log.tell()
        log.tell()
    (line,) = lines
    assert (line["reason"], line["count"], line["example"]) == ("wrong_type", 50, "t/3/10")
