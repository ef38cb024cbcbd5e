"""Asks another server for JSON: bounded in time and bytes, without cookies, redirects or proxies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import aiohttp
import msgspec

from streamer.errors import UnavailableError

__all__ = ["JsonRequests"]

_MOST_BYTES: Final = 1_048_576


class JsonRequests:
    """Requests that have ``timeout_s`` each for a whole answer; ``what`` is who answers, in words."""

    def __init__(self, what: str, timeout_s: float) -> None:
        self._what = what
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._session: aiohttp.ClientSession | None = None

    async def get(self, url: str, *, bearer: str = "") -> dict[str, Any]:
        """Return the object at an address; `UnavailableError` where none comes."""
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        status, told = await self._ask("GET", url, headers, None)
        if status != 200 or told is None:
            raise UnavailableError(f"{self._what} must answer with JSON, got status {status}")
        return told

    async def post(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str]
    ) -> tuple[int, dict[str, Any]]:
        """Return status and object; `UnavailableError` where none comes, or the server has failed."""
        status, told = await self._ask("POST", url, headers, form)
        if status >= 500 or told is None:
            raise UnavailableError(f"{self._what} must answer with JSON, got status {status}")
        return status, told

    async def close(self) -> None:
        """End its connections."""
        if self._session is not None:
            await self._session.close()

    async def _ask(
        self, method: str, url: str, headers: Mapping[str, str], form: Mapping[str, str] | None
    ) -> tuple[int, dict[str, Any] | None]:
        if self._session is None:
            # Proxies of the environment are for other traffic.
            self._session = aiohttp.ClientSession(
                timeout=self._timeout, trust_env=False, cookie_jar=aiohttp.DummyCookieJar()
            )
        try:
            async with self._session.request(
                method,
                url,
                data=form,
                headers={"Accept": "application/json", **headers},
                allow_redirects=False,
            ) as response:
                body = b""
                async for part in response.content.iter_any():
                    body += part
                    if len(body) > _MOST_BYTES:
                        raise UnavailableError(
                            f"{self._what} must answer with at most {_MOST_BYTES:,} bytes"
                        )
                return response.status, _object(body)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            # Without the address: what was sent may stand in it.
            told = f"{self._what} must answer, got {type(error).__name__}"
            raise UnavailableError(told) from error


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        told = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None
    return told if isinstance(told, dict) else None
