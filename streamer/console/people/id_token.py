"""What an ID token says of somebody, once its signature and every claim that counts is checked.

Invariants:
* The algorithm is one that was allowed by setting and the key one of the provider's own set: what the
  token's header brings along or points to (jwk, jku, x5u, x5c) is never looked at.
* A key has the type that its algorithm wants, so that no public key is ever taken for a secret.

Source: OpenID Connect Core 1.0, 3.1.3.7; RFC 8725 (JWT best current practices).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from streamer.console.people.login_refusals import LoginRefusedError

__all__ = [
    "CLOCK_S",
    "Expected",
    "Header",
    "PublicKey",
    "claims_of",
    "header_of",
    "key_for",
    "keys_in",
]

CLOCK_S: Final = 60
"""Seconds by which the two clocks may differ."""

# A code is exchanged within seconds, so that an ID token which is older is somebody's from elsewhere.
_OLDEST_S: Final = 600
_MOST_BYTES: Final = 65_536
_MOST_HEADER_BYTES: Final = 16_384
_MOST_KEYS: Final = 100
_LONGEST_SUBJECT: Final = 255
_LEAST_RSA_BITS: Final = 2_048
_TYPES: Final = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC"}


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token must say: who made it, for whom, in which login; ``now_s`` is in epoch seconds."""

    issuer: str
    client_id: str
    nonce: str
    now_s: float
    access_token: str = ""


class Header(msgspec.Struct, frozen=True):
    """What a token says of its own signature."""

    alg: str
    kid: str | None = None
    crit: Any = None
    typ: str | None = None


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key of the provider's set; ``algorithms`` are those that it may verify."""

    kid: str | None
    algorithms: frozenset[str]
    key: RSAKey | ECKey


def header_of(token: str, allowed: Collection[str]) -> Header:
    """Return a token's header; `LoginRefusedError` where it has another form, or another algorithm."""
    if len(token) > _MOST_BYTES or not token.isascii() or token.count(".") != 2:
        raise LoginRefusedError("form")
    try:
        header = msgspec.json.decode(_bytes_of(token.partition(".")[0]), type=Header)
    except (ValueError, RecursionError):
        raise LoginRefusedError("form") from None
    if header.alg not in allowed or header.alg not in _TYPES:
        raise LoginRefusedError("algorithm", header.alg[:20])
    # Nothing that must be understood is.
    if header.crit is not None or (header.typ or "JWT").upper() not in ("JWT", "APPLICATION/JWT"):
        raise LoginRefusedError("form")
    return header


def keys_in(document: Mapping[str, Any]) -> list[PublicKey]:
    """Return the keys of a set that can verify; others, and what is no key, are left out."""
    told = document.get("keys")
    found = []
    for each in told[:_MOST_KEYS] if isinstance(told, list) else ():
        key = _key(each) if isinstance(each, dict) else None
        if key is not None:
            found.append(key)
    return found


def key_for(header: Header, keys: Sequence[PublicKey]) -> PublicKey | None:
    """Return the one key that a token may be verified with, None where there is none, or several."""
    fitting = [each for each in keys if header.alg in each.algorithms]
    if header.kid is not None:
        fitting = [each for each in fitting if each.kid == header.kid]
    return fitting[0] if len(fitting) == 1 else None


def claims_of(token: str, header: Header, key: PublicKey, expected: Expected) -> dict[str, Any]:
    """Return the claims; `LoginRefusedError` with the first thing that is wrong with them."""
    if header.alg not in key.algorithms:
        raise LoginRefusedError("key")
    registry = jws.JWSRegistry(algorithms=[header.alg], strict_check_header=False)
    registry.max_header_length = _MOST_HEADER_BYTES
    try:
        signed = jws.deserialize_compact(token, key.key, registry=registry)
        claims = msgspec.json.decode(signed.payload or b"")
    except (JoseError, ValueError, RecursionError) as error:
        raise LoginRefusedError("signature", type(error).__name__) from error
    if not isinstance(claims, dict):
        raise LoginRefusedError("form")
    _check(claims, expected)
    return claims


def _check(claims: Mapping[str, Any], expected: Expected) -> None:
    if claims.get("iss") != expected.issuer:
        raise LoginRefusedError("issuer")
    _check_audience(claims, expected.client_id)
    now_s = expected.now_s
    until_s: Any = claims.get("exp")
    made_s: Any = claims.get("iat")
    if not _is_number(until_s) or until_s <= now_s - CLOCK_S:
        raise LoginRefusedError("expired")
    begins_s: Any = claims.get("nbf", made_s)
    if not _is_number(made_s) or not _is_number(begins_s):
        raise LoginRefusedError("issued")
    if max(made_s, begins_s) > now_s + CLOCK_S or made_s < now_s - _OLDEST_S - CLOCK_S:
        raise LoginRefusedError("issued")
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not _is_same(nonce, expected.nonce):
        raise LoginRefusedError("nonce")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 1 <= len(subject) <= _LONGEST_SUBJECT:
        raise LoginRefusedError("subject")
    told = claims.get("at_hash")
    if told is not None and expected.access_token and told != half_hash(expected.access_token):
        raise LoginRefusedError("access_token")


def _check_audience(claims: Mapping[str, Any], client_id: str) -> None:
    told = claims.get("aud")
    audiences = [told] if isinstance(told, str) else told
    if not isinstance(audiences, list) or client_id not in audiences:
        raise LoginRefusedError("audience")
    party = claims.get("azp")
    if (party is not None and party != client_id) or (party is None and len(audiences) > 1):
        raise LoginRefusedError("audience")


def half_hash(access_token: str) -> str:
    """Return what an ID token's at_hash must be: all algorithms that are allowed have SHA-256.

    >>> half_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y")
    '77QmUPtjPfzWtF2AnpK9RQ'
    """
    half = hashlib.sha256(access_token.encode()).digest()[:16]
    return base64.urlsafe_b64encode(half).decode().rstrip("=")


def _key(told: dict[str, Any]) -> PublicKey | None:
    kind, kid = told.get("kty"), told.get("kid")
    named, operations = told.get("alg"), told.get("key_ops")
    if told.get("use", "sig") != "sig" or not isinstance(kid, str | None):
        return None
    if operations is not None and (not isinstance(operations, list) or "verify" not in operations):
        return None
    fitting = {alg for alg, its in _TYPES.items() if its == kind and named in (None, alg)}
    try:
        key: RSAKey | ECKey
        if kind == "RSA":
            if int.from_bytes(_bytes_of(told["n"])).bit_length() < _LEAST_RSA_BITS:
                return None
            key = RSAKey.import_key({name: told[name] for name in ("kty", "n", "e")})
        elif kind == "EC" and told.get("crv") == "P-256":
            key = ECKey.import_key({name: told[name] for name in ("kty", "crv", "x", "y")})
        else:
            return None
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return PublicKey(kid, frozenset(fitting), key) if fitting else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_same(told: str, expected: str) -> bool:
    return hmac.compare_digest(told.encode("utf-8", "surrogatepass"), expected.encode())


def _bytes_of(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
