"""What somebody proposes and another decides: kept until it is decided, and a while longer.

Invariants:
* A proposal is decided once, and never by who made it, however they write their name.
* The same form sent again is the same proposal.
* What was approved is carried out once: whoever is to do it notes it first.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from streamer.store.client import Client, Pipe, asked
from streamer.store.snoozes import Snooze

__all__ = ["Decided", "Proposal", "ProposalKind", "ProposalState", "Proposals"]

ProposalKind = Literal["promotion", "rollback", "policy", "import", "snooze", "erase"]
ProposalState = Literal["open", "approved", "declined"]

# Beyond so many the oldest that is decided makes room, and where all are open nothing new is taken.
_MOST: Final = 200


class Proposal(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One proposal.  ``id`` is that of the form it came by.

    Of a model ``version`` is proposed, and ``head`` was in use; of the policy ``changes`` are, as
    ``NAME=VALUE``, and ``head`` is the policy that was in force.  Of a snooze ``head`` is the alert,
    and ``snooze`` what is put off for ``days`` once it is carried out: that has a card, and stays here.
    Of a card to be forgotten nothing is told but its id here (`streamer.store.erasures`).
    ``user`` is who it was made as by a command: the user of the machine, "" in the console.
    ``is_unsent``: its last step is kept here, and Kafka has not acknowledged it.
    """

    id: str
    kind: ProposalKind
    head: str
    version: str = ""
    changes: list[str] = []
    reason: str
    proposed_by: str
    proposed_ms: int
    state: ProposalState = "open"
    decided_by: str = ""
    decided_ms: int = 0
    remark: str = ""
    is_unsent: bool = False
    snooze: Snooze | None = None
    days: int = 0
    carried_by: str = ""
    carried_ms: int = 0
    user: str = ""

    def is_of(self, who: str) -> bool:
        """Whether ``who`` made it, however they write their name, or however a machine calls them."""
        return bool(who) and who.lower() in (self.proposed_by.lower(), self.user.lower())

    @property
    def is_approved(self) -> bool:
        """Whether somebody else than who made it has approved it."""
        is_by_another = bool(self.decided_by) and not self.is_of(self.decided_by)
        return self.state == "approved" and is_by_another

    def message(self) -> bytes:
        """Return it as the proposals topic has it: without a card."""
        return msgspec.json.encode(msgspec.structs.replace(self, is_unsent=False, snooze=None))


@dataclass(frozen=True, slots=True)
class Decided:
    """What has become of a decision.

    ``done``: it stands, also where the same was decided before.  ``own``: nobody decides on what they
    proposed.  ``closed``: another decision stands.  ``gone``: there is no such proposal.
    """

    outcome: Literal["done", "own", "closed", "gone"]
    proposal: Proposal | None = None


@dataclass(frozen=True, slots=True)
class Proposals:
    """Each method raises `UnavailableError` where Redis is away."""

    client: Client

    async def all(self) -> list[Proposal]:
        """Return the proposals, the newest first."""
        [stored] = await self.client.pipelined([("HVALS", self._key)], atomic=False)
        found = [msgspec.json.decode(each, type=Proposal) for each in stored]
        return sorted(found, key=lambda each: (-each.proposed_ms, each.id))

    async def get(self, proposal_id: str) -> Proposal | None:
        """Return a proposal, None where there is none of that id."""
        [stored] = await self.client.pipelined([("HGET", self._key, proposal_id)], atomic=False)
        return None if stored is None else msgspec.json.decode(stored, type=Proposal)

    async def put(self, proposal: Proposal) -> Proposal | None:
        """Keep a proposal, and return what is kept under its id; None where there is no room."""
        erasures = self.client.keys.erasures

        async def attempt(pipe: Pipe) -> Proposal | None:
            stored = await asked(pipe, "HVALS", self._key)
            kept = [msgspec.json.decode(each, type=Proposal) for each in stored]
            same = next((each for each in kept if each.id == proposal.id), None)
            if same is not None:
                return same
            under_way = {name.decode() for name in await asked(pipe, "HKEYS", erasures)}
            may_leave = [each for each in kept if _may_leave(each, under_way)]
            leaving = min(may_leave, key=_by_use, default=None)
            if len(kept) >= _MOST and leaving is None:
                return None
            pipe.multi()
            if len(kept) >= _MOST and leaving is not None:
                pipe.execute_command("HDEL", self._key, leaving.id)
            begun = msgspec.structs.replace(proposal, is_unsent=True)
            pipe.execute_command("HSET", self._key, proposal.id, msgspec.json.encode(begun))
            return begun

        return await self.client.transact([self._key, erasures], attempt)

    async def outcome_of(self, proposal_id: str, state: ProposalState, who: str) -> Decided:
        """Return what would become of a decision, and change nothing."""
        return _outcome(await self.get(proposal_id), state, who)

    async def decide(
        self, proposal_id: str, state: ProposalState, who: str, now_ms: int, remark: str
    ) -> Decided:
        """Approve or decline a proposal of somebody else's that is open."""

        async def attempt(pipe: Pipe) -> Decided:
            stored = await asked(pipe, "HGET", self._key, proposal_id)
            known = None if stored is None else msgspec.json.decode(stored, type=Proposal)
            told = _outcome(known, state, who)
            found = told.proposal
            if told.outcome != "done" or found is None or found.state != "open":
                return told
            decided = msgspec.structs.replace(
                found,
                state=state,
                decided_by=who,
                decided_ms=now_ms,
                remark=remark,
                is_unsent=True,
                # Of what is declined nobody needs who was to be put off.
                snooze=None if state == "declined" else found.snooze,
            )
            pipe.multi()
            pipe.execute_command("HSET", self._key, proposal_id, msgspec.json.encode(decided))
            return Decided("done", decided)

        return await self.client.transact([self._key], attempt)

    async def carried_out(self, proposal_id: str, who: str, now_ms: int) -> Proposal | None:
        """Note that somebody carries out what was approved; None where that is not to be done."""

        async def attempt(pipe: Pipe) -> Proposal | None:
            stored = await asked(pipe, "HGET", self._key, proposal_id)
            found = None if stored is None else msgspec.json.decode(stored, type=Proposal)
            if found is None or not found.is_approved or found.is_unsent or found.carried_by:
                return None
            done = msgspec.structs.replace(
                found, carried_by=who, carried_ms=now_ms, is_unsent=True, snooze=None
            )
            pipe.multi()
            pipe.execute_command("HSET", self._key, proposal_id, msgspec.json.encode(done))
            return done

        return await self.client.transact([self._key], attempt)

    async def acknowledged(self, sent: Proposal) -> None:
        """Note that Kafka has a step, unless another one has been taken since."""

        async def attempt(pipe: Pipe) -> None:
            stored = await asked(pipe, "HGET", self._key, sent.id)
            if stored is None or msgspec.json.decode(stored, type=Proposal) != sent:
                return
            value = msgspec.json.encode(msgspec.structs.replace(sent, is_unsent=False))
            pipe.multi()
            pipe.execute_command("HSET", self._key, sent.id, value)

        await self.client.transact([self._key], attempt)

    @property
    def _key(self) -> str:
        return self.client.keys.review("proposals")


def _may_leave(proposal: Proposal, under_way: Collection[str]) -> bool:
    """Whether one may make room: a card's that was approved goes on until the card is forgotten.

    ``under_way`` are the erasures whose card is known still: of another there is nothing to do.
    """
    is_to_do = proposal.is_approved and not proposal.carried_by
    return proposal.state != "open" and not (is_to_do and proposal.id in under_way)


def _by_use(proposal: Proposal) -> tuple[bool, int]:
    """Return what orders those that make room: what is still to be carried out comes last."""
    is_to_do = proposal.is_approved and not proposal.carried_by
    return is_to_do, proposal.decided_ms


def _outcome(found: Proposal | None, state: ProposalState, who: str) -> Decided:
    if found is None:
        return Decided("gone")
    if found.state != "open":
        is_same = (found.state, found.decided_by) == (state, who)
        return Decided("done" if is_same else "closed", found)
    return Decided("own" if found.is_of(who) else "done", found)
