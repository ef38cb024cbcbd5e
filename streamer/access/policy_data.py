"""Writes ``ops/policy/data.json``: the table of `access_rules` as OPA's policy reads it.

``python -m streamer.access.policy_data`` writes it; a test holds it against the table.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from streamer.access.access_rules import RULES
from streamer.access.roles import ROLES

__all__ = ["main", "policy_data", "policy_text"]

_FILE: Final = Path(__file__).parents[2] / "ops" / "policy" / "data.json"


def policy_data() -> dict[str, Any]:
    """Return what stands in the file."""
    actions = {
        action: {"roles": list(rule.roles), "needs": rule.needs, "anybody": rule.anybody}
        for action, rule in RULES.items()
    }
    return {"streamer": {"table": {"roles": list(ROLES), "actions": actions}}}


def policy_text() -> str:
    """Return the file, one row to an action."""
    table = policy_data()["streamer"]["table"]
    rows = ",\n".join(
        f"        {json.dumps(name)}: {json.dumps(row)}" for name, row in table["actions"].items()
    )
    return (
        '{\n  "streamer": {\n    "table": {\n'
        f'      "roles": {json.dumps(table["roles"])},\n'
        f'      "actions": {{\n{rows}\n      }}\n    }}\n  }}\n}}\n'
    )


def main() -> None:
    """Write the file."""
    _FILE.parent.mkdir(parents=True, exist_ok=True)
    _FILE.write_text(policy_text(), "utf-8")


if __name__ == "__main__":
    main()
