"""Two tenants behind one port: whatever is asked as one, nothing of the other's comes or goes."""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
import uvicorn
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from redis import Redis
from starlette.testclient import TestClient

from streamer.console import console_process
from streamer.console.console import Console, now_ms
from streamer.console.pages import arrivals
from streamer.console.pages.gates import GatedRoute
from streamer.console.people.accounts import account_line
from streamer.console.tenant_consoles import TenantConsoles
from streamer.contract.messages import Alert
from streamer.embedded import EmbeddedKafka
from streamer.errors import ConfigurationError, InvariantError
from streamer.model import Sums
from streamer.model.codec import VersionHeader
from streamer.settings import Settings
from streamer.settings.tenants import Tenant
from streamer.starting.wiring import model_config, open_store
from streamer.store import Wish
from streamer.stream.kafka.kafka_config import librdkafka_config
from streamer.stream.kafka.topics import create_topics, prepare_console_topics
from tests.console.conftest import PASSWORD, Reviewer, Stand, accounts_text, alert, arrived, key_of
from tests.console.oidc_provider import CLIENT, SECRET, Provider
from tests.rig.waiting import wait_until

TOKEN = "t" * 16
ALL = ("reviewer", "lead", "model_owner", "auditor", "operator")
# Nobody is told these but by a page of beta's: no request has them.
HIDDEN = "hiddenofbeta"
N_SEEN = 77_003
TOLD_NUMBERS = "77,003", "77003"
CHOICES: Mapping[str, Sequence[str]] = {
    "verdict": ("fraud", "legitimate"),
    "kind": ("card", "merchant", "promotion", "rollback", "import"),
    "state": ("approved", "declined"),
    "days": ("7", "60"),
    "step": ("20",),
    "reason": ("the customer travels", "gate passed"),
    "topic": ("0", "1"),
    "holder": ("mona", "lea"),
    "comment": ("", "seen twice"),
    "amount": ("12",),
    "name": ("mona", "omni"),
    "password": ("not the password",),
    "ranked_by": ("probability",),
}


def of_tenant(tenant: str, number: int, **changes: Any) -> Alert:
    """Return an alert whose every id says whose it is, and whose merchant nobody asks for."""
    made = alert(
        number,
        card_id=f"{tenant}-card-{number}",
        merchant_id=f"hiddenof{tenant}-shop",
        transaction_id=f"{tenant}-t-{number}",
        **{"wave_id": f"{tenant}-wave-{number}"} | changes,
    )
    return msgspec.structs.replace(made, alert_id=f"{tenant}-0-{number}")


def stored(settings: Any, n_seen: int) -> list[str]:
    """Store two versions, the first as the head."""

    async def work() -> list[str]:
        store = open_store(settings)
        try:
            config, ids = model_config(settings), []
            for n in (n_seen, 500 + n_seen):
                header = VersionHeader("", "2026-03-14T02:12:00.000Z", "fit", config.hash)
                sums = replace(Sums.zero(config), transactions_seen=n)
                ids.append(await store.put_version(sums, header))
            await store.set_head(Wish(ids[0], "import", "ana", 1_773_454_320_000))
            return ids
        finally:
            await store.close()

    return asyncio.run(work())


@dataclass
class Town:
    """Two tenants, acme and beta, of one process, and the ids of beta's."""

    stands: Mapping[str, Stand]
    consoles: Mapping[str, Console]
    app: TenantConsoles
    client: TestClient
    redis: Redis
    ids: dict[str, list[str]]
    cookies: dict[str, str]
    token: str

    def at(self, tenant: str, name: str) -> Reviewer:
        """Return the browser of somebody who has logged in at a tenant's console."""
        console = self.consoles[tenant]
        account = console.accounts.get(name)
        assert account is not None
        made = Reviewer(self.client, name)
        made.browser.base_url = f"https://{tenant}.example"  # type: ignore[assignment]
        session = console.signer.signed(console.signer.began(account, 10**15))
        made.browser.cookies.set("streamer_session", session)
        return made

    def kept(self, tenant: str) -> dict[bytes, bytes]:
        """Return every key of a tenant's in Redis, with what it holds."""
        names = self.redis.scan_iter(f"streamer:{{{self.stands[tenant].settings.namespace}}}:*")
        return {name: self.redis.dump(name) for name in names}  # type: ignore[misc]

    def ends(self, tenant: str) -> list[tuple[int, int]]:
        """Return where the partitions of a tenant's topics begin and end."""
        own = self.stands[tenant].settings
        reader = Consumer(librdkafka_config(own) | {"group.id": "ends"})
        topics = own.alerts_topic, own.feedback_topic, own.audit_topic, own.proposals_topic
        try:
            return [
                reader.get_watermark_offsets(TopicPartition(topic, p), timeout=10)
                for topic in topics
                for p in range(2)
            ]
        finally:
            reader.close()

    def quiet(self, tenant: str) -> dict[bytes, bytes]:
        """Return what a tenant has in Redis once nothing of it is under way."""
        before = [self.kept(tenant)]

        def is_quiet() -> bool:
            before.append(self.kept(tenant))
            return before[-1] == before[-2]

        wait_until(is_quiet, "beta's keys must stay as they are")
        return before[-1]

    def routes(self) -> list[GatedRoute]:
        return list(self.app.apps["acme"]._app.routes)  # type: ignore[attr-defined]


@contextmanager
def town_of(kafka: EmbeddedKafka, redis_url: str, folder: Path, oidc: Provider) -> Iterator[Town]:
    stands, consoles = {}, {}
    secret = folder / "client-secret"
    secret.write_text(SECRET)
    for tenant in ("acme", "beta"):
        own = folder / tenant
        own.mkdir()
        stand = stands[tenant] = Stand(kafka, redis_url, own)
        # The same people with the same passwords: only the tenant is another.
        (own / "accounts").write_text(
            f"{accounts_text()}\n{account_line('omni', ALL, PASSWORD)}\n"  # type: ignore[arg-type]
            f"{account_line(f'hiddenof{tenant}', ALL, PASSWORD)}"  # type: ignore[arg-type]
        )
        stand.settings = stand.settings.model_copy(
            update={
                "console_url": f"https://{tenant}.example",
                "oidc_issuer": oidc.issuer,
                "oidc_client_id": CLIENT,
                "oidc_client_secret_file": secret,
                "oidc_roles": "fraud-team=reviewer",
            }
        )
        stand.publish([of_tenant(tenant, n, wave_id=f"{tenant}-wave") for n in (1, 2)])
        stand.publish([of_tenant(tenant, n) for n in (3, 4, 5, 6)])
    versions = {name: stored(stands[name].settings, n) for name, n in WITH.items()}
    consoles = {name: Console(stand.settings) for name, stand in stands.items()}
    app = TenantConsoles(consoles, TOKEN)
    with (
        TestClient(app, base_url="https://acme.example") as client,
        Redis.from_url(redis_url) as redis,
    ):
        for console in consoles.values():
            arrived(console, client, 6)
        town = Town(stands, consoles, app, client, redis, {}, {}, "")
        lived_in(town, oidc, versions["beta"])
        yield town


WITH = {"acme": 2_000, "beta": N_SEEN}


def lived_in(town: Town, oidc: Provider, versions: Sequence[str]) -> None:
    """Let people of beta's do what they do, and note the ids of all of it."""
    omni, other = town.at("beta", "omni"), town.at("beta", HIDDEN)
    judged = other.judge("beta-0-3", "fraud", comment=f"{HIDDEN} says so")
    assert judged.status_code == 200
    page = other.get("/alerts/beta-0-4")
    keys = [key_of(page)]
    fields = {"kind": "card", "days": "7", "reason": "the customer travels", "key": keys[0]}
    assert other.post("/alerts/beta-0-4/snooze", page, **fields, comment=HIDDEN).status_code == 200
    fields |= {"days": "60", "key": "k1"}
    page = other.get("/alerts/beta-0-5")
    assert other.post("/alerts/beta-0-5/snooze", page, **fields).status_code == 200
    form = other.get("/model")
    keys.append(key_of(form))
    wanted = {"version": versions[1], "kind": "promotion", "reason": HIDDEN, "key": keys[1]}
    assert other.post("/model/propose", form, **wanted).status_code == 200
    assert HIDDEN in omni.get("/proposals").text
    wave = other.get("/waves/beta-wave")
    assert wave.status_code == 200
    town.ids = {
        "alert_id": [f"beta-0-{n}" for n in (1, 3, 4, 5, 6)],
        "wave_id": ["beta-wave", "beta-wave-4"],
        "proposal_id": [keys[1], "snooze-k1"],
        "version": list(versions),
        "members": ["beta-0-1 beta-0-2", "beta-0-6"],
        "wanted": ["beta-0-3", "beta-t-3", "beta-card-3"],
        "key": [*keys, key_of(wave), "k1"],
        "name": re.findall(r'name="name" value="([^"]+)"', omni.get("/snoozed").text),
        "done": ["beta-0-3"],
        "joint": keys,
        "look": [key_of(page)],
    }
    assert all(town.ids.values()), town.ids
    session = omni.browser.cookies["streamer_session"]
    out = omni.get("/oidc/login", follow_redirects=False)
    town.cookies = {
        "streamer_session": session,
        "streamer_oidc": out.cookies["streamer_oidc"],
        "streamer_form": "hers",
    }
    town.ids |= {name: [text] for name, text in oidc.log_in(out.headers["location"]).items()}
    beta = town.consoles["beta"]
    began = beta.signer.session(session, now_ms())
    assert began is not None
    town.token = beta.signer.token(began.id)


@pytest.fixture(scope="module")
def town(
    kafka: EmbeddedKafka, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("town")
    with Provider() as oidc, town_of(kafka, redis_url, folder, oidc) as made:
        yield made


Asked = dict[str, Any]


def requests(town: Town) -> st.SearchStrategy[Asked]:
    """Return requests as acme, with ids of beta's wherever there are ids."""
    routes = [each for each in town.routes() if each.path != "/events"]
    # Those of alerts, waves and proposals have most to lose.
    routes += [each for each in routes if "_id}" in each.path]
    fields = {
        name: st.sampled_from([*town.ids.get(name, []), *CHOICES.get(name, [])])
        for name in {*town.ids, *CHOICES}
    }
    return st.fixed_dictionaries(
        {
            # Each as often as others: what is drawn from a list is its first, mostly.
            "route": st.randoms(use_true_random=False).map(lambda drawn: drawn.choice(routes)),
            "fields": st.fixed_dictionaries(fields),
            "left_out": st.sets(st.sampled_from(sorted(fields)), max_size=3),
            "session": st.sampled_from(["acme", "acme", "beta", "both", "none"]),
            "token": st.sampled_from(["acme", "acme", "beta"]),
            "headers": st.sampled_from(
                [
                    {},
                    {"Host": "ACME.example:443"},
                    {"X-Forwarded-Host": "beta.example", "Forwarded": "host=beta.example"},
                    {"Origin": "https://beta.example", "Referer": "https://beta.example/"},
                ]
            ),
        }
    )


def answered(town: Town, request: Asked, ids: Mapping[str, Sequence[str]]) -> Any:
    """Send a request to acme's host, as its own omnipotent person or with what is beta's."""
    acme = town.consoles["acme"]
    account = acme.accounts.get("omni")
    assert account is not None
    session = acme.signer.began(account, now_ms() + 60_000)
    cookies = [
        f"{name}={text}" for name, text in town.cookies.items() if name != "streamer_session"
    ]
    own, theirs = acme.signer.signed(session), town.cookies["streamer_session"]
    sessions = {"acme": [own], "beta": [theirs], "both": [theirs, own], "none": []}
    cookies += [f"streamer_session={each}" for each in sessions[request["session"]]]
    route = request["route"]
    names = {name: ids[name][0] for name in re.findall(r"{(\w+)}", route.path) if name in ids}
    path = route.path.replace("/static/{name}", f"/static/{HIDDEN}").format(**names)
    fields = {
        name: ids[name][0] if name in ids and text in town.ids.get(name, ()) else text
        for name, text in request["fields"].items()
        if name not in request["left_out"]
    }
    fields["csrf"] = acme.signer.token(session.id) if request["token"] == "acme" else town.token
    is_form = "POST" in (route.methods or ())
    town.client.cookies.clear()
    return town.client.request(
        "POST" if is_form else "GET",
        path if is_form else f"{path}?{urlencode(fields)}",
        content=urlencode(fields) if is_form else None,
        headers={
            "Cookie": "; ".join(cookies),
            "Content-Type": "application/x-www-form-urlencoded",
            "Sec-Fetch-Site": "same-origin",
            **request["headers"],
        },
        follow_redirects=False,
    )


def told_of(answer: Any) -> list[str]:
    """Return what of beta's an answer has."""
    text = answer.text + "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
    return [each for each in (HIDDEN + "-shop", *TOLD_NUMBERS, HIDDEN) if each in text]


def crossed(town: Town, request: Asked) -> None:
    """Ask as acme with an id of beta's: it gets what an id that is nobody's gets, told nothing."""
    answer = answered(town, request, town.ids)
    if request["route"].path != "/static/{name}":
        assert told_of(answer) == []
    assert answer.status_code < 500
    if "_id}" in request["route"].path:
        nobodys = {name: [f"nobody-{texts[0]}"[:64]] for name, texts in town.ids.items()}
        assert answered(town, request, nobodys).status_code == answer.status_code


def test_nothing_of_another_tenants_comes_or_goes_by_any_id_on_any_route(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, ends = town.quiet("beta"), town.ends("beta")
    assert kept

    @settings(max_examples=250, deadline=None)
    @given(request=requests(town))
    def holds(request: Asked) -> None:
        crossed(town, request)

    holds()
    every: Asked = {"left_out": set(), "headers": {}, "token": "acme", "session": "acme"}
    fields = {name: [*town.ids.get(name, ()), *CHOICES.get(name, ())][0] for name in town.ids}
    for route in town.routes():
        if route.path != "/events":
            crossed(town, every | {"route": route, "fields": fields})
    # Events end by themselves after five minutes; here after the first.
    monkeypatch.setattr(arrivals, "_LONGEST", 1)
    assert town.at("acme", "omni").get("/events?since=0").text == "data: 6\n\n"
    assert town.quiet("beta") == kept
    assert town.ends("beta") == ends
    # Where acme's console has beta's store the same questions find it.
    acme, beta = town.consoles["acme"], town.consoles["beta"]
    for name in ("store", "alerts", "reviews", "claims", "judged", "twice", "snoozes", "proposals"):
        monkeypatch.setattr(acme, name, getattr(beta, name))
    [route] = [each for each in town.routes() if each.path == "/alerts/{alert_id}"]
    with pytest.raises(AssertionError, match=HIDDEN):
        crossed(town, every | {"route": route, "fields": fields})
    # And what is sent, with a form of acme's own, changes what is beta's.
    monkeypatch.setattr(acme, "decider", beta.decider)
    ids = {**town.ids, "alert_id": ["beta-0-6"]}
    form = {"verdict": "fraud", "holder": HIDDEN}
    form["key"] = acme.signer.form_key("beta-0-6", "omni", now_ms() - 1_000)
    for path in ("take", "verdict"):
        [route] = [r for r in town.routes() if r.path == f"/alerts/{{alert_id}}/{path}"]
        answer = answered(town, every | {"route": route, "fields": form}, ids)
        before, kept = kept, town.quiet("beta")
        assert kept != before, (path, answer.status_code)
    assert town.ends("beta") != ends


def test_a_session_of_one_tenant_is_none_at_the_other_and_a_login_neither(
    town: Town,
) -> None:
    # Of somebody who has the same name, password, hash and roles at both.
    lines = [town.consoles[each].accounts.get("mona") for each in ("acme", "beta")]
    assert lines[0] == lines[1] is not None
    theirs = town.at("beta", "mona")
    assert "beta-wave" in theirs.get("/").text
    theirs.browser.base_url = "https://acme.example"  # type: ignore[assignment]
    assert 'action="/login"' in theirs.get("/").text
    # A code that the provider gave for beta's, with beta's attempt in the browser.
    theirs.browser.cookies.set("streamer_oidc", town.cookies["streamer_oidc"])
    query = {name: town.ids[name][0] for name in ("code", "state")}
    back = theirs.get("/oidc/callback", params=query, follow_redirects=False)
    assert (back.status_code, "(state)" in back.text) == (400, True)


@pytest.mark.parametrize(
    "host",
    ["other.example", "acme.example.other", "xacme.example", "127.0.0.1:8086", "", "[::1]:8086"],
)
def test_under_no_tenants_host_there_is_nothing_of_any(town: Town, host: str) -> None:
    def get(path: str, **headers: str) -> Any:
        town.client.cookies.clear()
        return town.client.get(path, headers={"Host": host} | headers)

    cookie = f"streamer_session={town.cookies['streamer_session']}"
    answers = [
        get(path, Cookie=cookie) for path in ("/", "/login", "/alerts/beta-0-3", "/static/x")
    ]
    assert {each.status_code for each in answers} == {421}
    assert "There is no console at this address" in answers[0].text
    assert "frame-ancestors 'none'" in answers[0].headers["content-security-policy"]
    assert town.client.post("/login", headers={"Host": host}).status_code == 421
    open_to_all = get("/healthz"), get("/readyz")
    assert open_to_all[1].json() == {"status": "ready"}
    told = get("/readyz", Authorization=f"Bearer {TOKEN}").json()
    because: dict[str, list[str]] = {"acme": [], "beta": []}
    assert told == {"status": "ready", "tenants": 2, "ready": 2, "because": because}
    for wrong in ("", "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}"):
        assert get("/metrics", Authorization=wrong).status_code == 401
    for answer in (*answers, *open_to_all):
        assert re.search("acme|beta", answer.text) is None


def test_metrics_of_all_tenants_have_whose_they_are_and_those_of_the_process_are_there_once(
    town: Town,
) -> None:
    headers = {"Host": "127.0.0.1", "Authorization": f"Bearer {TOKEN}"}
    text = town.client.get("/metrics", headers=headers).text
    families = {each.name: each.samples for each in text_string_to_metric_families(text)}
    assert len(families) == text.count("# TYPE")
    decided = families["streamer_access_decisions"]
    assert {each.labels["tenant"] for each in decided} == {"acme", "beta"}
    for name in ("process_resident_memory_bytes", "streamer_build_info"):
        [one] = families[name]
        assert "tenant" not in one.labels
    # Each tenant's own has its own alone.
    own = town.client.get("/metrics", headers={"Host": "beta.example"}).text
    assert "tenant=" not in own
    assert "streamer_access_decisions" in own
    # How large the whole process is tells of the others.
    assert "process_" not in own


def test_one_tenant_that_is_not_ready_takes_the_process_from_nobody(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ready() -> tuple[int, int]:
        headers = {"Host": "probe", "Authorization": f"Bearer {TOKEN}"}
        answer = town.client.get("/readyz", headers=headers)
        return answer.status_code, answer.json()["ready"]

    monkeypatch.setattr(Console, "reading_error", property(lambda c: NOT_READ.get(id(c), "")))
    NOT_READ[id(town.consoles["beta"])] = "no broker"
    assert ready() == (200, 1)
    assert town.client.get("/readyz", headers={"Host": "beta.example"}).status_code == 503
    NOT_READ[id(town.consoles["acme"])] = "no broker"
    assert ready() == (503, 0)
    NOT_READ.clear()


NOT_READ: dict[int, str] = {}


def test_two_hosts_in_one_request_are_nobodys(town: Town) -> None:
    told: list[Any] = []

    async def send(message: Any) -> None:
        told.append(message)

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    hosts = [(b"host", b"acme.example"), (b"host", b"beta.example")]
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/login",
        "headers": hosts,
        "query_string": b"",
    }
    asyncio.run(town.app(scope, receive, send))
    assert told[0]["status"] == 421


def test_the_process_runs_the_consoles_of_its_tenants_and_says_whose_settings_are_wrong(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[uvicorn.Config] = []
    monkeypatch.setattr(uvicorn.Server, "run", lambda self: served.append(self.config))
    process = stand.settings.model_copy(update={"admin_token": SecretStr(TOKEN)})
    own = stand.settings.model_copy(update={"console_url": "https://acme.example"})
    console_process.run_console(process, [Tenant("acme", own, frozenset())])
    assert "TenantConsoles" in repr(served[0].app.app)  # type: ignore[union-attr]
    proxied = {"console_proxy_user_header": "X-User", "console_trusted_proxies": "10.0.0.1"}
    own = own.model_copy(update=proxied)
    console_process.run_console(process, [Tenant("acme", own, frozenset())])
    assert "BehindProxies" in repr(served[1].app)
    nobody = {"console_accounts_file": None, "console_proxy_user_header": None}
    wrong = own.model_copy(update=nobody)
    with pytest.raises(ConfigurationError, match=r"^acme: STREAMER_CONSOLE_ACCOUNTS_FILE"):
        console_process.run_console(process, [Tenant("acme", wrong, frozenset())])


def test_a_tenant_whose_topic_is_missing_or_whose_kafka_is_away_waits_and_the_others_are_served(
    kafka: EmbeddedKafka, redis_url: str, tmp_path: Path
) -> None:
    consoles = {}
    absent = f"created-later-{uuid.uuid4().hex[:8]}"
    nowhere = {"kafka_bootstrap_servers": "127.0.0.1:1"}
    changes = {
        "acme": {},
        "beta": {"alerts_topic": absent, "create_topics": False},
        "away": nowhere,
    }
    for name, change in changes.items():
        (tmp_path / name).mkdir()
        own = Stand(kafka, redis_url, tmp_path / name).settings
        told = {"console_url": f"https://{name}.example", **change}
        consoles[name] = Console(own.model_copy(update=told))

    def prepare(settings: Settings) -> None:
        prepare_console_topics(settings, 0.3)

    app = TenantConsoles(consoles, TOKEN, prepare, again_s=0.1)
    with TestClient(app) as client:

        def get(host: str, path: str) -> Any:
            headers = {"Host": host, "Authorization": f"Bearer {TOKEN}"}
            return client.get(path, headers=headers)

        assert get("acme.example", "/login").status_code == 200
        for name, reason in {"beta": f"topic {absent} must exist", "away": "Kafka must"}.items():
            page = get(f"{name}.example", "/login")
            assert (page.status_code, "tried again" in page.text) == (503, True)
            assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
            assert get(f"{name}.example", "/healthz").status_code == 200
            told = get(f"{name}.example", "/readyz")
            assert (told.status_code, told.json()["status"]) == (503, "not ready")
            assert told.json()["because"][0].startswith(reason)
            whole = get("probe", "/readyz")
            assert (whole.status_code, whole.json()["tenants"], whole.json()["ready"]) == (
                200,
                3,
                1,
            )
            assert whole.json()["because"][name][0].startswith(reason)
        create_topics(AdminClient(librdkafka_config(consoles["acme"].settings)), {absent: 1}, 1)
        wait_until(
            lambda: get("beta.example", "/login").status_code == 200, "beta must begin by itself"
        )


def test_a_redis_that_hangs_keeps_the_answer_about_all_tenants_for_a_second_altogether(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hangs() -> None:
        await asyncio.sleep(60)

    for console in town.consoles.values():
        monkeypatch.setattr(console, "alerts", SimpleNamespace(counts=hangs))
    headers = {"Host": "probe", "Authorization": f"Bearer {TOKEN}"}
    began = time.monotonic()
    told = town.client.get("/readyz", headers=headers)
    assert time.monotonic() - began < 1.9
    assert told.status_code == 503
    assert told.json()["because"]["beta"] == ["Redis must answer within 1 s"]


def test_without_a_token_of_operators_there_is_no_process() -> None:
    with pytest.raises(InvariantError):
        TenantConsoles({}, "")
