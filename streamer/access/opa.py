"""Asks an Open Policy Agent for a decision, by its Data API.

``POST /v1/data/streamer/access/decision`` with the question as ``input``.  An answer is a yes or no
with its code; anything else is none.  OPA gives a ``decision_id`` where its decision log is on; the
policy, its tests and its data are in ``ops/policy``.
Source: https://www.openpolicyagent.org/docs/rest-api#get-a-document-with-input
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec

from streamer.access.decision import Asked
from streamer.access.secret_file import SecretFile
from streamer.errors import UnavailableError

__all__ = ["PATH", "Opa", "Said"]

PATH: Final = "/v1/data/streamer/access/decision"

# A decision is a few hundred bytes.
_MOST_BYTES: Final = 65_536
_LONGEST_TEXT: Final = 300
# Not every page waits for a server that does not answer.
_REST_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Said:
    """What the policy said; ``reason`` and ``id`` are "" where it gave none."""

    is_allowed: bool
    code: str
    reason: str
    id: str


class _Result(msgspec.Struct):
    allow: bool
    code: str = ""
    reason: str = ""


class _Answer(msgspec.Struct):
    result: _Result
    decision_id: str = ""


class Opa:
    """The policy server at ``url``; ``token_file`` holds the bearer token that it wants, if any."""

    def __init__(
        self,
        url: str,
        timeout_s: float,
        token_file: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
        namespace: str = "",
    ) -> None:
        self.url = url.rstrip("/")
        self.trouble = ""
        """Why the last question had no answer, empty where it had one."""
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self.token = None if token_file is None else SecretFile("opa_token_file", token_file, str)
        self._clock = clock
        self._namespace = namespace
        self._rests_until = 0.0
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, asked: Asked, own_id: str) -> Said:
        """Return what the policy says; `UnavailableError` where it says neither yes nor no."""
        if self.trouble and self._clock() < self._rests_until:
            raise UnavailableError(self.trouble)
        try:
            said = await self._asked(asked, own_id)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, UnavailableError) as error:
            self.trouble = f"OPA must answer yes or no, got {_told(error)}"
            self._rests_until = self._clock() + _REST_S
            raise UnavailableError(self.trouble) from error
        self.trouble = ""
        return said

    async def close(self) -> None:
        """End its connections."""
        if self._session is not None:
            await self._session.close()

    async def _asked(self, asked: Asked, own_id: str) -> Said:
        if self._session is None:
            # Proxies of the environment are for other traffic.
            self._session = aiohttp.ClientSession(timeout=self._timeout, trust_env=False)
        headers = {}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token.get()}"
        async with self._session.post(
            self.url + PATH,
            json={"input": _input(asked, own_id, self._namespace)},
            headers=headers,
            allow_redirects=False,
        ) as response:
            if response.status != 200:
                raise UnavailableError(f"status {response.status}")
            body = b""
            async for part in response.content.iter_any():
                body += part
                if len(body) > _MOST_BYTES:
                    raise UnavailableError(f"more than {_MOST_BYTES:,} bytes")
        return _said(body)


def _input(asked: Asked, own_id: str, namespace: str) -> dict[str, Any]:
    return {
        "id": own_id,
        "namespace": namespace,
        "who": asked.who,
        "roles": list(asked.roles),
        "action": asked.action,
        "maker": asked.facts.maker,
        "approver": asked.facts.approver,
    }


def _said(body: bytes) -> Said:
    try:
        answer = msgspec.json.decode(body, type=_Answer)
    except msgspec.DecodeError as error:
        # An OPA without the policy answers {}.
        raise UnavailableError(f"no decision at {PATH}: {error}") from error
    result = answer.result
    texts = (
        text[:_LONGEST_TEXT] if text.isprintable() else ""
        for text in (result.code, result.reason, answer.decision_id)
    )
    return Said(result.allow, *texts)


def _told(error: Exception) -> str:
    """Return what went wrong, without addresses or what was sent."""
    return str(error) if isinstance(error, UnavailableError) else type(error).__name__
