"""What can be asked to be done: a closed list, each action with its kind and its words.

What is not in the list is denied.  `Kind` says what happens while nobody can decide: what only looks
may go on by the built-in rules, what changes something or hands data out waits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["ACTIONS", "What"]

Kind = Literal["view", "hand out", "change"]


@dataclass(frozen=True, slots=True)
class What:
    """One action: ``words`` go on with "may" or "to"."""

    kind: Kind
    words: str

    @property
    def fails_closed(self) -> bool:
        """Whether it is denied while the policy server is away."""
        return self.kind != "view"


ACTIONS: Final[dict[str, What]] = {
    # Looking.
    "view_queue": What("view", "see the queue"),
    "view_alert": What("view", "see an alert, with what its card did before"),
    "view_card_history": What("view", "see the payments of one card or merchant together"),
    "ask_model": What("view", "ask the model again about an alert"),
    "view_below": What("view", "see what was drawn from below the line"),
    "view_team": What("view", "see what the team did"),
    "view_budget": What("view", "see what another budget would find"),
    "view_model": What("view", "see the model's versions and drift"),
    "view_proposals": What("view", "see what is proposed and decided"),
    "view_snoozes": What("view", "see what is snoozed"),
    "view_operations": What("view", "see how the service is"),
    "view_help": What("view", "read the help"),
    # Handing out.
    "search": What("hand out", "look up an alert that left the queue"),
    "export_alert": What("hand out", "export or print an alert"),
    "export_card": What("hand out", "export what is stored of a card"),
    "read_audit": What("hand out", "read the audit log"),
    # Judging.
    "claim": What("change", "claim an alert and let go of it"),
    "judge": What("change", "judge alerts, give a second opinion, and take both back"),
    "judge_many": What("change", "judge ticked alerts at once"),
    "rule": What("change", "rule where two opinions differ"),
    "take_from_others": What("change", "take an alert from who has it"),
    "reopen": What("change", "put an alert back into the queue"),
    "snooze": What("change", "put a card or merchant off, within the limit"),
    "snooze_long": What("change", "put a card or merchant off for longer than the limit"),
    "end_snooze": What("change", "end a snooze"),
    # What needs two people.
    "propose": What("change", "propose a change"),
    "approve": What("change", "approve or decline what another has proposed"),
    "carry_out": What("change", "carry out what was approved"),
    "promote": What("change", "make another version the head"),
    "import_version": What("change", "import a version"),
    "change_policy": What("change", "change the policy"),
    "erase": What("change", "erase a card"),
    # Back to what was good, at once.
    "roll_back": What("change", "go back to an earlier version"),
    "manage_users": What("change", "add and disable people and change their roles"),
    "log_out": What("change", "log out"),
}
"""By name."""
