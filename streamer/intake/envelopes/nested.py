"""A payment below a name, in a message that does not say that it is an envelope.

Nothing is lost by looking: this is asked only where the message itself has not the fields of a payment,
and what is found counts only where it has them all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from streamer.intake.documents import decoded
from streamer.intake.readings import Fault

__all__ = ["nested_in", "text_in"]

_NAMES: Final = (
    "payload data event message body value record detail document content object transaction payment "
    "properties attributes resource json raw log line msg MESSAGE jsonPayload textPayload"
).split()


def nested_in(message: dict[str, Any]) -> Iterator[tuple[Any, str]]:
    """Yield the objects below a message's names, JSON in a text too, and the paths to them."""
    for name in _NAMES:
        inner = message.get(name)
        if type(inner) is dict:
            yield inner, f".{name}"
        elif isinstance(inner, str):
            content = _of_text(inner)
            if type(content) is dict:
                yield content, f".{name}"


def text_in(message: dict[str, Any]) -> dict[str, Any] | None:
    """Return the object that lies in a message as a text, which no path leads into; else None."""
    for inner, at in nested_in(message):
        if isinstance(message[at[1:]], str):
            found: dict[str, Any] = inner
            return found
    return None


def _of_text(text: str) -> Any:
    if text.lstrip()[:1] != "{":
        return None
    try:
        return decoded(text.encode(errors="surrogatepass"))
    except Fault:
        return None
