"""Nobody is let in by an answer that was forged, and each forgery has the name of its own outcome."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa as rsa_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey

from streamer.console.people.id_token import Header, claims_of, header_of, key_for, keys_in
from streamer.console.people.login_attempts import ATTEMPT_MS, Attempt, Attempts
from streamer.console.people.login_refusals import OUTCOMES, LoginRefusedError
from streamer.console.people.oidc_people import OidcPeople, Person
from streamer.console.people.oidc_provider import OidcProvider
from streamer.errors import ConfigurationError, UnavailableError
from streamer.settings import load_settings
from tests.console.oidc_provider import CLIENT, EC, OTHER, RSA, SECRET, Provider, b64, signed

ROLES = {"fraud-team": ("reviewer",), "fraud-leads": ("reviewer", "lead")}
CONSOLE = "https://console.example"


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as made:
        yield made


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(f"{SECRET}\n")
    return path


Login = Callable[..., Person]


class Steps:
    """What a test changes on the way."""

    def __init__(self, provider: Provider, people: OidcPeople) -> None:
        self.provider, self.people = provider, people
        self.used: set[str] = set()
        self.now_s = time.time()

    async def is_first(self, attempt: Attempt) -> bool:
        is_new = attempt.id not in self.used
        self.used.add(attempt.id)
        return is_new

    async def begun(self) -> tuple[Attempt, dict[str, str]]:
        attempt = self.people.attempts.begun("/team", round(self.now_s * 1000))
        return attempt, self.provider.log_in(await self.people.address(attempt))

    async def back(self, attempt: Attempt | None, query: Any) -> Person:
        pairs = list(query.items()) if isinstance(query, dict) else query
        return await self.people.came_back(pairs, attempt, self.is_first, self.now_s)

    async def whole(self) -> Person:
        return await self.back(*await self.begun())


def run(provider: Provider, secret_file: Path | None, work: Any, **changes: Any) -> Any:
    """Return what ``work`` makes of a console's people."""

    async def main() -> Any:
        made = OidcProvider(
            provider.issuer,
            CLIENT,
            secret_file,
            changes.pop("algorithms", ("RS256", "PS256", "ES256")),
            changes.pop("timeout_s", 5.0),
            **changes,
        )
        people = OidcPeople(
            made,
            Attempts(b"0" * 32),
            console_url=CONSOLE,
            scopes="openid profile",
            claims=("preferred_username", "groups"),
            roles_of=ROLES,  # type: ignore[arg-type]
        )
        try:
            return await work(Steps(provider, people))
        finally:
            await made.close()

    return asyncio.run(main())


def test_somebody_comes_back_as_the_subject_with_a_name_and_the_roles_of_their_groups(
    provider: Provider, secret_file: Path
) -> None:
    provider.person["groups"] = ["fraud-leads", "others", 7]
    person = run(provider, secret_file, Steps.whole)
    assert (person.subject, person.claimed) == ("248289761001", "mona")
    assert (person.issuer, person.roles) == (provider.issuer, ("reviewer", "lead"))
    [form] = provider.forms
    assert (form["grant_type"], form["redirect_uri"]) == (
        "authorization_code",
        f"{CONSOLE}/oidc/callback",
    )
    assert len(form["code_verifier"]) == 43


@pytest.mark.parametrize(("alg", "key"), [("RS256", RSA), ("PS256", RSA), ("ES256", EC)])
def test_each_allowed_algorithm_is_taken_and_is_refused_where_it_is_not_allowed(
    provider: Provider, secret_file: Path, alg: str, key: Any
) -> None:
    provider.forge = lambda _, claims: signed({"alg": alg, "kid": key.kid}, claims, key)
    assert run(provider, secret_file, Steps.whole).claimed == "mona"
    others = tuple({"RS256", "PS256", "ES256"} - {alg})
    with pytest.raises(LoginRefusedError) as refused:
        run(provider, secret_file, Steps.whole, algorithms=others)
    assert refused.value.outcome == "algorithm"


def unsigned(header: dict[str, Any], claims: Any, signature: bytes = b"") -> str:
    parts = b64(json.dumps(header).encode()), b64(json.dumps(claims).encode())
    return ".".join((*parts, b64(signature)))


def by_public_key(header: dict[str, Any], claims: Any) -> str:
    """The provider's public key as the secret of an HMAC."""
    pem = RSA.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    told = unsigned(header | {"alg": "HS256"}, claims).rpartition(".")[0]
    return f"{told}.{b64(hmac.new(pem, told.encode(), hashlib.sha256).digest())}"


def changed(**claims: Any) -> Callable[[Any, Any], str]:
    """A token that is signed as it should be, with other claims; None takes one away."""

    def forge(header: dict[str, Any], told: dict[str, Any]) -> str:
        found = told | {name: at(told) if callable(at) else at for name, at in claims.items()}
        return signed(header, {name: each for name, each in found.items() if each is not None})

    return forge


def with_header(key: Any = RSA, **more: Any) -> Callable[[Any, Any], str]:
    return lambda header, claims: signed(header | more, claims, key)


FORGERIES = {
    "of another issuer": (changed(iss="https://evil.example"), "issuer"),
    "of the issuer with a slash more": (changed(iss=lambda told: told["iss"] + "/"), "issuer"),
    "for another client": (changed(aud="another-client"), "audience"),
    "for two without saying for which": (changed(aud=[CLIENT, "another"]), "audience"),
    "for this one on behalf of another": (changed(azp="another"), "audience"),
    "for nobody": (changed(aud=None), "audience"),
    "expired": (changed(exp=lambda told: told["iat"] - 61), "expired"),
    "without an end": (changed(exp=None), "expired"),
    "with an end that is no number": (changed(exp="2100-01-01"), "expired"),
    "with an end that is true": (changed(exp=True), "expired"),
    "from tomorrow": (changed(iat=lambda told: told["iat"] + 86_400), "issued"),
    "of yesterday": (changed(iat=lambda told: told["iat"] - 86_400), "issued"),
    "of no time": (changed(iat=None), "issued"),
    "not yet good": (changed(nbf=lambda told: told["iat"] + 120), "issued"),
    "good from true on": (changed(nbf=True), "issued"),
    "of another login": (changed(nonce="another"), "nonce"),
    "of no login": (changed(nonce=None), "nonce"),
    "with a nonce that is a list": (changed(nonce=lambda told: [told["nonce"]]), "nonce"),
    "of nobody": (changed(sub=""), "subject"),
    "of a subject that is a number": (changed(sub=7), "subject"),
    "with another access token's hash": (changed(at_hash="x" * 22), "access_token"),
    "not signed": (lambda header, claims: unsigned(header | {"alg": "none"}, claims), "algorithm"),
    "not signed, in capitals": (
        lambda header, claims: unsigned(header | {"alg": "nOnE"}, claims),
        "algorithm",
    ),
    "not signed, said to be": (lambda header, claims: unsigned(header, claims), "signature"),
    "signed with the public key as a secret": (by_public_key, "algorithm"),
    "signed by another's key under this one's id": (with_header(OTHER, kid="one"), "signature"),
    "signed by a key that comes along": (
        with_header(OTHER, kid="two", jwk=OTHER.as_dict(private=False)),
        "key",
    ),
    "signed by a key that comes along under this one's id": (
        with_header(OTHER, kid="one", jwk=OTHER.as_dict(private=False)),
        "signature",
    ),
    "signed by a key from an address": (
        with_header(OTHER, kid="two", jku="http://127.0.0.1:1/keys"),
        "key",
    ),
    "with a key's id that is a path": (with_header(OTHER, kid="../../dev/null"), "key"),
    "with a key's id that is SQL": (with_header(OTHER, kid="' OR 1=1 --"), "key"),
    "with a key's id that is a list": (
        lambda header, claims: unsigned(header | {"kid": ["one"]}, claims),
        "form",
    ),
    "with a type of key that the algorithm has not": (
        with_header(EC, alg="ES256", kid="one"),
        "key",
    ),
    "with something that must be understood": (
        lambda header, claims: unsigned(header | {"crit": ["b64"], "b64": False}, claims),
        "form",
    ),
    "of another type": (with_header(typ="at+jwt"), "form"),
    "altered after it was signed": (
        lambda header, claims: ".".join(
            (
                signed(header, claims).split(".")[0],
                b64(json.dumps(claims | {"groups": ["fraud-leads"]}).encode()),
                signed(header, claims).split(".")[2],
            )
        ),
        "signature",
    ),
    "a list": (lambda header, claims: signed(header, [claims]), "form"),
    "in five parts": (lambda header, claims: signed(header, claims) + "..", "form"),
    "no token": (lambda *_: "mona", "form"),
}


@pytest.mark.parametrize("what", FORGERIES)
def test_a_forged_token_lets_nobody_in(provider: Provider, secret_file: Path, what: str) -> None:
    provider.forge, outcome = FORGERIES[what]
    provider.more_keys = [OctKey.generate_key(256, parameters={"kid": "four"}).as_dict()]
    with pytest.raises(LoginRefusedError) as refused:
        run(provider, secret_file, Steps.whole)
    assert refused.value.outcome == outcome
    assert outcome in OUTCOMES


def test_the_clocks_may_differ_by_a_minute_and_two_audiences_name_the_party(
    provider: Provider, secret_file: Path
) -> None:
    provider.forge = changed(
        exp=lambda told: told["iat"] - 30,
        nbf=lambda told: told["iat"] + 30,
        aud=[CLIENT, "another"],
        azp=CLIENT,
    )
    assert run(provider, secret_file, Steps.whole).claimed == "mona"


def test_an_access_tokens_hash_that_fits_is_taken(provider: Provider, secret_file: Path) -> None:
    def forge(header: dict[str, Any], claims: dict[str, Any]) -> str:
        [token] = provider.tokens
        half = hashlib.sha256(token.encode()).digest()[:16]
        return signed(header, claims | {"at_hash": b64(half)})

    provider.forge = forge
    assert run(provider, secret_file, Steps.whole).claimed == "mona"


async def twice(steps: Steps) -> None:
    """The same answer is brought twice, and then the code by another login of the same browser."""
    attempt, query = await steps.begun()
    await steps.back(attempt, query)
    with pytest.raises(LoginRefusedError) as refused:
        await steps.back(attempt, query)
    assert refused.value.outcome == "state_used"
    again, of_again = await steps.begun()
    await steps.back(again, of_again | {"code": query["code"]})


async def stolen_code(steps: Steps) -> None:
    """A code of somebody else's login is put into one's own: PKCE binds it to who asked."""
    _, theirs = await steps.begun()
    own, query = await steps.begun()
    await steps.back(own, query | {"code": theirs["code"]})


async def other_browser(steps: Steps) -> None:
    """Somebody is sent an address with another's state: their browser has no such login."""
    _, theirs = await steps.begun()
    own, _ = await steps.begun()
    await steps.back(own, theirs)


async def no_cookie(steps: Steps) -> None:
    _, query = await steps.begun()
    await steps.back(None, query)


async def state_twice(steps: Steps) -> None:
    attempt, query = await steps.begun()
    await steps.back(attempt, [*query.items(), ("state", query["state"])])


async def of_another_provider(steps: Steps) -> None:
    attempt, query = await steps.begun()
    await steps.back(attempt, query | {"iss": "https://evil.example"})


async def of_no_provider(steps: Steps) -> None:
    """This provider says that it says who it is."""
    attempt, query = await steps.begun()
    del query["iss"]
    await steps.back(attempt, query)


async def declined(steps: Steps) -> None:
    attempt, query = await steps.begun()
    await steps.back(attempt, query | {"error": "access_denied"})


async def no_code(steps: Steps) -> None:
    attempt, query = await steps.begun()
    del query["code"]
    await steps.back(attempt, query)


@pytest.mark.parametrize(
    ("steps", "outcome"),
    [
        (twice, "code"),
        (stolen_code, "code"),
        (other_browser, "state"),
        (no_cookie, "state"),
        (state_twice, "state"),
        (of_another_provider, "mix_up"),
        (of_no_provider, "mix_up"),
        (declined, "declined"),
        (no_code, "no_code"),
    ],
)
def test_an_answer_that_is_not_of_this_login_lets_nobody_in(
    provider: Provider, secret_file: Path, steps: Any, outcome: str
) -> None:
    with pytest.raises(LoginRefusedError) as refused:
        run(provider, secret_file, steps)
    assert refused.value.outcome == outcome


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ((400, {"error": "invalid_grant"}), "code"),
        ((401, {"error": "invalid_client"}), "client"),
        ((200, {"error": "unauthorized_client"}), "client"),
        ((200, {"token_type": "Bearer", "access_token": "x"}), "no_token"),
        ((200, {"token_type": "mac", "id_token": "x"}), "no_token"),
        ((201, {"token_type": "Bearer", "id_token": "x"}), "no_token"),
        ((200, {"token_type": "Bearer", "id_token": ["x"]}), "no_token"),
    ],
)
def test_an_answer_to_the_code_without_a_token_lets_nobody_in(
    provider: Provider, secret_file: Path, answer: Any, outcome: str
) -> None:
    provider.answers["token"] = answer
    with pytest.raises(LoginRefusedError) as refused:
        run(provider, secret_file, Steps.whole)
    assert refused.value.outcome == outcome


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("token", (500, {})),
        ("token", (200, b"no JSON")),
        ("token", (200, b"[" * 100_000)),
        ("token", (302, b"")),
        ("keys", (500, {})),
        ("keys", (200, b" " * 1_100_000)),
        ("openid-configuration", (404, {})),
        ("openid-configuration", (302, b"{}")),
        ("openid-configuration", (200, {"issuer": "x"})),
    ],
)
def test_a_provider_that_does_not_answer_as_it_should_is_away(
    provider: Provider, secret_file: Path, name: str, answer: Any
) -> None:
    provider.answers[name] = answer
    with pytest.raises(UnavailableError):
        run(provider, secret_file, Steps.whole)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"issuer": "https://evil.example"}, "to the letter"),
        ({"token_endpoint": "http://login.example/token"}, "must be https"),
        ({"jwks_uri": "file:///etc/passwd"}, "must be https"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "must be https"),
        ({"id_token_signing_alg_values_supported": ["HS256"]}, "must sign with one of"),
        ({"code_challenge_methods_supported": ["plain"]}, "PKCE with S256"),
    ],
)
def test_a_provider_that_says_what_cannot_be_of_itself_is_not_asked_for_anything(
    provider: Provider, secret_file: Path, changes: dict[str, Any], what: str
) -> None:
    provider.changes = changes
    with pytest.raises(UnavailableError, match=what):
        run(provider, secret_file, Steps.whole)
    assert provider.n_asked("token") == 0


def test_a_new_key_is_read_when_a_token_names_it_and_at_most_every_half_minute(
    provider: Provider, secret_file: Path
) -> None:
    at = [0.0]

    async def work(steps: Steps) -> None:
        await steps.whole()
        provider.published = [OTHER]
        provider.forge = lambda _, claims: signed({"alg": "RS256", "kid": "two"}, claims, OTHER)
        for now_s in (1.0, 29.0):
            at[0] = now_s
            with pytest.raises(LoginRefusedError) as refused:
                await steps.whole()
            assert refused.value.outcome == "key"
        assert provider.n_asked("keys") == 1
        at[0] = 30.0
        assert (await steps.whole()).claimed == "mona"
        assert provider.n_asked("keys") == 2
        # The old one is good no more.
        provider.forge = signed
        with pytest.raises(LoginRefusedError):
            await steps.whole()
        at[0] = 3_700.0
        provider.forge = lambda _, claims: signed({"alg": "RS256", "kid": "two"}, claims, OTHER)
        await steps.whole()
        assert (provider.n_asked("keys"), provider.n_asked("openid-configuration")) == (3, 2)

    run(provider, secret_file, work, clock=lambda: at[0])


def test_a_key_without_an_id_is_taken_where_it_is_the_only_one_that_fits(
    provider: Provider, secret_file: Path
) -> None:
    told = {name: each for name, each in RSA.as_dict(private=False).items() if name != "kid"}
    provider.published, provider.more_keys = [EC], [told]
    provider.forge = lambda _, claims: signed({"alg": "RS256"}, claims)
    assert run(provider, secret_file, Steps.whole).claimed == "mona"
    provider.published = [EC, OTHER]
    with pytest.raises(LoginRefusedError) as refused:
        run(provider, secret_file, Steps.whole)
    assert refused.value.outcome == "key"


def test_claims_that_the_token_has_not_are_read_from_userinfo_of_the_same_subject(
    provider: Provider, secret_file: Path
) -> None:
    subject = provider.person["sub"]
    provider.person = {"sub": subject, "preferred_username": "mona"}
    provider.userinfo = {"sub": subject, "groups": "fraud-leads", "preferred_username": "lea"}
    person = run(provider, secret_file, Steps.whole)
    assert (person.claimed, person.roles) == ("mona", ("reviewer", "lead"))
    provider.userinfo["sub"] = "another"
    with pytest.raises(LoginRefusedError) as refused:
        run(provider, secret_file, Steps.whole)
    assert refused.value.outcome == "userinfo"


@pytest.mark.parametrize("name", [None, 7, "", "mona mustermann", "m" * 65, "mona\n"])
def test_a_name_that_nobody_can_be_called_by_is_refused(
    provider: Provider, secret_file: Path, name: Any
) -> None:
    provider.person["preferred_username"] = name
    with pytest.raises(LoginRefusedError) as refused:
        run(provider, secret_file, Steps.whole)
    assert refused.value.outcome == "name"


def test_a_secret_is_read_again_when_it_has_changed_and_posted_where_that_is_all_there_is(
    provider: Provider, secret_file: Path
) -> None:
    secret_file.write_text("wrong")
    write, remove = secret_file.write_text, secret_file.unlink

    async def work(steps: Steps) -> None:
        with pytest.raises(LoginRefusedError) as refused:
            await steps.whole()
        assert refused.value.outcome == "client"
        write(SECRET)
        assert (await steps.whole()).claimed == "mona"
        remove()
        # The last good one counts.
        assert (await steps.whole()).claimed == "mona"

    run(provider, secret_file, work)
    with pytest.raises(UnavailableError, match="STREAMER_OIDC_CLIENT_SECRET_FILE"):
        run(provider, secret_file, Steps.whole)
    secret_file.write_text(SECRET)
    provider.changes = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert run(provider, secret_file, Steps.whole).claimed == "mona"
    assert provider.forms[-1]["client_secret"] == SECRET
    with pytest.raises(LoginRefusedError):
        run(provider, None, Steps.whole)
    assert "client_secret" not in provider.forms[-1]


def test_a_provider_that_is_away_is_left_alone_for_a_second_and_found_again(
    provider: Provider, secret_file: Path
) -> None:
    at = [0.0]
    provider.answers["openid-configuration"] = 503, {}

    async def work(steps: Steps) -> None:
        for _ in range(3):
            with pytest.raises(UnavailableError):
                await steps.whole()
        assert provider.n_asked("openid-configuration") == 1
        del provider.answers["openid-configuration"]
        at[0] = 1.0
        assert (await steps.whole()).claimed == "mona"
        leaving = await steps.people.leaving()
        assert leaving.startswith(f"{provider.issuer}/logout?client_id={CLIENT}&post_logout")

    run(provider, secret_file, work, clock=lambda: at[0])


def test_a_set_of_keys_that_does_not_come_holds_up_nobody_who_needs_none(
    provider: Provider, secret_file: Path
) -> None:
    at, gate = [0.0], asyncio.Event()

    async def work(steps: Steps) -> None:
        made = steps.people.provider
        known = Header("RS256", "one")
        asking = made._asking.get

        async def hanging(url: str, **more: Any) -> Any:
            if url.endswith("/keys"):
                await gate.wait()
                raise UnavailableError("the provider must answer, got TimeoutError")
            return await asking(url, **more)

        await made.key(known)
        at[0] = 31.0
        made._asking.get = hanging  # type: ignore[method-assign]
        waiting = asyncio.create_task(made.key(Header("RS256", "new")))
        also = asyncio.create_task(made.key(Header("RS256", "new")))
        async with asyncio.timeout(5):
            await asyncio.sleep(0)
            assert (await made.metadata()).issuer == provider.issuer
            await made.key(known)
        assert not waiting.done()
        gate.set()
        for each in (waiting, also):
            with pytest.raises(UnavailableError):
                await each

    run(provider, secret_file, work, clock=lambda: at[0])


def test_an_address_to_log_in_at_has_what_the_provider_must_be_told_and_no_secret(
    provider: Provider, secret_file: Path
) -> None:
    async def work(steps: Steps) -> tuple[str, Attempt]:
        attempt = steps.people.attempts.begun("/", 0)
        return await steps.people.address(attempt), attempt

    address, attempt = run(provider, secret_file, work)
    attempts = Attempts(b"0" * 32)
    assert address.startswith(f"{provider.issuer}/authorize?kc=1&response_type=code&client_id=")
    assert "code_challenge_method=S256" in address
    assert f"state={attempts.state(attempt)}" in address
    assert attempts.verifier(attempt) not in address
    # Nor is it in the cookie.
    assert attempts.verifier(attempt) not in attempts.cookie(attempt)
    assert attempts.read(attempts.cookie(attempt), ATTEMPT_MS - 1) == attempt
    assert Attempts(b"1" * 32).read(attempts.cookie(attempt), 0) is None
    other = attempts.begun("/", 0)
    assert attempts.read(f"{attempts.cookie(other).split('.')[0]}.x", 0) is None


@settings(max_examples=40)
@given(
    token=st.one_of(
        st.text(max_size=60),
        st.lists(st.binary(max_size=20).map(b64), min_size=3, max_size=3).map(".".join),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: st.dictionaries(
                st.sampled_from(["alg", "kid", "crit", "typ"]), inner, max_size=4
            ),
            max_leaves=6,
        ).map(lambda told: f"{b64(json.dumps(told).encode())}.e30.AAAA"),
    )
)
def test_no_text_is_taken_for_a_token_that_nobody_signed(token: str) -> None:
    keys = keys_in({"keys": [RSA.as_dict(private=False), EC.as_dict(private=False)]})

    def taken() -> None:
        header = header_of(token, ["RS256", "PS256", "ES256"])
        key = key_for(header, keys)
        if key is None:
            raise LoginRefusedError("key")
        claims_of(token, header, key, None)  # type: ignore[arg-type]

    with pytest.raises(LoginRefusedError):
        taken()


def test_only_keys_that_may_verify_are_read_of_a_set() -> None:
    rsa, ec = RSA.as_dict(private=False), EC.as_dict(private=False)
    number = rsa_key.generate_private_key(65_537, 1_024).public_key().public_numbers().n  # noqa: S505
    weak = rsa | {"kid": "w", "n": b64(number.to_bytes(128, "big"))}
    other_curve = ECKey.generate_key("P-384", parameters={"kid": "c"}).as_dict(private=False)
    unfit: list[Any] = [
        rsa | {"use": "enc"},
        rsa | {"key_ops": ["encrypt"]},
        rsa | {"alg": "RSA-OAEP"},
        rsa | {"kid": 7},
        rsa | {"n": "!"},
        {"kty": "oct", "k": b64(b"secret"), "kid": "o"},
        {"kty": "RSA"},
        {},
        "text",
        weak,
        other_curve,
    ]
    assert keys_in({"keys": unfit}) == []
    assert keys_in({}) == keys_in({"keys": "x"}) == []
    found = keys_in({"keys": [*unfit, rsa | {"alg": "PS256"}, ec | {"key_ops": ["verify"]}]})
    assert [(each.kid, sorted(each.algorithms)) for each in found] == [
        ("one", ["PS256"]),
        ("three", ["ES256"]),
    ]
    with pytest.raises(LoginRefusedError):
        claims_of("a.b.c", Header("RS256"), found[0], None)  # type: ignore[arg-type]


SETTINGS = {
    "STREAMER_OIDC_ISSUER": "https://login.example/realms/bank",
    "STREAMER_OIDC_CLIENT_ID": CLIENT,
    "STREAMER_OIDC_ROLES": "fraud-team=reviewer",
    "STREAMER_CONSOLE_URL": f"{CONSOLE}/",
}


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"STREAMER_OIDC_ISSUER": "http://login.example"}, "must be an https URL"),
        ({"STREAMER_OIDC_ISSUER": "https://login.example?x=1"}, "must be an https URL"),
        ({"STREAMER_OIDC_ISSUER": "https://login.example:port"}, "must be an https URL"),
        ({"STREAMER_OIDC_ISSUER": "https://login.example/a b"}, "must be an https URL"),
        ({"STREAMER_OIDC_CLIENT_ID": ""}, "STREAMER_OIDC_CLIENT_ID must be set"),
        ({"STREAMER_OIDC_ROLES": ""}, "STREAMER_OIDC_ROLES must be set"),
        ({"STREAMER_CONSOLE_URL": ""}, "STREAMER_CONSOLE_URL must be set"),
        ({"STREAMER_CONSOLE_URL": "https://console.example/x"}, "without a path"),
        ({"STREAMER_OIDC_ALGORITHMS": "RS256,HS256"}, "must be of RS256, PS256, ES256"),
        ({"STREAMER_OIDC_ALGORITHMS": "none"}, "must be of RS256, PS256, ES256"),
        ({"STREAMER_OIDC_SCOPES": "profile"}, "must have openid"),
        ({"STREAMER_OIDC_ROLES": "a=boss"}, "must be GROUP=ROLE"),
        (
            {
                "STREAMER_CONSOLE_PROXY_USER_HEADER": "X-User",
                "STREAMER_CONSOLE_PROXY_ROLES": "a=lead",
                "STREAMER_CONSOLE_TRUSTED_PROXIES": "192.0.2.1",
            },
            "STREAMER_CONSOLE_PROXY_USER_HEADER must not be set",
        ),
    ],
)
def test_settings_that_cannot_be_safe_are_refused(changes: dict[str, str], what: str) -> None:
    assert load_settings(SETTINGS).console_url == CONSOLE
    with pytest.raises(ConfigurationError, match=what):
        load_settings(SETTINGS | changes)
