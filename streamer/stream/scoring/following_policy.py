"""Takes up the policy in force: at the start, and as soon as another is, between two batches.

One GET in each checkpoint's interval, and every few seconds where that is longer, whether payments come
or not.  What is derived from a policy replaces what was there as a whole.

Invariant: while the policy in force cannot be read, for whatever reason, the last one that could stays.
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from streamer.errors import ConfigurationError, InvariantError, UnavailableError
from streamer.policies import Policy, changes_between, overruled, policy_of, settings_under
from streamer.starting.wiring import model_config
from streamer.stream.scoring.held import Held
from streamer.stream.scoring.kit import Kit

__all__ = ["FollowingPolicy"]

_log = structlog.get_logger(__name__)

_LATEST_S: Final = 5.0


class FollowingPolicy:
    """Keeps one worker at the policy in force."""

    def __init__(self, kit: Kit, held: Held) -> None:
        self._kit = kit
        self._held = held
        self._policies = kit.store.policies
        self._policy = policy_of(kit.settings)
        self._refused = ""
        self._is_noted = False

    async def begin(self, policy: Policy) -> None:
        """Take up the policy that is in force at the start; say where the environment has another."""
        if differing := overruled(self._kit.settings, policy):
            _log.warning(
                "the policy counts, not the environment",
                policy=policy.id,
                differing=differing,
                to_change="streamer policy apply --from-environment --reason TEXT",
            )
        await self._take_up(policy)

    async def run(self) -> None:
        """Follow for ever."""
        while True:
            await asyncio.sleep(min(self._kit.settings.checkpoint_interval_s, _LATEST_S))
            await self.look()

    async def look(self) -> None:
        """Take up the policy in force where it is another one; nothing while Redis is away."""
        wanted = ""
        try:
            wanted = await self._policies.head()
            if wanted not in ("", self._held.policy_id, self._refused):
                policy = await self._policies.read(wanted)
                changed = list(map(str, changes_between(self._policy, policy)))
                _log.info("policy taken up", policy=policy.id, changed=changed)
                await self._take_up(policy)
            if not self._is_noted:
                await self._policies.note(self._kit.owner, self._held.policy_id)
                self._is_noted = True
        except UnavailableError:
            return
        except (ConfigurationError, InvariantError) as error:
            self._refused = wanted
            _log.error("policy cannot be taken up", policy=wanted, error=str(error))

    async def _take_up(self, policy: Policy) -> None:
        model = model_config(settings_under(self._kit.settings, policy))
        await self._held.adopt_policy(policy.id, model)
        self._policy, self._refused, self._is_noted = policy, "", False
        self._kit.metrics.policy_info.replace({policy.id: 1})
