# Who may do what in streamer: the same answers as streamer/access/decision.py, which decides where no
# OPA is set up.  The table is in data.json, made from streamer/access/access_rules.py; a test asks both
# for every set of roles, action and condition.
#
# Asked by POST /v1/data/streamer/access/decision with
#   {"input": {"who": NAME, "roles": [ROLE], "action": ACTION, "maker": NAME, "approver": NAME,
#     "namespace": STREAMER_NAMESPACE}}
# Nothing here depends on the namespace; a policy of your own for several tenants may.
# It answers {"allow": true or false, "code": WHY}.  A policy of your own may add "reason", a sentence.
package streamer.access

rule := data.streamer.table.actions[input.action]

who := lower(input.who)

# What is no text is nobody: no condition may fall away for it.
default maker := ""

maker := lower(input.maker)

default approver := ""

approver := lower(input.approver)

# What nothing below answers is denied.
default decision := {"allow": false, "code": "no_person"}

decision := {"allow": code == "allowed", "code": code}

default code := "no_person"

code := "no_person" if {
	not is_person
} else := "unknown_action" if {
	not rule
} else := "no_role" if {
	not has_role
} else := missing if {
	missing
} else := "allowed"

is_person if regex.match(`^[A-Za-z0-9._@-]{1,64}$`, input.who)

has_role if rule.anybody

has_role if {
	some role in input.roles
	role in rule.roles
}

# What a rule needs beside a role, and is not there.
missing := "no_proposal" if {
	rule.needs != ""
	maker == ""
} else := "own_proposal" if {
	rule.needs == "of_another"
	maker == who
} else := "not_approved" if {
	rule.needs == "approved"
	approver in {"", maker}
}
