"""Who a proxy says is asking is believed from that proxy alone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from streamer.console.console import Console
from streamer.console.console_app import console_app
from streamer.console.console_process import uvicorn_config
from streamer.console.people.knowing import proxied_people_of
from streamer.console.people.proxied_people import BehindProxies, ProxiedPeople
from streamer.errors import ConfigurationError, UnavailableError
from streamer.settings import load_settings
from streamer.settings.proxy_networks import networks
from tests.console.conftest import Reviewer, Stand, alert, arrived

PEOPLE = ProxiedPeople(
    "X-Forwarded-User",
    "X-Forwarded-Groups",
    {"team": ("reviewer",), "leads": ("reviewer", "lead"), "ops": ("operator",)},
)
USER, GROUPS = b"x-forwarded-user", b"x-forwarded-groups"
SETTINGS = {
    "STREAMER_CONSOLE_PROXY_USER_HEADER": "X-Forwarded-User",
    "STREAMER_CONSOLE_PROXY_ROLES": "team=reviewer,leads=reviewer+lead",
    "STREAMER_CONSOLE_TRUSTED_PROXIES": "192.0.2.1,2001:db8::/32",
}


def asked(peer: str | None, *headers: tuple[bytes, bytes]) -> Any:
    """Return who asks, over a connection from ``peer``."""
    told: list[Any] = []

    async def app(scope: Any, _: Any, __: Any) -> None:
        told.append(PEOPLE.person(scope))

    around = BehindProxies(app, networks("192.0.2.1, 2001:db8::/32"))
    scope = {"type": "http", "client": None if peer is None else (peer, 1), "headers": [*headers]}
    asyncio.run(around(scope, None, None))  # type: ignore[arg-type]
    return told[0]


def test_a_tenant_believes_those_proxies_alone_that_it_names_of_the_processs(
    stand: Stand,
) -> None:
    """Of two proxies of the process the tenant names one: the other's word is nobody's at its host."""
    told: list[Any] = []
    own = {
        "console_proxy_user_header": "X-Forwarded-User",
        "console_proxy_roles": "team=reviewer",
        "console_trusted_proxies": "192.0.2.1",
    }
    people = proxied_people_of(stand.settings.model_copy(update=own))
    assert people is not None

    async def app(scope: Any, _: Any, __: Any) -> None:
        told.append(people.person(scope))

    around = BehindProxies(app, networks("192.0.2.0/24"))
    for peer in ("192.0.2.1", "192.0.2.2"):
        scope = {"type": "http", "client": (peer, 1), "headers": [(USER, b"mona")]}
        asyncio.run(around(scope, None, None))  # type: ignore[arg-type]
    assert [None if each is None else each.name for each in told] == ["mona", None]


def test_a_proxys_word_gives_name_and_the_roles_of_the_groups() -> None:
    person = asked("192.0.2.1", (USER, b"mona"), (GROUPS, b"leads, others,ops"))
    assert (person.name, person.roles, person.is_lead) == (
        "mona",
        ("reviewer", "lead", "operator"),
        True,
    )
    assert asked("2001:db8::7", (USER, b"mona")).roles == ()


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        ("192.0.2.2", [(USER, b"mona")]),
        ("127.0.0.1", [(USER, b"mona")]),
        (None, [(USER, b"mona")]),
        ("testclient", [(USER, b"mona")]),
        ("192.0.2.1", []),
        ("192.0.2.1", [(USER, b"")]),
        ("192.0.2.1", [(USER, b"mona"), (USER, b"lea")]),
        ("192.0.2.1", [(USER, b"mona, lea")]),
        ("192.0.2.1", [(USER, b"mo\xc3\xa4na")]),
        ("192.0.2.1", [(USER, b"m" * 65)]),
    ],
)
def test_nobody_is_believed_otherwise(peer: str | None, headers: list[tuple[bytes, bytes]]) -> None:
    assert asked(peer, *headers) is None


def test_groups_that_are_told_twice_or_are_too_long_give_no_role() -> None:
    """One of the two headers may be the browser's own."""
    twice = asked("192.0.2.1", (USER, b"mona"), (GROUPS, b"team"), (GROUPS, b"leads"))
    long = asked("192.0.2.1", (USER, b"mona"), (GROUPS, b"leads," + b"x" * 9_000))
    assert twice.roles == long.roles == ()


@given(
    peer=st.ip_addresses().map(str),
    headers=st.lists(st.tuples(st.sampled_from([USER, GROUPS, b"x"]), st.binary(max_size=9))),
)
def test_no_header_of_a_stranger_names_anybody(
    peer: str, headers: list[tuple[bytes, bytes]]
) -> None:
    if peer != "192.0.2.1" and not peer.startswith("2001:db8:"):
        assert asked(peer, *headers) is None


@pytest.mark.parametrize(
    ("peer", "told"), [("192.0.2.1", ("mona", "198.51.100.7")), ("192.0.2.9", (None, "192.0.2.9"))]
)
def test_the_connections_peer_counts_and_not_whom_it_speaks_for(
    stand: Stand, peer: str, told: tuple[str | None, str]
) -> None:
    """X-Forwarded-For is believed of the same proxy, and names another address by then."""
    changes = {
        "console_trusted_proxies": "192.0.2.1",
        "console_proxy_user_header": "X-Forwarded-User",
    }
    seen: list[Any] = []

    async def app(scope: Any, _: Any, __: Any) -> None:
        person = PEOPLE.person(scope)
        seen.append((person and person.name, scope["client"][0]))

    config = uvicorn_config(stand.settings.model_copy(update=changes), app)
    config.load()
    headers = [(USER, b"mona"), (b"x-forwarded-for", b"198.51.100.7")]
    scope = {"type": "http", "client": (peer, 1), "headers": headers}
    asyncio.run(config.loaded_app(scope, None, None))  # type: ignore[arg-type]
    assert seen == [told]


def test_somebody_whom_the_proxy_names_works_without_a_login_and_with_a_token(
    stand: Stand,
) -> None:
    changes = {
        "console_accounts_file": None,
        "console_trusted_proxies": "192.0.2.1",
        "console_proxy_user_header": "X-Forwarded-User",
        "console_proxy_roles": "team=reviewer",
    }
    stand.publish([alert(1)])
    console = Console(stand.settings.model_copy(update=changes))
    app = BehindProxies(console_app(console), networks("192.0.2.1"))
    with TestClient(app, base_url="https://testserver", client=("192.0.2.1", 1)) as client:
        arrived(console, client, 1)
        mona = Reviewer(client, "mona")
        headers = {"Sec-Fetch-Site": "same-origin", "X-Forwarded-User": "mona"}
        portal = client.portal
        mona.browser = TestClient(
            app,
            base_url="https://testserver",
            client=("192.0.2.1", 1),
            headers=headers | {"X-Forwarded-Groups": "team,guests"},
        )
        mona.browser.portal = portal
        page = mona.get("/alerts/transactions-0-1")
        assert "mona, reviewer" in page.text
        forged = mona.browser.post("/alerts/transactions-0-1/verdict", data={"verdict": "fraud"})
        assert (forged.status_code, "form was of another session" in forged.text) == (403, True)
        assert mona.judge("transactions-0-1", "fraud").status_code == 200
        twice, console.twice = console.twice, Away()  # type: ignore[assignment]
        kept = mona.post("/alerts/transactions-0-1/verdict", page, verdict="fraud")
        console.twice = twice
        assert (kept.status_code, "Send again: fraud" in kept.text) == (503, True)
        stranger = TestClient(app, base_url="https://testserver", client=("192.0.2.2", 1))
        stranger.portal = portal
        told = stranger.get("/", headers=headers | {"X-Forwarded-Groups": "team"})
        assert 'action="/login"' in told.text
        login = Reviewer(client, "lea")
        assert login.login().status_code == 401
    [line] = [each for each in stand.audit(1) if each["action"] == "verdict"]
    assert (line["who"], line["role"]) == ("mona", "reviewer")
    raw = [
        each for each in stand.read(stand.settings.audit_topic, 1) if each["action"] == "verdict"
    ]
    assert [each["actor"]["by"] for each in raw] == ["proxy"]


class Away:
    """A Redis that does not answer."""

    async def of(self, _: str) -> None:
        raise UnavailableError("Redis must answer")


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"STREAMER_CONSOLE_TRUSTED_PROXIES": "*"}, "STREAMER_CONSOLE_TRUSTED_PROXIES must name"),
        ({"STREAMER_CONSOLE_TRUSTED_PROXIES": ""}, "STREAMER_CONSOLE_TRUSTED_PROXIES must name"),
        ({"STREAMER_CONSOLE_PROXY_ROLES": ""}, "STREAMER_CONSOLE_PROXY_ROLES must be set"),
        ({"STREAMER_CONSOLE_PROXY_ROLES": "team=boss"}, "must be GROUP=ROLE"),
        ({"STREAMER_CONSOLE_PROXY_ROLES": "a=lead,a=lead"}, "each group once"),
        ({"STREAMER_CONSOLE_PROXY_USER_HEADER": "X User"}, "must be 1 to 64 letters"),
        ({"STREAMER_OPA_URL": "file:///etc/passwd"}, "must be an http or https URL"),
        ({"STREAMER_OPA_URL": "http://user:secret@host"}, "must be an http or https URL"),
    ],
)
def test_settings_that_would_believe_anybody_are_refused(
    changes: dict[str, str], what: str
) -> None:
    assert load_settings(SETTINGS).console_proxy_roles
    with pytest.raises(ConfigurationError, match=what):
        load_settings(SETTINGS | changes)
