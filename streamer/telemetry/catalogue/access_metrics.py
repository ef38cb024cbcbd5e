"""What people were allowed to do and denied, and whether the policy server answers."""

from __future__ import annotations

from typing import Final

from streamer.telemetry.family import counter, gauge

__all__ = ["AccessMetrics"]

_ANSWERS: Final = ("allowed", "denied")
# Others begin with the first login that is refused so.
_LOGINS: Final = ("in", "away")
_DECIDERS: Final = ("built in", "opa", "built in, opa away")


class AccessMetrics:
    """Access, of `streamer console`"""

    access_decisions = counter(
        "decisions",
        "Decisions on what somebody may do, by answer and by who decided.",
        "answer",
        "decided_by",
        starts=[_ANSWERS, _DECIDERS],
    )
    oidc_logins = counter(
        "logins",
        "Logins by OpenID Connect, by outcome: in, or why not.",
        "outcome",
        starts=[_LOGINS],
    )
    opa_up = gauge(
        "0 or 1",
        "1 if Open Policy Agent answered the last question with yes or no, or none is set up; else "
        "0.",
    )
