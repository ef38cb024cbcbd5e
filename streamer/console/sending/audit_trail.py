"""What people did and saw in the console, on its process's chain of the audit topic.

What changes something is acknowledged by Kafka before it is done (`Trail.acknowledged`), so that
nothing is done that the topic does not have; what only looks is kept in Redis before it is shown
(`Trail.noted`), so that no page waits for Kafka and none is forgotten.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from streamer.audit.audit_entry import Action, Actor, Card, Outcome, Subject, Told
from streamer.audit.audit_writer import AuditWriter
from streamer.audit.kept_heads import KeptHeads
from streamer.console.people.accounts import Account, KnownBy
from streamer.errors import UnavailableError
from streamer.settings import Settings
from streamer.store.client import Client

__all__ = ["Acting", "Entry", "Trail"]

_DETAILS: Final = "verdict", "overrules", "holder", "subject", "id"
_OUTCOMES: Final[dict[Action, Outcome]] = {
    "login": "done",
    "logout": "done",
    "login refused": "refused",
    "login limited": "refused",
    "denied": "refused",
    "open failed": "failed",
    "take failed": "failed",
    "reopen failed": "failed",
}


class Entry(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One action.  ``id`` is the same where the same is tried again; ``alerts`` are those of a list.

    ``by`` is how it is known who acts; whoever logs in here does so by a password.  Without an
    ``outcome`` it is that of the action: as a rule it is granted, and goes ahead.
    """

    action: Action
    who: str
    role: str = ""
    by: KnownBy = "session"
    alert_id: str = ""
    card_id: str = ""
    transaction_id: str = ""
    alerts: Sequence[str] = ()
    verdict: str = ""
    overrules: str = ""
    comment: str = ""
    holder: str = ""
    subject: str = ""
    address: str = ""
    decision_id: str = ""
    outcome: Outcome | None = None
    id: str = ""

    def told(self) -> Told:
        """Return it as an entry of the audit topic."""
        details = {name: text for name in _DETAILS if (text := getattr(self, name))}
        if self.alerts:
            details["alerts"] = " ".join(self.alerts)
        card = None
        if self.card_id:
            card = Card(self.card_id, self.transaction_id, self.comment)
        elif self.comment:
            details["comment"] = self.comment
        return Told(
            actor=self._actor(),
            action=self.action,
            subject=Subject("alert", self.alert_id) if self.alert_id else None,
            card=card,
            outcome=self.outcome or _OUTCOMES.get(self.action, "granted"),
            decision_id=self.decision_id,
            details=details,
        )

    def _actor(self) -> Actor:
        if self.action in ("login refused", "login limited"):
            return Actor(self.who, "nothing", self.role, self.address)
        is_password = self.action == "login" and self.by == "session"
        return Actor(self.who, "password" if is_password else self.by, self.role, self.address)


@dataclass(frozen=True, slots=True)
class Acting:
    """Who acts, and the id of the decision that let them."""

    account: Account
    decision_id: str = ""

    def entry(self, action: Action, **told: Any) -> Entry:
        """Return an entry of what they do."""
        account = self.account
        return Entry(
            action=action,
            who=account.name,
            role=account.role,
            by=account.by,
            decision_id=self.decision_id,
            **told,
        )


class Trail:
    """The chain of one console; ``now_ms`` is when something is told."""

    def __init__(self, settings: Settings, client: Client, now_ms: Callable[[], int]) -> None:
        self._settings, self._kept, self._now_ms = settings, KeptHeads(client), now_ms
        self.writer: AuditWriter | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Write meanwhile, and look after what others left."""
        self.writer = AuditWriter(self._settings, self._kept, "console", self._now_ms)
        async with self.writer.running():
            yield

    async def acknowledged(self, entry: Entry) -> None:
        """Write an entry and wait for Kafka; `UnavailableError` where it does not take it."""
        await self._open().stored(entry.told())

    async def noted(self, *entries: Entry) -> None:
        """Write entries that cannot be lost any more; `UnavailableError` where Redis is away."""
        await self._open().noted(*(each.told() for each in entries))

    def _open(self) -> AuditWriter:
        if self.writer is None:
            raise UnavailableError("the console is not running")
        return self.writer
