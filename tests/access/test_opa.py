"""Decisions of a real OPA, and what is decided while it is away or says nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from streamer.access.changed_file import ChangedFile
from streamer.access.decision import Asked, Decision, Facts
from streamer.access.guard import BUILT_IN, BUILT_IN_MEANWHILE, OPA, Guard
from streamer.access.opa import PATH, Opa
from streamer.console.people.knowing import opa_of
from streamer.embedded.server import free_port
from streamer.errors import UnavailableError
from streamer.settings import Settings
from tests.rig.opa import OpenPolicyAgent
from tests.rig.waiting import DEADLINE_S, wait_until

JUDGE = Asked("mona", ["reviewer"], "judge")
LOOK = Asked("mona", ["reviewer"], "view_alert")
TOKEN = "a-token-of-the-console"


@pytest.fixture(scope="module")
def server(opa_installed: None) -> Iterator[OpenPolicyAgent]:
    with OpenPolicyAgent(token=TOKEN) as running:
        yield running


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    return path


def decided(opa: Opa | None, *asked: Asked) -> list[Decision]:
    told: list[Decision] = []

    async def all_of_them() -> list[Decision]:
        guard = Guard(opa, told.append)
        try:
            return [await guard.decide(each) for each in asked]
        finally:
            await guard.close()

    found = asyncio.run(all_of_them())
    assert told == found
    return found


def test_a_decision_is_opas_with_its_id_in_its_log(server: OpenPolicyAgent, token: Path) -> None:
    opa = Opa(server.url, DEADLINE_S, token)
    yes, no, approved = decided(
        opa,
        JUDGE,
        Asked("mona", ["reviewer"], "rule"),
        Asked("lea", ["lead"], "approve", Facts(maker="mona")),
    )
    assert (yes.is_allowed, yes.code, yes.decided_by) == (True, "allowed", OPA)
    assert (no.is_allowed, no.code, approved.is_allowed) == (False, "no_role", True)
    assert no.reason == "Only a lead may rule where two opinions differ; you are reviewer."
    ids = [f'"decision_id":"{each.id}"' for each in (yes, no, approved)]
    wait_until(
        lambda: all(each in server.child.log_tail() for each in ids), "OPA logs its decisions"
    )
    assert len({yes.id, no.id, approved.id}) == 3
    assert opa.trouble == ""


def test_the_token_is_read_again_when_its_link_is_set_elsewhere(
    server: OpenPolicyAgent, tmp_path: Path
) -> None:
    """As Kubernetes and Vault Agent do; the files are of one length and one time."""
    old, new, link = tmp_path / "old", tmp_path / "new", tmp_path / "token"
    old.write_text("x" * len(TOKEN))
    new.write_text(TOKEN)
    for path in (old, new):
        os.utime(path, ns=(1, 1))
    link.symlink_to(old)
    opa = Opa(server.url, DEADLINE_S, link, clock=iter(range(0, 100, 10)).__next__)

    async def both() -> None:
        with pytest.raises(UnavailableError, match="status 401"):
            await opa.ask(JUDGE, "1")
        (tmp_path / "next").symlink_to(new)
        (tmp_path / "next").replace(link)
        assert (await opa.ask(JUDGE, "2")).is_allowed
        await opa.close()

    asyncio.run(both())


def test_while_opa_is_away_nothing_is_changed_and_looking_goes_by_the_built_in_rules(
    opa_installed: None,
) -> None:
    opa = Opa(f"http://127.0.0.1:{free_port()}", DEADLINE_S)
    judge, find, look, denied, out = decided(
        opa,
        JUDGE,
        Asked("mona", ["reviewer"], "search"),
        LOOK,
        Asked("olga", ["operator"], "view_alert"),
        Asked("mona", ["reviewer"], "log_out"),
    )
    assert [judge.code, find.code, look.code, denied.code, out.code] == [
        *("opa_away", "opa_away"),
        *("allowed", "no_role", "allowed"),
    ]
    assert {each.decided_by for each in (judge, look, denied)} == {BUILT_IN_MEANWHILE}
    assert out.decided_by == BUILT_IN
    assert opa.trouble.startswith("OPA must answer yes or no, got ClientConnectorError")


def test_opa_is_told_the_namespace() -> None:
    """A policy of several tenants tells them apart by it."""
    told: list[dict[str, object]] = []

    async def answer(request: web.Request) -> web.Response:
        told.append((await request.json())["input"])
        return web.json_response({"result": {"allow": True, "code": "allowed"}})

    async def ask() -> None:
        app = web.Application()
        app.router.add_post(PATH, answer)
        runner = web.AppRunner(app)
        await runner.setup()
        port = free_port()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        changes = {"opa_url": f"http://127.0.0.1:{port}", "namespace": "acme"}
        opa = opa_of(Settings(**changes))  # type: ignore[arg-type]
        assert opa is not None
        await opa.ask(JUDGE, "1")
        await opa.close()
        await runner.cleanup()

    asyncio.run(ask())
    [asked] = told
    assert asked == {
        "id": "1",
        "namespace": "acme",
        "who": "mona",
        "roles": ["reviewer"],
        "action": "judge",
        "maker": "",
        "approver": "",
    }


def test_an_opa_that_hangs_is_waited_for_once_and_answers_again(opa_installed: None) -> None:
    with OpenPolicyAgent() as server:
        now_s = [0.0]
        opa = Opa(server.url, 0.5, clock=lambda: now_s[0])

        async def hang() -> None:
            guard = Guard(opa, lambda _: None)
            server.child.send_signal(signal.SIGSTOP)
            began = time.monotonic()
            assert [(await guard.decide(JUDGE)).code for _ in range(10)] == ["opa_away"] * 10
            assert time.monotonic() - began < 10 * 0.5
            assert "TimeoutError" in opa.trouble
            server.child.send_signal(signal.SIGCONT)
            deadline = time.monotonic() + DEADLINE_S
            while not (await guard.decide(JUDGE)).is_allowed:
                assert time.monotonic() < deadline, opa.trouble
                now_s[0] += 1.0
                await asyncio.sleep(0.1)
            assert opa.trouble == ""
            await guard.close()

        asyncio.run(hang())


@pytest.mark.parametrize(
    ("status", "body", "what"),
    [
        (200, "{}", "no decision at"),
        (200, '{"result": true}', "no decision at"),
        (200, '{"result": {"allow": "yes"}}', "no decision at"),
        (200, "<html>", "no decision at"),
        (200, " " * 70_000, "more than 65,536 bytes"),
        (302, "", "status 302"),
        (500, '{"result": {"allow": true}}', "status 500"),
    ],
)
def test_what_is_neither_yes_nor_no_is_no_answer(status: int, body: str, what: str) -> None:
    async def ask() -> None:
        async with answering(status, body) as opa:
            with pytest.raises(UnavailableError, match=what):
                await opa.ask(JUDGE, "1")

    asyncio.run(ask())


def test_a_policy_of_ones_own_says_who_may_what_but_not_that_one_person_is_enough() -> None:
    async def ask() -> None:
        body = '{"result": {"allow": true, "code": "mine"}, "decision_id": "d-1"}'
        async with answering(200, body) as opa:
            guard = Guard(opa, lambda _: None)
            granted = await guard.decide(Asked("ada", ["auditor"], "judge"))
            assert (granted.is_allowed, granted.id, granted.code) == (True, "d-1", "allowed")
            own = await guard.decide(Asked("lea", ["lead"], "approve", Facts(maker="Lea")))
            assert (own.is_allowed, own.code) == (False, "own_proposal")
            unknown = await guard.decide(Asked("lea", ["lead"], "fly"))
            assert (unknown.is_allowed, unknown.code) == (False, "unknown_action")
            unapproved = await guard.decide(Asked("olga", ["operator"], "erase"))
            assert (unapproved.is_allowed, unapproved.code) == (False, "no_proposal")
        body = '{"result": {"allow": false, "code": "allowed", "reason": "Not at night."}}'
        async with answering(200, body) as opa:
            denied = await Guard(opa, lambda _: None).decide(JUDGE)
            assert (denied.is_allowed, denied.code) == (False, "denied")
            assert (denied.reason, len(denied.id)) == ("Not at night.", 32)
            assert not await Guard(opa, lambda _: None).may(JUDGE)

    asyncio.run(ask())


def test_what_a_policy_says_is_one_line_of_text() -> None:
    async def ask() -> None:
        body = '{"result": {"allow": false, "reason": "a\\nb", "code": "%s"}}' % ("c" * 400)
        async with answering(200, body) as opa:
            said = await opa.ask(JUDGE, "1")
            assert (said.reason, len(said.code)) == ("", 300)

    asyncio.run(ask())


def test_a_file_is_read_again_only_when_it_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("one")
    read: list[str] = []
    file = ChangedFile(path, lambda text: read.append(text) or text)
    assert [file.get(), file.get()] == ["one", "one"]
    path.write_text("three")
    assert file.get() == "three"
    assert read == ["one", "three"]


class answering:  # noqa: N801 - reads like a function
    """A server that says the same to every question."""

    def __init__(self, status: int, body: str) -> None:
        self._status, self._body = status, body

    async def __aenter__(self) -> Opa:
        async def answer(_: web.Request) -> web.Response:
            headers = {"Location": PATH} if self._status == 302 else {}
            return web.Response(status=self._status, text=self._body, headers=headers)

        app = web.Application()
        app.router.add_post(PATH, answer)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        port = free_port()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self._opa = Opa(f"http://127.0.0.1:{port}/", DEADLINE_S)
        return self._opa

    async def __aexit__(self, *_: object) -> None:
        await self._opa.close()
        await self._runner.cleanup()
