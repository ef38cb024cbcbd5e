"""What every HTTP door does with a request: key, priority, room, version, body; and how it refuses.

Each check raises `HTTPError`, whose refusal says what must be and what was.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from streamer.contract.answer_message import Answer
from streamer.errors import UnavailableError
from streamer.model import Scorer
from streamer.serving.admission import PRIORITIES, Priority
from streamer.serving.answerer import LateError
from streamer.serving.questions import Refusal
from streamer.serving.serving import Serving
from streamer.telemetry.tracing import current

__all__ = [
    "HTTPError",
    "answered",
    "body_of",
    "check_key",
    "check_room",
    "is_yes",
    "json_response",
    "priority_of",
    "told_key_is_known",
    "version_of",
]

_JSON: Final = "application/json"
_RETRY: Final = {"Retry-After": "1"}
# Of a body: who sends it more slowly than this holds a connection and nothing else.
_BODY_WITHIN_S: Final = 5.0
_YES: Final = frozenset({"1", "true", "yes"})

_encoder: Final = msgspec.json.Encoder()


class HTTPError(Exception):
    """A request that gets no answer: its status and what its body says."""

    def __init__(
        self, status: int, refusal: Refusal, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(refusal.detail)
        self.status = status
        self.refusal = refusal
        self.headers = dict(headers or {})


async def answered(
    serving: Serving,
    values: Sequence[bytes],
    version: Scorer,
    *,
    explain: bool,
    is_plain: bool = False,
) -> list[Answer | Refusal]:
    """Return what the answerer answers within the deadline.

    ``is_plain``: the messages are the contract's, whatever producers send.
    """
    try:
        found = await serving.answerer.answer(
            values,
            version,
            explain=explain,
            within_s=serving.limits.deadline_s,
            is_plain=is_plain,
        )
    except LateError:
        told = f"must be answered within {serving.limits.deadline_s:g} s, and was not; try again"
        raise HTTPError(503, Refusal("late", "$", told), _RETRY) from None
    except UnavailableError as error:
        raise HTTPError(503, Refusal("unavailable", "$", str(error)), _RETRY) from None
    serving.metrics.answered(found, serving.versions.branch_of(version))
    if (span := current()) is not None:
        span.set("streamer.payments", len(found))
        span.set("streamer.model_version", version.id)
    return found


def check_key(serving: Serving, request: Request) -> None:
    """Refuse who has none of the keys, where there are any."""
    told_key_is_known(serving, request.headers.get("authorization", ""))


def told_key_is_known(serving: Serving, authorization: str) -> None:
    """Refuse an authorization that is none of the keys, where there are any."""
    told = authorization.encode(errors="surrogateescape")
    # All of them are compared: how long it takes tells nothing.
    if serving.keys and not sum(
        hmac.compare_digest(told, b"Bearer " + key) for key in serving.keys
    ):
        detail = "Authorization must be Bearer and one of STREAMER_SERVE_API_KEYS"
        refusal = Refusal("unauthorized", "$", detail)
        raise HTTPError(401, refusal, {"WWW-Authenticate": "Bearer"})


def priority_of(request: Request) -> Priority:
    """Return the priority that a request says it has, normal where it says none."""
    told = request.headers.get("x-priority", "normal").lower()
    for priority in PRIORITIES:
        if told == priority:
            return priority
    detail = f"X-Priority must be one of {', '.join(PRIORITIES)}, got another"
    raise HTTPError(400, Refusal("wrong_format", "$", detail))


def check_room(serving: Serving, n_payments: int, priority: Priority) -> None:
    """Refuse while nothing can be answered, or no more be taken on."""
    if not serving.is_ready:
        detail = "the model must have been loaded, and was not yet; /readyz says what is missing"
        raise HTTPError(503, Refusal("not_ready", "$", detail), _RETRY)
    if not serving.admission.has_room(n_payments, priority):
        limit = serving.admission.limit
        detail = f"at most {limit} payments must be asked about at once, got more; try again later"
        raise HTTPError(429, Refusal("overloaded", "$", detail), _RETRY)


async def version_of(serving: Serving, wanted: str) -> Scorer:
    """Return the version whose id begins with ``wanted``, the head where that is empty."""
    try:
        version = await serving.version(wanted)
    except UnavailableError as error:
        raise HTTPError(503, Refusal("unavailable", "$", str(error)), _RETRY) from None
    if version is None:
        detail = "version must be the beginning of one stored version's id, got another text"
        raise HTTPError(404, Refusal("unknown_version", "$", detail))
    return version


async def body_of(request: Request, most_bytes: int) -> bytes:
    """Return the body, which is not read to its end if it is too large or too slow."""
    told = request.headers.get("content-length", "")
    if told.isascii() and told.isdigit() and int(told) > most_bytes:
        raise _too_large(most_bytes)
    pieces, n_bytes = [], 0
    try:
        async with asyncio.timeout(_BODY_WITHIN_S):
            async for piece in request.stream():
                pieces.append(piece)
                n_bytes += len(piece)
                if n_bytes > most_bytes:
                    raise _too_large(most_bytes)
    except TimeoutError:
        detail = f"body must have come within {_BODY_WITHIN_S:g} s"
        raise HTTPError(408, Refusal("late", "$", detail), {"Connection": "close"}) from None
    except ClientDisconnect:
        raise HTTPError(400, Refusal("truncated_json", "$", "body must be whole")) from None
    return b"".join(pieces)


def _too_large(most_bytes: int) -> HTTPError:
    detail = f"body must have at most {most_bytes:,} bytes, got more"
    return HTTPError(413, Refusal("too_large", "$", detail), {"Connection": "close"})


def json_response(
    content: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return ``content`` as JSON."""
    return Response(_encoder.encode(content), status, headers, _JSON)


def is_yes(request: Request, name: str) -> bool:
    """Whether the query of a request says yes to ``name``."""
    return request.query_params.get(name, "").lower() in _YES
