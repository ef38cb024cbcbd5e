"""People who have logged in with an OpenID Connect provider: the way there, and who came back.

Invariants:
* Who somebody is, is the subject that the provider gives them, for good.  The name that they are known
  by here is that of their first login: whoever is renamed there stays who they were, and nobody else
  gets that name.
* A login is good once, in the browser that has begun it.

Source: OpenID Connect Core 1.0, 3.1; RFC 7636 (PKCE); RFC 9207 (issuer in the answer).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from streamer.access.roles import Role, ordered
from streamer.console.people.accounts import Account, is_name
from streamer.console.people.id_token import Expected, claims_of, header_of
from streamer.console.people.login_attempts import Attempt, Attempts
from streamer.console.people.login_refusals import LoginRefusedError
from streamer.console.people.oidc_provider import OidcProvider
from streamer.settings import Settings
from streamer.settings.group_roles import group_roles
from streamer.settings.oidc_settings import algorithms_in

__all__ = ["CALLBACK", "OidcPeople", "Person", "oidc_people_of"]

CALLBACK: Final = "/oidc/callback"
"""Where the provider sends people back to."""

_LONGEST_CODE: Final = 4_096


@dataclass(frozen=True, slots=True)
class Person:
    """Who came back: ``subject`` is who they are at ``issuer``, ``claimed`` what they are called."""

    issuer: str
    subject: str
    claimed: str
    roles: tuple[Role, ...]

    @property
    def digest(self) -> str:
        """What stands for issuer and subject."""
        return hashlib.sha256(f"{self.issuer}\0{self.subject}".encode()).hexdigest()

    def account(self, name: str, mark: str) -> Account:
        """Return the account of a name that is theirs."""
        return Account(name, self.roles, "", by="oidc", of_provider=mark)


class OidcPeople:
    """``claims`` are those of name and groups; ``callback`` is an address of the console's own."""

    def __init__(
        self,
        provider: OidcProvider,
        attempts: Attempts,
        *,
        console_url: str,
        scopes: str,
        claims: tuple[str, str],
        roles_of: Mapping[str, Sequence[Role]],
    ) -> None:
        self.provider, self.attempts = provider, attempts
        self._console_url, self._scopes = console_url, scopes
        self._callback = console_url + CALLBACK
        self._name_claim, self._groups_claim = claims
        self._roles_of = roles_of
        roles = sorted((group, sorted(given)) for group, given in roles_of.items())
        told = repr((provider.issuer, provider.client_id, claims, roles))
        self.mark = hashlib.sha256(told.encode()).hexdigest()[:16]
        """What a session has of the provider and of the roles that its groups have here: with other
        ones, sessions of these are over."""

    async def address(self, attempt: Attempt) -> str:
        """Return where somebody logs in; `UnavailableError` where the provider does not answer."""
        metadata = await self.provider.metadata()
        asked = {
            "response_type": "code",
            "client_id": self.provider.client_id,
            "redirect_uri": self._callback,
            "scope": self._scopes,
            "state": self.attempts.state(attempt),
            "nonce": self.attempts.nonce(attempt),
            "code_challenge": self.attempts.challenge(attempt),
            "code_challenge_method": "S256",
        }
        return _with(metadata.authorization_endpoint, asked)

    async def leaving(self) -> str:
        """Return where somebody logs out at the provider, "" where it has no such place."""
        endpoint = (await self.provider.metadata()).end_session_endpoint
        told = {
            "client_id": self.provider.client_id,
            "post_logout_redirect_uri": f"{self._console_url}/login",
        }
        return _with(endpoint, told) if endpoint else ""

    async def came_back(
        self,
        query: Sequence[tuple[str, str]],
        attempt: Attempt | None,
        is_first: Callable[[Attempt], Awaitable[bool]],
        now_s: float,
    ) -> Person:
        """Return who came back; `LoginRefusedError` or `UnavailableError` where nobody did.

        ``is_first`` notes an attempt as used, and says whether it was not before.
        """
        # A parameter that is there twice is there for two readers.
        names = [name for name, _ in query]
        told = {name: value for name, value in query if names.count(name) == 1}
        state = told.get("state", "")
        if attempt is None or not _is_same(state, self.attempts.state(attempt)):
            raise LoginRefusedError("state")
        if not await is_first(attempt):
            raise LoginRefusedError("state_used")
        metadata = await self.provider.metadata()
        sender = told.get("iss")
        is_missing = sender is None and metadata.authorization_response_iss_parameter_supported
        if is_missing or sender not in (None, self.provider.issuer) or names.count("iss") > 1:
            raise LoginRefusedError("mix_up")
        if "error" in told:
            raise LoginRefusedError("declined", told["error"][:40])
        code = told.get("code", "")
        if not 1 <= len(code) <= _LONGEST_CODE:
            raise LoginRefusedError("no_code")
        return await self._person(attempt, code, now_s)

    async def _person(self, attempt: Attempt, code: str, now_s: float) -> Person:
        provider = self.provider
        tokens = await provider.exchange(code, self.attempts.verifier(attempt), self._callback)
        header = header_of(tokens.id_token, provider.algorithms)
        key = await provider.key(header)
        nonce = self.attempts.nonce(attempt)
        expected = Expected(provider.issuer, provider.client_id, nonce, now_s, tokens.access_token)
        claims: Mapping[str, Any] = claims_of(tokens.id_token, header, key, expected)
        subject = str(claims["sub"])
        if not {self._name_claim, self._groups_claim} <= claims.keys():
            more = await provider.userinfo(tokens.access_token, subject)
            # What is signed counts before what is not.
            claims = {**more, **claims}
        name = claims.get(self._name_claim)
        if not isinstance(name, str) or not is_name(name):
            raise LoginRefusedError("name", self._name_claim)
        return Person(provider.issuer, subject, name, self._roles(claims.get(self._groups_claim)))

    def _roles(self, told: Any) -> tuple[Role, ...]:
        groups = [told] if isinstance(told, str) else told if isinstance(told, list) else []
        named = [group for group in groups if isinstance(group, str)]
        return ordered({role for group in named for role in self._roles_of.get(group, ())})


def oidc_people_of(settings: Settings, key: bytes) -> OidcPeople | None:
    """Return how people log in with the provider of the settings, None where there is none."""
    issuer, client_id = settings.oidc_issuer, settings.oidc_client_id
    if issuer is None or client_id is None or settings.console_url is None:
        return None
    provider = OidcProvider(
        issuer,
        client_id,
        settings.oidc_client_secret_file,
        algorithms_in(settings.oidc_algorithms),
        settings.oidc_timeout_s,
    )
    return OidcPeople(
        provider,
        Attempts(key),
        console_url=settings.console_url,
        scopes=settings.oidc_scopes,
        claims=(settings.oidc_name_claim, settings.oidc_groups_claim),
        roles_of=group_roles(settings.oidc_roles),
    )


def _with(endpoint: str, asked: Mapping[str, str]) -> str:
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"


def _is_same(told: str, expected: str) -> bool:
    return hmac.compare_digest(told.encode("utf-8", "surrogatepass"), expected.encode())
