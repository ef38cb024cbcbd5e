"""Sessions as signed cookies, and tokens that say that a form came from a page of ours.

A cookie carries who, until when, and a mark of the password, or of the provider that has let them in
and the roles that they had then; its signature is HMAC-SHA256 under the
console's key.  Nothing of it is secret, and nothing of it can be changed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass

import msgspec

from streamer.console.people.accounts import Account

__all__ = ["Session", "Signer"]


class Session(msgspec.Struct, frozen=True, array_like=True):
    """One login: ``until_ms`` in epoch milliseconds.

    ``by`` is "oidc" where a provider let them in, and ``roles`` are those of that login.
    """

    id: str
    name: str
    mark: str
    until_ms: int
    by: str = ""
    roles: str = ""


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs and reads sessions, and makes the tokens of their forms.

    >>> signer = Signer(b"0" * 32)
    >>> signed = signer.signed(Session("s1", "mona", "0f", 2_000))
    >>> signer.session(signed, 1_999).name
    'mona'
    >>> signer.session(signed, 2_000) is signer.session("A" + signed[1:], 1_999) is None
    True
    """

    key: bytes

    def began(self, account: Account, until_ms: int) -> Session:
        """Return a new session of somebody."""
        told = ("oidc", account.role) if account.by == "oidc" else ()
        return Session(secrets.token_urlsafe(16), account.name, account.mark, until_ms, *told)

    def of_the_day(self, account: Account, until_ms: int) -> Session:
        """Return the session of somebody whom a proxy lets in with each request: no cookie has it."""
        return Session(f"proxied-{account.name}-{until_ms}", account.name, account.mark, until_ms)

    def signed(self, session: Session) -> str:
        """Return the cookie of a session."""
        body = base64.urlsafe_b64encode(msgspec.json.encode(session)).decode()
        return f"{body}.{self._mac('session', body)}"

    def session(self, cookie: str, now_ms: int) -> Session | None:
        """Return the session of a cookie; None where it is over, or none of ours."""
        body, _, mac = cookie.rpartition(".")
        if not hmac.compare_digest(mac.encode(), self._mac("session", body).encode()):
            return None
        try:
            session = msgspec.json.decode(base64.urlsafe_b64decode(body), type=Session)
        except ValueError:
            # Of another release.
            return None
        return session if now_ms < session.until_ms else None

    def token(self, session_id: str) -> str:
        """Return what each form of a session carries."""
        return self._mac("form", session_id)

    def is_token(self, token: str, session_id: str) -> bool:
        """Whether a form is one that this session was given."""
        return hmac.compare_digest(token.encode(), self.token(session_id).encode())

    def form_key(self, alert_id: str, who: str, at_ms: int) -> str:
        """Return what names the form of an alert as it is shown to somebody at a time.

        >>> signer = Signer(b"0" * 32)
        >>> key = signer.form_key("a-1", "mona", 2_000)
        >>> signer.shown_ms(key, "a-1", "mona"), signer.shown_ms(key, "a-2", "mona")
        (2000, None)
        """
        body = f"{at_ms:x}.{secrets.token_urlsafe(9)}"
        return f"{body}.{self._mac('verdict', f'{alert_id}:{who}:{body}')[:32]}"

    def shown_ms(self, key: str, alert_id: str, who: str) -> int | None:
        """Return when the form of a key was made; None where it is none of this alert and person."""
        body, _, mac = key.rpartition(".")
        found = self._mac("verdict", f"{alert_id}:{who}:{body}")[:32]
        if not hmac.compare_digest(mac.encode(), found.encode()):
            return None
        return int(body.partition(".")[0], 16)

    def _mac(self, purpose: str, text: str) -> str:
        return hmac.new(self.key, f"{purpose}:{text}".encode(), hashlib.sha256).hexdigest()
