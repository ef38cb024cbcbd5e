"""The policy in OPA's language, asked of a real OPA."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streamer.access.access_rules import RULES
from streamer.access.decision import Asked, Facts, code_of
from streamer.access.roles import ROLES
from tests.rig import opa
from tests.rig.opa import OpenPolicyAgent

POLICY = Path(__file__).parents[2] / "ops" / "policy"

# Who proposed and who approved: nobody, the one who asks, another, and the same name in capitals.
_PEOPLE = "", "lea", "LEA", "mona"


@pytest.fixture(scope="module")
def server(opa_installed: None) -> Iterator[OpenPolicyAgent]:
    with OpenPolicyAgent() as running:
        yield running


def questions() -> list[Asked]:
    """Return every set of roles with every action and condition, and what is outside the table."""
    sets = [
        list(roles) for n in range(len(ROLES) + 1) for roles in itertools.combinations(ROLES, n)
    ]
    facts = [Facts(maker=a, approver=b) for a, b in itertools.product(_PEOPLE, _PEOPLE)]
    asked = [
        Asked("lea", roles, action, each) for roles in sets for action in RULES for each in facts
    ]
    # Whoever asks may be written in capitals too.
    asked += [
        Asked("LEA", list(ROLES), action, each)
        for action, rule in RULES.items()
        for each in facts
        if rule.needs
    ]
    odd = [
        Asked(who, roles, action)
        for who in ("lea", "", "le a", "lea\n", "é", "x" * 65)
        for roles in ([], ["chief"], ["lead", "chief"])
        for action in ("judge", "log_out", "fly", "")
    ]
    return asked + odd


def test_opa_and_the_built_in_rules_agree_on_every_combination(server: OpenPolicyAgent) -> None:
    cases = questions()
    assert len(cases) > 32 * 16 * len(RULES)
    asked = [
        {
            "who": each.who,
            "roles": list(each.roles),
            "action": each.action,
            "maker": each.facts.maker,
            "approver": each.facts.approver,
        }
        for each in cases
    ]
    query = (
        "told := [d | some c in input.cases; d := data.streamer.access.decision with input as c]"
    )
    [row] = server.query(query, {"cases": asked})
    told: list[dict[str, Any]] = row["told"]
    assert len(told) == len(cases)
    differing = [
        (case, code_of(case), said)
        for case, said in zip(cases, told, strict=True)
        if said != {"allow": code_of(case) == "allowed", "code": code_of(case)}
    ]
    assert not differing, differing[:5]
    assert {said["code"] for said in told} >= {"allowed", "own_proposal", "not_approved", "no_role"}


@pytest.mark.usefixtures("opa_installed")
def test_the_policys_own_tests_pass_and_it_is_written_as_opa_would() -> None:
    for arguments in (["test"], ["check", "--strict"], ["fmt", "--list", "--fail"]):
        done = subprocess.run(
            [str(opa.program()), *arguments, str(POLICY)],
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
