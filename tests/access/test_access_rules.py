"""The table of who may do what, and what holds whatever it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamer.access import policy_data
from streamer.access.access_rules import NEEDS, RULES
from streamer.access.actions import ACTIONS
from streamer.access.decision import CODES, Asked, Facts, code_of, reason_of
from streamer.access.roles import ROLES

NAMES = st.from_regex(r"[A-Za-z0-9._@-]{1,64}", fullmatch=True)
ROLE_SETS = st.lists(st.sampled_from([*ROLES, "chief", ""]), max_size=6)


def test_every_action_has_a_row_and_every_row_is_of_an_action() -> None:
    assert set(RULES) == set(ACTIONS)
    assert {rule.needs for rule in RULES.values()} == set(NEEDS)


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        (
            "reviewer",
            "judge claim snooze propose search",
            "rule take_from_others approve judge_many",
        ),
        ("lead", "rule take_from_others judge_many export_card", "promote manage_users read_audit"),
        ("model_owner", "view_model propose roll_back", "view_alert judge erase search"),
        ("auditor", "view_alert read_audit export_card", "judge propose snooze roll_back claim"),
        (
            "operator",
            "view_operations roll_back manage_users",
            "view_queue view_alert search judge",
        ),
    ],
)
def test_each_role_may_do_its_work_and_no_others(role: str, may: str, may_not: str) -> None:
    assert {code_of(Asked("mona", [role], each)) for each in may.split()} == {"allowed"}
    assert {code_of(Asked("mona", [role], each)) for each in may_not.split()} == {"no_role"}


def test_an_auditor_changes_nothing_whatever_is_approved() -> None:
    facts = Facts(maker="mona", approver="lea")
    changes = [name for name, what in ACTIONS.items() if what.kind == "change"]
    allowed = [
        each for each in changes if code_of(Asked("ada", ["auditor"], each, facts)) == "allowed"
    ]
    assert allowed == ["log_out"]


@given(who=NAMES, roles=ROLE_SETS, approver=NAMES, upper=st.booleans())
@example(who="lea", roles=list(ROLES), approver="lea", upper=True)
def test_nobody_approves_their_own_proposal_whatever_their_roles(
    who: str, roles: list[str], approver: str, upper: bool
) -> None:
    maker = who.upper() if upper else who
    told = code_of(Asked(who, roles, "approve", Facts(maker=maker, approver=approver)))
    assert told in ("own_proposal", "no_role")


@given(who=NAMES, maker=st.one_of(st.just(""), NAMES), action=st.sampled_from(sorted(RULES)))
def test_what_needs_approval_is_not_done_on_its_makers_own(
    who: str, maker: str, action: str
) -> None:
    facts = Facts(maker=maker, approver=maker.swapcase())
    told = code_of(Asked(who, list(ROLES), action, facts))
    if RULES[action].needs == "approved":
        assert told == ("not_approved" if maker else "no_proposal")


@given(who=NAMES, roles=ROLE_SETS, action=st.text(), maker=NAMES)
def test_an_unknown_action_is_denied(who: str, roles: list[str], action: str, maker: str) -> None:
    if action not in RULES:
        assert code_of(Asked(who, roles, action, Facts(maker=maker))) == "unknown_action"


@given(who=NAMES, roles=st.lists(st.text()), action=st.sampled_from(sorted(RULES)))
def test_who_has_no_known_role_may_do_what_anybody_may_and_nothing_else(
    who: str, roles: list[str], action: str
) -> None:
    if not set(roles) & set(ROLES):
        told = code_of(Asked(who, roles, action, Facts(maker="a", approver="b")))
        assert told == ("allowed" if RULES[action].anybody else "no_role")


@given(who=st.text(), action=st.sampled_from(sorted(RULES)))
@example(who="", action="log_out")
@example(who="lea\n", action="log_out")
def test_who_has_no_name_may_do_nothing(who: str, action: str) -> None:
    told = code_of(Asked(who, list(ROLES), action))
    is_name = who.isascii() and 1 <= len(who) <= 64 and all(c.isalnum() or c in "._@-" for c in who)
    assert (told == "no_person") == (not is_name)


@given(
    code=st.sampled_from([*CODES, "denied"]),
    roles=ROLE_SETS,
    action=st.sampled_from(["fly", *RULES]),
)
def test_every_answer_has_a_sentence(code: str, roles: list[str], action: str) -> None:
    told = reason_of(code, Asked("mona", roles, action))
    assert told.endswith(".")
    assert "_" not in told


def test_a_refusal_says_who_may() -> None:
    asked = Asked("mona", ["reviewer"], "approve")
    assert reason_of("no_role", asked) == (
        "Only a lead or a model owner may approve or decline what another has proposed; "
        "you are reviewer."
    )
    assert reason_of("no_role", Asked("x", [], "read_audit")) == (
        "Only an auditor may read the audit log; you have no role."
    )


def test_the_data_of_the_policy_are_the_table() -> None:
    """`python -m streamer.access.policy_data` writes them."""
    path = Path(__file__).parents[2] / "ops" / "policy" / "data.json"
    text = path.read_text("utf-8")
    assert text == policy_data.policy_text()
    assert json.loads(text) == policy_data.policy_data()
