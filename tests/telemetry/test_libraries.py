"""What libraries may say: nothing below their level, no known false alarm, no data of a message."""

from __future__ import annotations

import importlib.util
import io
import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
import structlog
from faust.transport.drivers.aiokafka import SLOW_PROCESSING_NO_COMMIT_SINCE_START
from mode.utils.logging import CompositeLogger
from mode.utils.trees import Node

from streamer.stream.kafka.fetching import ConsumerThread
from streamer.telemetry import configure_logging
from streamer.telemetry.libraries import DROPPED


def configured(level: str) -> io.StringIO:
    stream = io.StringIO()
    configure_logging(level, "json", stream)
    return stream


def events(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def source_of(logger: str) -> str:
    """Return the text of the installed module that logs under a name, its literals joined."""
    spec = importlib.util.find_spec(logger)
    assert spec is not None
    assert spec.origin is not None
    text = Path(spec.origin).read_text(encoding="utf-8")
    return re.sub(r'"\s*\n\s*f?"', "", text)


@pytest.mark.parametrize(("logger", "start"), DROPPED)
def test_each_dropped_message_is_one_of_the_installed_library(logger: str, start: str) -> None:
    """An upgrade that changes a text, or mends what was wrong with it, is noticed here."""
    assert start in source_of(logger)


@pytest.mark.parametrize(("logger", "start"), DROPPED)
def test_a_known_false_alarm_is_dropped_and_the_same_logger_s_others_are_not(
    logger: str, start: str
) -> None:
    stream = configured("DEBUG")
    logging.getLogger(logger).error(f"{start} %s (started %s)", "TP(1)", "a while ago")
    logging.getLogger(logger).error("something else: %s", start)
    assert [event["event"] for event in events(stream)] == [f"something else: {start}"]


def test_faust_s_false_alarms_are_dropped_also_of_the_thread_that_is_a_class_of_ours() -> None:
    """mode logs a service under the module of its class, and writes the service's name first."""
    stream = configured("DEBUG")
    thread = object.__new__(ConsumerThread)
    thread.beacon = Node(thread)
    log = CompositeLogger(thread.logger, formatter=thread._format_log)
    log.error(SLOW_PROCESSING_NO_COMMIT_SINCE_START + " Possible explanations: ...", "TP(0)", "now")
    log.error("something else")
    (event,) = events(stream)
    assert event["logger"] == "streamer.stream.kafka.fetching"
    assert re.fullmatch(r"\[\^-*ConsumerThread\]: something else", event["event"])


@pytest.mark.parametrize(
    ("level", "heard"),
    [
        ("DEBUG", ["info", "warning", "error"]),
        ("INFO", ["warning", "error"]),
        ("WARNING", ["warning", "error"]),
        ("ERROR", ["error"]),
    ],
)
@pytest.mark.parametrize(
    "logger", ["aiokafka.consumer", "mode.worker", "streamer.stream.transport"]
)
def test_a_library_is_heard_from_warnings_on_and_its_steps_at_debug_only(
    level: str, heard: list[str], logger: str
) -> None:
    """mode logs its services under the module of their class, which may be ours."""
    stream = configured(level)
    for method in ("debug", "info", "warning", "error"):
        getattr(logging.getLogger(logger), method)("[^--Consumer]: %s", method)
    assert [event["level"] for event in events(stream)] == heard


def test_our_own_debug_and_info_lines_are_written_as_the_level_says() -> None:
    stream = configured("DEBUG")
    log = structlog.get_logger("streamer.stream.app")
    log.debug("a step")
    log.info("ready")
    assert [event["event"] for event in events(stream)] == ["a step", "ready"]


@pytest.mark.parametrize("template", ["crashed: %r", "crashed: %s"])
def test_an_exception_among_a_message_s_arguments_does_not_quote_what_it_stumbled_over(
    template: str,
) -> None:
    stream = configured("INFO")
    logging.getLogger("mode.services").error(template, KeyError("C77"))
    assert events(stream)[0]["event"] == "crashed: KeyError: [quoted]"


def test_a_line_that_cannot_be_formatted_says_where_it_is_missing_and_nothing_else() -> None:
    """The standard library prints the arguments, which may be a payment."""
    stream = configured("INFO")
    logging.getLogger("aiokafka").error("%d records", "C77")
    (event,) = events(stream)
    assert (event["event"], event["logger"]) == ("a log line could not be written", "aiokafka")
    assert event["error"] == "TypeError"
    assert event["at"].startswith("test_libraries:")
    assert "C77" not in stream.getvalue()
