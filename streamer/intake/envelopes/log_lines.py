"""What puts lines of a program's output into objects, when payments are written to a log.

Known are Docker's and Kubernetes's files, which Fluentd passes on, Fluentd's own triples, and
CloudWatch's events.  A line of text is no payment, and the program wrote it beside them; the object's
own time is when the line was read.
"""

from __future__ import annotations

from typing import Any, Final

from streamer.intake.readings import Reading, Skipped

__all__ = ["LOG_NAMES", "logged", "tagged"]

LOG_NAMES: Final = frozenset(("log", "logEvents", "awslogs"))
_STREAMS: Final = ("stdout", "stderr")


def logged(message: dict[str, Any], at: str) -> tuple[Any, str] | Reading | None:
    """Return what a line or an event of a log carries and the path to it; None where it is none.

    >>> logged({"log": '{"amount": 1}\\n', "stream": "stdout"}, "$")
    ('{"amount": 1}\\n', '.log')
    """
    line = message.get("log")
    if isinstance(line, str) and (message.get("stream") in _STREAMS or "kubernetes" in message):
        # What has an object behind some words is for a person to see.
        is_text = "{" not in line
        return Skipped("not_a_payment", f"{at}.log") if is_text else (line, ".log")
    events = message.get("logEvents")
    if isinstance(events, list) and "messageType" in message:
        if message["messageType"] == "CONTROL_MESSAGE":
            return Skipped("not_a_payment", f"{at}.messageType")
        texts = [e["message"] if type(e) is dict and "message" in e else e for e in events]
        return texts, ".logEvents"
    return None


def tagged(message: list[Any]) -> tuple[Any, str] | None:
    """Return the record, or the records with their times, behind a tag of Fluentd."""
    if not message or not isinstance(message[0], str):
        return None
    if len(message) in (3, 4) and _is_timed(message[1:3]):
        return message[2], "[2]"
    entries = message[1] if len(message) in (2, 3) else None
    if isinstance(entries, list) and entries and all(map(_is_timed, entries)):
        return [entry[1] for entry in entries], "[1]"
    return None


def _is_timed(entry: Any) -> bool:
    return (
        isinstance(entry, list)
        and len(entry) == 2
        and type(entry[0]) in (int, float)
        and type(entry[1]) is dict
    )
