"""An entry of the audit topic: who did or saw what, sealed into the chain of the process that tells it.

Invariants:
* A hash is over the bytes that are stored, with the hash of the entry before: whoever alters, drops or
  moves an entry alters what its successor, or the head that is kept elsewhere, says of it.
* What is of a card stands in ``card`` alone.  There it can be a text that only a key of that card
  opens; with the key gone the entry says no more of whom, and its chain is as whole as before.
* No entry has a secret, and nothing that was typed goes in with a card's number.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import msgspec

from streamer.contract.card_numbers import without_card_numbers
from streamer.store import rfc3339

__all__ = [
    "ACTIONS",
    "BEGINNING",
    "Action",
    "Actor",
    "AuditEntry",
    "Card",
    "Head",
    "Link",
    "Outcome",
    "Sealed",
    "Subject",
    "Told",
    "audit_schema",
    "sealed",
    "split_value",
]

Action = Literal[
    # Views of card data.
    "view queue",
    "view alert",
    "view wave",
    "view snoozed",
    "view below",
    "view dead letters",
    "view messages",
    "view lessons",
    "recompute",
    "ask",
    "explain",
    "export",
    "print",
    "search",
    "export audit",
    # Of reviewers.
    "open",
    "open failed",
    "release",
    "take",
    "take failed",
    "reopen",
    "reopen failed",
    "verdict",
    "undo",
    "second opinion",
    "ruling",
    "snooze",
    "snooze ended",
    # Of what the service goes by.
    "propose",
    "approved",
    "declined",
    "carry out",
    "promote",
    "canary",
    "roll back",
    "import",
    "pull",
    "policy",
    "challenger started",
    "challenger stopped",
    "retrain",
    "reset partition",
    "erase",
    "replay dead letters",
    # Of local accounts.
    "user added",
    "user disabled",
    "user enabled",
    "user role",
    "user password",
    # Of people at the door.
    "login",
    "logout",
    "login refused",
    "login limited",
    "denied",
    # Of the chain itself.
    "anchor",
    "not stored",
]
ACTIONS: Final[tuple[Action, ...]] = get_args(Action)
"""All there are, each with what the docs page says of it."""

Outcome = Literal["granted", "done", "refused", "failed"]
"""``granted``: it was allowed, and goes ahead now.  ``failed``: it was granted and did not happen."""

# Of details: made by programs.
_IDS: Final = frozenset({"id", "alerts"})
# Ids that programs made, by their forms.  An alert's is a place in Kafka: in one that is typed so, a
# card's number would stand in a partition of four digits and an offset of eleven.
_OURS: Final = re.compile(
    r"(?:erasure: )?erase-[0-9a-f]{24}"
    r"|[A-Za-z._-]*[A-Za-z][0-9]{0,2}-(?:0|[1-9][0-9]{0,3})-(?:0|[1-9][0-9]{0,10})(?:@[0-9]{1,6})?"
)
BEGINNING: Final = "0" * 64
"""What stands for the hash before a chain's first entry."""

_TAIL: Final = re.compile(rb',"hash":"([0-9a-f]{64})"\}')
_TAIL_BYTES: Final = 75


class Actor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who acts; ``by`` is how it is known who they are.

    ``password``: the login here; ``session``: one that began so.  ``proxy``: a trusted proxy says it.
    ``oidc``: an OpenID Connect provider let them in, also for what they did since.
    """

    name: str
    by: Literal["password", "session", "proxy", "oidc", "operating system", "nothing", "itself"]
    role: str = ""
    address: str = ""


class Subject(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is acted upon."""

    kind: str
    id: str = ""


class Card(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an entry says of a card and who holds it; ``comment`` is what somebody wrote of it."""

    id: str
    transaction_id: str = ""
    comment: str = ""


class Link(msgspec.Struct, frozen=True):
    """The head of another process's chain, as it was known when the entry was made."""

    writer: str
    sequence: int
    hash: str
    at_ms: int


class Head(msgspec.Struct, frozen=True):
    """The last entry of a chain that Kafka has acknowledged; ``at_ms`` is its time."""

    sequence: int
    hash: str
    at_ms: int


class Told(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What an entry says.  A text as ``card`` is sealed under the key of one card.

    ``decision_id`` is that of the policy engine which allowed it.
    """

    actor: Actor
    action: Action
    subject: Subject | None = None
    card: Card | str | None = None
    outcome: Outcome = "granted"
    decision_id: str = ""
    details: dict[str, str] = {}

    def fit(self) -> Told:
        """Return it with no card's number in what people typed, or in an address that they asked for.

        Ids that programs made stay as they are: by one with stars in it nobody would find anything.
        """
        card, subject = self.card, self.subject
        if isinstance(card, Card) and card.comment:
            card = msgspec.structs.replace(card, comment=without_card_numbers(card.comment))
        details = {
            name: text if name in _IDS else _without_numbers(text)
            for name, text in self.details.items()
        }
        if subject is not None:
            subject = Subject(*map(_without_numbers, (subject.kind, subject.id)))
        actor = msgspec.structs.replace(self.actor, name=without_card_numbers(self.actor.name))
        return msgspec.structs.replace(
            self, actor=actor, card=card, subject=subject, details=details
        )


def _without_numbers(text: str) -> str:
    """Return a text without cards' numbers; an id of ours may have the digits of one by chance."""
    return text if _OURS.fullmatch(text) else without_card_numbers(text)


class AuditEntry(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One entry; ``at`` is RFC 3339, ``sequence`` counts from 0 in the chain of ``writer``.

    ``previous_at`` is the time of the entry before: where that is there no more, it tells whether it
    was old enough to go by itself.
    """

    writer: str
    sequence: int
    previous: str
    previous_at: str = ""
    at: str
    actor: Actor
    action: Action
    subject: Subject | None = None
    card: Card | str | None = None
    outcome: Outcome = "granted"
    decision_id: str = ""
    details: dict[str, str] = {}
    heads: list[Link] = []

    @classmethod
    def of(
        cls,
        told: Told,
        *,
        writer: str,
        before: Head | None,
        at: str,
        heads: list[Link],
    ) -> AuditEntry:
        """Return what was told as the entry of a chain after that of ``before``, None for none."""
        return cls(
            writer=writer,
            sequence=0 if before is None else before.sequence + 1,
            previous=BEGINNING if before is None else before.hash,
            previous_at="" if before is None else rfc3339(before.at_ms),
            at=at,
            heads=heads,
            actor=told.actor,
            action=told.action,
            subject=told.subject,
            card=told.card,
            outcome=told.outcome,
            decision_id=told.decision_id,
            details=told.details,
        )


@dataclass(frozen=True, slots=True)
class Sealed:
    """The bytes of an entry as they are stored, and their hash in hexadecimal digits."""

    value: bytes
    hash: str


def sealed(entry: AuditEntry) -> Sealed:
    """Return the entry as it is stored: JSON whose last field is the SHA-256 of all before it."""
    body = msgspec.json.encode(entry)
    digest = hashlib.sha256(body).hexdigest()
    return Sealed(body[:-1] + b',"hash":"' + digest.encode() + b'"}', digest)


def audit_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of an entry as it is stored, with its hash."""
    schema = msgspec.json.schema(AuditEntry)
    entry = schema["$defs"]["AuditEntry"]
    entry["properties"]["hash"] = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
    entry["required"].append("hash")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def split_value(value: bytes) -> tuple[bytes, str] | None:
    """Return the bytes that were hashed and the hash that is stored with them, None for another form.

    >>> body, digest = split_value(b'{"a":1,"hash":"' + b"0" * 64 + b'"}')
    >>> body, digest == BEGINNING
    (b'{"a":1}', True)
    """
    tail = _TAIL.fullmatch(value[-_TAIL_BYTES:])
    return None if tail is None else (value[:-_TAIL_BYTES] + b"}", tail[1].decode())
