"""Commands are asked for as pages are, where the users of a machine have roles."""

from __future__ import annotations

import asyncio
import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from streamer.cli import command_permission
from streamer.cli.carrying_out import carrying_out, proposal_of
from streamer.cli.command_permission import permitted
from streamer.cli.operator import who
from streamer.embedded import EmbeddedKafka
from streamer.errors import ConfigurationError, StreamerError
from streamer.policies import policy_of
from streamer.starting.wiring import open_review_store, open_store
from streamer.store.proposals import Proposal
from tests.audit.test_audited_commands import SMALL, entries, settings_of, version_in
from tests.cli.test_commands import audited_by, run
from tests.rig.ports import stable_port


@pytest.fixture
def here(redis_url: str, kafka: EmbeddedKafka, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A namespace whose commands are run by somebody called deploy."""
    monkeypatch.setattr(command_permission, "_user", lambda: "deploy")
    unique = uuid.uuid4().hex[:10]
    own = {"redis_url": redis_url, "namespace": f"asked-{unique}", "audit_topic": f"a-{unique}"}
    own["proposals_topic"] = f"p-{unique}"
    return SMALL | own | audited_by(kafka) | {"command_roles": "deploy=operator+model_owner"}


def approve(here: dict[str, str], proposal_id: str, **told: Any) -> None:
    """Put a proposal where the console keeps them, as lea has made and lars approved it."""
    fields = {"head": "", "reason": "why", "proposed_by": "lea", "proposed_ms": 1} | told

    async def work() -> None:
        store = open_review_store(settings_of(here))
        await store.proposals.put(Proposal(id=proposal_id, **fields))
        decided = await store.proposals.decide(proposal_id, "approved", "lars", 2, "")
        assert decided.proposal is not None
        await store.proposals.acknowledged(decided.proposal)
        await store.close()

    asyncio.run(work())


def stored(here: dict[str, str], proposal_id: str) -> Proposal:
    found = proposal_of(settings_of(here), proposal_id)
    assert found is not None
    return found


def head_of(here: dict[str, str]) -> str:
    listed = json.loads(run("model", "list", "--json", **here).stdout)
    return next(each["id"] for each in listed if each["is_head"])


def test_a_version_is_imported_by_a_proposal_of_that_version(
    here: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "one.safetensors"
    version = version_in(file, 1)
    refused = run("model", "import", str(file), **here)
    assert (refused.exit_code, "Nobody has proposed it" in refused.stderr) == (1, True)
    approve(here, "p-1", kind="import", version="f" * 64)
    approve(here, "p-2", kind="promotion", version=version)
    approve(here, "p-3", kind="import", version=version)
    for proposal_id, told in (("p-1", "it is of version ffffff"), ("p-2", "it is a promotion")):
        wrong = run("model", "import", str(file), "--proposal", proposal_id, **here)
        assert (wrong.exit_code, told in wrong.stderr) == (2, True), wrong.stderr
    done = run("model", "import", str(file), "--proposal", "p-3", **here)
    assert done.exit_code == 0, done.stderr
    again = run("model", "import", str(file), "--proposal", "p-3", **here)
    assert (again.exit_code, "has carried it out at" in again.stderr) == (2, True), again.stderr
    found = sorted(entries(here), key=lambda each: str(each["at"]))
    assert [(each["action"], each.get("outcome", "")) for each in found] == [
        ("denied", "refused"),
        ("import", ""),
        ("import", "done"),
    ]
    assert len({each["decision_id"] for each in found}) == 2


def test_a_policy_is_applied_by_a_proposal_of_the_same_changes(here: dict[str, str]) -> None:
    settings = settings_of(here)

    async def begin() -> None:
        store = open_store(settings)
        await store.policies.begin(policy_of(settings), "w1", 0)
        await store.close()

    asyncio.run(begin())
    change = ("policy", "apply", "--set", "alert_budget=0.004", "--reason", "fewer")
    in_force = policy_of(settings).id
    approve(here, "p-1", kind="policy", changes=["alert_budget=0.005"], head=in_force)
    approve(here, "p-2", kind="policy", changes=["alert_budget=0.004"], head=in_force)
    assert "Nobody has proposed it" in run(*change, **here).stderr
    wrong = run(*change, "--proposal", "p-1", **here)
    assert (wrong.exit_code, "it proposes alert_budget=0.005" in wrong.stderr) == (2, True)
    lead = here | {"command_roles": "deploy=lead"}
    # A lead may change the policy, and carries out nothing.
    assert (
        "Only a model owner or an operator may carry out"
        in run(*change, "--proposal", "p-2", **lead).stderr
    )
    done = run(*change, "--proposal", "p-2", **here)
    assert done.exit_code == 0, done.stderr
    kept = stored(here, "p-2")
    assert (kept.carried_by, kept.is_unsent) == (who(), False)
    # Once: whatever has been put in force since, one approval is no switch.
    free = here | {"command_roles": ""}
    other = ("policy", "apply", "--set", "alert_budget=0.002", "--reason", "other")
    assert run(*other, **free).exit_code == 0
    again = run(*change, "--proposal", "p-2", **here)
    assert (again.exit_code, "has carried it out at" in again.stderr) == (2, True), again.stderr
    # And in place of what was in force when it was made.
    approve(here, "p-3", kind="policy", changes=["alert_budget=0.004"], head=in_force)
    late = run(*change, "--proposal", "p-3", **here)
    assert late.exit_code == 2
    assert f"it is to take the place of {in_force}, and " in late.stderr
    assert stored(here, "p-3").carried_by == ""


def test_a_promotion_is_of_the_approved_version_itself_once_and_for_the_head_it_was_made_for(
    here: dict[str, str], tmp_path: Path
) -> None:
    free = here | {"command_roles": ""}
    ids = []
    for n in range(20):
        file = tmp_path / f"{n}.safetensors"
        ids.append(version_in(file, n + 1))
        # Two whose ids begin alike: sixteen digits, seventeen versions.
        alike = [each for each in ids[:-1] if each[0] == ids[-1][0]]
        if alike:
            break
    one, two = ids.index(alike[0]), len(ids) - 1
    first = next(n for n in range(20) if n not in (one, two))
    if first > two:
        version_in(tmp_path / f"{first}.safetensors", first + 1)
    begun = run("model", "import", str(tmp_path / f"{first}.safetensors"), "--promote", **free)
    assert begun.exit_code == 0, begun.stderr
    head = head_of(here)
    for n in (one, two):
        assert run("model", "import", str(tmp_path / f"{n}.safetensors"), **free).exit_code == 0
    approve(here, "p-1", kind="promotion", version=ids[one], head=head)
    approve(here, "p-2", kind="promotion", version=ids[two], head=head)
    approve(here, "p-3", kind="promotion", version=ids[one][:1] + "0" * 63, head=head)
    forced = ("model", "promote", ids[one][:1], "--force", "a test")
    # The beginning is of two, and names neither; the approved one need not be the only one stored.
    unknown = run(*forced, "--proposal", "p-3", **here)
    assert (unknown.exit_code, "must be stored" in unknown.stderr) == (2, True), unknown.stderr
    done = run(*forced, "--proposal", "p-1", **here)
    assert done.exit_code == 0, done.stderr
    promoted = [each for each in entries(here) if each["action"] == "promote"]
    assert {each["subject"]["id"] for each in promoted} == {ids[one]}
    now = head_of(here)
    assert now != head
    again = run(*forced, "--proposal", "p-1", **here)
    assert (again.exit_code, "has carried it out at" in again.stderr) == (2, True), again.stderr
    late = run(*forced, "--proposal", "p-2", **here)
    assert late.exit_code == 2
    assert f"got one for {head[:12]}, and {now[:12]} is the head since" in late.stderr


def test_of_two_commands_at_once_one_carries_a_proposal_out(here: dict[str, str]) -> None:
    approve(here, "p-1", kind="policy", changes=["alert_budget=0.004"])

    async def both() -> list[Proposal | None]:
        store = open_review_store(settings_of(here))
        try:
            carried = store.proposals.carried_out
            return list(await asyncio.gather(carried("p-1", "a", 3), carried("p-1", "b", 4)))
        finally:
            await store.close()

    assert sum(each is not None for each in asyncio.run(both())) == 1
    with (
        pytest.raises(ConfigurationError, match=r"approved and not carried out, but [ab] has"),
        carrying_out(settings_of(here), "p-1"),
    ):
        raise AssertionError


def test_while_opa_is_away_only_going_back_goes_by_the_table(here: dict[str, str]) -> None:
    away = settings_of(here | {"opa_url": f"http://127.0.0.1:{stable_port()}"})
    assert len(permitted(away, "roll_back")) == 32
    with pytest.raises(StreamerError, match="The policy server does not answer"):
        permitted(away, "read_audit")


def test_a_denial_is_told_where_no_audit_can_be_written(
    here: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    lost = settings_of(here | {"redis_url": "redis://127.0.0.1:1/0", "command_roles": "x=lead"})
    with pytest.raises(StreamerError, match="you have no role"):
        permitted(lost, "read_audit")
    assert "the denial is not on the audit topic" in capsys.readouterr().err


def test_a_user_without_a_name_has_no_role(
    here: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(here)
    monkeypatch.undo()

    def unknown(_: int) -> None:
        raise KeyError

    monkeypatch.setattr("pwd.getpwuid", unknown)
    with pytest.raises(ConfigurationError, match="must have a name"):
        permitted(settings, "read_audit")
    free = settings.model_copy(update={"command_roles": ""})
    assert permitted(free, "read_audit") == ""
