"""The table: which roles may do which action, and on which condition.

The one source of it: ``ops/policy/data.json``, which OPA decides by, and ``docs/access.md`` are made
from here.  What has no row is denied.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from streamer.access.roles import ROLES, Role
from streamer.errors import InvariantError

__all__ = ["NEEDS", "RULES", "Need", "Rule"]

Need = Literal["", "of_another", "approved"]

NEEDS: Final[dict[Need, str]] = {
    "": "",
    "of_another": "a proposal that somebody else has made",
    "approved": "a proposal that somebody else than its maker has approved",
}
"""The conditions, in words."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may do something: whoever has one of ``roles``, or ``anybody`` who is known."""

    roles: tuple[Role, ...]
    needs: Need = ""
    anybody: bool = False


_EVERY: Final[tuple[Role, ...]] = tuple(ROLES)
_JUDGES: Final[tuple[Role, ...]] = "reviewer", "lead"
_SEE_CARDS: Final[tuple[Role, ...]] = "reviewer", "lead", "auditor"
_SEE_FIGURES: Final[tuple[Role, ...]] = "reviewer", "lead", "model_owner", "auditor"
_RUN: Final[tuple[Role, ...]] = "model_owner", "operator"


def _rows(roles: tuple[Role, ...], *actions: str, needs: Need = "") -> dict[str, Rule]:
    return {action: Rule(roles, needs) for action in actions}


def _table(*parts: dict[str, Rule]) -> dict[str, Rule]:
    table: dict[str, Rule] = {}
    for part in parts:
        if table.keys() & part.keys():
            raise InvariantError("an action must have one row")
        table |= part
    return table


RULES: Final = _table(
    _rows(_SEE_CARDS, "view_queue", "view_alert", "view_card_history", "ask_model"),
    _rows(_SEE_CARDS, "view_snoozes", "search", "export_alert"),
    _rows(_SEE_FIGURES, "view_below", "view_team", "view_budget"),
    _rows(_EVERY, "view_model", "view_proposals", "view_operations"),
    _rows(("lead", "auditor"), "export_card"),
    _rows(("auditor",), "read_audit"),
    _rows(_JUDGES, "claim", "judge", "reopen", "snooze", "end_snooze"),
    _rows(("lead",), "judge_many", "rule", "take_from_others"),
    _rows(("lead",), "snooze_long", needs="approved"),
    _rows(("reviewer", "lead", "model_owner", "operator"), "propose"),
    _rows(("lead", "model_owner"), "approve", needs="of_another"),
    _rows(_RUN, "carry_out", "promote", needs="approved"),
    _rows(("model_owner",), "import_version", needs="approved"),
    _rows(("lead", "model_owner"), "change_policy", needs="approved"),
    _rows(("operator",), "erase", needs="approved"),
    # At once, by who is on call; it is looked at afterwards.
    _rows(_RUN, "roll_back"),
    _rows(("operator",), "manage_users"),
    {"view_help": Rule((), anybody=True), "log_out": Rule((), anybody=True)},
)
"""The row of each action."""
