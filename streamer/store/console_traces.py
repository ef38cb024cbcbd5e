"""What the console's part of Redis has of one card: found, and let go of.

Found by reading all of it: what is kept under an alert's id says nothing of the card by itself.

Invariants:
* Of an alert of the card nothing is left that a page shows; that its id has come is remembered
  (`open_alerts`), or the next reading of the topic would bring it back.
* Counts of how many came and were judged stay as they are.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from streamer.contract.messages import Alert
from streamer.errors import InvariantError
from streamer.store.card_alerts import card_key
from streamer.store.client import Client, Pipe, asked
from streamer.store.judged_alerts import JudgedAlert
from streamer.store.proposals import Proposal
from streamer.store.snoozes import Snooze
from streamer.store.twice_judged import Pair
from streamer.store.wave_claims import Joint

__all__ = ["ConsoleTraces", "erase_console_traces", "find_console_traces"]

_SCANNED: Final = 1_000
_AT_ONCE: Final = 200
_OF_ALERT: Final = ("alert", "looked", "verdict", "claim", "sending", "twice")
_OF_PEOPLE: Final = ("claims", "ticks")
_decoder: Final = msgspec.json.Decoder(Alert)


@dataclass(slots=True)
class ConsoleTraces:
    """What was found.  ``alerts`` are messages by id; ``kept`` what is under the ids, by key.

    ``card_keys`` have what is noted under the card, ``entries`` those of the logs `judged` and `pairs`
    by their ids there, ``snoozes`` are by name, ``joint`` verdicts on several alerts by key, ``held``
    the sets that name alerts of the card as somebody's, ``n_open`` those in the queue, ``proposals`` by
    id those to put it off.
    """

    alert_ids: set[str] = field(default_factory=set)
    alerts: dict[str, Alert] = field(default_factory=dict)
    kept: dict[str, bytes] = field(default_factory=dict)
    card_keys: dict[str, list[bytes]] = field(default_factory=dict)
    entries: dict[str, list[tuple[str, bytes]]] = field(default_factory=dict)
    snoozes: dict[str, bytes] = field(default_factory=dict)
    proposals: dict[str, bytes] = field(default_factory=dict)
    joint: dict[str, bytes] = field(default_factory=dict)
    held: dict[str, list[str]] = field(default_factory=dict)
    n_open: int = 0

    @property
    def n(self) -> int:
        """How many keys, fields, entries and members there are of the card."""
        listed = sum(map(len, self.card_keys.values())) + sum(map(len, self.entries.values()))
        named = sum(map(len, self.held.values())) + len(self.snoozes) + len(self.joint)
        named += len(self.proposals)
        return len(self.kept) + self.n_open + listed + named


async def find_console_traces(
    client: Client, names: Collection[str], alert_ids: Collection[str] = ()
) -> ConsoleTraces:
    """Return what there is of the card that is called ``names``; ``alert_ids`` are known to be its."""
    keys, found = client.keys, ConsoleTraces(alert_ids=set(alert_ids))
    places = await _names_of(client)
    await _find_alerts(client, found, names, places.get("alert", []))
    await _find_rows(client, found, names)
    for name in names:
        [noted] = await client.pipelined([("ZRANGE", card_key(keys, name), 0, -1)], atomic=False)
        if noted:
            found.card_keys[card_key(keys, name)] = noted
    ids = sorted(found.alert_ids)
    of_ids = [keys.review(name, each) for name in _OF_ALERT for each in ids]
    for some in _pieces(of_ids):
        [values] = await client.pipelined([("MGET", *some)], atomic=False)
        found.kept |= {key: value for key, value in zip(some, values, strict=True) if value}
    await _find_entries(client, found)
    [stored] = await client.pipelined([("HGETALL", keys.review("snoozes"))], atomic=False)
    for name, value in stored.items():
        snooze = msgspec.json.decode(value, type=Snooze)
        if _is_of_card(snooze, found, names):
            found.snoozes[name.decode()] = value
    [stored] = await client.pipelined([("HGETALL", keys.review("proposals"))], atomic=False)
    for proposal_id, value in stored.items():
        wanted = msgspec.json.decode(value, type=Proposal).snooze
        if wanted is not None and _is_of_card(wanted, found, names):
            found.proposals[proposal_id.decode()] = value
    await _find_joint(client, found, places)
    return found


async def erase_console_traces(client: Client, found: ConsoleTraces) -> None:
    """Let go of what was found, in one step, and remember that its alerts have come.

    Of proposals and snoozes it is let go first, since a decision may come in between.
    """
    keys = client.keys
    await _strip_proposals(client, sorted(found.proposals))
    await _strip_snoozes(client, found)
    ids = sorted(found.alert_ids)
    commands: list[tuple[Any, ...]] = []
    now_ms = time.time_ns() // 1_000_000
    for some in _pieces(ids):
        # A console that is behind has not read all of them yet, and must not bring them back.
        scored = [part for each in some for part in (now_ms, each)]
        commands.append(("ZADD", keys.review("known"), "NX", *scored))
        commands += [("ZREM", keys.review(name), *some) for name in ("ranked", "arrived", "twices")]
        commands.append(("HDEL", keys.review("rows"), *some))
    gone = [*found.kept, *found.card_keys, *found.joint]
    commands += [("DEL", *some) for some in _pieces(gone)]
    for key, entries in found.entries.items():
        commands += [("XDEL", key, *some) for some in _pieces([each for each, _ in entries])]
    commands += [("SREM", key, *members) for key, members in found.held.items()]
    await client.pipelined(commands, atomic=True)


async def _strip_snoozes(client: Client, found: ConsoleTraces) -> None:
    """Let go of a card's snoozes, and of what a merchant's have of the card's alerts: as they are by
    now, since somebody may have put the merchant off anew, or let it come again."""
    key, names = client.keys.review("snoozes"), sorted(found.snoozes)

    async def attempt(pipe: Pipe) -> None:
        stored = await asked(pipe, "HMGET", key, *names)
        pipe.multi()
        for name, value in zip(names, stored, strict=True):
            snooze = None if value is None else msgspec.json.decode(value, type=Snooze)
            if snooze is None:
                continue
            if snooze.kind == "card":
                pipe.execute_command("HDEL", key, name)
            elif snooze.alert_id in found.alert_ids:
                # What somebody typed may say whose alert it was.
                left = msgspec.structs.replace(snooze, alert_id="", comment="")
                pipe.execute_command("HSET", key, name, msgspec.json.encode(left))

    if names:
        await client.transact([key], attempt)


async def _strip_proposals(client: Client, ids: Sequence[str]) -> None:
    """Leave nothing to put off in these: what was decided stays, and can be carried out no more."""
    key = client.keys.review("proposals")

    async def attempt(pipe: Pipe) -> None:
        stored = await asked(pipe, "HMGET", key, *ids)
        pipe.multi()
        for each in stored:
            if each is not None:
                left = msgspec.structs.replace(
                    msgspec.json.decode(each, type=Proposal), snooze=None
                )
                pipe.execute_command("HSET", key, left.id, msgspec.json.encode(left))

    if ids:
        await client.transact([key], attempt)


async def _names_of(client: Client) -> dict[str, list[str]]:
    """Return what there is one key each of, by kind: the part of the key behind it."""
    prefix = client.keys.review("")
    cursor: int | bytes = 0
    found: dict[str, set[str]] = {}
    while True:
        command = "SCAN", cursor, "MATCH", f"{prefix}*", "COUNT", _SCANNED
        [(cursor, some)] = await client.pipelined([command], atomic=False)
        for key in some:
            kind, is_there, name = key.decode().removeprefix(prefix).partition(":")
            if is_there:
                found.setdefault(kind, set()).add(name)
        if int(cursor) == 0:
            return {kind: sorted(each) for kind, each in found.items()}


async def _find_alerts(
    client: Client, found: ConsoleTraces, names: Collection[str], ids: Sequence[str]
) -> None:
    for some in _pieces(ids):
        places = [client.keys.review("alert", each) for each in some]
        [values] = await client.pipelined([("MGET", *places)], atomic=False)
        for alert_id, value in zip(some, values, strict=True):
            if value is None:
                continue
            alert = _alert(value, alert_id)
            if alert_id in found.alert_ids or alert.transaction.card_id in names:
                found.alert_ids.add(alert_id)
                found.alerts[alert_id] = alert


async def _find_rows(client: Client, found: ConsoleTraces, names: Collection[str]) -> None:
    class Row(msgspec.Struct):
        card_id: str = ""

    [rows] = await client.pipelined([("HGETALL", client.keys.review("rows"))], atomic=False)
    decode = msgspec.json.Decoder(Row).decode
    for alert_id, row in rows.items():
        if alert_id.decode() in found.alert_ids or decode(row).card_id in names:
            found.alert_ids.add(alert_id.decode())
            found.n_open += 1


async def _find_entries(client: Client, found: ConsoleTraces) -> None:
    keys = client.keys
    kinds: tuple[tuple[str, bytes, Any], ...] = (
        ("judged", b"entry", JudgedAlert),
        ("pairs", b"pair", Pair),
    )
    for name, field_name, kind in kinds:
        key, decode = keys.review(name), msgspec.json.Decoder(kind).decode
        [entries] = await client.pipelined([("XRANGE", key, "-", "+")], atomic=False)
        theirs = [
            (entry_id.decode(), fields[field_name])
            for entry_id, fields in entries
            if decode(fields[field_name]).alert_id in found.alert_ids
        ]
        if theirs:
            found.entries[key] = theirs


async def _find_joint(client: Client, found: ConsoleTraces, places: dict[str, list[str]]) -> None:
    keys = client.keys
    for some in _pieces([keys.review("joint", each) for each in places.get("joint", [])]):
        [values] = await client.pipelined([("MGET", *some)], atomic=False)
        for key, value in zip(some, values, strict=True):
            members = () if value is None else msgspec.json.decode(value, type=Joint).members
            if value is not None and found.alert_ids.intersection(members):
                found.joint[key] = value
    for kind in _OF_PEOPLE:
        for key in (keys.review(kind, who) for who in places.get(kind, [])):
            [members] = await client.pipelined([("SMEMBERS", key)], atomic=False)
            if theirs := found.alert_ids.intersection(each.decode() for each in members):
                found.held[key] = sorted(theirs)


def _is_of_card(snooze: Snooze, found: ConsoleTraces, names: Collection[str]) -> bool:
    return snooze.alert_id in found.alert_ids or (snooze.kind == "card" and snooze.what in names)


def _alert(packed: bytes, alert_id: str) -> Alert:
    try:
        return _decoder.decode(zlib.decompress(packed))
    except (zlib.error, msgspec.MsgspecError) as error:
        raise InvariantError(
            f"what is kept of {alert_id} must be an alert, got something else "
            f"({type(error).__name__}); has another release or something else written it?"
        ) from None


def _pieces(items: Sequence[str]) -> Iterator[Sequence[str]]:
    return (items[first : first + _AT_ONCE] for first in range(0, len(items), _AT_ONCE))
