"""The model versions that answer: the head, as it is renewed, and others that were asked for."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from streamer.errors import ConfigurationError, InvariantError, UnavailableError
from streamer.model import ModelConfig, Scorer
from streamer.policies import settings_under
from streamer.settings import Settings
from streamer.starting.wiring import model_config
from streamer.store import Heads, Store

__all__ = ["VersionsInUse"]

_MOST_NAMED: Final = 4


@dataclass(slots=True)
class VersionsInUse:
    """``head`` is None before one was read; ``error`` is why the last reading failed, if it did.

    Versions are derived under the policy in force, as workers derive them.
    """

    store: Store
    settings: Settings
    config: ModelConfig
    head: Scorer | None = None
    error: str = ""
    _heads: Heads | None = None
    _policy_id: str = ""
    _named: OrderedDict[str, Scorer] = field(default_factory=OrderedDict)

    async def refresh(self) -> None:
        """Take up head and policy; where the store does not answer those that are held stay."""
        try:
            policy_id = await self.store.policies.head()
            if policy_id != self._policy_id:
                policy = await self.store.policies.read(policy_id)
                self.config = model_config(settings_under(self.settings, policy))
                self._policy_id = policy_id
                self._heads = None
                self._named.clear()
            heads = await self.store.heads(self._heads)
        except (UnavailableError, ConfigurationError, InvariantError) as error:
            self.error = str(error)
            return
        self.error = ""
        if self._heads is None or heads.head.id != self._heads.head.id:
            # In a thread: others are answered meanwhile.
            head = heads.head
            self.head = await asyncio.to_thread(Scorer.of, head.id, head.sums, self.config)
        self._heads = heads

    async def named(self, wanted: str) -> Scorer | None:
        """Return the stored version whose id begins with ``wanted``; None where there is no such."""
        head = self.head
        if head is not None and wanted and head.id.startswith(wanted):
            return head
        if wanted in self._named:
            self._named.move_to_end(wanted)
            return self._named[wanted]
        try:
            _, stored = await self.store.version(wanted)
        except ConfigurationError:
            return None
        scorer = await asyncio.to_thread(Scorer.of, stored.id, stored.sums, self.config)
        self._named[wanted] = scorer
        if len(self._named) > _MOST_NAMED:
            self._named.popitem(last=False)
        return scorer
