"""An OpenID Connect provider of our own, honest unless told otherwise: its answers can be forged."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

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
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(*provider.get(self.path, self.headers.get("Authorization", "")))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = dict(parse_qsl(body))
                self._answer(*provider.post(self.path, form, self.headers.get("Authorization", "")))

            def _answer(self, status: int, told: Any) -> None:
                body = told if isinstance(told, bytes) else json.dumps(told).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                if 300 <= status < 400:
                    self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.issuer = f"http://127.0.0.1:{self._server.server_port}/realm"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )

    def __enter__(self) -> Provider:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

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
