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

"Hand out" and "change" are denied while OPA is away; "view" then goes by this table. The command line, Kafka and Redis do not ask here: who
reaches those is the business of their own access lists. Nothing asks yet for `export_card`, `read_audit`, `carry_out`, `promote`,
`import_version`, `change_policy`, `erase`, `roll_back` and `manage_users`: they stand here for what is to ask.

"""

_REST: Final = """
Two ways to write a name in capitals and small letters are one person, also for "somebody else".

A refusal is a page (403; 503 while OPA is away; 404 where nothing was proposed) with the reason and the id of the decision, which is also in the
log as `access denied`, on the audit topic as `denied`, and in OPA's decision log where that decided. What was typed is on the page. An auditor who opens an alert claims nothing.

## How people are known

**Local accounts**, for a team without a login of its own:

```
streamer users add mona --role reviewer --file accounts      # asks for a password, or reads it from standard input
streamer users list --file accounts
streamer users role mona --role reviewer --role lead --file accounts
streamer users disable mona --file accounts                  # her sessions end with her next request; enable takes it back
streamer users password mona --file accounts                 # the same for sessions of the old password
STREAMER_CONSOLE_ACCOUNTS_FILE=accounts streamer console
```

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

OpenID Connect spoken by the console itself is not there: put a proxy that does before it.

## Open Policy Agent

```
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
