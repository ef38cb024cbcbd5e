"""Pages that say what is the matter and what to do, with what was typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from streamer.access.decision import Decision
from streamer.console.pages.gates import status_of
from streamer.console.pages.page_templates import page
from streamer.store.snoozes import REASONS

__all__ = ["QUEUE", "denied_page", "message_page", "typed_in"]

QUEUE: Final = "/", "the queue"
"""Where most go on from."""

# Everybody who is known may read it.
_HELP: Final = "/help", "the help"


def message_page(
    status: int, title: str, *lines: str, comment: str = "", back: tuple[str, str] = QUEUE
) -> Response:
    """Return a page that says what is the matter and what to do, with what was typed.

    ``back`` is the address of the page to go on from, and its name in a sentence.
    """
    return page(
        "message.html", status, title=title, lines=lines, comment=comment, again=None, back=back
    )


def denied_page(decision: Decision, comment: str = "") -> Response:
    """Return the page for what may not be done: why, and the decision's id to ask about."""
    return message_page(
        status_of(decision),
        "You may not do that" if status_of(decision) == 403 else "That cannot be done now",
        decision.reason,
        f"Nothing was done. If you should be able to, tell those who run the service: decision "
        f"{decision.id}.",
        comment=comment,
        back=_HELP,
    )


def typed_in(form: Mapping[str, str]) -> str:
    """Return the text that somebody wrote into a form of ours.

    >>> typed_in({"comment": "", "reason": "the customer travels", "days": "7"})
    ''
    >>> typed_in({"reason": "fewer reviewers", "step": "32"})
    'fewer reviewers'
    """
    # What was chosen from a list was not typed.
    reason = "" if form.get("reason", "") in REASONS else form.get("reason", "")
    return form.get("comment") or form.get("remark") or reason
