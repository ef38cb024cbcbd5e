"""An OpenID Connect provider: what it says of itself, its keys, and what it gives for a code.

Invariants:
* What it says of itself is believed under its own issuer alone, and its addresses are https wherever
  the issuer's is.
* Its keys are read again for a key that is not known, and not more often than every half minute,
  or every second while they cannot be read: whoever sends tokens cannot make the console ask.
* A set of keys that does not come is waited for by those alone who need it.

Source: OpenID Connect Discovery 1.0; RFC 6749, 2.3.1 and 4.1.3; RFC 7517.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote_plus

import msgspec

from streamer.access.secret_file import SecretFile
from streamer.console.people.id_token import Header, PublicKey, key_for, keys_in
from streamer.console.people.json_requests import JsonRequests
from streamer.console.people.login_refusals import LoginRefusedError
from streamer.errors import UnavailableError
from streamer.settings.oidc_settings import is_safe_url

__all__ = ["Metadata", "OidcProvider", "Tokens"]

_PATH: Final = "/.well-known/openid-configuration"
_KEPT_S: Final = 3_600.0
_LEAST_S: Final = 30.0
# Not every page waits for a server that does not answer.
_REST_S: Final = 1.0


class Metadata(msgspec.Struct, frozen=True):
    """What a provider says of itself, as far as it matters here."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    end_session_endpoint: str = ""
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    id_token_signing_alg_values_supported: tuple[str, ...] = ("RS256",)
    # Those that have PKCE need not say so.
    code_challenge_methods_supported: tuple[str, ...] = ("S256",)
    authorization_response_iss_parameter_supported: bool = False


class Tokens(msgspec.Struct, frozen=True):
    """What a code was good for."""

    id_token: str
    access_token: str = ""


class OidcProvider:
    """The provider of an issuer; ``secret_file`` has the secret of the client, if it has one."""

    def __init__(
        self,
        issuer: str,
        client_id: str,
        secret_file: Path | None,
        algorithms: tuple[str, ...],
        timeout_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.issuer, self.client_id, self.algorithms = issuer, client_id, algorithms
        self.secret = (
            None if secret_file is None else SecretFile("oidc_client_secret_file", secret_file, str)
        )
        self._asking = JsonRequests("the OpenID Connect provider", timeout_s)
        self._clock = clock
        self._reading, self._reading_keys = asyncio.Lock(), asyncio.Lock()
        self._metadata: tuple[float, Metadata] | None = None
        self._keys: tuple[float, list[PublicKey]] | None = None
        self._trouble: tuple[float, UnavailableError] | None = None
        self._key_trouble: tuple[float, UnavailableError] | None = None

    async def close(self) -> None:
        """End its connections."""
        await self._asking.close()

    async def metadata(self) -> Metadata:
        """Return what it says of itself, of at most an hour ago; else `UnavailableError`."""
        if (known := self._fresh()) is not None:
            return known
        async with self._reading:
            now = self._clock()
            if (known := self._fresh()) is not None:
                return known
            if self._trouble is not None and now < self._trouble[0]:
                raise UnavailableError(str(self._trouble[1]))
            try:
                told = await self._asking.get(self.issuer.rstrip("/") + _PATH)
                found = self._usable(told)
            except UnavailableError as error:
                self._trouble = self._clock() + _REST_S, error
                raise
            self._metadata, self._trouble = (self._clock(), found), None
            return found

    async def key(self, header: Header) -> PublicKey:
        """Return the key that a token was signed with, if it is one of the provider's."""
        uri = (await self.metadata()).jwks_uri
        # Nobody whose key is known waits for a set that does not come.
        is_fresh = self._keys is not None and self._clock() - self._keys[0] <= _KEPT_S
        if is_fresh and (found := self._known(header)) is not None:
            return found
        async with self._reading_keys:
            now = self._clock()
            if self._keys is None or now - self._keys[0] > _KEPT_S:
                await self._read_keys(uri)
            found = self._known(header)
            # It may have begun to sign with another one since.
            if found is None and now - (self._keys or (now,))[0] >= _LEAST_S:
                await self._read_keys(uri)
                found = self._known(header)
        if found is None:
            raise LoginRefusedError("key")
        return found

    async def exchange(self, code: str, verifier: str, redirect_uri: str) -> Tokens:
        """Return what it gives for a code; `LoginRefusedError` where it takes none of it."""
        metadata = await self.metadata()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        headers = self._credentials(metadata, form)
        status, told = await self._asking.post(metadata.token_endpoint, form, headers)
        error = told.get("error")
        if status in (400, 401) or error is not None:
            is_ours = status == 401 or error in ("invalid_client", "unauthorized_client")
            raise LoginRefusedError("client" if is_ours else "code", str(error)[:40])
        try:
            tokens = msgspec.convert(told, Tokens)
        except msgspec.ValidationError:
            raise LoginRefusedError("no_token") from None
        if status != 200 or str(told.get("token_type", "")).lower() != "bearer":
            raise LoginRefusedError("no_token")
        return tokens

    async def userinfo(self, access_token: str, subject: str) -> Mapping[str, Any]:
        """Return more claims of a subject, none where it has no page for them."""
        endpoint = (await self.metadata()).userinfo_endpoint
        if not endpoint or not access_token or not access_token.isprintable():
            return {}
        told = await self._asking.get(endpoint, bearer=access_token)
        # Of somebody else they would be, where an access token was put in place of another.
        if told.get("sub") != subject:
            raise LoginRefusedError("userinfo")
        return told

    def _usable(self, told: Mapping[str, Any]) -> Metadata:
        try:
            found = msgspec.convert(told, Metadata)
        except msgspec.ValidationError as error:
            raise UnavailableError(
                f"the provider's discovery document is not usable: {error}"
            ) from error
        if found.issuer != self.issuer:
            raise UnavailableError(
                "STREAMER_OIDC_ISSUER must be the issuer of the provider's discovery document to the "
                f"letter, got {self.issuer}, and there {found.issuer[:200]}"
            )
        needed = found.authorization_endpoint, found.token_endpoint, found.jwks_uri
        more = found.userinfo_endpoint, found.end_session_endpoint
        for url in (*needed, *filter(None, more)):
            is_downgrade = self.issuer.startswith("https:") and not url.startswith("https:")
            if not is_safe_url(url) or is_downgrade:
                raise UnavailableError(
                    "the addresses of the provider's discovery document must be https, got one that "
                    "is not"
                )
        if not set(found.id_token_signing_alg_values_supported) & set(self.algorithms):
            raise UnavailableError(
                f"the provider must sign with one of {', '.join(self.algorithms)} "
                "(STREAMER_OIDC_ALGORITHMS)"
            )
        if "S256" not in found.code_challenge_methods_supported:
            raise UnavailableError("the provider must have PKCE with S256")
        return found

    def _credentials(self, metadata: Metadata, form: dict[str, str]) -> dict[str, str]:
        """Return the headers that say which client asks, or put it into the form."""
        if self.secret is None:
            form["client_id"] = self.client_id
            return {}
        try:
            secret = self.secret.get()
        except (OSError, ValueError) as error:
            raise UnavailableError(
                f"STREAMER_OIDC_CLIENT_SECRET_FILE must be readable, got {type(error).__name__}"
            ) from error
        methods = metadata.token_endpoint_auth_methods_supported
        if "client_secret_basic" not in methods and "client_secret_post" in methods:
            form |= {"client_id": self.client_id, "client_secret": secret}
            return {}
        told = f"{quote_plus(self.client_id)}:{quote_plus(secret)}".encode()
        return {"Authorization": f"Basic {base64.b64encode(told).decode()}"}

    def _fresh(self) -> Metadata | None:
        known = self._metadata
        return None if known is None or self._clock() - known[0] > _KEPT_S else known[1]

    async def _read_keys(self, uri: str) -> None:
        trouble = self._key_trouble
        if trouble is not None and self._clock() < trouble[0]:
            raise UnavailableError(str(trouble[1]))
        try:
            found = keys_in(await self._asking.get(uri))
        except UnavailableError as error:
            self._key_trouble = self._clock() + _REST_S, error
            raise
        self._keys, self._key_trouble = (self._clock(), found), None

    def _known(self, header: Header) -> PublicKey | None:
        return None if self._keys is None else key_for(header, self._keys[1])
