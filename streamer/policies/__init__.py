"""The runtime policy: how much alerts, and what ranks, as a record that running workers take up.

Reading order: `policy_record` (what a policy is, its id and its bytes), `policy_reading` (a file or
``name=value``, all faults at once), `policy_changes` (what differs).
"""

from streamer.policies.policy_changes import PolicyChange, changes_between, overruled
from streamer.policies.policy_reading import changed_policy, policy_in_file, policy_of_values
from streamer.policies.policy_record import (
    Policy,
    policy_in_bytes,
    policy_of,
    settings_under,
)

__all__ = [
    "Policy",
    "PolicyChange",
    "changed_policy",
    "changes_between",
    "overruled",
    "policy_in_bytes",
    "policy_in_file",
    "policy_of",
    "policy_of_values",
    "settings_under",
]
