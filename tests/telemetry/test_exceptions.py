"""Exceptions in the log: what happened and where, bounded, and nothing of what was processed."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from redis.exceptions import ResponseError

from streamer.errors import InvariantError
from streamer.telemetry.exceptions import described, exception_fields

CARD = "C-77-of-nobody"


def fields(error: BaseException) -> list[dict[str, Any]]:
    return list(exception_fields(None, "", {"exc_info": error})["exception"])


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (KeyError(CARD), "KeyError: [quoted]"),
        (
            ValueError(f"could not convert string to float: '{CARD}'"),
            "ValueError: could not convert string to float: [quoted]",
        ),
        (
            ValueError(f"no \"{CARD}\" here, nor b'{CARD}'"),
            "ValueError: no [quoted] here, nor [quoted]",
        ),
        (ValueError(rf"'it\'s {CARD}' is odd"), "ValueError: [quoted] is odd"),
        (
            ResponseError(
                f"Command # 2 (HSET cards {CARD} (x)) of pipeline caused error: WRONGTYPE"
            ),
            "ResponseError: a command caused error: WRONGTYPE",
        ),
        # These are ours or the system's, and quote names.
        (InvariantError("topic must exist, got 'x'"), "topic must exist, got 'x'"),
        (
            FileNotFoundError(2, "No such file or directory", "a.toml"),
            "FileNotFoundError: [Errno 2] No such file or directory: 'a.toml'",
        ),
        (
            AttributeError("'NoneType' object has no attribute 'x'"),
            "AttributeError: 'NoneType' object has no attribute 'x'",
        ),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_what_an_exception_quotes_of_a_message_is_masked(
    error: BaseException, expected: str
) -> None:
    assert described(error) == expected


def test_causes_follow_their_exception_nearest_first() -> None:
    """A KeyError behind a ValueError that was raised from it, and a TypeError on the way."""
    try:
        try:
            raise KeyError(CARD)
        except KeyError as cause:
            raise ValueError("second") from cause
    except ValueError as error:
        found = fields(error)
    assert [one["type"] for one in found] == ["ValueError", "KeyError"]
    assert all("test_exceptions.py" in one["frames"][-1] for one in found)


def test_a_group_shows_its_members() -> None:
    found = fields(ExceptionGroup("both", [ValueError("a"), TypeError("b")]))
    assert [one["type"] for one in found] == ["ExceptionGroup", "ValueError", "TypeError"]


def test_a_deep_recursion_and_a_long_text_are_cut() -> None:
    """Some thousand frames become twelve, 10,000 characters 500 and three dots."""

    def fall() -> None:
        fall()

    with pytest.raises(RecursionError) as caught:
        fall()
    (found,) = fields(caught.value)
    assert len(found["frames"]) == 12
    (found,) = fields(ValueError("x" * 10_000))
    assert len(found["message"]) == 503


def test_the_exception_being_handled_is_meant_by_true() -> None:
    try:
        raise ValueError("now")
    except ValueError:
        event = exception_fields(None, "", {"exc_info": True})
        assert sys.exc_info()[0] is ValueError
    assert event["exception"][0]["message"] == "now"
    assert "exception" not in exception_fields(None, "", {"exc_info": None})
