# Run by `opa test ops/policy`.
package streamer.access_test

import data.streamer.access

told(who, roles, action, facts) := result if {
	asked := object.union({"who": who, "roles": roles, "action": action}, facts)
	result := access.decision.code with input as asked
}

test_a_reviewer_judges if told("mona", ["reviewer"], "judge", {}) == "allowed"

test_the_namespace_changes_nothing if {
	told("mona", ["reviewer"], "judge", {"namespace": "acme"}) == "allowed"
	told("mona", ["reviewer"], "rule", {"namespace": "acme"}) == "no_role"
}

test_a_reviewer_does_not_rule if told("mona", ["reviewer"], "rule", {}) == "no_role"

test_an_operator_sees_no_card if told("olga", ["operator"], "view_alert", {}) == "no_role"

test_an_auditor_changes_nothing if {
	not_allowed := {action |
		some action, _ in data.streamer.table.actions
		action in {"judge", "propose", "approve", "erase", "promote", "roll_back", "manage_users"}
		told("ada", ["auditor"], action, {"maker": "mona", "approver": "lea"}) == "no_role"
	}
	count(not_allowed) == 7
}

test_nobody_approves_their_own if {
	told("lea", ["lead", "model_owner", "operator"], "approve", {"maker": "LEA"}) == "own_proposal"
}

test_a_lead_approves_anothers if told("lea", ["lead"], "approve", {"maker": "mona"}) == "allowed"

test_there_must_be_a_proposal if told("lea", ["lead"], "approve", {}) == "no_proposal"

test_what_its_maker_approved_is_not_approved if {
	told("olga", ["operator"], "erase", {"maker": "mona", "approver": "mona"}) == "not_approved"
}

test_an_approved_erasure_is_carried_out if {
	told("olga", ["operator"], "erase", {"maker": "mona", "approver": "lea"}) == "allowed"
}

test_going_back_needs_nobody_else if told("olga", ["operator"], "roll_back", {}) == "allowed"

test_an_unknown_action_is_denied if {
	told("lea", ["lead", "operator"], "fly", {}) == "unknown_action"
}

test_an_unknown_role_is_none if told("lea", ["chief"], "judge", {}) == "no_role"

test_who_has_no_role_may_log_out if told("lea", [], "log_out", {}) == "allowed"

test_nothing_asked_is_denied if not access.decision.allow with input as {}

test_no_input_is_denied if not access.decision.allow

test_a_name_with_a_line_in_it_is_none if told("le\na", ["lead"], "judge", {}) == "no_person"

test_a_name_that_is_a_number_is_none if told(7, ["lead"], "judge", {}) == "no_person"

test_a_maker_that_is_no_text_is_nobody if {
	told("lea", ["lead"], "approve", {"maker": 7}) == "no_proposal"
	told("lea", ["operator"], "erase", {"maker": ["mona"], "approver": "lea"}) == "no_proposal"
	told("lea", ["operator"], "erase", {"maker": "mona", "approver": 7}) == "not_approved"
}
