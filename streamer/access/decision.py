"""Whether something may be done, and why not: the built-in answer, a function of what is asked.

Invariants:
* What is no action of the table, whoever asks and with whatever roles, is denied; so is a role that is
  none.
* Nobody approves what they proposed, and nothing that needs approval rests on its maker's own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from streamer.access.access_rules import RULES, Rule
from streamer.access.actions import ACTIONS
from streamer.access.roles import ROLES

__all__ = ["CODES", "NAME", "Asked", "Decision", "Facts", "code_of", "reason_of"]

NAME: Final = r"^[A-Za-z0-9._@-]{1,64}$"
"""What a person may be called."""

_NAME: Final = re.compile(NAME[1:-1])

CODES: Final = (
    "allowed",
    "no_person",
    "unknown_action",
    "no_role",
    "no_proposal",
    "own_proposal",
    "not_approved",
)
"""Why, in the order in which it is asked; "allowed" where nothing stands against it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the answer depends on beside roles: who proposed it and who approved that, "" for nobody."""

    maker: str = ""
    approver: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question: may ``who``, with these roles, do ``action``?"""

    who: str
    roles: Sequence[str]
    action: str
    facts: Facts = Facts()


@dataclass(frozen=True, slots=True)
class Decision:
    """An answer.  ``id`` is the policy server's where that gave one; ``decided_by`` says who did."""

    id: str
    asked: Asked
    is_allowed: bool
    code: str
    reason: str
    decided_by: str


def code_of(asked: Asked) -> str:
    """Return "allowed", or the first of `CODES` that stands against it.

    >>> code_of(Asked("lea", ["lead"], "approve", Facts(maker="mona")))
    'allowed'
    >>> code_of(Asked("lea", ["lead"], "approve", Facts(maker="Lea")))
    'own_proposal'
    >>> code_of(Asked("lea", ["lead"], "fly")), code_of(Asked("lea", ["chief"], "judge"))
    ('unknown_action', 'no_role')
    """
    if not _NAME.fullmatch(asked.who):
        return "no_person"
    rule = RULES.get(asked.action)
    if rule is None:
        return "unknown_action"
    if not rule.anybody and not set(asked.roles) & set(rule.roles):
        return "no_role"
    return _missing(asked, rule) or "allowed"


def _missing(asked: Asked, rule: Rule) -> str:
    # Two ways to write a name are not two people.
    who, maker, approver = (
        text.lower() for text in (asked.who, asked.facts.maker, asked.facts.approver)
    )
    if not rule.needs:
        return ""
    if not maker:
        return "no_proposal"
    if rule.needs == "of_another":
        return "own_proposal" if maker == who else ""
    return "" if approver not in ("", maker) else "not_approved"


def reason_of(code: str, asked: Asked) -> str:
    """Return why in a sentence, for the person who asked.

    >>> reason_of("no_role", Asked("mona", ["reviewer"], "rule"))
    'Only a lead may rule where two opinions differ; you are reviewer.'
    >>> reason_of("own_proposal", Asked("lea", ["lead"], "approve"))
    'Nobody decides on what they proposed. Ask another.'
    """
    if code == "no_role":
        return _no_role(asked)
    what = ACTIONS[asked.action].words if asked.action in ACTIONS else "do that"
    return {
        "allowed": f"You may {what}.",
        "no_person": "Nobody is known by that name.",
        "unknown_action": "There is no such action.",
        "no_proposal": f"Nobody has proposed it: to {what} needs a proposal first.",
        "own_proposal": "Nobody decides on what they proposed. Ask another.",
        "not_approved": f"To {what} waits until somebody else than who proposed it has approved it.",
    }.get(code, f"The policy of this place does not let you {what}.")


def _no_role(asked: Asked) -> str:
    if asked.action not in RULES:
        return "There is no such action."
    what, roles = ACTIONS[asked.action].words, RULES[asked.action].roles
    told = [f"{'an' if role[0] in 'ao' else 'a'} {_named(role)}" for role in roles]
    yours = [_named(role) for role in asked.roles if role in ROLES]
    return (
        f"Only {' or '.join(told) or 'somebody else'} may {what}; you "
        f"{'are ' + ' and '.join(yours) if yours else 'have no role'}."
    )


def _named(role: str) -> str:
    return role.replace("_", " ")
