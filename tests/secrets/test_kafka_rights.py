"""What `docs/secrets.md` says of rights at Kafka is what `ops/access/kafka-acls.sh` grants."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from confluent_kafka.admin import AclOperation, ResourcePatternType, ResourceType

from tests.secrets.access_lists import kafka_bindings

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "secrets.md"
PRINCIPALS: Final = {
    "producer": "payments",
    "worker": "streamer-worker",
    "serve": "streamer-serve",
    "console": "streamer-console",
    "operator": "streamer-operator",
    "reader of alerts": "case-system",
    "bank": "chargebacks",
    "auditor": "auditor",
}
TOPICS: Final = {
    "transactions": {"transactions"},
    "alerts": {"fraud-alerts"},
    "overflow": {"fraud-alerts-overflow"},
    "dead letters": {"transactions-dlq", "fraud-feedback-dlq"},
    "verdicts": {"fraud-feedback"},
    "scores": {"transaction-scores"},
    "features": {"transaction-features"},
    "decisions": {"serve-decisions"},
    "audit": {"streamer-audit"},
    "proposals": {"streamer-proposals"},
}
ALL: Final = frozenset().union(*TOPICS.values())
OPERATIONS: Final = {
    AclOperation.WRITE: "writes",
    AclOperation.READ: "reads",
    AclOperation.DESCRIBE: "describes",
    AclOperation.DESCRIBE_CONFIGS: "describes settings of",
}
Rights = set[tuple[str, str, str]]


def of_topics(who: str, what: str, cell: str) -> Rights:
    """Return the rights that one cell has; what is in parentheses is why."""
    told = re.sub(r"\([^)]*\)", "", cell)
    names = [name.strip() for name in re.split("[,;]", told) if name.strip()]
    found: Rights = set()
    for name in names:
        if name.startswith("settings of "):
            found |= of_topics(who, f"{what} settings of", name.removeprefix("settings of "))
            continue
        found |= {(who, what, topic) for topic in (ALL if name == "all" else TOPICS[name])}
    return found


def on_the_page() -> Rights:
    _, _, rest = PAGE.read_text("utf-8").partition("| principal | writes |")
    found: Rights = set()
    for line in rest.partition("\n\n")[0].splitlines()[2:]:
        who, writes, reads, describes, groups = (cell.strip() for cell in line.split("|")[1:-1])
        for what, cell in (("writes", writes), ("reads", reads), ("describes", describes)):
            found |= of_topics(who, what, cell)
        found |= {(who, "joins", name) for name in re.findall("`([^`]+)`", groups)}
    return found


def granted(folder: Path) -> Rights:
    names = {f"User:{name}": who for who, name in PRINCIPALS.items()}
    found: Rights = set()
    for each in kafka_bindings({}, folder):
        is_group = each.restype == ResourceType.GROUP
        is_prefix = each.resource_pattern_type == ResourcePatternType.PREFIXED
        name = each.name + ("*" if is_prefix else "")
        found.add(
            (names[each.principal], "joins" if is_group else OPERATIONS[each.operation], name)
        )
    return found


def test_the_page_says_what_the_script_grants_and_nothing_else(tmp_path: Path) -> None:
    assert on_the_page() == granted(tmp_path)


def test_what_workers_and_operators_need_now_and_then_is_granted(tmp_path: Path) -> None:
    """After a crash, for a wave's sources, and for a card that is to be forgotten."""
    found = granted(tmp_path)
    assert ("worker", "joins", "streamer-recovery") in found
    assert ("worker", "joins", "streamer-alert-sources") in found
    compacted = TOPICS["scores"] | TOPICS["features"] | TOPICS["decisions"]
    assert {("operator", "writes", topic) for topic in compacted} <= found
