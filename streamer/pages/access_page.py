"""Writes ``docs/access.md``: who may do what, how people are known, and how OPA decides.

``python -m streamer.pages.access_page`` writes it; with ``--check`` it writes nothing and exits with 1
when the page differs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from streamer.access.access_rules import NEEDS, RULES
from streamer.access.actions import ACTIONS
from streamer.access.roles import ROLES
from streamer.pages.page_command import write_or_check

__all__ = ["main", "page"]

_PAGE: Final = Path(__file__).parents[2] / "docs" / "access.md"

_HEAD: Final = """\
# Who may do what

Every page and form of `streamer console` is an action, and who asks for it has roles. A table says which roles may do which actions; Open
Policy Agent decides instead where one is set up. This page is made from `streamer/access` (`python -m streamer.pages.access_page`). Nothing
here is asked when a payment is scored.

## Roles

"""

_TABLE: Final = """
A person may have several. Whoever is known may read the help and log out, and nothing else without a role.

## Actions

"Hand out" and "change" are denied while OPA is away; "view" then goes by this table. Commands ask where `STREAMER_COMMAND_ROLES` is set (below).

"""

_REST: Final = """
Two ways to write a name in capitals and small letters are one person, also for "somebody else".

A refusal is a page (403; 503 while OPA is away; 404 where nothing was proposed) with the reason and the id of the decision, which is also in the
log as `access denied`, on the audit topic as `denied`, and in OPA's decision log where that decided. What was typed comes back on the page, to be copied or sent again. An auditor who opens an alert claims nothing.
A page's head has the links that somebody may follow, and who may not see the queue begins elsewhere: a model owner at *Model*, an operator at *Operations*.

## Two people

A proposal (another version, an import, a policy, a snooze beyond `STREAMER_CONSOLE_SNOOZE_DAYS`, the erasure of a card) is made by one person and approved by another, and each step is on the audit
topic before it is taken: `granted` before, `done` or `failed` after. What was approved is carried out by a command with `--proposal ID`, an erasure by the same `streamer privacy erase` once more, a snooze by a lead on
*Proposals*. What keeps it so, and what does not (`tests/console/test_four_eyes.py` tries each):

| way around | what happens | what is the defence |
|---|---|---|
| who made it approves it, by the form or by another way to write their name | refused, by the page and by the store beneath it | streamer |
| a form that another site makes a lead send | refused: it lacks the session's token | streamer |
| the audit topic does not take the entry | nothing is proposed, decided or snoozed | streamer |
| an approved proposal written to `STREAMER_PROPOSALS_TOPIC` | nothing: no part of streamer reads that topic | who else reads it must know that it is a record; Kafka's access list says who writes it |
| an approved proposal written into Redis | it is believed: *Proposals* shows it, `--proposal` takes it. The audit topic has no `propose` and no `approved` of it | Redis' access list: who may write there may set the head itself |
| an approved proposal carried out twice, or after something else was put in force | refused: Redis has first that it is used, and a promotion or policy must take the place of what was in force when it was proposed (what workers learned since aside). Between that look and a promotion another command can move the head; a proposal whose command failed is used, too | streamer; propose it again |
| `model rollback VERSION` to a version that never was the head | refused: that is a promotion | streamer; who imports and promotes needs proposals for both |
| a command without a proposal | refused where `STREAMER_COMMAND_ROLES` is set; done where it is not, with its entry on the audit topic | who sets that variable; below |
| one person with two accounts, or two of a provider's | they are two people | who adds accounts; the audit topic has each |

So give the console and the workers users of their own in Redis and Kafka, with the rights that they need, and give people no rights there. [audit.md](audit.md) has examples of Kafka's access lists.

## Commands

Whoever reaches Redis and Kafka can do what they allow. Where commands are started by something that sets the environment (a scheduler, sudo, a job of continuous
integration), `STREAMER_COMMAND_ROLES=deploy=operator,ana=model_owner` gives the users of that machine roles, and a command is asked for as a page is, by the table or
by OPA: `model promote` and its canary (`promote`), `model rollback` (`roll_back`, by the table while OPA is away), `model import` and `pull` (`import_version`),
`policy apply` (`change_policy`), `audit export` (`read_audit`), `users` (`manage_users`), `privacy export` and `privacy bound` (`export_card`) and `privacy erase` (`erase`); with `--proposal ID` also `carry_out`, and the proposal must be approved and be of what is done.
Who can start a shell there can leave the variable out: it keeps honest people from slips, and no one else.

## How people are known

**Local accounts**, for a team without a login of its own:

<!-- not run: it asks for a password, and the console runs until it is stopped -->
```sh
export STREAMER_KAFKA_BOOTSTRAP_SERVERS=HOST:9092             # or --unaudited REASON, below
streamer users add mona --role reviewer --file accounts      # asks for a password, or reads it from standard input
streamer users list --file accounts
streamer users role mona --role reviewer --role lead --file accounts
streamer users disable mona --file accounts                  # her sessions end with her next request; enable takes it back
streamer users password mona --file accounts                 # the same for sessions of the old password
STREAMER_CONSOLE_ACCOUNTS_FILE=accounts streamer console
```

Each change is on the audit topic first (`user added`, `user role` and so on), as of any command, which needs `STREAMER_KAFKA_BOOTSTRAP_SERVERS` and Redis; or it is made with
`--unaudited REASON`, and the output says that nobody recorded it.

A line is `NAME:HASH:ROLES`, or `NAME:HASH:ROLES:disabled`. Hashes are argon2id with 19 MiB, two passes and one lane, the least of OWASP's
[Password Storage Cheat Sheet](https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html). The file is written whole or not at
all, mode 0600, and a running console reads it again when it has changed, also where a link was set to another file, as Kubernetes and Vault Agent
do. Such a secret is changed where it is kept: `streamer console account NAME` prints a line for it. A line of an earlier release (`NAME:ROLE:scrypt$...`)
is refused with what to do: `streamer users password NAME` makes a new one of it, and keeps the role.

**A proxy that has let them in** (oauth2-proxy, an ingress, an identity-aware proxy):

```
STREAMER_CONSOLE_TRUSTED_PROXIES=10.0.0.7
STREAMER_CONSOLE_PROXY_USER_HEADER=X-Forwarded-User
STREAMER_CONSOLE_PROXY_GROUPS_HEADER=X-Forwarded-Groups
STREAMER_CONSOLE_PROXY_ROLES=fraud-team=reviewer,fraud-leads=reviewer+lead
```

The headers are believed on connections from these addresses alone, whatever `X-Forwarded-For` says, and a header that is there twice is not. The
proxy must take out what a browser sends in them. Roles are those of the groups with each request. Names have 1 to 64 letters, digits, dots, @, - or _;
others are nobody. Who comes without the header may log in with a local account, if there is a file of them. Logging out is the proxy's.

**OpenID Connect**, with a provider such as Keycloak, Entra ID or Okta:

<!-- not run: it needs a provider; tests/integrations/oidc has one -->
```sh
STREAMER_CONSOLE_URL=https://console.example
STREAMER_OIDC_ISSUER=https://login.example/realms/bank
STREAMER_OIDC_CLIENT_ID=streamer-console
STREAMER_OIDC_CLIENT_SECRET_FILE=/run/secrets/oidc
STREAMER_OIDC_ROLES=fraud-team=reviewer,fraud-leads=reviewer+lead
streamer console
```

At the provider, register a client for the authorization code flow with the redirect address `https://console.example/oidc/callback`, after a logout `https://console.example/login`,
and a claim `groups` (`STREAMER_OIDC_GROUPS_CLAIM`) in the ID token or at its userinfo address. Without a secret the client is public. PKCE (S256), state and nonce are always sent; the provider must
sign with RS256, PS256 or ES256 (`STREAMER_OIDC_ALGORITHMS`), and be https unless it is on this machine. A CA of your own is named by `SSL_CERT_FILE`.

- Who somebody is, is issuer and subject. Their name is what `STREAMER_OIDC_NAME_CLAIM` said at their first login, and stays: who is renamed there is the same person here, and
  nobody else gets that name, nor the name of a local account, also in other capitals (`name_taken`). To free one, remove the fields `subject:...` and `name:...` of it
  from the hash `streamer:{NAMESPACE}:review:bound-names` in Redis; an emptied Redis has forgotten whose names are.
- Who has no role by their groups is not let in, and takes no name (`no_role`). `streamer users add` refuses a name that is somebody's at the provider where `STREAMER_REDIS_URL` is set, and so does
  the login by password, also once the provider is no longer set up.
- Roles are those of the groups at the login, until `STREAMER_CONSOLE_SESSION_S` is over; another `STREAMER_OIDC_ROLES` or groups claim ends the sessions of all who came by the provider. Who must be out at once: take them out of the groups at the provider, and start the console with
  another `STREAMER_CONSOLE_SECRET`, which ends all sessions. Nothing is asked of the provider in between, and its own logout is not heard of.
- Logging out ends the console's session, and goes on to the provider's logout where it says it has one.
- While the provider is away nobody logs in by it, and sessions go on. Local accounts work beside it where there is a file of them: keep an account for that day.
- What was typed when a session ended is on the login's page to copy: it does not come along to the provider and back.

A login that is refused has its outcome on the page, in the log (`oidc login refused`), in `streamer_oidc_logins_total`, and, where the provider's answer is at fault, on the audit topic. An address
is let try again after a quarter of an hour once fifty were refused. What needs no login at the provider (`code`, `mix_up`, `client`) locks out nobody: of these the topic has fifty in that
time. So anybody can have the console ask the provider; how often, an ingress may limit.

| outcome | what it means |
|---|---|
| state, state_used, no_code | the browser came back without the cookie it was sent with, twice, or without a code: an old tab, or an answer that somebody else was given |
| mix_up | the answer names another issuer, or none though this provider names itself |
| declined | the provider let nobody in (`error` in its answer, which the log has) |
| code | the provider does not take the code: used before, too old, or asked for by somebody else |
| client | the provider does not take client id and secret |
| no_token, form, subject | its answer has no ID token, one of another form, or no subject |
| algorithm | the token is signed in a way that is not allowed; `none` and HMAC never are |
| key, signature | no key of the provider's set fits (it is read again at most every half minute), or the signature is not of it |
| issuer, audience | the token is of another issuer, or for another client |
| expired, issued | the token is too old or of the future: a minute's difference of the clocks is allowed |
| nonce, access_token, userinfo | the token is of another login, or does not belong to what came with it |
| name, name_taken | the claim has no name of 1 to 64 letters, digits, dots, @, - or _, or it is somebody else's |
| no_role | none of their groups has a role here |
| limited, away | too many were refused; the provider does not answer as it should, and the log says how |

## Open Policy Agent

<!-- not run: both run until they are stopped; tests/access asks a server of OPA -->
```sh
opa run --server --addr 127.0.0.1:8181 --set decision_logs.console=true ops/policy
STREAMER_OPA_URL=http://127.0.0.1:8181 streamer console
```

`ops/policy/streamer.rego` gives the same answers as the table, which it reads from `ops/policy/data.json` (`python -m streamer.access.policy_data`
writes it); a test asks both for every set of roles, action and condition. `opa test ops/policy` runs its own. A policy of yours answers
`POST /v1/data/streamer/access/decision` with `allow`, and a `code` or a `reason` (one line, 300 characters) for the page. It may grant what the table
does not and deny what that grants. Three things no policy changes: what needs a second person, what is no action, and that whoever is known may
read the help and log out.

`STREAMER_OPA_TOKEN_FILE` has a bearer token (`opa run --authentication=token --authorization=basic`), read again when it has changed.
`STREAMER_OPA_TIMEOUT_S` is how long an answer may take, 1 s. Where none comes, or one that is neither yes nor no, nothing is changed and nothing handed
out; pages are decided by the table, so that those who run the service see what is wrong. Who denies more views than the table does has to know that.
*Operations* says that OPA is away and why, and so do `streamer_opa_up` and `streamer_access_decisions_total` on the console's `/metrics`. After a
failure OPA is left alone for a second.

Where one console answers for several tenants, each has people, roles and a policy server of its own: [tenancy.md](tenancy.md).
"""


def page() -> str:
    """Return the page's text."""
    roles = "".join(f"- `{role}` {what}.\n" for role, what in ROLES.items())
    head = " | ".join(role.replace("_", " ") for role in ROLES)
    rule = "|---" * (len(ROLES) + 4) + "|\n"
    table = f"| action | | {head} | needs | kind |\n{rule}"
    return _HEAD + roles + _TABLE + table + "".join(map(_row, RULES)) + _REST


def _row(action: str) -> str:
    rule, what = RULES[action], ACTIONS[action]
    marks = " | ".join("x" if rule.anybody or role in rule.roles else "" for role in ROLES)
    return f"| `{action}` | {what.words} | {marks} | {NEEDS[rule.needs]} | {what.kind} |\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the page; return the exit code."""
    return write_or_check("streamer.pages.access_page", __doc__, page, _PAGE, arguments)


if __name__ == "__main__":
    sys.exit(main())
