"""Logs: one line per event, one format for every library, and no card number in any of them."""

from __future__ import annotations

import io
import json
import logging
import warnings
from typing import Any

import pytest
import structlog

from streamer.contract.messages import Feedback
from streamer.telemetry import configure_logging
from streamer.telemetry.rarer_warnings import RepeatFilter
from streamer.telemetry.redaction import redact

CARD = "4111111111111111"


@pytest.fixture
def stream() -> io.StringIO:
    out = io.StringIO()
    configure_logging("INFO", "json", out)
    return out


def events(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_line_with_time_level_and_logger(stream: io.StringIO) -> None:
    structlog.get_logger("streamer.store").info("checkpoint written", offset=12, partition=3)
    structlog.get_logger("streamer.store").debug("not shown")
    (event,) = events(stream)
    assert list(event) == ["timestamp", "level", "logger", "event", "offset", "partition"]
    assert event["timestamp"].endswith("Z")
    assert (event["level"], event["logger"]) == ("info", "streamer.store")


@pytest.mark.parametrize("name", ["faust.app", "aiokafka.consumer", "mode.worker", "confluent"])
def test_library_messages_take_the_same_form(name: str) -> None:
    library = logging.getLogger(name)
    library.addHandler(logging.StreamHandler(io.StringIO()))
    library.propagate = name == "confluent"
    stream = io.StringIO()
    configure_logging("INFO", "json", stream)
    library.warning("rejoining group %r", "g", extra={"attempt": 2})
    (event,) = events(stream)
    assert (event["event"], event["level"], event["logger"]) == (
        "rejoining group 'g'",
        "warning",
        name,
    )
    assert event["attempt"] == 2


def test_an_exception_is_one_field_of_its_line(stream: io.StringIO) -> None:
    try:
        raise ValueError(f"no card {CARD}")
    except ValueError:
        structlog.get_logger().exception("failed")
        logging.getLogger("faust").exception("failed")
    for event in events(stream):
        (exception,) = event["exception"]
        assert (exception["type"], exception["message"]) == ("ValueError", "no card [redacted]")
        assert "test_logs.py" in exception["frames"][-1]
    assert len(events(stream)) == 2


@pytest.mark.parametrize("output", ["json", "console"])
def test_no_card_number_or_secret_reaches_the_stream(output: Any) -> None:
    stream = io.StringIO()
    configure_logging("DEBUG", output, stream)
    log = structlog.get_logger()
    verdict = structlog.contextvars.bound_contextvars(card_id="hunter2", session=CARD)
    with verdict:
        log.info(f"paid with {CARD}", amount=3)
    log.info("positional %s", CARD)
    log.info("nested", body={"rows": [{"token": "hunter2", CARD: int(CARD)}]}, raw=CARD.encode())
    log.info("object", settings=object, password="hunter2", sasl_password="hunter2")
    logging.getLogger("aiokafka").info("value %s, card_id=%s", CARD, "hunter2")
    logging.getLogger("redis").error("redis://:hunter2@db:6379/0 is away")
    logging.getLogger("faust").info("with extra", extra={"secret": "hunter2"})
    try:
        raise RuntimeError(f"{CARD} password='hunter2'")
    except RuntimeError:
        log.exception("failed")
    assert CARD not in stream.getvalue()
    assert "hunter2" not in stream.getvalue()
    assert stream.getvalue().count("[redacted]") >= 12


def test_a_message_struct_shows_neither_its_card(stream: io.StringIO) -> None:
    struct = Feedback.__struct_fields__
    assert "card_id" in struct
    feedback = Feedback("t1", "C77", "fraud", "reviewer", decided_at=None)  # type: ignore[arg-type]
    structlog.get_logger().info("read", feedback=feedback)
    assert "C77" not in stream.getvalue()
    assert "transaction_id='t1'" in events(stream)[0]["feedback"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4111111111111", "[redacted]"),  # 13 digits
        ("411111111111", "411111111111"),  # 12
        ("4111111111111111111", "[redacted]"),  # 19
        ("41111111111111111111", "41111111111111111111"),  # 20
        ("card4111111111111111x", "card[redacted]x"),
        ("4111 1111 1111 1111", "[redacted]"),
        ("4111-1111-1111-1111.", "[redacted]."),
        ("3782 822463 10005", "[redacted]"),
        ("0.1234567890123456", "0.1234567890123456"),
        # A SHA-256 with 14 digits in a row, and a UUID.
        ("9f" * 25 + "12345678901234", "9f" * 25 + "12345678901234"),
        ("550e8400-e29b-41d4-a716-446655440000", "550e8400-e29b-41d4-a716-446655440000"),
        ("2018-04-01T00:00:31.250000Z", "2018-04-01T00:00:31.250000Z"),
        ('{"card_id": "C1", "n": 2}', '{"card_id": [redacted], "n": 2}'),
        ("tokens_seen=5 and a token ring", "tokens_seen=5 and a token ring"),
    ],
)
def test_redaction_of_text(text: str, expected: str) -> None:
    assert redact(text) == expected


def test_redaction_survives_values_that_json_cannot_hold(stream: io.StringIO) -> None:
    loop: dict[str, Any] = {}
    loop["self"] = loop
    structlog.get_logger().info(
        "odd", loop=loop, nan=float("nan"), big=10**40, text="é\ud800", keys={1: b"x"}
    )
    (event,) = events(stream)
    assert (event["nan"], event["keys"]) == ("nan", {"1": "b'x'"})
    assert event["text"] == "é\\ud800"
    stream.getvalue().encode()


def test_the_logger_of_a_warning_is_ours_too(stream: io.StringIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old broker", stacklevel=1)
    assert "old broker" in events(stream)[0]["event"]


class Terminal(io.StringIO):
    """A stream with a person at its end."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("form", "stream", "is_json"),
    [
        ("auto", io.StringIO(), True),
        ("auto", Terminal(), False),
        ("json", Terminal(), True),
        ("console", io.StringIO(), False),
    ],
)
def test_a_terminal_gets_text_and_anything_else_json_unless_told_otherwise(
    form: Any, stream: io.StringIO, is_json: bool
) -> None:
    configure_logging("INFO", form, stream)
    structlog.get_logger().info("ready", port=8080)
    line = stream.getvalue()
    assert line.startswith("{") is is_json
    # Colours are for the eye: those of a terminal, and only in text.
    assert ("\x1b" in line) is (stream.isatty() and not is_json)


def test_a_person_gets_an_exception_in_lines() -> None:
    stream = Terminal()
    configure_logging("INFO", "auto", stream)
    try:
        raise KeyError("C77")
    except KeyError:
        structlog.get_logger().exception("failed")
    text = stream.getvalue()
    assert "KeyError: [quoted]\n    at " in text
    assert "C77" not in text


def test_console_lines_are_plain_text_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    configure_logging("INFO", "console", stream)
    structlog.get_logger().info("ready", port=8080)
    assert "ready" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_a_warning_that_repeats_is_written_every_five_seconds_with_how_often_it_came() -> None:
    """Ten a second for six seconds: two lines, the second of which stands for 49 others."""
    now = 0.0
    repeats = RepeatFilter(lambda: now)
    passed = []
    for tick in range(60):
        now = tick / 10
        record = logging.LogRecord(
            "aiokafka", logging.ERROR, "", 0, "Failed fetch from %s: %s", (tick, "away"), None
        )
        if repeats.filter(record):
            passed.append((tick, getattr(record, "suppressed", 0)))
    assert passed == [(0, 0), (50, 49)]


def test_a_complaint_that_goes_on_is_written_ever_more_rarely_and_a_new_one_at_once() -> None:
    """Once a second for three minutes; then, after two quiet minutes, for six seconds."""
    now = 0.0
    repeats = RepeatFilter(lambda: now)

    def passes(second: int) -> bool:
        nonlocal now
        now = float(second)
        return repeats.filter(logging.LogRecord("aiokafka", 40, "", 0, "no %s", ("node",), None))

    assert [s for s in range(200) if passes(s)] == [0, 5, 15, 35, 75, 135, 195]
    assert [s for s in range(320, 327) if passes(s)] == [320, 325]


def test_our_warnings_on_two_partitions_and_all_critical_lines_are_written() -> None:
    """A kind is the event with its partition; what ends the worker is never held back."""
    repeats = RepeatFilter(lambda: 0.0)

    def passes(level: int, event: dict[str, object]) -> bool:
        return repeats.filter(logging.LogRecord("streamer", level, "", 0, event, None, None))  # type: ignore[arg-type]

    for partition in range(2):
        assert passes(logging.ERROR, {"event": "partition faulted", "partition": partition})
        assert not passes(logging.ERROR, {"event": "partition faulted", "partition": partition})
    for reason in ("wrong_type", "not_json"):
        assert passes(logging.WARNING, {"event": "dead letters", "reason": reason})
    for _ in range(2):
        assert passes(logging.CRITICAL, {"event": "worker ends at once"})
        assert passes(logging.INFO, {"event": "partition claimed"})


def test_warnings_of_one_tenant_do_not_silence_those_of_another() -> None:
    """Ours say whose they are in the event; a library's line is of whom the context says."""
    repeats = RepeatFilter(lambda: 0.0)

    def passes(event: object) -> bool:
        return repeats.filter(logging.LogRecord("any", logging.ERROR, "", 0, event, None, None))

    for tenant in ("acme", "beta"):
        assert passes({"event": "not sent", "tenant": tenant})
        assert not passes({"event": "not sent", "tenant": tenant})
        with structlog.contextvars.bound_contextvars(tenant=tenant):
            assert passes("broker %s is away")
            assert not passes("broker %s is away")
