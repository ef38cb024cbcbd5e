"""The model versions that answer: a branch's head, as it is renewed, and others that were asked for."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

import structlog

from streamer.errors import ConfigurationError, InvariantError, UnavailableError
from streamer.model import ModelConfig, Scorer
from streamer.policies import settings_under
from streamer.settings import Settings
from streamer.starting.card_rule_check import check_card_rule
from streamer.starting.wiring import model_config
from streamer.store import Heads, Store
from streamer.store.stored import StoredVersion

__all__ = ["VersionsInUse"]

Branch = Literal["head", "canary", "named"]

_log = structlog.get_logger(__name__)
_MOST_NAMED: Final = 4
_MOST_BEGINNINGS: Final = 64
# It was restarted without its data: what is held is newer.
_LOST: Final = "Redis must hold the head and the policy that it held before, got none"


@dataclass(slots=True)
class VersionsInUse:
    """``head`` is None before one was read; ``error`` is why the last reading failed, if it
    did; ``is_broken`` when that was a defect, which no waiting mends.

    Where the settings ask for the canary it is that branch's head; while there is no canary, the one
    that scores all partitions.  ``branch`` says which it is by now, ``made_at_s`` when it was made
    (epoch), and ``read_at_s`` when the store last said so (of `time.monotonic`).

    Versions are derived under the policy in force, as workers derive them.  Nothing is taken up while
    cards' numbers go by another rule, or key, than with the workers.
    """

    store: Store
    settings: Settings
    config: ModelConfig
    head: Scorer | None = None
    error: str = ""
    is_broken: bool = False
    branch: Branch = "head"
    made_at_s: float = field(default_factory=time.time)
    read_at_s: float = field(default_factory=time.monotonic)
    _heads: Heads | None = None
    _policy_id: str = ""
    _has_learned: bool = False
    _named: OrderedDict[str, Scorer] = field(default_factory=OrderedDict)
    # By what was asked for, the beginning of an id; by policy and id those that are being made.
    _ids: OrderedDict[str, str] = field(default_factory=OrderedDict)
    _making: dict[tuple[str, str], asyncio.Future[Scorer]] = field(default_factory=dict)

    async def refresh(self) -> None:
        """Take up head and policy; where the store has no answer or lost them, those held stay."""
        try:
            await self._take_up()
        except (UnavailableError, ConfigurationError, InvariantError) as error:
            self.error, self.is_broken = str(error), False
        except Exception as error:
            _log.error("model not taken up", exc_info=True)
            self.error, self.is_broken = f"{type(error).__name__}: {error}", True
        else:
            self.error, self.is_broken = "", False
            self.read_at_s = time.monotonic()

    async def _take_up(self) -> None:
        await check_card_rule(self.store, self.settings)
        policy_id = await self.store.policies.head()
        if self._policy_id and not policy_id:
            raise UnavailableError(_LOST)
        if policy_id != self._policy_id:
            policy = await self.store.policies.read(policy_id)
            self.config = model_config(settings_under(self.settings, policy))
            self._policy_id = policy_id
            self._heads = None
            self._ids.clear()
            self._named.clear()
        heads = await self.store.heads(self._heads)
        if self._has_learned and not heads.head.sums.transactions_seen:
            raise UnavailableError(_LOST)
        branch, head = self._chosen(heads)
        if self._heads is None or head.id != self._chosen(self._heads)[1].id:
            # In a thread: others are answered meanwhile.
            self.head = await asyncio.to_thread(Scorer.of, head.id, head.sums, self.config)
        self.branch = branch
        self._has_learned = bool(heads.head.sums.transactions_seen)
        if created_at := head.header.created_at:
            self.made_at_s = datetime.fromisoformat(created_at).timestamp()
        self._heads = heads

    def _chosen(self, heads: Heads) -> tuple[Branch, StoredVersion]:
        if self.settings.serve_branch == "canary" and heads.canary is not None:
            return "canary", heads.canary
        return "head", heads.head

    def branch_of(self, version: Scorer) -> Branch:
        """Return what a version answers for that was in use, or asked for, when the request came."""
        is_named = any(version is each for each in self._named.values())
        return "named" if is_named else self.branch

    async def named(self, wanted: str) -> Scorer | None:
        """Return the stored version whose id begins with ``wanted``; None where there is no such."""
        head = self.head
        if head is not None and wanted and head.id.startswith(wanted):
            return head
        known = self._ids.get(wanted, wanted)
        if known in self._named:
            self._named.move_to_end(known)
            return self._named[known]
        try:
            _, stored = await self.store.version(wanted)
        except ConfigurationError:
            return None
        key = self._policy_id, stored.id
        if key not in self._making:
            making = asyncio.ensure_future(self._made(stored))
            self._making[key] = making
            making.add_done_callback(lambda _: self._making.pop(key))
        # Who gives up waiting takes it from nobody else.
        scorer = await asyncio.shield(self._making[key])
        if stored.id in self._named:
            self._ids[wanted] = stored.id
            if len(self._ids) > _MOST_BEGINNINGS:
                self._ids.popitem(last=False)
        return scorer

    async def _made(self, stored: StoredVersion) -> Scorer:
        """Return a version, and keep it unless the policy has changed meanwhile."""
        if stored.id in self._named:
            return self._named[stored.id]
        policy_id = self._policy_id
        scorer = await asyncio.to_thread(Scorer.of, stored.id, stored.sums, self.config)
        if self._policy_id == policy_id:
            self._named[stored.id] = scorer
            if len(self._named) > _MOST_NAMED:
                self._named.popitem(last=False)
        return scorer
