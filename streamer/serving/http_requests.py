"""What every HTTP door does with a request: key, priority, room, version, body; and how it refuses.

Each check raises `HTTPError`, whose refusal says what must be and what was.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, NamedTuple

import msgspec
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from streamer.contract.answer_message import Answer
from streamer.errors import StreamerError
from streamer.model import Scorer
from streamer.serving.admission import PRIORITIES, Place, Priority
from streamer.serving.answerer import AskedBy, LateError
from streamer.serving.questions import Refusal
from streamer.serving.rate_limits import network_of
from streamer.serving.serving import Serving
from streamer.serving.trusted_proxies import client_address
from streamer.telemetry.tracing import current
from streamer.web.header_limits import HAS_GONE

__all__ = [
    "GONE",
    "OCTETS",
    "Asker",
    "HTTPError",
    "answered",
    "asker_of",
    "body_in_time",
    "body_of",
    "client_of",
    "count",
    "defect",
    "has_gone",
    "hold",
    "is_yes",
    "json_response",
    "overloaded",
    "priority_named",
    "taken_on",
    "unauthorized",
    "version_of",
]

GONE: Final = 499
"""The status of who went away before the answer, as nginx has it; nobody gets it."""
_JSON: Final = "application/json"
OCTETS: Final = "application/octet-stream"
_CLOSE: Final = {"Connection": "close"}
_RETRY: Final = {"Retry-After": "1"}
# Of a body: who sends it more slowly than this holds a connection and nothing else.
_BODY_WITHIN_S: Final = 5.0
_YES: Final = frozenset({"1", "true", "yes"})
_NO: Final = frozenset({"0", "false", "no"})

_log = structlog.get_logger(__name__)
_encoder: Final = msgspec.json.Encoder()


class Asker(NamedTuple):
    """Who asks: the name that it is counted under, and the priority that it says it has."""

    client: str
    priority: Priority


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
    by: AskedBy,
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
            by=by,
        )
    except LateError:
        raise _late(serving) from None
    except StreamerError as error:
        raise HTTPError(503, Refusal("unavailable", "$", str(error)), _RETRY) from None
    serving.metrics.answered(found, serving.versions.branch_of(version))
    if (span := current()) is not None:
        span.set("streamer.payments", len(found))
        span.set("streamer.model_version", version.id)
    return found


def _not_ready() -> HTTPError:
    detail = "the model must be loaded first, and is not yet; /readyz says what is missing"
    return HTTPError(503, Refusal("not_ready", "$", detail), _RETRY)


def _late(serving: Serving) -> HTTPError:
    told = f"must be answered within {serving.limits.deadline_s:g} s, and was not; try again"
    return HTTPError(503, Refusal("late", "$", told), _RETRY)


def defect(door: str) -> HTTPError:
    """Return the refusal of what failed as nothing may, and log the exception that is handled."""
    _log.error("request not answered", door=door, exc_info=True)
    detail = "the request must be answered, and a defect prevented it; the log has the traceback"
    return HTTPError(503, Refusal("defect", "$", detail), _RETRY)


def asker_of(serving: Serving, request: Request) -> Asker:
    """Return who asks, unless that is nobody who may."""
    headers, peer = request.headers, request.client.host if request.client else ""
    forwarded = headers.getlist("x-forwarded-for")
    client = client_of(serving, headers.get("authorization", ""), peer, forwarded)
    return Asker(client, priority_named(headers.get("x-priority", "normal")))


def client_of(serving: Serving, authorization: str, peer: str, forwarded: Sequence[str]) -> str:
    """Return the name that a client is counted under: its key's place, or without keys its address.

    ``forwarded`` is for whom ``peer`` says that it asks, which a trusted proxy is believed.  Refuses an
    authorization that is none of the keys, where there are any.
    """
    if not serving.keys:
        return network_of(client_address(peer, forwarded, serving.trusted_proxies))
    told = authorization.encode(errors="surrogateescape")
    # All of them are compared: how long it takes tells nothing.
    found = [hmac.compare_digest(told, b"Bearer " + key) for key in serving.keys]
    if not any(found):
        raise unauthorized()
    return f"key {found.index(True)}"


def unauthorized() -> HTTPError:
    """Return the refusal of who has no key."""
    detail = "Authorization must be Bearer and one of STREAMER_SERVE_API_KEYS"
    refusal = Refusal("unauthorized", "$", detail)
    return HTTPError(401, refusal, {"WWW-Authenticate": "Bearer"})


def priority_named(told: str) -> Priority:
    """Return the priority of this name."""
    for priority in PRIORITIES:
        if told == priority:
            return priority
    detail = f"X-Priority must be one of {', '.join(PRIORITIES)}, got another"
    raise HTTPError(400, Refusal("wrong_format", "$", detail))


@contextmanager
def taken_on(serving: Serving, asker: Asker) -> Iterator[Place]:
    """Take on a request, of which nothing has been read or looked up, or refuse it."""
    _check_room(serving, 1, asker)
    with serving.admission.taken_on() as place:
        yield place


def count(serving: Serving, n_payments: int, asker: Asker, place: Place) -> None:
    """Take on the payments of a request, once it is known how many they are, or refuse them."""
    _check_room(serving, n_payments, asker, place.n_payments)
    serving.admission.count(place, n_payments)


def hold(serving: Serving, n_bytes: int, place: Place) -> None:
    """Hold so many bytes of a request until it is done, or refuse it."""
    if not serving.admission.hold(place, n_bytes):
        most = serving.admission.most_bytes
        detail = f"bodies under way must have at most {most:,} bytes together, got more; try again"
        raise HTTPError(429, Refusal("overloaded", "$", detail), _RETRY | _CLOSE)


def _check_room(serving: Serving, n_payments: int, asker: Asker, held: int = 0) -> None:
    """Refuse while nothing can be answered, no more be taken on, or the client has asked too much.

    ``held`` of the payments were counted before, for the same request.
    """
    if not serving.is_ready:
        raise _not_ready()
    if not serving.admission.has_room(n_payments, asker.priority, held):
        raise overloaded(serving)
    now_ns = time.monotonic_ns()
    wait_ns, is_of_all = serving.rates.wait_ns(asker.client, n_payments, now_ns, held)
    if wait_ns:
        who = "all clients together" if is_of_all else "a client"
        limit = serving.rates.together if is_of_all else serving.rates.each
        most, wait_s = f"{limit.rate} payments a second, {limit.burst} at once", wait_ns / 1e9
        detail = f"{who} must ask about at most {most}, got more; try again in {wait_s:.3f} s"
        headers = {"Retry-After": str(-(-wait_ns // 1_000_000_000))}
        raise HTTPError(429, Refusal("rate_limited", "$", detail), headers)


def overloaded(serving: Serving) -> HTTPError:
    """Return the refusal of what is beyond capacity."""
    limit = serving.admission.limit
    detail = f"at most {limit} payments must be under way, none of them late, got more; try again"
    return HTTPError(429, Refusal("overloaded", "$", detail), _RETRY)


async def version_of(serving: Serving, wanted: str) -> Scorer:
    """Return the version whose id begins with ``wanted``, the head where that is empty."""
    if not wanted:
        head = serving.versions.head
        if head is None:
            raise _not_ready()
        return head
    try:
        async with asyncio.timeout(serving.limits.deadline_s):
            version = await serving.version(wanted)
    except TimeoutError:
        raise _late(serving) from None
    except StreamerError as error:
        raise HTTPError(503, Refusal("unavailable", "$", str(error)), _RETRY) from None
    if version is None:
        detail = "version must be the beginning of one stored version's id, got another text"
        raise HTTPError(404, Refusal("unknown_version", "$", detail))
    return version


async def body_of(
    serving: Serving, request: Request, place: Place, *, is_binary: bool = False
) -> bytes:
    """Return the body, which is not read to its end if it is too large, too slow or no JSON.

    What is read of it is held at ``place``.  ``is_binary``: it may be ``application/octet-stream`` too.
    """
    most_bytes = serving.limits.body_bytes
    kind = request.headers.get("content-type", _JSON).partition(";")[0].strip().lower()
    if kind != _JSON and not kind.endswith("+json") and not (is_binary and kind == OCTETS):
        detail = f"Content-Type must be {_JSON}, got another"
        raise HTTPError(415, Refusal("wrong_format", "$", detail), _CLOSE)
    told = request.headers.get("content-length", "")
    if told.isascii() and told.isdigit() and int(told) > most_bytes:
        raise _too_large(most_bytes)
    pieces, n_bytes = [], 0
    try:
        async with body_in_time():
            async for piece in request.stream():
                pieces.append(piece)
                n_bytes += len(piece)
                if n_bytes > most_bytes:
                    raise _too_large(most_bytes)
                hold(serving, n_bytes, place)
    except ClientDisconnect:
        raise HTTPError(GONE, Refusal("gone", "$", "body must be whole")) from None
    return b"".join(pieces)


@asynccontextmanager
async def body_in_time() -> AsyncIterator[None]:
    """Refuse a request whose body is read in this block for too long."""
    try:
        async with asyncio.timeout(_BODY_WITHIN_S):
            yield
    except TimeoutError:
        detail = f"body must come within {_BODY_WITHIN_S:g} s"
        raise HTTPError(408, Refusal("late", "$", detail), _CLOSE) from None


def has_gone(request: Request) -> Callable[[], bool]:
    """Return what tells whether the client has gone; a server that cannot say so cancels who asked."""
    told: Callable[[], bool] = request.scope.get(HAS_GONE, _stays)
    return told


def _stays() -> bool:
    return False


def _too_large(most_bytes: int) -> HTTPError:
    detail = f"body must have at most {most_bytes:,} bytes, got more"
    return HTTPError(413, Refusal("too_large", "$", detail), _CLOSE)


def json_response(
    content: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return ``content`` as JSON."""
    return Response(_encoder.encode(content), status, headers, _JSON)


def is_yes(request: Request, name: str) -> bool:
    """Whether the query of a request says yes to ``name``, no where it is not there."""
    told = request.query_params.get(name, "false").lower()
    if told not in _YES | _NO:
        detail = f"{name} must be true or false, got another text"
        raise HTTPError(400, Refusal("wrong_type", "$", detail))
    return told in _YES
