"""Decides what may be done: by OPA where one is set up, else by the built-in table.

Invariants:
* What the table asks of a second person no policy can take away: OPA says which roles may do what.
* While OPA does not answer, nothing is changed and nothing handed out.  What only looks is decided by
  the built-in table, and says so: whoever answers for the service must be able to see what is wrong.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Final

from streamer.access.access_rules import RULES
from streamer.access.actions import ACTIONS
from streamer.access.decision import Asked, Decision, code_of, reason_of
from streamer.access.opa import Opa
from streamer.access.roles import ROLES
from streamer.errors import UnavailableError

__all__ = ["BUILT_IN", "BUILT_IN_MEANWHILE", "OPA", "OPA_AWAY", "Guard"]

BUILT_IN: Final = "built in"
OPA: Final = "opa"
BUILT_IN_MEANWHILE: Final = "built in, opa away"
"""Who decided."""

OPA_AWAY: Final = "opa_away"
"""The code of what is denied because OPA does not answer."""


class Guard:
    """Answers every question, and hands each answer to ``told``."""

    def __init__(self, opa: Opa | None, told: Callable[[Decision], None]) -> None:
        self.opa = opa
        self._told = told

    async def decide(self, asked: Asked) -> Decision:
        """Return whether it may be done."""
        decision = await self._decided(asked, uuid.uuid4().hex)
        self._told(decision)
        return decision

    async def may(self, asked: Asked) -> bool:
        """Whether it might be done: asked for what a page offers, and told to nobody."""
        return (await self._decided(asked, uuid.uuid4().hex)).is_allowed

    async def close(self) -> None:
        """End the connections to OPA."""
        if self.opa is not None:
            await self.opa.close()

    async def _decided(self, asked: Asked, own_id: str) -> Decision:
        rule = RULES.get(asked.action)
        floor = code_of(Asked(asked.who, list(ROLES), asked.action, asked.facts))
        if self.opa is None or rule is None or rule.anybody or floor != "allowed":
            return _built_in(asked, own_id, BUILT_IN)
        try:
            said = await self.opa.ask(asked, own_id)
        except UnavailableError:
            if not ACTIONS[asked.action].fails_closed:
                return _built_in(asked, own_id, BUILT_IN_MEANWHILE)
            reason = (
                "The policy server does not answer, and nothing is changed or handed out until it "
                "does. Try again in a minute; if it lasts, tell those who run the service."
            )
            return Decision(own_id, asked, False, OPA_AWAY, reason, BUILT_IN_MEANWHILE)
        code = "allowed" if said.is_allowed else said.code.replace("allowed", "") or "denied"
        reason = said.reason or reason_of(code, asked)
        return Decision(said.id or own_id, asked, said.is_allowed, code, reason, OPA)


def _built_in(asked: Asked, own_id: str, decided_by: str) -> Decision:
    code = code_of(asked)
    return Decision(own_id, asked, code == "allowed", code, reason_of(code, asked), decided_by)
