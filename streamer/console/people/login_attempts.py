"""A login that goes by way of a provider, as a cookie of the browser that has begun it.

All of it is made from one random number under the console's key: the state that comes back, the nonce
in the ID token and the verifier of PKCE.  The cookie has the number alone, so that nothing of the three
is known to who sees it, and nothing has to be kept here until somebody comes back.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Final

import msgspec

__all__ = ["ATTEMPT_MS", "Attempt", "Attempts"]

ATTEMPT_MS: Final = 600_000
"""How long somebody may take to log in at the provider."""


class Attempt(msgspec.Struct, frozen=True, array_like=True):
    """One login: ``after`` is the page to go to then."""

    id: str
    after: str
    until_ms: int


@dataclass(frozen=True, slots=True)
class Attempts:
    """Makes and reads them, under ``key``.

    >>> attempts = Attempts(b"0" * 32)
    >>> begun = attempts.begun("/team", 1_000)
    >>> attempts.read(attempts.cookie(begun), 1_000) == begun
    True
    >>> attempts.read("A" + attempts.cookie(begun)[1:], 1_000) is None
    True
    >>> attempts.read(attempts.cookie(begun), 1_000 + ATTEMPT_MS) is None
    True
    """

    key: bytes

    def begun(self, after: str, now_ms: int) -> Attempt:
        """Return a new one."""
        return Attempt(secrets.token_urlsafe(24), after, now_ms + ATTEMPT_MS)

    def cookie(self, attempt: Attempt) -> str:
        """Return the cookie of one."""
        body = base64.urlsafe_b64encode(msgspec.json.encode(attempt)).decode()
        return f"{body}.{self._made('cookie', body)}"

    def read(self, cookie: str, now_ms: int) -> Attempt | None:
        """Return the attempt of a cookie; None where it is over, or none of ours."""
        body, _, mac = cookie.rpartition(".")
        if not hmac.compare_digest(mac.encode(), self._made("cookie", body).encode()):
            return None
        try:
            attempt = msgspec.json.decode(base64.urlsafe_b64decode(body), type=Attempt)
        except ValueError:
            # Of another release.
            return None
        return attempt if now_ms < attempt.until_ms else None

    def state(self, attempt: Attempt) -> str:
        """Return what must come back with the browser."""
        return self._made("state", attempt.id)

    def nonce(self, attempt: Attempt) -> str:
        """Return what the ID token must say."""
        return self._made("nonce", attempt.id)

    def verifier(self, attempt: Attempt) -> str:
        """Return what the code is good with alone: 43 characters, as RFC 7636 wants at least."""
        return self._made("verifier", attempt.id)

    def challenge(self, attempt: Attempt) -> str:
        """Return what the provider is told of the verifier beforehand (S256)."""
        return _text(hashlib.sha256(self.verifier(attempt).encode()).digest())

    def _made(self, purpose: str, text: str) -> str:
        told = hmac.new(self.key, f"oidc-{purpose}:{text}".encode(), hashlib.sha256)
        return _text(told.digest())


def _text(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
