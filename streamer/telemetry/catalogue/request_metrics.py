"""Scoring on request: what `streamer serve` is asked, and what it answers from.

No label is a version's id: a head that learns is another version every few seconds.  ``branch`` tells a
canary's answers from the head's, and `serve_model_info` has the two ids of the moment.
"""

from __future__ import annotations

from typing import Final

from streamer.telemetry.family import counted_elsewhere, counter, gauge, histogram, timings

__all__ = ["BRANCHES", "CODES", "DOORS", "RequestMetrics"]

DOORS: Final = ("native", "open_inference", "mlflow", "grpc")
CODES: Final = tuple("200 400 401 404 408 413 415 422 429 499 500 503".split())
"""HTTP's; of gRPC those that its own stand for.  499 is of who went away before the answer: no share of
failed or refused requests counts those, and nobody timed them."""
BRANCHES: Final = ("head", "canary", "named")

_MODES: Final = ("normal", "redis-unavailable")
_DECISIONS: Final = ("alert", "pass", "warming")
_OUTCOMES: Final = ("published", "dropped", "failed")
_BREAKER_STATES: Final = ("closed", "open", "half-open")
# 200 ms is what was agreed, 10 ms what one process keeps at half its capacity.
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5)
_PAYMENTS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_STATE_AGES: Final = (1, 2, 5, 10, 30, 60, 300, 3_600)


class RequestMetrics:
    """Scoring on request, of `streamer serve`"""

    serve_requests = counter(
        "requests",
        "Requests for scores, by door and by their status; 499 where the client had gone before the "
        "answer.",
        *("door", "code"),
        starts=[DOORS, CODES],
    )
    serve_seconds = timings(
        "Time from a request to its answer, by door; without clients that had gone before it.",
        *(_SECONDS, "door", DOORS),
    )
    serve_refused = counter(
        "requests",
        "Requests refused, by door and reason; without clients that had gone.",
        *("door", "reason"),
    )
    serve_unreadable = counter(
        "payments", "Payments that could not be scored, also one of many in a request.", "reason"
    )
    serve_payments_in_flight = gauge(
        "payments",
        "Payments that are being answered; a request that is being read counts as one.",
    )
    serve_body_bytes = gauge("bytes", "Size of all request bodies that are being read or answered.")
    serve_payments_limit = gauge(
        "payments", "The most that are answered at once, STREAMER_SERVE_MAX_IN_FLIGHT."
    )
    serve_request_payments = histogram("payments", "Payments of one request.", _PAYMENTS)
    serve_calls = counted_elsewhere(
        "calls",
        "Calls of the model; answers over calls is how many payments are answered together.",
    )
    serve_answers = counter(
        "payments",
        "Answers, by what they came from, how, and what was decided.",
        *("branch", "mode", "decision"),
        starts=[BRANCHES, _MODES, _DECISIONS],
    )
    serve_state_age_seconds = histogram(
        "seconds", "Age of the oldest card state that a request was answered from.", _STATE_AGES
    )
    serve_decisions = counter(
        "answers",
        "Answers for the decisions topic: published, dropped for want of room, or not taken.",
        "outcome",
        starts=[_OUTCOMES],
    )
    serve_model_info = gauge(
        "1",
        "Always 1; says which version answers now. It is another one after each checkpoint that "
        "learned.",
        *("branch", "model_version"),
    )
    serve_model_age_seconds = gauge(
        "seconds", "Age of the version that answers: without payments no newer one is made."
    )
    serve_model_unread_seconds = gauge(
        "seconds", "Time since Redis last said which version is the head; one second is usual."
    )
    serve_ready = gauge("0 or 1", "1 while a question can be answered; /readyz says why it is not.")
    serve_redis_breaker_state = gauge(
        "0 or 1",
        "1 for the state of the circuit breaker: open means that Redis is not even asked.",
        "state",
        starts=[_BREAKER_STATES],
    )
