"""The roles of people, and what each is for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, get_args

__all__ = ["ROLES", "Role", "ordered", "roles_in", "roles_text"]

Role = Literal["reviewer", "lead", "model_owner", "auditor", "operator"]

ROLES: Final[dict[Role, str]] = {
    "reviewer": "judges alerts",
    "lead": "judges what others cannot, and answers for the queue",
    "model_owner": "answers for what scores: versions and policy",
    "auditor": "sees what was done and by whom, and changes nothing",
    "operator": "keeps the service running, and sees no card",
}
"""Each with what somebody in it does."""


def roles_in(text: str) -> tuple[Role, ...] | None:
    """Return the roles that are listed by commas, in the order of `ROLES`; None where one is none.

    >>> roles_in("lead,reviewer")
    ('reviewer', 'lead')
    >>> roles_in("chief"), roles_in("")
    (None, None)
    """
    named = {each.strip() for each in text.split(",")}
    return ordered(named) if named <= set(ROLES) else None


def roles_text(roles: Iterable[str]) -> str:
    """Return roles as they are written in a file or an entry.

    >>> roles_text({"lead", "reviewer"})
    'reviewer,lead'
    """
    return ",".join(ordered(set(roles)))


def ordered(named: set[str]) -> tuple[Role, ...]:
    """Return those of ``named`` that are roles, in the order of `ROLES`."""
    return tuple(role for role in get_args(Role) if role in named)
