"""Whether who runs a command may do what it does, asked as the console asks.

Only where STREAMER_COMMAND_ROLES says which roles the users of this machine have: then a command is an
action of the same table, and what needs a second person needs a proposal that another has approved.
It holds whoever cannot change that variable, such as who starts commands by way of a scheduler or sudo;
who has a shell with access to Redis and Kafka is held by the access lists of those alone.
"""

from __future__ import annotations

import asyncio
import os
import pwd
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from streamer.cli.carrying_out import proposal_of, used
from streamer.errors import ConfigurationError, StreamerError
from streamer.settings import Settings

if TYPE_CHECKING:
    from streamer.access.decision import Decision, Facts
    from streamer.store.proposals import Proposal

__all__ = ["asks_for_a_proposal", "of_version", "permitted"]

asks_for_a_proposal = click.option(
    "--proposal",
    "proposal_id",
    default="",
    metavar="ID",
    help="The approved proposal that this carries out, as the console's page of them names it; needed "
    "where STREAMER_COMMAND_ROLES is set.",
)
"""The option of a command that may need one."""


def permitted(
    settings: Settings,
    action: str,
    proposal_id: str = "",
    fault: Callable[[Proposal], str] = lambda _: "",
) -> str:
    """Return the id of the decision that lets a command go on, "" where nobody is asked.

    ``fault`` says why a proposal is of something else, "" where it is not.  Raises where it may not be
    done: that is on the audit topic, or at least in Redis.
    """
    proposal = proposal_of(settings, proposal_id)
    told = "" if proposal is None else used(proposal) or fault(proposal)
    if told:
        raise ConfigurationError(f"--proposal must be of what is done, but {told}")
    if not settings.command_roles:
        return ""
    from streamer.access.decision import Facts

    facts = Facts()
    if proposal is not None:
        is_approved = proposal.is_approved and not proposal.is_unsent
        approver = proposal.decided_by if is_approved else ""
        facts = Facts(maker=proposal.proposed_by, approver=approver)
    decided = [_decided(settings, action, facts)]
    if proposal is not None:
        decided.append(_decided(settings, "carry_out", facts))
    for each in decided:
        if not each.is_allowed:
            _deny(settings, each)
    return decided[0].id


def of_version(kind: str, version: str, proposal: Proposal) -> str:
    """Return why a proposal is not of a version or its beginning, "" where it is."""
    if proposal.kind != kind:
        return f"it is a {proposal.kind}"
    is_of_it = proposal.version.startswith(version)
    return "" if is_of_it else f"it is of version {proposal.version[:12]}"


def _decided(settings: Settings, action: str, facts: Facts) -> Decision:
    from streamer.access.decision import Asked
    from streamer.access.guard import OPA_AWAY, Guard
    from streamer.access.opa import Opa
    from streamer.settings.group_roles import group_roles

    user = _user()
    roles = group_roles(settings.command_roles).get(user, ())
    asked = Asked(user, roles, action, facts)

    async def ask() -> Decision:
        url = settings.opa_url
        token, within_s = settings.opa_token_file, settings.opa_timeout_s
        opa = None if url is None else Opa(url, within_s, token, namespace=settings.namespace)
        guard = Guard(opa, lambda _: None)
        try:
            found = await guard.decide(asked)
            # Going back must not wait for anybody.
            if found.code == OPA_AWAY and action == "roll_back":
                found = await Guard(None, lambda _: None).decide(asked)
        finally:
            await guard.close()
        return found

    return asyncio.run(ask())


def _deny(settings: Settings, decision: Decision) -> None:
    from streamer.cli.operator import seen

    asked = decision.asked
    details: dict[str, str] = {"subject": f"{asked.action}: {decision.code}"}
    try:
        seen(settings, "denied", ("action", asked.action), details, decision_id=decision.id)
    except StreamerError as error:
        click.echo(f"streamer: the denial is not on the audit topic: {error}", err=True)
    raise StreamerError(f"{decision.reason} Nothing was done: decision {decision.id}")


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        raise ConfigurationError(
            f"user {os.getuid()} must have a name, so that STREAMER_COMMAND_ROLES can name them"
        ) from None
