"""An OpenID Connect provider of our own, honest unless told otherwise: its answers can be forged."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from tests.rig.answering import Answer, Answering, Question

CLIENT, SECRET = "streamer-console", "s3cret/+ of the client"
# Drawn once: a key takes a tenth of a second.
RSA = RSAKey.generate_key(2_048, parameters={"kid": "one"})
OTHER = RSAKey.generate_key(2_048, parameters={"kid": "two"})
EC = ECKey.generate_key("P-256", parameters={"kid": "three"})

Forge = Callable[[dict[str, Any], dict[str, Any]], str]


def signed(header: dict[str, Any], claims: Any, key: Any = RSA) -> str:
    """Return a token, whatever its header says."""
    registry = jws.JWSRegistry(algorithms=[header["alg"]], strict_check_header=False)
    registry.max_header_length = 100_000
    return jws.serialize_compact(header, json.dumps(claims), key, registry=registry)


def b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


class Provider:
    """A provider at `issuer`; ``person`` is who logs in there."""

    def __init__(self) -> None:
        self.person: dict[str, Any] = {
            "sub": "248289761001",
            "preferred_username": "mona",
            "groups": ["fraud-team", "others"],
        }
        self.published = [RSA, EC]
        self.more_keys: list[dict[str, Any]] = []
        self.changes: dict[str, Any] = {}
        self.userinfo: dict[str, Any] | None = None
        self.forge: Forge = signed
        self.answers: dict[str, tuple[int, Any]] = {}
        self.asked: list[str] = []
        self.forms: list[dict[str, str]] = []
        self.codes: dict[str, dict[str, str]] = {}
        self.tokens: dict[str, str] = {}
        self._server = Answering(self._answered)
        self.issuer = f"http://127.0.0.1:{self._server.port}/realm"

    def __enter__(self) -> Provider:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    def _answered(self, asked: Question) -> Answer:
        authorization = asked.headers.get("authorization", "")
        if asked.method == "GET":
            status, told = self.get(asked.path, authorization)
        else:
            form = dict(parse_qsl(asked.body.decode()))
            status, told = self.post(asked.path, form, authorization)
        body = told if isinstance(told, bytes) else json.dumps(told).encode()
        elsewhere = "http://127.0.0.1:1/elsewhere" if 300 <= status < 400 else ""
        return Answer(status, body, elsewhere)

    def n_asked(self, path: str) -> int:
        return sum(each.endswith(path) for each in self.asked)

    def get(self, path: str, authorization: str) -> tuple[int, Any]:
        self.asked.append(path)
        name = path.rsplit("/", 1)[-1]
        if name in self.answers:
            return self.answers[name]
        if path == "/realm/.well-known/openid-configuration":
            return 200, self.metadata()
        if name == "keys":
            return 200, {"keys": [*(each.as_dict() for each in self.published), *self.more_keys]}
        if name == "userinfo" and self.userinfo is not None:
            if authorization.removeprefix("Bearer ") not in self.tokens:
                return 401, {"error": "invalid_token"}
            return 200, self.userinfo
        return 404, {}

    def metadata(self) -> dict[str, Any]:
        told = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize?kc=1",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "end_session_endpoint": f"{self.issuer}/logout",
            "response_types_supported": ["code"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "PS256"],
            "code_challenge_methods_supported": ["plain", "S256"],
            "authorization_response_iss_parameter_supported": True,
        }
        if self.userinfo is not None:
            told["userinfo_endpoint"] = f"{self.issuer}/userinfo"
        return told | self.changes

    def log_in(self, address: str) -> dict[str, str]:
        """Return the query with which a browser is sent back that was sent to ``address``."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        code = secrets.token_urlsafe(12)
        self.codes[code] = asked
        return {"code": code, "state": asked["state"], "iss": self.issuer}

    def post(self, path: str, form: dict[str, str], authorization: str) -> tuple[int, Any]:
        self.asked.append(path)
        self.forms.append(form)
        if "token" in self.answers:
            return self.answers["token"]
        expected = base64.b64encode(b"streamer-console:s3cret%2F%2B+of+the+client").decode()
        is_posted = (form.get("client_id"), form.get("client_secret")) == (CLIENT, SECRET)
        if authorization != f"Basic {expected}" and not is_posted:
            return 401, {"error": "invalid_client"}
        asked = self.codes.pop(form["code"], None)
        challenge = b64(hashlib.sha256(form["code_verifier"].encode()).digest())
        if asked is None or (asked["redirect_uri"], asked["code_challenge"]) != (
            form["redirect_uri"],
            challenge,
        ):
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = self.person | {
            "iss": self.issuer,
            "aud": CLIENT,
            "exp": now + 300,
            "iat": now,
            "nonce": asked["nonce"],
        }
        token = secrets.token_urlsafe(12)
        self.tokens[token] = form["code"]
        id_token = self.forge({"alg": "RS256", "kid": "one"}, claims)
        return 200, {"access_token": token, "token_type": "Bearer", "id_token": id_token}
