"""What a route is asked as: each declares its action, and all are decided in one place.

Invariants:
* A route without a gate cannot be made; one that anybody may ask, logged in or not, says `PUBLIC`.
* A handler runs only once its gate has been opened for who asks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.routing import Route

from streamer.access.decision import Asked, Decision, Facts
from streamer.access.guard import OPA_AWAY, Guard
from streamer.console.people.accounts import Account
from streamer.errors import InvariantError

__all__ = ["PUBLIC", "Gate", "GatedRoute", "status_of"]

# Of a visit: the action that it is in this case, and what its answer depends on.
About = Callable[[Any], Awaitable[tuple[str, Facts]]]


@dataclass(frozen=True, slots=True)
class Gate:
    """``about`` tells which of ``actions`` a visit is, and on what its answer depends."""

    actions: Sequence[str]
    about: About | None = None

    async def decide(self, guard: Guard, account: Account, visit: Any) -> Decision:
        """Return whether somebody may do what the visit asks for."""
        action, facts = self.actions[0], Facts()
        if self.about is not None:
            action, facts = await self.about(visit)
        if action not in self.actions:
            raise InvariantError(f"action must be one of {self.actions}, got {action}")
        return await guard.decide(Asked(account.name, account.roles, action, facts))


PUBLIC: Final = Gate(())
"""Of what anybody is answered, logged in or not."""


class GatedRoute(Route):
    """A route with its gate."""

    def __init__(self, path: str, endpoint: Any, methods: list[str], gate: Gate) -> None:
        super().__init__(path, endpoint, methods=methods)
        self.gate = gate


def status_of(decision: Decision) -> int:
    """Return the status of a refusal: what is away may come back, what nobody proposed is nowhere."""
    return {OPA_AWAY: 503, "no_proposal": 404}.get(decision.code, 403)
